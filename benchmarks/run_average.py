#!/usr/bin/env python3
"""Averaging and merging checkpoints: stockpot beside the programs people use, in one run.

    benchmarks/run_average.py --models FOLDER [--count 8] [--threads 1,2] [--rounds 5]
        [--stockpot build/bench/bin/stockpot] [--methods average,ties,stock]

FOLDER holds the files of make_checkpoints.py (fp32 or bf16, safetensors or pt). Needs PyTorch,
safetensors and mergekit. All take turns over the same warm files and write their output to the
same disk; the first round is dropped and medians are printed. The peers run inside of this
process, so that neither Python's start nor `import torch` counts; stockpot is started anew each
time and its start counts. No peer waits for the disk, so stockpot runs with --no-sync; what
waiting costs is measured beside it.

The floor is one pass over every input byte at the rate at which all threads together read the
same files through a mapping, plus one write of the output's bytes by plain write().

"CPU s" are the user's and the system's processor seconds, for machines that do other things too.
"""
import argparse
import gc
import json
import mmap
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def load(file, mapped=False):
    if file.suffix == ".safetensors":
        return load_file(file)  # maps the file
    return torch.load(file, map_location="cpu", mmap=mapped)


def save(state, out):
    if out.suffix == ".safetensors":
        save_file(state, out, metadata={"format": "pt"})
    else:
        torch.save(state, out)


def soups_loop(files, out):
    """As the model soups program averages: each state dict loaded whole, v * (1/k) added."""
    soup = None
    for file in files:
        state = load(file)
        if soup is None:
            soup = {name: value * (1.0 / len(files)) for name, value in state.items()}
        else:
            soup = {name: value * (1.0 / len(files)) + soup[name] for name, value in state.items()}
    save(soup, out)


def timm_loop(files, out):
    """As timm's avg_checkpoints averages: sums and a count for each name, in double precision."""
    total, counts = {}, {}
    for file in files:
        for name, value in load(file).items():
            if name in total:
                total[name] += value.to(torch.float64)
                counts[name] += 1
            else:
                total[name] = value.clone().to(torch.float64)
                counts[name] = 1
    for name in total:
        total[name].div_(counts[name])
    limits = torch.finfo(torch.float32)
    save({name: value.clamp(limits.min, limits.max).to(torch.float32)
          for name, value in total.items()}, out)


def in_place_loop(files, out):
    """The best plain Python: mapped files, sums in place, in the files' type."""
    models = [load(file, mapped=True) for file in files]
    mean = {}
    for name in models[0]:
        total = models[0][name].clone()
        for model in models[1:]:
            total.add_(model[name])
        mean[name] = total.div_(len(files))
    save(mean, out)


def mergekit(method, base=None, **parameters):
    def run(files, out):
        import yaml
        from mergekit.options import MergeOptions
        from mergekit.scripts import merge_raw_pytorch as raw
        models = [{"model": str(file), "parameters": {"weight": 1.0, **parameters}} for file in files]
        config = {"merge_method": method, "models": models}
        if base is not None:
            config["base_model"] = str(base)
        folder = Path(out).with_suffix("")
        checked = raw.RawPyTorchMergeConfig.model_validate(yaml.safe_load(yaml.safe_dump(config)))
        options = MergeOptions()
        tasks = raw.plan_flat_merge(checked, str(folder), False, False, options)
        raw.Executor(tasks, math_device="cpu", storage_device="cpu").execute()
        if sum(part.stat().st_size for part in folder.glob("*.safetensors")) < 1_000_000:
            sys.exit(f"mergekit wrote nothing into {folder}")
    return run


# A process inherits the peak memory of the one that started it: programs are started by a small
# one, which answers with their exit status, peak and processor time.
STARTER = """
import json, os, subprocess, sys
for line in sys.stdin:
    process = subprocess.Popen(json.loads(line), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    print(status, usage.ru_maxrss, usage.ru_utime + usage.ru_stime, flush=True)
"""


class Stockpot:
    starter = None

    def __init__(self, program, command, threads, sync=False):
        self.program, self.command, self.threads, self.sync = program, command, threads, sync
        self.peak = 0
        self.cpu = 0  # seconds of the last run

    def __call__(self, files, out):
        line = [self.program, *self.command, *map(str, files), "-o", str(out), "--overwrite",
                "--quiet", "--threads", str(self.threads)] + ([] if self.sync else ["--no-sync"])
        self.starter.stdin.write(json.dumps(line) + "\n")
        self.starter.stdin.flush()
        status, peak, cpu = map(float, self.starter.stdout.readline().split())
        if status:
            sys.exit(f"failed: {' '.join(line)}")
        self.peak, self.cpu = max(self.peak, peak / 1024), cpu


def read_pass(files, threads):
    """Seconds to read every byte of the mapped files once (numpy's sum of 64-bit words)."""
    import numpy
    def work(part):
        for file in part:
            with open(file, "rb") as handle:
                view = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
                words = numpy.frombuffer(view, numpy.uint64, len(view) // 8)
                numpy.bitwise_or.reduce(words)
                del words
                view.close()
    workers = [threading.Thread(target=work, args=(files[i::threads],)) for i in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


def write_pass(size, out):
    block = bytes(1 << 20)
    start = time.perf_counter()
    with open(out, "wb") as handle:
        for _ in range(size >> 20):
            handle.write(block)
    return time.perf_counter() - start


def timed(run, files, out):
    """Seconds by the clock, and of all processors together."""
    gc.collect()
    start, start_cpu = time.perf_counter(), time.process_time()
    run(files, out)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    return seconds, run.cpu if isinstance(run, Stockpot) else cpu


def contestants(method, program, threads, base):
    if method == "average":
        return {"stockpot average": Stockpot(program, ["average"], threads),
                "stockpot average, synced": Stockpot(program, ["average"], threads, sync=True),
                "model soups' loop": soups_loop, "timm's avg_checkpoints loop": timm_loop,
                "mergekit linear": mergekit("linear"), "in-place Python": in_place_loop}
    if method == "ties":
        return {"stockpot ties": Stockpot(program, ["merge", "ties", "--preset", "mergekit",
                                                    "--density", "0.2", "--base", str(base)], threads),
                "stockpot ties, global trim": Stockpot(
                    program, ["merge", "ties", "--density", "0.2", "--base", str(base)], threads),
                "mergekit ties": mergekit("ties", base, density=0.2)}
    return {"stockpot stock": Stockpot(program, ["merge", "stock", "--base", str(base)], threads),
            "mergekit model_stock": mergekit("model_stock", base)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--methods", default="average,ties,stock")
    parser.add_argument("--stockpot", default="build/bench/bin/stockpot")
    arguments = parser.parse_args()
    found = sorted(arguments.models.glob("model*.*"))
    base, files = found[0], found[1:arguments.count + 1]
    if len(files) < arguments.count:
        sys.exit(f"{arguments.models}: {arguments.count + 1} checkpoints are needed")
    Stockpot.starter = subprocess.Popen([sys.executable, "-c", STARTER], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
    total = sum(file.stat().st_size for file in files)
    print(f"{len(files)} checkpoints, {total / 1e9:.2f} GB, load {os.getloadavg()[0]:.1f}\n")
    print("| program | threads | s | times as long | CPU s | peak MB | of the floor |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for threads in map(int, arguments.threads.split(",")):
        torch.set_num_threads(threads)
        for method in arguments.methods.split(","):
            runs = contestants(method, arguments.stockpot, threads, base)
            times = {name: [] for name in runs}
            floors = []
            with tempfile.TemporaryDirectory(dir=arguments.models.parent) as folder:
                for turn in range(arguments.rounds + 1):
                    for name, run in runs.items():
                        measured = timed(run, files, Path(folder) / f"out{base.suffix}")
                        if turn:
                            times[name].append(measured)
                    floors.append(read_pass(files, threads) +
                                  write_pass(base.stat().st_size, Path(folder) / "plain"))
            middle = {name: [statistics.median(column) for column in zip(*measured)]
                      for name, measured in times.items()}
            ours = middle[next(iter(runs))][0]
            floor = statistics.median(floors[1:])
            for name, run in runs.items():
                seconds, cpu = middle[name]
                peak = f"{run.peak:.0f}" if isinstance(run, Stockpot) else ""
                print(f"| {name} | {threads} | {seconds:.2f} | {seconds / ours:.2f} | {cpu:.2f} | {peak} "
                      f"| {seconds / floor:.1f} |", flush=True)
    print(f"\npeak of this process (all peers): "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, "
          f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
