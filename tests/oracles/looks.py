#!/usr/bin/env python3
"""The numbers of `diff` and `doctor` on random checkpoints against numpy in fp64.

    looks.py PROGRAM [--cases 100] [--seed N]
"""
import itertools
import json
import subprocess

from running import arguments, each_case, np
from checkpoints import Tensor, content_hash, rounded, run, save, to_bytes

# Names and their blocks.
NAMES = {"blocks.0.fc.weight": "blocks.0", "blocks.10.fc.weight": "blocks.10",
         "blocks.2.fc.bias": "blocks.2", "stages.1.blocks.3.conv.weight": "stages.1.blocks.3",
         "embeddings.word.part.weight": "embeddings.word", "norm.weight": "norm", "scale": "scale",
         "head.weight": "head"}
SMALL = 1e-12  # relative errors of sums


def random_model(rng, like=None, far=1.0, large=False):
    model = {}
    for name in NAMES:
        if like is None:
            shape = [(17, 23), (40,), (8, 4, 3, 3), (), (0, 3)][rng.integers(5)]
            if name in ("blocks.0.fc.weight", "head.weight", "blocks.10.fc.weight"):
                shape = (130, 310) if large else (20, int(rng.integers(13, 40)))
            dtype = str(rng.choice(["F32", "BF16", "F16", "F64"]))
            model[name] = Tensor(dtype, rounded(rng.normal(size=shape), dtype))
        else:
            dtype, values = like[name]
            moved = values + far * rng.normal(size=values.shape)
            model[name] = Tensor(dtype, rounded(moved, dtype))
    return model


def near(found, expected, slack, what):
    if expected is None or np.isnan(expected):
        assert found is None, f"{what}: found {found}, expected none"
        return
    assert found is not None and abs(found - expected) <= slack, \
        f"{what}: found {found!r}, expected {expected!r} within {slack:.2g}"


# --- diff ---

class Sums:
    """What diff tells about pairs of values; NaN and Inf are left out of the sums."""

    def __init__(self):
        self.a, self.b, self.differing, self.not_finite = [], [], 0, 0

    def add(self, a, b):
        finite = np.isfinite(a.values) & np.isfinite(b.values)
        self.a.append(np.where(finite, a.values, 0).astype(np.float64).ravel())
        self.b.append(np.where(finite, b.values, 0).astype(np.float64).ravel())
        self.not_finite += int((~finite).sum())
        if a.dtype == b.dtype:
            size = max(a.values.size, 1)
            left, right = (np.frombuffer(to_bytes(t), np.uint8).reshape(size if t.values.size else 0,
                                                                         -1 if t.values.size else 1)
                           for t in (a, b))
            self.differing += int((left != right).any(1).sum()) if a.values.size else 0
        else:
            both = np.isnan(a.values) & np.isnan(b.values)
            self.differing += int(((a.values != b.values) & ~both).sum())

    def check(self, found, what):
        a = np.concatenate(self.a) if self.a else np.zeros(0)
        b = np.concatenate(self.b) if self.b else np.zeros(0)
        assert found["elements"] == a.size, what
        assert found["differing"] == self.differing, \
            f"{what}: differing {found['differing']}, expected {self.differing}"
        assert found["not_finite"] == self.not_finite, what
        norm_a, norm_b, apart = (np.linalg.norm(x) for x in (a, b, a - b))
        near(found["largest_difference"], np.abs(a - b).max(initial=0), 0, what + " largest")
        for key, value in (("norm_a", norm_a), ("norm_b", norm_b), ("norm_difference", apart)):
            near(found[key], value, SMALL * value, f"{what} {key}")
        relative = 0 if apart == 0 else apart / norm_a if norm_a else np.nan
        near(found["relative"], relative, SMALL * np.nan_to_num(relative), what + " relative")
        cosine = 1 if norm_a == norm_b == 0 else a @ b / (norm_a * norm_b) \
            if norm_a and norm_b else np.nan
        near(found["cosine"], cosine, SMALL, what + " cosine")


def one_diff(program, rng, folder, large):
    a = random_model(rng, large=large)
    b = random_model(rng, a, 10.0 ** rng.integers(-8, 1))
    for name in rng.choice(sorted(NAMES), 3, replace=False):
        dtype, values = b[name]
        kind = rng.integers(5)
        if kind == 0:
            b[name] = a[name]
        elif kind == 1:  # another type
            other = str(rng.choice(["F32", "BF16", "F64"]))
            b[name] = Tensor(other, rounded(values, other))
        elif kind == 2 and values.size:
            broken = values.copy().reshape(-1)
            broken[rng.integers(values.size)] = rng.choice([np.nan, np.inf, -np.inf])
            b[name] = Tensor(dtype, broken.reshape(values.shape))
        elif kind == 3:
            b[name] = Tensor(dtype, np.zeros(values.shape))
        else:
            del b[name]
    a["counter"], b["counter"] = Tensor("I64", np.array([3, 5])), Tensor("I64", np.array([3, 9]))
    save(folder / "a.safetensors", a)
    save(folder / "b.safetensors", b)
    report = json.loads(run(program, ["diff", "a.safetensors", "b.safetensors", "--json"], folder))
    whole, blocks = Sums(), {}
    tensors = {entry["name"]: entry for entry in report["tensors"]}
    assert set(tensors) == set(a) | set(b)
    for name, entry in tensors.items():
        if name not in b:
            assert entry["b"] is None and "cosine" not in entry, name
            blocks.setdefault(NAMES[name], Sums())
            continue
        sums = Sums()
        sums.add(a[name], b[name])
        sums.check(entry, "diff of " + name)
        same = a[name].dtype == b[name].dtype and to_bytes(a[name]) == to_bytes(b[name])
        assert entry["same_bits"] == same, name
        if name != "counter":
            for total in (whole, blocks.setdefault(NAMES[name], Sums())):
                total.add(a[name], b[name])
    whole.check(report["whole"], "diff of all")
    found = {block["name"]: block for block in report["blocks"]}
    assert set(found) == {*blocks, "counter"}, found.keys()
    for name, sums in blocks.items():
        sums.check(found[name], "diff of block " + name)


# --- doctor ---

def flat(model, names):
    return np.concatenate([model[name].values.ravel() for name in names])


def median_cosine(a, b, matrices):
    """The median over the matrices, each counting by its elements, without heads."""
    found = []
    for name in matrices:
        x, y = a[name].values.ravel(), b[name].values.ravel()
        found.append((x @ y / (np.linalg.norm(x) * np.linalg.norm(y)), x.size))
    found.sort()
    half, seen = sum(size for _, size in found) / 2, 0
    for cosine, size in found:
        seen += size
        if seen >= half:
            return cosine
    return np.nan


def one_doctor(program, rng, folder, large):
    base = random_model(rng, large=large)
    count, has_base = int(rng.integers(2, 7)), bool(rng.integers(2))
    far = 10.0 ** rng.integers(-2, 1) / 3
    models = [random_model(rng, base, far) for _ in range(count)]
    twin = None
    if count > 2 and rng.random() < 0.4:
        models[-1], twin = models[0], (0, count - 1)
    outlier = None
    if count > 4 and twin is None and rng.random() < 0.5:
        outlier = int(rng.integers(count))
        models[outlier] = random_model(rng, base, far * 10)
    files = [f"{i}.safetensors" for i in range(count)]
    for file, model in zip(files, models):
        save(folder / file, model)
    save(folder / "base.safetensors", base)
    command = [*files, *["--base", "base.safetensors"] * has_base, "--json"]
    done = subprocess.run([program, "doctor", *command], cwd=folder, capture_output=True,
                          text=True)
    report = json.loads(done.stdout)
    assert done.returncode == (3 if report["verdict"] == "fail" else 0), done.returncode

    names = list(NAMES)
    matrices = [n for n in names if base[n].values.ndim > 1 and base[n].values.size >= 256
                and n != "head.weight"]
    vectors, start = [flat(model, names) for model in models], flat(base, names)
    size = max(v @ v for v in vectors + [start])
    slack = 1e-12 * size
    task = [v - start for v in vectors]
    spread = max(t @ t for t in task)
    for i, found in enumerate(report["models"]):
        norm = np.linalg.norm(vectors[i])
        near(found["norm"], norm, slack / norm, f"norm of model {i}")
        distance = np.linalg.norm(task[i] if has_base else vectors[i] - np.mean(
            [v for j, v in enumerate(vectors) if j != i], 0))
        error = abs((found["distance"] or 0) ** 2 - distance ** 2)
        assert error <= 1e-11 * spread, f"distance of model {i}: {found['distance']} {distance}"
        near(found["base_cosine"], median_cosine(base, models[i], matrices) if has_base else None,
             1e-11, f"cosine of model {i} to the base")
    pairs = {(pair["i"], pair["j"]): pair for pair in report["pairs"]}
    assert set(pairs) == set(itertools.combinations(range(count), 2))
    for (i, j), found in pairs.items():
        near(found["cosine"], median_cosine(models[i], models[j], matrices), 1e-11,
             f"cosine of {i}, {j}")
        distance = np.linalg.norm(vectors[i] - vectors[j]) / np.linalg.norm(vectors[i])
        assert abs(found["distance"] ** 2 - distance ** 2) <= 1e-11 * spread / (
            vectors[i] @ vectors[i]), f"distance of {i}, {j}: {found['distance']} {distance}"
        cosine = task[i] @ task[j] / np.linalg.norm(task[i]) / np.linalg.norm(task[j])
        near(found["task_cosine"], cosine if has_base else None, 1e-10, f"task cosine of {i}, {j}")
    checks = [(finding["check"], finding["models"]) for finding in report["findings"]]
    same = [about for check, about in checks if check == "duplicates"]
    assert same == ([list(twin)] if twin else []), checks
    if twin:
        text = next(f["text"] for f in report["findings"] if f["check"] == "duplicates")
        assert content_hash(models[0]) in text, text
    lies_out = [about for check, about in checks if check == "outlier"]
    if outlier is not None:
        assert [outlier] in lies_out, f"the outlier {outlier} is not among {checks}"


def main():
    args = arguments(cases=100)

    def one_case(rng, folder, number):
        for look in (one_diff, one_doctor):
            (folder / look.__name__).mkdir()
            look(args.program, rng, folder / look.__name__, number < 3)

    each_case(args, one_case)
    print(f"{args.cases} cases of diff and doctor agree with numpy")


if __name__ == "__main__":
    main()
