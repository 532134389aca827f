#!/usr/bin/env python3
"""72 checkpoints at once: the right numbers, in bounded memory, with few open files.

    many_files.py PROGRAM [--files 72] [--seed N]
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from running import arguments, np
import formulas as f
from checkpoints import Tensor, check, load, rounded, save

# Heap, stacks and buffers.
MOST_MEMORY = 64_000_000
# With the pages of the files that are mapped at the moment: a kernel may map up to 1 MB of each at
# a touch, but not the files as a whole, 400 MB.
MOST_RESIDENT = 180_000_000
# The child of a small process: the memory of this one would count as the program's.
MEASURE = """
import os, resource, sys
for limit, value in ((resource.RLIMIT_NOFILE, sys.argv[1]), (resource.RLIMIT_DATA, sys.argv[2])):
    resource.setrlimit(limit, (int(value), int(value)))
pid = os.spawnv(os.P_NOWAIT, sys.argv[3], sys.argv[3:])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss * 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(program, arguments, folder, open_files=64):
    """stdout of the program, which may have so many open files and no more memory than that."""
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, str(open_files), str(MOST_MEMORY),
                           program, *map(str, arguments)], cwd=folder, capture_output=True,
                          text=True)
    *messages, peak = done.stderr.strip().splitlines()
    assert done.returncode == 0, f"{arguments[0]}: exit code {done.returncode}: {messages}"
    print(f"{arguments[0]}: {int(peak) / 1e6:.0f} MB with mapped pages", flush=True)
    assert int(peak) <= MOST_RESIDENT, f"{arguments[0]}: {int(peak) / 1e6:.0f} MB"
    return done.stdout


def main():
    args = arguments(files=72)
    rng = np.random.default_rng(args.seed)
    shapes = {"blocks.0.weight": (2000, 700), "blocks.1.weight": (5, 9000), "scale": ()}
    base = {n: rounded(rng.normal(size=s), "F32") for n, s in shapes.items()}
    models = [{n: rounded(v + 0.05 * rng.normal(size=v.shape), "F32") for n, v in base.items()}
              for _ in range(args.files)]
    case = f.Case(sorted(shapes), shapes, [{n: v.ravel() for n, v in m.items()} for m in models],
                  {n: v.ravel() for n, v in base.items()})
    weights = [round(float(w), 3) for w in rng.uniform(0.1, 2, args.files)]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files = [f"m{i}.safetensors" for i in range(args.files)]
        for file, model in zip([*files, "base.safetensors"], [*models, base]):
            save(folder / file, {n: Tensor("F32", v) for n, v in model.items()})
        for options, expected in (([], f.average(case, [1.0] * args.files)),
                                  (["--weights", ",".join(map(repr, weights))],
                                   f.average(case, weights))):
            run(args.program, ["average", *files, *options, "-o", "out.safetensors", "--overwrite",
                               "--no-sync", "-q", "--threads", "2"], folder)
            got = load(folder / "out.safetensors")
            for name, e in expected.items():
                check(got[name].values.ravel(), e.values, e.scale, "F32", name, e.units,
                      exact=not options)
        report = json.loads(run(args.program, ["doctor", *files, "--base", "base.safetensors",
                                               "--json", "--threads", "2"], folder))
        flat = [np.concatenate([m[n].ravel() for n in shapes]) for m in models]
        start = np.concatenate([base[n].ravel() for n in shapes])
        assert report["verdict"] == "pass", report["findings"]
        for vector, found in zip(flat, report["models"]):
            np.testing.assert_allclose(found["norm"], np.linalg.norm(vector), rtol=1e-12)
            np.testing.assert_allclose(found["distance"], np.linalg.norm(vector - start),
                                       rtol=1e-10)
        assert len(report["pairs"]) == args.files * (args.files - 1) // 2
        for pair in report["pairs"]:
            i, j = flat[pair["i"]], flat[pair["j"]]
            np.testing.assert_allclose(pair["distance"], np.linalg.norm(i - j) / np.linalg.norm(i),
                                       rtol=1e-10)
    print(f"{args.files} files: average and doctor agree with numpy")


if __name__ == "__main__":
    main()
