#!/usr/bin/env python3
"""The linear probe's path of 100 penalties against scikit-learn, in one run.

    benchmarks/run_probe.py --work FOLDER [--data FOLDER] [--models FOLDER] [--build build/bench]
                            [--cases synthetic,cifar,office,tiny-10,tiny-100,tiny-200]
                            [--device cuda]

Peer: LogisticRegression as the LP-FT paper's program uses it (solver lbfgs, l2, tol 1e-4,
max_iter 200, warm_start along logspace(-7, 2, 100), features normalised by one mean and one
standard deviation), in this process, on the same cores, with the BLAS that numpy has.

synthetic: 50,000 x 512, 10 classes, a power-law spectrum behind a ReLU, 3 % of the labels wrong.
office: GoogLeNet features of Office-Caltech's amazon (--data, office_caltech10_features).
cifar: CIFAR-10's training pictures (--data, cifar10_jpeg) through a pretrained network (--models,
tin-resnet18-64), a tenth held out. tiny-K: the first K classes of Tiny-ImageNet (tiny_imagenet)
through the same. Features are made once, in --work.

Objectives are recomputed here in float64 from the classifiers of both, at every penalty that the
peer has fitted. With 100 classes or 20,000 rows the peer takes long: it fits --fits penalties,
spread over the grid, each from the solution for the penalty before it (which is not timed), and
its time is scaled to 100; the output says so. "of the floor" divides by one evaluation of loss
and gradient for each penalty, 4 n d k operations, at the rate of a float32 product of numpy's
1024 x 1024 matrices, measured in the same run. "of CPU s" is the ratio of the processors' time
that the two programs took: with --threads 1 other programs on the machine change it little.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
GRID = 100


def read_safetensors(np, path):
    data = Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    kinds = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
    return {name: np.frombuffer(data[8 + size:], kinds[entry["dtype"]],
                                int(np.prod(entry["shape"])),
                                entry["data_offsets"][0]).reshape(entry["shape"])
            for name, entry in json.loads(data[8:8 + size]).items() if name != "__metadata__"}


def write_safetensors(np, path, tensors):
    header, offset = {}, 0
    kinds = {"float32": "F32", "int64": "I64"}
    for name, array in tensors.items():
        header[name] = {"dtype": kinds[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def synthetic(np):
    random = np.random.default_rng(0)
    n, held_out, d, k = 50000, 10000, 512, 10
    spectrum = (1 + np.arange(d)) ** -0.7
    rotation, _ = np.linalg.qr(random.standard_normal((d, d)))
    centres = random.standard_normal((k, d)) * spectrum * 0.75
    y = random.integers(0, k, n + held_out)
    x = (centres[y] + random.standard_normal((n + held_out, d)) * spectrum) @ rotation
    x = np.maximum(x + 0.1, 0)
    wrong = random.random(n + held_out) < 0.03
    y[wrong] = random.integers(0, k, wrong.sum())
    return x[:n], y[:n], x[n:], y[n:]


def split(np, x, y, share):
    order = np.random.default_rng(0).permutation(len(y))
    held_out = int(len(y) * share)
    return x[order[held_out:]], y[order[held_out:]], x[order[:held_out]], y[order[:held_out]]


def office(np, options):
    file = np.load(options.data / "office_caltech10_features/googlenet1024_amazon.npz")
    y = file["y"].astype(np.int64).ravel()
    return split(np, file["x"], y - y.min(), 0.2)


def pictures(np, options, archive, classes):
    """The first classes of an archive of pictures, as features of the pretrained network."""
    features = options.work / f"{Path(archive).parent}.safetensors"
    if not features.exists():
        subprocess.run([options.build / "bin/features_of", options.models / "tin-resnet18-64",
                        options.data / archive, features], check=True)
    file = read_safetensors(np, features)
    kept = file["y"] < classes
    return split(np, file["x"][kept], file["y"][kept], 0.1)


def load(np, name, options):
    if name == "synthetic":
        sets = synthetic(np)
    elif name == "office":
        sets = office(np, options)
    elif name == "cifar":
        sets = pictures(np, options, "cifar10_jpeg/cifar10_jpeg_train.tar.gz", 10)
    else:
        sets = pictures(np, options, "tiny_imagenet/tin200_train_a.tar.gz",
                        int(name.removeprefix("tiny-")))
    return [part.astype(np.float32 if part.ndim == 2 else np.int64) for part in sets]


def objective(np, x, y, w, b, c):
    """1/2 ||w||^2 + c * sum of the cross entropies, in float64, for normalised features."""
    z = x @ w.T + b
    z -= z.max(1, keepdims=True)
    losses = np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]
    return 0.5 * (w * w).sum() + c * losses.sum()


def fit_peer(np, sets, fits):
    """Seconds and CPU seconds for the whole grid, and {index: (objective, held-out correct, iterations)}."""
    from sklearn.linear_model import LogisticRegression
    x, y, held_out_x, held_out_y = sets
    grid = np.logspace(-7, 2, GRID)
    model = LogisticRegression(solver="lbfgs", tol=1e-4, max_iter=200, warm_start=True)
    exact = x.astype(np.float64)
    step = max(1, GRID // fits)
    spent, cpu_spent, found = 0.0, 0.0, {}
    for index in range(step - 1, GRID, step):
        if step > 1:
            model.C = grid[index - 1]
            model.fit(x, y)
        start, cpu = time.perf_counter(), time.process_time()
        model.C = grid[index]
        model.fit(x, y)
        spent += time.perf_counter() - start
        cpu_spent += time.process_time() - cpu
        found[index] = (objective(np, exact, y, model.coef_, model.intercept_, grid[index]),
                        int((model.predict(held_out_x) == held_out_y).sum()),
                        int(model.n_iter_[0]))
    scale = GRID / len(found)
    return spent * scale, cpu_spent * scale, found


def run_case(np, name, options):
    sets = load(np, name, options)
    x, y = sets[:2]
    features = options.work / f"{name}.safetensors"
    write_safetensors(np, features, dict(zip(("x", "y", "held_out_x", "held_out_y"), sets)))
    classifiers = options.work / f"{name}.classifiers.safetensors"
    ours = json.loads(subprocess.run(
        [options.build / "bin/probe_benchmark", features, classifiers, str(options.threads),
         str(options.rounds + 1), options.device], capture_output=True, text=True,
        check=True).stdout)
    seconds = statistics.median(ours["seconds"][1:])
    cpu_seconds = statistics.median(ours["cpu_seconds"][1:])

    mean, deviation = x.mean(dtype=np.float64), x.std(dtype=np.float64)
    normalised = [((part - mean) / deviation).astype(np.float32) if part.ndim == 2 else part
                  for part in sets]
    classes = int(y.max()) + 1
    few = classes >= 100 or len(y) >= 20000
    peer_seconds, peer_cpu_seconds, peer = fit_peer(np, normalised, options.fits if few else GRID)
    kept = read_safetensors(np, classifiers)
    exact = (x.astype(np.float64) - mean) / deviation
    grid = np.logspace(-7, 2, GRID)
    excess = []
    for index, (theirs, _, _) in peer.items():
        weight = kept["weights"][index].astype(np.float64)
        mine = objective(np, exact, y, weight * deviation,
                         kept["biases"][index] + weight.sum(1) * mean, grid[index])
        excess.append(mine / theirs - 1)

    a = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    a @ a
    start = time.perf_counter()
    for _ in range(20):
        a @ a
    rate = 20 * 2 * 1024**3 / (time.perf_counter() - start)
    evaluation = 4 * x.shape[0] * x.shape[1] * classes
    chosen = max(peer, key=lambda index: (peer[index][1], -index))
    scaled = "" if len(peer) == GRID else f" (scaled from {len(peer)} fits)"
    print(f"| {name} | {x.shape[0]} x {x.shape[1]}, {classes} | {peer_seconds:.1f}{scaled} "
          f"| {seconds:.3f} | {peer_seconds / seconds:.0f} | {peer_cpu_seconds / cpu_seconds:.0f} "
          f"| {ours['evaluations'] / GRID:.2f} | {seconds / (GRID * evaluation / rate):.1f} "
          f"| {max(excess):+.1e} | {min(excess):+.1e} "
          f"| {ours['chosen'] if len(peer) == GRID else '-'}, "
          f"{chosen if len(peer) == GRID else '-'} |", flush=True)


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build/bench")
    parser.add_argument("--cases", default="synthetic,cifar,office,tiny-10,tiny-100,tiny-200")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fits", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    # Before numpy is imported: its BLAS reads them then.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    import numpy as np
    import sklearn
    warnings.filterwarnings("ignore")  # a fit that stops at its 200th iteration
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"{processor()}, {options.threads} threads, stockpot on {options.device}, scikit-learn "
          f"{sklearn.__version__}, numpy {np.__version__}, load {os.getloadavg()[0]:.1f}\n")
    print("| case | rows x features, classes | scikit-learn s | stockpot s | ratio | of CPU s "
          "| evaluations a penalty | of the floor | objective over scikit-learn's, most | least "
          "| chosen: stockpot, scikit-learn |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    for name in options.cases.split(","):
        run_case(np, name, options)


if __name__ == "__main__":
    main()
