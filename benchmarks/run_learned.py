#!/usr/bin/env python3
"""A step of a learned soup but for the network: mixing the models and the gradient of the
coefficients, against the soups paper's program, on the same files and cores.

    benchmarks/run_learned.py --models FOLDER [--count 8] [--threads 1 2] [--steps 3] [--rounds 3]
                              [--many 4 16 72] [--build build/bench]

Peer: the CPU part of learned_bylayer.py (mlfoundations/model-soups), written down here: every
tensor is sum(p_i * alpha_i) with one softmax row by tensor, autograd records it, and the backward
pass starts from the model's gradient. Its ingredients ask for gradients that nobody uses; the
second peer is the same without them. FOLDER holds torch files (make_checkpoints.py). --many shows
the peak memory for more models, by naming the files several times.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time


def peer(files, threads, steps, needless):
    import torch
    torch.set_num_threads(threads)
    models = []
    for file in files:
        state = torch.load(file, map_location="cpu")
        models.append([tensor.requires_grad_(needless) for tensor in state.values()
                       if tensor.is_floating_point()])
    gradients = [torch.full_like(tensor, 1e-3) for tensor in models[0]]
    tensors = list(zip(*models))
    raw = torch.ones(len(tensors), len(models)).softmax(1).requires_grad_()
    optimizer = torch.optim.AdamW([raw], lr=0.05, weight_decay=0)
    seconds, processor = [], []
    for _ in range(steps):
        start, used = time.perf_counter(), time.process_time()
        alpha = raw.softmax(1)
        mixed = [sum(p * a for p, a in zip(same, alpha[j])) for j, same in enumerate(tensors)]
        torch.autograd.backward(mixed, gradients)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
        del mixed
    print(json.dumps({"seconds": seconds, "processor_seconds": processor}))


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, nargs="*", default=[4, 16, 72])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--peer", choices=["needless", "lean"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    files = [str(file) for file in sorted(args.models.glob("*.pt"))]
    if args.peer:
        peer(files[:args.count], args.threads[0], args.steps, args.peer == "needless")
        return
    ours = [str(args.build / "bin" / "blend_benchmark")]
    for threads in args.threads:
        seconds = {"stockpot": [], "mapped": [], "needless": [], "lean": []}
        processor = {name: [] for name in seconds}
        result = {}
        for _ in range(args.rounds):
            for name in seconds:
                mapped = {"stockpot": "0", "mapped": str(1 << 40)}.get(name)
                found = run(ours + [str(threads), str(args.steps), mapped] + files[:args.count]
                            if mapped else
                            [sys.executable, __file__, "--models", str(args.models), "--count",
                             str(args.count), "--threads", str(threads), "--steps",
                             str(args.steps), "--peer", name])
                result = found if name == "stockpot" else result
                seconds[name] += found["seconds"][1:]
                processor[name] += found["processor_seconds"][1:]
        print(f"{args.count} models, {threads} threads: {result['peak_mb']:.0f} MB, of which "
              f"{result['model_and_gradient_mb']:.0f} are model and gradient")
        for name, title in (("stockpot", "stockpot"),
                            ("mapped", "stockpot, files stay mapped (--map)"),
                            ("needless", "the paper's program"),
                            ("lean", "the same without needless gradients")):
            wall, used = statistics.median(seconds[name]), statistics.median(processor[name])
            print(f"  {title}: {wall:.3f} s a step ({used:.3f} s of processor), "
                  f"{wall / statistics.median(seconds['stockpot']):.2f} times stockpot "
                  f"({used / statistics.median(processor['stockpot']):.2f})", flush=True)
    for count in args.many:
        result = run(ours + [str(max(args.threads)), "1", "0"]
                     + [files[i % len(files)] for i in range(count)])
        print(f"{count} models: {result['peak_mb']:.0f} MB at most, "
              f"{result['seconds'][0]:.2f} s a step", flush=True)


if __name__ == "__main__":
    main()
