#!/usr/bin/env python3
"""`lora merge` and `lora soup` on random adapters against their formulas in fp64.

    lora.py PROGRAM [--cases 100] [--seed N]
"""
import json

from running import arguments, each_case, np
from checkpoints import Tensor, check, load, rounded, run, save

PREFIX = "base_model.model."


class Adapter:
    def __init__(self, rng, folder, base, dtype):
        self.folder, self.dtype = folder, dtype
        self.rank, self.stabilised = int(rng.integers(1, 6)), bool(rng.integers(2))
        alpha = float(rng.choice([1, 4, 16, 3]))
        self.scaling = alpha / (np.sqrt(self.rank) if self.stabilised else self.rank)
        # Never a square one alone: neither shape nor configuration says how it lies.
        modules = [name for name in sorted(base) if name.startswith("net.") and rng.random() < 0.7]
        modules = sorted({"emb", "net.0", *modules})
        self.factors, tensors = {}, {}
        for name in modules:
            out, into = base[name].values.shape[0], int(np.prod(base[name].values.shape[1:]))
            if name == "emb":
                out, into = into, out
            a = Tensor(dtype, rounded(rng.normal(size=(self.rank, into)), dtype))
            b = Tensor(dtype, rounded(0.1 * rng.normal(size=(out, self.rank)), dtype))
            self.factors[name] = a.values, b.values
            ending = ("lora_embedding_A", "lora_embedding_B") if name == "emb" else \
                ("lora_A.weight", "lora_B.weight")
            if base[name].values.ndim == 4:
                a = Tensor(dtype, a.values.reshape(self.rank, *base[name].values.shape[1:]))
                b = Tensor(dtype, b.values.reshape(out, self.rank, 1, 1))
            tensors[f"{PREFIX}{name}.{ending[0]}"] = a
            tensors[f"{PREFIX}{name}.{ending[1]}"] = b
        folder.mkdir()
        save(folder / "adapter_model.safetensors", tensors)
        (folder / "adapter_config.json").write_text(json.dumps(
            {"peft_type": "LORA", "r": self.rank, "lora_alpha": alpha, "bias": "none",
             "use_rslora": self.stabilised, "fan_in_fan_out": False,
             "base_model_name_or_path": "net", "target_modules": modules}))

    def change(self, name):
        a, b = self.factors[name]
        return self.scaling * b @ a


def random_base(rng):
    dtype = str(rng.choice(["F32", "BF16", "F16", "F64"]))
    base = {"emb": Tensor(dtype, rounded(rng.normal(size=(30, 7)), dtype)),
            "net.0": Tensor(dtype, rounded(rng.normal(size=(12, 9)), dtype))}
    for i in range(1, int(rng.integers(2, 5))):
        shape = [(5, 9), (40, 70), (6, 3, 3, 3)][rng.integers(3)]
        base[f"net.{i}"] = Tensor(dtype, rounded(rng.normal(size=shape), dtype))
    return base


def check_folded(program, folder, base, adapters, shares, scale, arguments, what):
    dtype = next(iter(base.values())).dtype
    run(program, ["lora", *arguments, "-o", "folded.safetensors", "--overwrite", "--no-sync",
                  "-q"], folder)
    got = load(folder / "folded.safetensors")
    for name, tensor in base.items():
        found, values = got[name + ".weight"], tensor.values
        terms = [share * scale * adapter.change(name) for share, adapter in zip(shares, adapters)
                 if name in adapter.factors]
        sizes = [abs(share * scale * adapter.scaling) * np.abs(adapter.factors[name][1])
                 @ np.abs(adapter.factors[name][0]) for share, adapter in zip(shares, adapters)
                 if name in adapter.factors]
        change, size = sum(terms), sum(sizes)
        if name == "emb":
            change, size = np.transpose(change), np.transpose(size)
        expected = values + np.reshape(change, values.shape if terms else ())
        check(found.values, expected, np.abs(values) + np.reshape(size, values.shape if terms
                                                                  else ()),
              dtype, f"{what}: {name}", exact=not terms)


def check_soup(program, folder, adapters, shares, what, rank=None):
    options = ["--rank", rank] if rank else []
    weights = ["--weights", ",".join(map(repr, shares))]
    report = json.loads(run(program, ["lora", "soup", *[a.folder for a in adapters], *weights,
                                      *options, "-o", "soup", "--overwrite", "--no-sync",
                                      "--json"], folder))
    got = load(folder / "soup/adapter_model.safetensors")
    cuts = {cut["module"]: cut for cut in report.get("truncations", [])}
    total = sum(shares)
    for name in sorted({name for adapter in adapters for name in adapter.factors}):
        endings = ("lora_embedding_A", "lora_embedding_B") if name == "emb" else \
            ("lora_A.weight", "lora_B.weight")
        a, b = (got[f"{PREFIX}{name}.{ending}"] for ending in endings)
        a_values = a.values.reshape(a.values.shape[0], -1)
        b_values = b.values.reshape(b.values.shape[0], -1)
        parts = [(share / total * adapter.scaling * adapter.factors[name][1],
                  adapter.factors[name][0]) for share, adapter in zip(shares, adapters)
                 if name in adapter.factors]
        left, right = np.hstack([p[0] for p in parts]), np.vstack([p[1] for p in parts])
        if name not in cuts:
            check(a_values, right, 0, a.dtype, f"{what}: A of {name}", exact=True)
            check(b_values, left, np.abs(left), b.dtype, f"{what}: B of {name}")
            continue
        # Eckart and Young: what has this error and this rank is a best approximation.
        assert a.values.shape[0] == rank == cuts[name]["cut_to"], what
        values = np.linalg.svd(left @ right, compute_uv=False)
        whole, lost = np.linalg.norm(values), np.linalg.norm(values[rank:])
        error = np.linalg.norm(left @ right - b_values @ a_values)
        rounding = {"F32": 2.0 ** -22, "BF16": 2.0 ** -6, "F16": 2.0 ** -9}[a.dtype]
        assert abs(error - lost) <= rounding * whole * rank, \
            f"{what}: {name} was cut with an error of {error}, the least is {lost}"
        assert abs(cuts[name]["relative_error"] - lost / whole) <= 1e-12, \
            f"{what}: {name}: {cuts[name]}, expected {lost / whole}"


def one_case(program, rng, folder):
    base = random_base(rng)
    save(folder / "base.safetensors", {f"{name}.weight": t for name, t in base.items()})
    dtype = str(rng.choice(["F32", "BF16", "F16"]))
    adapters = [Adapter(rng, folder / f"adapter{i}", base, dtype)
                for i in range(int(rng.integers(1, 4)))]
    shares = [round(float(rng.uniform(0.1, 2)), 3) for _ in adapters]
    scale = float(rng.choice([1.0, 0.5, -1.0, 0.3]))
    check_folded(program, folder, base, adapters[:1], [1.0], scale,
                 ["merge", "base.safetensors", "adapter0", f"--scale={scale}"], "lora merge")
    names = [adapter.folder.name for adapter in adapters]
    check_folded(program, folder, base, adapters, np.array(shares) / sum(shares), 1.0,
                 ["soup", *names, "--weights", ",".join(map(repr, shares)), "--base",
                  "base.safetensors"], "lora soup --base")
    check_soup(program, folder, adapters, shares, "lora soup")
    check_soup(program, folder, adapters, shares, "lora soup --rank", int(rng.integers(1, 5)))


def main():
    args = arguments(cases=100)
    each_case(args, lambda rng, folder, number: one_case(args.program, rng, folder))
    print(f"{args.cases} cases of lora merge and lora soup agree with their formulas")


if __name__ == "__main__":
    main()
