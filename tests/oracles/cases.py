"""Random models near a base, with the files of statistics that some methods want."""
import numpy as np

import formulas as f
from checkpoints import Tensor, content_hash, model_key, rounded, save

WIDER = {frozenset(("F16", "BF16")): "F32"}
RANK = {"F16": 16, "BF16": 16, "F32": 32, "F64": 64}


def random_shape(rng, large):
    kind = rng.integers(9)
    if large and kind > 5:
        return [(70_001,), (260, 300), (40, 33, 7, 7)][rng.integers(3)]
    return [(), (1,), (0,), (3, 0), (int(rng.integers(2, 400)),), (4, 3, 2, 2), (1, 7),
            (int(rng.integers(1, 40)), int(rng.integers(1, 30))), (7, 1)][kind]


def random_values(rng, shape, kind):
    if kind == "coarse":  # many equal ones, zeros of both signs, sums that cancel
        return rng.integers(-8, 9, shape) / 8 * rng.choice([1.0, -1.0], shape)
    return rng.normal(size=shape)


def random_models(rng, count, large):
    """A base and `count` models near it; the names of the tensors that methods mix."""
    dtypes = [["F32"], ["F16"], ["BF16"], ["F64"], ["F32", "BF16", "F16", "F64"]][rng.integers(5)]
    base, models = {}, [{} for _ in range(count)]
    names = [f"blocks.{i}.part.weight" for i in range(rng.integers(2, 8))]
    names += ["naïve \"quoted\".bias", "head.weight", "one", "empty"]
    mixed_models = rng.random() < 0.2
    for name in names:
        shape = {"one": (), "empty": (0, 5)}.get(name, random_shape(rng, large))
        dtype = dtypes[rng.integers(len(dtypes))]
        kind = rng.choice(["normal", "coarse"])
        start = random_values(rng, shape, kind) * (rng.random() > 0.1)
        base[name] = Tensor(dtype, rounded(start, dtype))
        far = 10.0 ** rng.integers(-6, 1)
        state = rng.choice(["apart", "apart", "apart", "equal", "one moved", "collinear"])
        if state == "collinear":
            start = start * 0
            base[name] = Tensor(dtype, start)
        direction = rounded(random_values(rng, shape, kind), "BF16")
        for i, model in enumerate(models):
            own = dtypes[rng.integers(len(dtypes))] if mixed_models else dtype
            away = random_values(rng, shape, kind) * (far if kind == "normal" else 1)
            if state == "collinear":
                away = direction * rng.choice([1, -1, 2, -0.5])
            moved = state in ("apart", "collinear") or (state == "one moved" and i == 0)
            model[name] = Tensor(own, rounded(start + away * moved, own))
    counter = rng.integers(0, 100)
    for i, model in enumerate([base, *models]):
        model["position_ids"] = Tensor("I64", np.arange(7).reshape(1, 7))
        model["mask"] = Tensor("BOOL", np.array([True, False]))
        model["bn.num_batches_tracked"] = Tensor("I64", np.array(counter + 3 * i))
        for name in ("bn.running_mean", "bn.running_var"):
            model[name] = Tensor("F32", rounded(rng.gamma(1, size=5), "F32"))
    return base, models, names


class Cases:
    """One set of models with its files, and what the methods need of it."""

    def __init__(self, rng, folder, large):
        self.rng, self.folder = rng, folder
        self.count = int(rng.integers(2, 5))
        self.base, self.models, names = random_models(rng, self.count, large)
        self.names = sorted(names, key=str.encode)
        self.files = [f"model{i}.safetensors" for i in range(self.count)]
        save(folder / "base.safetensors", self.base)
        for file, model in zip(self.files, self.models):
            save(folder / file, model)
        self.save_statistics()

    def save_statistics(self):
        self.fishers, self.grams = [], []
        informed = [n for n in self.names if n == "one" or self.rng.random() < 0.8]
        linear = [n for n in self.names if n.endswith(".weight") and self.width(n) in range(1, 40)]
        dead = self.rng.random() < 0.2
        for i in range(self.count):
            fisher = {n: Tensor("F32", rounded(
                self.rng.gamma(0.3, size=self.base[n].values.shape)
                * (self.rng.random(self.base[n].values.shape) > 0.1), "F32")) for n in informed}
            gram = {}
            for name in linear:
                inputs = self.rng.normal(size=(4 * self.width(name) + 5, self.width(name)))
                if dead and inputs.shape[1] > 1:
                    inputs[:, 0] = 0
                key = name if self.width(name) % 2 else name.removesuffix(".weight") + ".gram"
                gram[key] = Tensor("F64", inputs.T @ inputs)
            save(self.folder / f"fisher{i}.safetensors", fisher)
            save(self.folder / f"gram{i}.safetensors", gram)
            self.fishers.append({n: t.values.ravel() for n, t in fisher.items()})
            self.grams.append({n: t.values for n, t in gram.items()})

    def width(self, name):
        shape = self.base[name].values.shape
        return int(np.prod(shape[1:])) if len(shape) > 1 and shape[0] else 0

    def flat(self, which):
        return f.Case(self.names, {n: self.base[n].values.shape for n in self.names},
                      [{n: self.models[i][n].values.ravel() for n in self.names} for i in which],
                      {n: self.base[n].values.ravel() for n in self.names},
                      [model_key(self.models[i]) for i in which])

    def order(self, which):
        """The program's order: by keys, models of one key by their hashes."""
        return sorted(range(len(which)), key=lambda i: (model_key(self.models[which[i]]),
                                                        content_hash(self.models[which[i]])))

    def output_type(self, name, which):
        types = [self.models[i][name].dtype for i in which]
        widest = types[0]
        for own in types:
            if own != widest:
                widest = WIDER.get(frozenset((own, widest)), max(own, widest, key=RANK.get))
        return widest
