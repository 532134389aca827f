#!/usr/bin/env python3
"""Kills a sweep again and again and compares what is left at the end with an undisturbed one.

usage: kill.py STOCKPOT DEMO [--kills 50] [--seed N]

A sweep of small trainings runs undisturbed once. The same sweep is then started, killed with
every process it has (SIGKILL, at random moments) and started again, so many times, and at last
allowed to finish. Every model, log of metrics and result must be the same, each result there
once. The seed of the moments is printed.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

RECIPE = """
version: 1
model: {{from: {demo}/tin-resnet18w32-64}}
data:
  train: {{tar: {demo}/emoji/fluent-high-contrast.tar.gz, splits: {demo}/emoji/splits.csv, split: val}}
  val: {{tar: {demo}/emoji/fluent-high-contrast.tar.gz, splits: {demo}/emoji/splits.csv, split: test}}
methods: {{lp: {{c: [0.01, 0.1]}}}}
train: {{batch: 32, ema: [0.9]}}
search:
  runs: {runs}
  space:
    epochs: {{choice: [1, 2]}}
    augment: {{choice: [minimal, strong]}}
    mixup: {{choice: [0, 0.3]}}
checkpoint: {{every: 1s}}
# A trial whose workers die again and again without getting further is given up, else.
on_failure: {{retries: 100}}
heartbeat: {{every: 1s, stale_after: 5s}}
"""


def contents(folder):
    """What a sweep is for: the tensors and results by trial, without times."""
    found = {}
    for trial in sorted((folder / "runs").iterdir()):
        result = json.loads((trial / "result.json").read_text())
        result.pop("seconds")
        result["inputs"].pop("identity")
        found[f"{trial.name} result"] = json.dumps(result, sort_keys=True)
        for model in trial.rglob(".*.tmp.*"):
            assert not model.is_dir() or "state" in model.relative_to(trial).parts, \
                f"{model} was left behind"
        for file in sorted(trial.rglob("*.safetensors")):
            if "state" in file.relative_to(trial).parts:
                continue  # killed between its result and the end of its saved states
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            found[f"{trial.name} {file.relative_to(trial)}"] = digest
        for line in (trial / "metrics.jsonl").read_text().splitlines():
            record = json.loads(line)
            key = f"{trial.name} metrics {record.get('epoch', record.get('c'))}"
            assert key not in found, f"{key} is there twice"
            found[key] = [record.get(name) for name in
                          ("train_loss", "held_out_accuracy", "held_out_loss")]
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stockpot")
    parser.add_argument("demo")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    args = parser.parse_args()
    print("seed", args.seed, flush=True)
    moments = random.Random(args.seed)

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        recipe = scratch / "recipe.yaml"
        recipe.write_text(RECIPE.format(demo=args.demo, runs=args.runs))

        def start(folder):
            return subprocess.Popen(
                [args.stockpot, "sweep", "run", folder, "--jobs", "2", "--threads", "2", "-q"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)

        def finish(folder):
            process = start(folder)
            _, messages = process.communicate(timeout=600)
            assert process.returncode == 0, messages.decode()

        for name in ("undisturbed", "disturbed"):
            subprocess.run([args.stockpot, "sweep", "init", recipe, "--out", scratch / name],
                           check=True, stdout=subprocess.DEVNULL)
        begin = time.monotonic()
        finish(scratch / "undisturbed")
        seconds = time.monotonic() - begin
        print(f"undisturbed: {seconds:.1f} s", flush=True)

        killed = 0
        while killed < args.kills:
            process = start(scratch / "disturbed")
            try:
                # Late enough, often, that something was trained since the last time.
                process.wait(timeout=moments.uniform(0.1, 1.0) * moments.choice((1, 4)))
                assert process.returncode == 0, process.stderr.read().decode()
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                kill_session(process.pid)
                process.communicate()
                killed += 1
        finish(scratch / "disturbed")
        attempts = sum(1 for _ in (scratch / "disturbed" / "runs").glob("*/attempts/*/claim.json"))
        print(f"killed {killed} times; {attempts} attempts at {args.runs + 1} trials", flush=True)

        expected, found = contents(scratch / "undisturbed"), contents(scratch / "disturbed")
        different = sorted(key for key in expected.keys() | found.keys()
                           if expected.get(key) != found.get(key))
        if different:
            sys.exit("differs: " + ", ".join(different))
        print(f"{len(expected)} results, models and records are the same")


def kill_session(leader):
    """Workers have process groups of their own in the session of the program."""
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, IndexError):
            pass


if __name__ == "__main__":
    main()
