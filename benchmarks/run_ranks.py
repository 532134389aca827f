#!/usr/bin/env python3
"""One training on one GPU and on several: images a second, and how far the weights are apart.

    benchmarks/run_ranks.py --model FOLDER [--train PICTURES] [--ranks 2] [--batch 1024]
                            [--epochs 12] [--device cuda] [--bf16] [--build build/bench]
                            [--work FOLDER]

Trains on the emoji of the demo, or on an archive or folder of pictures by class, of which a tenth
is kept for evaluation. The batch is that of all ranks, so each has its part of it. Rates are those
of the training itself, without starts and evaluations: the median over the epochs but the first
two.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile

import numpy

from run_probe import read_safetensors

PICTURES = """version: 1
title: "One training on several GPUs"
model: {{from: {model}}}
data:
  train: {{{kind}: {train}}}
  val: {{split_from: train, fraction: 0.05, seed: 0}}
  test: {{id: {{split_from: train, fraction: 0.05, seed: 1}}}}
train: {{optimizer: adamw, augment: minimal}}
methods:
  ft: {{lr: 1.0e-4}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--train", type=pathlib.Path)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--work", type=pathlib.Path)
    args = parser.parse_args()
    work = args.work or pathlib.Path(tempfile.mkdtemp(prefix="run_ranks."))
    work.mkdir(parents=True, exist_ok=True)
    recipe = here / "ranks.yaml"
    if args.train:
        recipe = work / "recipe.yaml"
        recipe.write_text(PICTURES.format(kind="folder" if args.train.is_dir() else "tar",
                                          train=args.train.resolve(), model=args.model.resolve()))
    program = str((args.build / "bin" / "stockpot").resolve())

    def train(ranks):
        folder = work / f"ranks-{ranks}"
        shutil.rmtree(folder, ignore_errors=True)
        launch = [] if ranks == 1 else [program, "launch", "-n", str(ranks), "--"]
        subprocess.run(launch + [program, "run", recipe, "--out", folder,
                                 "--set", f"model.from={args.model.resolve()}",
                                 "--set", f"train.batch={args.batch}",
                                 "--set", f"train.epochs={args.epochs}",
                                 "--set", f"run.device={args.device}",
                                 "--set", f"run.bf16={str(args.bf16).lower()}", "-q"],
                       check=True, stdout=subprocess.DEVNULL)
        log = next(folder.glob("runs/*/metrics.jsonl"))
        epochs = [json.loads(line) for line in log.read_text().splitlines()][2:]
        return (statistics.median(epoch["images_per_second"] for epoch in epochs),
                statistics.median(epoch["data_share"] for epoch in epochs),
                read_safetensors(numpy, next(folder.glob("runs/*/model/model.safetensors"))))

    one_rate, one_share, one = train(1)
    rate, share, several = train(args.ranks)
    apart = max(numpy.abs(several[name] - values).max() for name, values in one.items())
    print(f"{args.model.name}, batch {args.batch}, {'bfloat16' if args.bf16 else 'float32'}, "
          f"{args.device}: 1 rank {one_rate:.0f} images/s (waiting for data {100 * one_share:.1f} %), "
          f"{args.ranks} ranks {rate:.0f} ({100 * share:.1f} %): {rate / one_rate:.2f} times; "
          f"weights at most {apart:.2g} apart")
    if not args.work:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
