#!/usr/bin/env python3
"""Greedy soups of a sweep's models: stockpot against the loop of the soups paper's program, on the
same pictures, cores and forward pass.

    benchmarks/run_greedy.py --sweep FOLDER [--threads 2] [--rounds 3] [--build build/bench]

Peer: greedy_benchmark (greedy.cpp), which is main.py's loop with stockpot's forward pass: once with
the pictures kept in memory, once decoding them in every pass, as main.py does. stockpot runs once
as a user calls it (`soup greedy`), and once with the logits that `eval --logits` left of the models
by themselves. The programs take turns, and the figures are medians. Both accept ties (>=).

A floor: a rejection needs one wrong picture more than the soup has, an acceptance all of them, and
so does each model by itself.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

# What the program stockpot sets for itself: threads that wait don't keep others from working.
ENVIRONMENT = {"GOMP_SPINCOUNT": "10000", **os.environ}


def timed(command):
    start = time.perf_counter()
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                            env=ENVIRONMENT).stdout
    return json.loads(output), time.perf_counter() - start


def ours(result):
    """Pictures of models alone and of soups, of the soups' whole passes, and at least."""
    steps = result["ledger"][1:]
    total = result["held_out"]["total"]
    least = sum(total if step["accepted"] else total - step["before"]["correct"] + 1
                for step in steps)
    return {"ingredients": result["ingredients"], "correct": result["held_out"]["correct"],
            "soups": sum(step["examples"] for step in steps), "least": least, "total": total}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sweep", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/bench"))
    args = parser.parse_args()
    models = [str(run / "model") for run in sorted((args.sweep / "runs").iterdir())
              if (run / "result.json").exists() and (run / "model").exists()]
    threads = str(args.threads)
    peer = str(args.build / "bin" / "greedy_benchmark")
    stockpot = str(args.build / "bin" / "stockpot")
    with tempfile.TemporaryDirectory() as work:
        stored = work + "/stored"
        subprocess.run([stockpot, "eval", *models, "--recipe", args.sweep, "--logits", stored,
                        "--threads", threads, "-q"], check=True, stdout=subprocess.DEVNULL)
        search = [stockpot, "soup", "greedy", *models, "--recipe", str(args.sweep), "--overwrite",
                  "--rescore", "--threads", threads, "--json", "-q"]
        commands = {
            "loop": [peer, str(args.sweep), threads, "kept", *models],
            "decoding": [peer, str(args.sweep), threads, "decoded", *models],
            "stockpot": [*search, "-o", work + "/soup"],
            "stored": [*search, "-o", work + "/soup-of-stored", "--logits", stored]}
        seconds = {name: [] for name in commands}
        found = {}
        for _ in range(args.rounds):
            for name, command in commands.items():
                found[name], spent = timed(command)
                seconds[name].append(spent)
    wall = {name: statistics.median(values) for name, values in seconds.items()}
    loop, soup, of_stored = found["loop"], ours(found["stockpot"]), ours(found["stored"])
    rate = (loop["pictures_alone"] + loop["pictures_soups"]) / loop["seconds_forward"]
    print(f"{len(models)} models, {loop['total']} held-out pictures, {threads} threads, "
          f"{args.rounds} rounds; {rate:.0f} pictures a second go through the network")
    print(f"soup: {soup['correct']} of {soup['total']} right "
          f"({100 * soup['correct'] / soup['total']:.2f} %), {len(soup['ingredients'])} "
          f"ingredients; equal to the loop's: "
          f"{soup['ingredients'] == of_stored['ingredients'] == loop['ingredients']}, "
          f"right {loop['correct']}, {of_stored['correct']}")
    alone = loop["pictures_alone"]
    rows = [("the paper's loop", "loop", alone, loop["pictures_soups"]),
            ("the same, decoding in each pass", "decoding", alone, loop["pictures_soups"]),
            ("stockpot soup greedy", "stockpot", alone, soup["soups"]),
            ("the same with --logits", "stored", 0, of_stored["soups"])]
    print("| program | pictures, models alone | pictures, soups | of the loop's soups | of all | s | "
          "the loop takes | the decoding loop | of the floor |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for title, name, single, soups in rows:
        floor = (single + soup["least"]) / rate
        print(f"| {title} | {single:,} | {soups:,} | {soups / loop['pictures_soups']:.3f} | "
              f"{(single + soups) / (alone + loop['pictures_soups']):.3f} | {wall[name]:.1f} | "
              f"{wall['loop'] / wall[name]:.2f} | {wall['decoding'] / wall[name]:.2f} | "
              f"{wall[name] / floor:.2f} |")
    print(f"floor: {soup['least']:,} pictures of soups ({soup['least'] / rate:.1f} s)")
    print("the loop's seconds: " + ", ".join(
        f"{key.removeprefix('seconds_')} {value:.1f}" for key, value in loop.items()
        if key.startswith("seconds_")))


if __name__ == "__main__":
    main()
