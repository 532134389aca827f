#!/usr/bin/env python3
"""How long `stockpot inspect` takes for a sharded checkpoint of 10 GB (sparse files: they take no
room), and how long the program takes to start.

    benchmarks/run_inspect.py [--stockpot build/bench/bin/stockpot] [--rounds 20]
"""
import argparse
import json
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

SHARDS, TENSORS, ELEMENTS = 5, 60, 8_333_333


def write_checkpoint(folder):
    weight_map = {}
    for shard in range(1, SHARDS + 1):
        name, header, end = f"model-{shard:05d}-of-{SHARDS:05d}.safetensors", {}, 0
        for i in range(TENSORS):
            tensor = f"model.layers.{(shard - 1) * TENSORS + i}.weight"
            header[tensor] = {"dtype": "F32", "shape": [ELEMENTS], "data_offsets": [end, end + 4 * ELEMENTS]}
            weight_map[tensor] = name
            end += 4 * ELEMENTS
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / name, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + end)
    total = SHARDS * TENSORS * ELEMENTS * 4
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}))
    return total


def milliseconds(command, rounds):
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[1:]), max(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stockpot", default="build/bench/bin/stockpot")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        total = write_checkpoint(Path(folder))
        for what, command in (("--version", ["--version"]),
                              (f"inspect of {total / 1e9:.1f} GB", ["inspect", folder]),
                              ("the same with --json", ["inspect", folder, "--json"])):
            median, most = milliseconds([arguments.stockpot, *command], arguments.rounds)
            print(f"{what}: {median:.1f} ms (longest {most:.1f})")


if __name__ == "__main__":
    main()
