#!/usr/bin/env python3
"""Many small runs on one GPU: all in one `sweep run`, one at a time in one process, and one process
after the other.

    benchmarks/run_many.py [--recipe benchmarks/many_runs.yaml] [--device cuda] [--jobs 8]
                           [--sample 6] [--bf16] [--build build/bench] [--work FOLDER]

All trials of the recipe are timed side by side; the first `sample` of its fine-tunings one at a
time, in one process and in one process each, and scaled to all of them. The linear probe is in
every time once, and so is the start of the program, but for one process each. The same trial ends
with the same weights in all three ways, which is compared.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = pathlib.Path(__file__).parent
    parser.add_argument("--recipe", type=pathlib.Path, default=here / "many_runs.yaml")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--sample", type=int, default=6)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--work", type=pathlib.Path)
    args = parser.parse_args()
    work = args.work or pathlib.Path(tempfile.mkdtemp(prefix="run_many."))
    program = str(args.build / "bin" / "stockpot")

    def stockpot(*words):
        start = time.perf_counter()
        subprocess.run([program, *map(str, words), "-q"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    def sweep(name):
        folder = work / name
        shutil.rmtree(folder, ignore_errors=True)
        stockpot("sweep", "init", args.recipe, "--out", folder, "--set",
                 f"run.device={args.device}", "--set", f"run.bf16={str(args.bf16).lower()}")
        return folder

    def trained(folder):
        return sorted(path.parent.name for path in folder.glob("runs/*/result.json")
                      if path.parent.name != "lp")

    def digest(folder, trial):
        weights = folder / "runs" / trial / "model" / "model.safetensors"
        return hashlib.sha256(weights.read_bytes()).hexdigest()

    def data_share(folder):
        waited = spent = 0
        for log in folder.glob("runs/*/metrics.jsonl"):
            for line in map(json.loads, log.read_text().splitlines()):
                if "data_share" in line:  # of an epoch, not of the probe
                    spent += line["seconds"]
                    waited += line["seconds"] * line["data_share"]
        return waited / spent

    together = sweep("together")
    seconds = {"side by side": stockpot("sweep", "run", together, "--jobs", args.jobs, "--devices",
                                        args.device)}
    trials = trained(together)
    scale = len(trials) / args.sample

    one = sweep("one")
    probe = stockpot("sweep", "worker", one, "--index", 0, "--device", args.device)
    start = probe - json.loads((one / "runs" / "lp" / "result.json").read_text())["seconds"]
    timed_one = stockpot("sweep", "worker", one, "--max-trials", args.sample, "--device",
                         args.device)
    seconds["one at a time, one process"] = probe + scale * (timed_one - start)

    each = sweep("each")
    probe = stockpot("sweep", "worker", each, "--index", 0, "--device", args.device)
    timed_each = sum(stockpot("sweep", "worker", each, "--index", i + 1, "--device", args.device)
                     for i in range(args.sample))
    seconds["one process after the other"] = probe + scale * timed_each

    equal = all(digest(folder, trial) == digest(together, trial)
                for folder in (one, each) for trial in trained(folder))
    print(f"{len(trials)} fine-tunings, {args.jobs} side by side, "
          f"{'bfloat16' if args.bf16 else 'float32'}, {args.device}; {args.sample} of them took "
          f"{timed_one:.1f} s in one process, {start:.1f} s of it its start, and {timed_each:.1f} s "
          f"in one each")
    for name, spent in seconds.items():
        print(f"  {name:28} {spent:8.1f} s {3600 * len(trials) / spent:8.0f} runs an hour "
              f"{seconds[name] / seconds['side by side']:6.2f}")
    print(f"waiting for data {100 * data_share(together):.1f} % side by side, "
          f"{100 * data_share(one):.1f} % one at a time; equal weights: {equal}")
    if not args.work:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
