#!/usr/bin/env python3
"""All models of a sweep over all sets of its recipe: one process against one a model.

    benchmarks/run_eval.py --sweep FOLDER [--threads 2] [--rounds 3] [--device cpu]
                           [--sample MODELS] [--build build/bench]

Both are `stockpot eval MODELS --recipe SWEEP`; the first decodes the pictures once, the second as
often as there are models: with --sample only so many of them are timed, and scaled to all. The
accuracies have to be equal.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sweep", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/bench"))
    args = parser.parse_args()
    models = [str(run / "model") for run in sorted((args.sweep / "runs").iterdir())
              if (run / "result.json").exists() and (run / "model").exists()]

    def evaluate(chosen):
        command = [str(args.build / "bin" / "stockpot"), "eval", *chosen, "--recipe",
                   str(args.sweep), "--threads", str(args.threads), "--device", args.device,
                   "--json", "-q"]
        start = time.perf_counter()
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(output), time.perf_counter() - start

    one, each, fixed = [], [], []
    for _ in range(args.rounds):
        together, spent = evaluate(models)
        one.append(spent)
        apart = [evaluate([model]) for model in models[:args.sample]]
        each.append(sum(spent for _, spent in apart) * len(models) / len(apart))
        fixed.append(statistics.median(spent for _, spent in apart))
        equal = together["models"][:args.sample] == [result["models"][0] for result, _ in apart]
    pictures = sum(row["rows"] for row in together["sets"])
    once, many = statistics.median(one), statistics.median(each)
    # t(k models) = start + k * pass: from both measurements.
    start = (statistics.median(fixed) * len(models) - once) / (len(models) - 1)
    print(f"{len(models)} models, {len(together['sets'])} sets, {pictures} pictures, "
          f"{args.threads} threads, {args.device}: one process {once:.1f} s, one a model "
          f"{many:.1f} s: {many / once:.2f} times; equal: {equal}")
    print(f"a process's start and decoding {start:.2f} s, a model's passes "
          f"{(once - start) / len(models):.2f} s: at most "
          f"{statistics.median(fixed) / ((once - start) / len(models)):.2f} times for any number "
          f"of models")


if __name__ == "__main__":
    main()
