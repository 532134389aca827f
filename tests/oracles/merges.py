#!/usr/bin/env python3
"""Every merging method on random checkpoints against its formula.

    merges.py PROGRAM [--cases 100] [--large 3] [--seed N]

One case is a set of random models with all their files; every method is run on it with options
of its own. The first cases are large and run again with other numbers of threads, bounds for
memory and orders of the files: the outputs must have the same bytes.
"""
import argparse

from running import arguments, each_case, np
import angles
import formulas as f
import task_vectors
from cases import Cases
from checkpoints import LARGEST, check, load, run


def numbers(rng, count, least=0.0):
    """Weights: equal ones, powers of two, or any."""
    kind = rng.integers(3)
    if kind == 0:
        return [1.0] * count
    if kind == 1:
        return [float(2.0 ** rng.integers(-2, 3)) for _ in range(count)]
    return [round(float(rng.uniform(least, 2)), 3) + 0.01 * (least >= 0) for _ in range(count)]


def listed(values):
    return ",".join(map(repr, values))


def random_strength(rng):
    return float(rng.choice([1.0, 0.5, -0.25, -1.0, 0.3, -0.7]))


def task(cases, rng, case, which):
    weights, strength = numbers(rng, len(which), -2.0), random_strength(rng)
    normalize = bool(rng.integers(2)) and abs(sum(weights)) > 0.1
    arguments = [f"--weights={listed(weights)}", f"--lambda={strength}"]
    return (arguments + ["--normalize"] * normalize,
            task_vectors.summed(case, task_vectors.untouched(case), weights, strength, normalize))


def ties(cases, rng, case, which):
    preset = str(rng.choice(["paper", "reference", "mergekit"]))
    density, strength = float(rng.choice([0.2, 0.5, 0.05, 0.9, 1.0])), random_strength(rng)
    scope = str(rng.choice(["", "global", "tensor"]))
    zero = str(rng.choice(["", "none", "positive", "majority"]))
    weights, normalize = numbers(rng, len(which)), bool(rng.integers(2))
    count = {"paper": "rounded", "reference": "at_least", "mergekit": "truncated"}[preset]
    whole = (scope or ("tensor" if preset == "mergekit" else "global")) == "global"
    trimmed = (task_vectors.whole_models if whole else task_vectors.each_tensor)(case, task_vectors.trim(density, count))
    rule = zero or {"paper": "none", "reference": "reference", "mergekit": "positive"}[preset]
    arguments = ["--preset", preset, "--density", density, f"--lambda={strength}", "--weights",
                 listed(weights)] + ["--no-normalize"] * (not normalize)
    arguments += ["--trim", scope] * bool(scope) + ["--zero-sum", zero] * bool(zero)
    return arguments, task_vectors.elected(case, trimmed, weights, strength, normalize, rule)


def sparse_merge(rng, case, vectors, weights):
    elect, normalize = bool(rng.integers(2)), bool(rng.integers(2))
    strength = random_strength(rng)
    arguments = ["--elect"] * elect + ["--normalize"] * normalize
    arguments += [f"--lambda={strength}", "--weights", listed(weights)]
    merge = task_vectors.elected if elect else task_vectors.summed
    return arguments, merge(case, vectors, weights, strength, normalize)


def dare(cases, rng, case, which):
    density, seed = float(rng.choice([0.5, 0.1, 0.9, 1.0])), int(rng.integers(2 ** 48))
    rescale = bool(rng.integers(2))
    vectors = task_vectors.dare(case, density, seed, rescale)
    arguments, expected = sparse_merge(rng, case, vectors, numbers(rng, len(which)))
    return arguments + ["--density", density, "--seed", seed] + ["--no-rescale"] * (not rescale), \
        expected


def magnitude(cases, rng, case, which):
    density, scope = float(rng.choice([0.2, 0.5, 0.03])), str(rng.choice(["global", "tensor"]))
    vectors = (task_vectors.whole_models if scope == "global" else task_vectors.each_tensor)(case, task_vectors.trim(density))
    arguments, expected = sparse_merge(rng, case, vectors, numbers(rng, len(which)))
    return arguments + ["--density", density, "--trim", scope], expected


def breadcrumbs(cases, rng, case, which):
    density, gamma = float(rng.choice([0.9, 0.5, 0.2])), float(rng.choice([0.01, 0.1, 0.3, 0.0]))
    preset = str(rng.choice(["paper", "mergekit"]))
    count = "rounded" if preset == "paper" else "truncated"
    vectors = task_vectors.each_tensor(case, task_vectors.breadcrumbs(density, gamma, count))
    arguments, expected = sparse_merge(rng, case, vectors, numbers(rng, len(which)))
    return arguments + ["--density", density, "--gamma", gamma, "--preset", preset], expected


def stock(cases, rng, case, which):
    rows, clamp, mean_angle = (bool(rng.integers(2)) for _ in range(3))
    expected = angles.model_stock(case, clamp, mean_angle, rows)
    if any(np.any(e.scale > 1e6) for e in expected.values()):  # t is next to its pole
        clamp, expected = True, angles.model_stock(case, True, mean_angle, rows)
    return (["--filter-wise"] * rows + ["--no-clamp"] * (not clamp)
            + ["--average-angles"] * mean_angle, expected)


def slerp(cases, rng, case, which):
    with_base, t = bool(rng.integers(2)), float(rng.choice([0.0, 1.0, 0.5, 0.25, 0.7]))
    return ["--t", t] + ["--base", "base.safetensors"] * with_base, angles.slerp(case, t, with_base)


def nuslerp(cases, rng, case, which):
    with_base, rows, weights = bool(rng.integers(2)), bool(rng.integers(2)), numbers(rng, 2)
    arguments = ["--weights", listed(weights)] + ["--row-wise"] * rows
    return arguments + ["--base", "base.safetensors"] * with_base, angles.slerp(
        case, weights[1] / sum(weights), with_base, 1 - 1e-12, rows)


def karcher(cases, rng, case, which):
    with_base, weights = bool(rng.integers(2)), numbers(rng, len(which))
    return (["--weights", listed(weights)] + ["--base", "base.safetensors"] * with_base,
            angles.karcher(case, weights, with_base, order=cases.order(which)))


def multislerp(cases, rng, case, which):
    with_base, weights = bool(rng.integers(2)), numbers(rng, len(which))
    return (["--weights", listed(weights)] + ["--base", "base.safetensors"] * with_base,
            angles.karcher(case, weights, with_base, 0))


def fisher(cases, rng, case, which):
    weights, add, normalize = numbers(rng, len(which)), bool(rng.integers(2)), \
        bool(rng.integers(2))
    minimum = float(rng.choice([1e-6, 1e-3, 0.0]))
    if not all(any(value.any() for value in cases.fishers[i].values()) for i in which):
        minimum = 1e-6  # else there is nothing to divide by
    arguments = [word for i in which for word in ("--fisher", f"fisher{i}.safetensors")]
    arguments += ["--weights", listed(weights), "--minimum", minimum]
    arguments += ["--minimum-rule", "add" if add else "floor"]
    return arguments + ["--normalize-models"] * normalize, f.fisher(
        case, weights, [cases.fishers[i] for i in which], minimum, add, normalize)


def regmean(cases, rng, case, which):
    weights, off = numbers(rng, len(which)), float(rng.choice([0.95, 0.6, 0.1, 1.0]))
    arguments = [word for i in which for word in ("--grams", f"gram{i}.safetensors")]
    return arguments + ["--weights", listed(weights), "--off-diagonal", off], f.regmean(
        case, weights, [cases.grams[i] for i in which], off)


def linear(cases, rng, case, which):
    weights = numbers(rng, len(which), -2.0)
    return [f"--weights={listed(weights)}"], f.linear(case, weights)


def average(cases, rng, case, which):
    """With groups, too: the models' weights, the first model's tensor, or nothing."""
    weights = numbers(rng, len(which))
    arguments, expected = ["--weights", listed(weights)], f.average(case, weights)
    if rng.random() < 0.3:
        own = numbers(rng, len(which))
        arguments += ["--group", "blocks[.][01][.]=" + ":".join(map(repr, own))]
        for name, other in f.average(case, own).items():
            if name.startswith(("blocks.0.", "blocks.1.")):
                expected[name] = other
    if rng.random() < 0.3:
        arguments += ["--head", "take-first"]
        first = case.models[0]["head.weight"]
        expected["head.weight"] = f.Expected(first, exact=True)
        expected["head.weight"].dtype = cases.models[which[0]]["head.weight"].dtype
    if rng.random() < 0.3:
        arguments += ["--group", "^one$=skip"]
        del expected["one"]
    return arguments, expected


def interpolate(cases, rng, case, which):
    if rng.random() < 0.7:
        alpha = float(rng.choice([0.0, 1.0, 0.5, 0.25, 0.3, -0.5, 1.3]))
        return [f"--alphas={alpha}"], f.interpolate(case, alpha)
    points = [round(float(x), 2) for x in rng.uniform(0, 1, rng.integers(2, 5))]
    blocks = sum(name.startswith("blocks.") for name in case.names)
    expected = {}
    for name in case.names:
        depth = float(name == "head.weight")
        if name.startswith("blocks."):
            depth = int(name.split(".")[1]) / (blocks - 1)
        alpha = float(np.interp(depth * (len(points) - 1), range(len(points)), points))
        expected[name] = f.interpolate(case, alpha)[name]
    return ["--depth", listed(points)], expected


# Name, formula, whether the base is always given, how many models (0: all).
METHODS = [("average", average, False, 0), ("interpolate", interpolate, False, 2),
           ("linear", linear, False, 0), ("task", task, True, 0), ("ties", ties, True, 0),
           ("dare", dare, True, 0), ("magnitude", magnitude, True, 0),
           ("breadcrumbs", breadcrumbs, True, 0), ("stock", stock, True, 0),
           ("slerp", slerp, False, 2), ("nuslerp", nuslerp, False, 2),
           ("karcher", karcher, False, 0), ("multislerp", multislerp, False, 0),
           ("fisher", fisher, False, 0), ("regmean", regmean, False, 0)]


def check_buffers(got, cases, which, what):
    """Integers are never averaged: equal ones stay, counters become the largest."""
    for name in ("position_ids", "mask"):
        assert np.array_equal(got[name].values, cases.models[0][name].values), f"{what}: {name}"
    largest = max(int(cases.models[i]["bn.num_batches_tracked"].values) for i in which)
    counter = got["bn.num_batches_tracked"]
    assert counter.dtype == "I64" and int(counter.values) == largest, f"{what}: the counter"


def check_batchnorm(got, cases, which, method, arguments, policy, what):
    """BatchNorm's statistics, weighted where the method makes a weighted mean."""
    shares = np.ones(len(which)) / len(which)
    if method == "average":
        weights = np.array([float(word) for word in arguments[1].split(",")])
        shares = weights / weights.sum()
    elif method == "interpolate" and arguments[0].startswith("--alphas="):
        alpha = float(arguments[0].split("=")[1])
        shares = np.array([1 - alpha, alpha])
    means, variances = ([cases.models[i][name].values for i in which]
                        for name in ("bn.running_mean", "bn.running_var"))
    mean, variance = f.total_variance(means, variances, shares)
    if policy == "average":
        plain = sum(share * value for share, value in zip(shares, variances))
        variance.values = np.maximum(plain, 0)
    elif policy == "keep":
        mean.values, variance.values = means[0], variances[0]
    for name, e in (("bn.running_mean", mean), ("bn.running_var", variance)):
        check(got[name].values, e.values, e.scale, got[name].dtype, f"{what}: {name}")


def one_method(program, cases, method, repeat):
    name, formula, needs_base, count = method
    rng = cases.rng
    which = [int(i) for i in rng.permutation(cases.count)[:count or cases.count]]
    case = cases.flat(which)
    arguments, expected = formula(cases, rng, case, which)
    dtype = str(rng.choice(["", "", "F32", "BF16", "F64"]))
    command = [name] if name in ("average", "interpolate") else ["merge", name]
    models = [cases.files[i] for i in which]
    policy = str(rng.choice(["variance", "average", "keep"]))
    options = [*arguments, "--bn", policy, *["--base", "base.safetensors"] * needs_base,
               *["--dtype", dtype.lower()] * bool(dtype), "--overwrite", "--no-sync", "-q"]
    what = " ".join(map(str, command + options + ["--"] + models))
    output = cases.folder / "out.safetensors"
    if expected is None:
        run(program, [*command, *options, "-o", output, "--", *models], cases.folder, 2)
        return
    wanted = {n: dtype or e.dtype or cases.output_type(n, which)
              for n, e in expected.items()}
    large = any(np.any(np.abs(e.values) >= LARGEST[wanted[n]]) for n, e in expected.items())
    run(program, [*command, *options, "--threads", "1", "-o", output, "--", *models],
        cases.folder, 3 if large else 0)
    if large:
        return
    got = load(output)
    others = set(cases.models[0]) - set(cases.names)
    assert set(got) == set(expected) | others, f"{what}: the names are {sorted(got)}"
    for n, e in expected.items():
        assert got[n].dtype == wanted[n], f"{what}: {n} is {got[n].dtype}"
        sure = ~np.broadcast_to(e.unsure, e.values.shape)
        everywhere = [np.broadcast_to(x, e.values.shape)[sure] for x in (e.values, e.scale, e.exact)]
        values, scale, exact = everywhere
        found = got[n].values.ravel()[sure]
        check(found[exact], values[exact], 0, wanted[n], f"{what}: {n}", exact=True)
        check(found[~exact], values[~exact], scale[~exact], wanted[n], f"{what}: {n}", e.units)
        assert got[n].values.shape == cases.base[n].values.shape, f"{what}: {n}"
    check_buffers(got, cases, which, what)
    check_batchnorm(got, cases, which, name, arguments, policy, what)
    if repeat:
        again(program, cases, [*command, *options], models, name, output, what)


def again(program, cases, command, models, name, output, what):
    first = output.read_bytes()
    for extra in (["--threads", "2"], ["--threads", "7"], ["--threads", "7", "--max-memory", "64M"],
                  ["--threads", "2", "--max-memory", "4G"]):
        run(program, [*command, *extra, "-o", output, "--", *models], cases.folder)
        assert output.read_bytes() == first, f"{what}: other bytes with {' '.join(extra)}"
    places = name in ("slerp", "interpolate") or "keep" in command or "--head" in command
    if not places and "--group" not in command:
        run(program, [*turned(command), "-o", output, "--", *models[::-1]], cases.folder)
        assert output.read_bytes() == first, f"{what}: other bytes in another order"


def turned(command):
    """The same command for the models in the opposite order."""
    words = list(command)
    for i, word in enumerate(map(str, command)):
        if word.startswith("--weights="):
            words[i] = "--weights=" + ",".join(word.split("=")[1].split(",")[::-1])
        elif word == "--weights":
            words[i + 1] = ",".join(command[i + 1].split(",")[::-1])
    places = [i for i, word in enumerate(map(str, command)) if word in ("--fisher", "--grams")]
    for i, j in zip(places, places[::-1]):
        words[i + 1] = command[j + 1]
    return words


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", help="some of the methods")
    args = arguments(parser, cases=100, large=3)
    methods = [method for method in METHODS if not args.only or method[0] in args.only]

    def one_case(rng, folder, number):
        cases = Cases(rng, folder, number < args.large)
        for method in methods:
            one_method(args.program, cases, method, number < args.large)

    each_case(args, one_case)
    print(f"{args.cases} cases of {len(methods)} methods agree with their formulas")


if __name__ == "__main__":
    main()
