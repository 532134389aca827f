#!/usr/bin/env python3
"""stockpot's training step and evaluation pass against PyTorch's, in one run.

    benchmarks/run_step.py --models FOLDER [--build build/bench] [--rounds 9]

FOLDER holds tin-vit-pico-p8-64 and tin-resnet18w32-64. All programs stay open and take turns
(A B A B ...), so that a busy machine slows both; the figures are medians of the rounds after
the first. "of sgemm" is the share of the rate of a 1024^3 matrix product, measured between the
rounds, that the forward pass's flops (three times those for training) make up.
"""
import argparse
import os
import platform
import statistics
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS = {"tin-vit-pico-p8-64": ["vit"],
          "tin-resnet18w32-64": ["resnet", "resnet-channels-last"]}


class Program:
    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def measure(programs, rounds, batch):
    """Images a second: {(program, what): median}, and the sgemm rate in GFLOP/s."""
    rates = {(name, what): [] for name in programs for what in ("train", "eval")}
    sgemm = []
    for turn in range(rounds + 1):
        for what, repetitions in (("train", 3), ("eval", 8)):
            for name, program in programs.items():
                rate = repetitions * batch / program.ask(f"{what} {repetitions}")
                if turn > 0:
                    rates[name, what].append(rate)
        sgemm.append(20 * 2 * 1024**3 / programs["stockpot"].ask("sgemm 20") / 1e9)
    return ({key: statistics.median(values) for key, values in rates.items()},
            statistics.median(sgemm[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build/bench")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    version = subprocess.run([options.python, "-c", "import torch; print(torch.__version__)"],
                             capture_output=True, text=True, check=True).stdout.strip()
    print(f"{processor()}, {options.threads} threads, {platform.freedesktop_os_release()['PRETTY_NAME']}"
          f", PyTorch {version}, batch {options.batch}, float32, load {os.getloadavg()[0]:.1f}\n")
    print("| model, peer | work | PyTorch img/s | stockpot img/s | ratio | stockpot GFLOP/s "
          "| of sgemm | PyTorch of sgemm |")
    print("|---|---|---|---|---|---|---|---|")
    for model, peers in MODELS.items():
        programs = {"stockpot": Program(options.build / "bin/step_benchmark",
                                        options.models / model, options.threads, options.batch)}
        for peer in peers:
            programs[peer] = Program(options.python, HERE / "peer_step.py", peer, options.threads,
                                     options.batch)
        flops = programs[peers[0]].ask("flops")
        rates, sgemm = measure(programs, options.rounds, options.batch)
        for peer in peers:
            for what, passes in (("train", 3), ("eval", 1)):
                ours, theirs = rates["stockpot", what], rates[peer, what]
                gflops = [rate * passes * flops / 1e9 for rate in (ours, theirs)]
                print(f"| {model}, {peer} | {what} | {theirs:.0f} | {ours:.0f} | {ours / theirs:.2f} "
                      f"| {gflops[0]:.0f} of {sgemm:.0f} | {gflops[0] / sgemm:.0%} "
                      f"| {gflops[1] / sgemm:.0%} |", flush=True)
        for program in programs.values():
            program.close()


if __name__ == "__main__":
    main()
