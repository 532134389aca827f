#!/usr/bin/env python3
"""Kills stockpot, and fails its system calls, at every point of writing a checkpoint.

    run.py PROGRAM

For n = 1, 2, ... the n-th call that writes is interrupted (strace injects SIGKILL, ENOSPC or EIO)
until a run passes without having met the fault. After each: the output is the old one or there is
none (never a part), a failure is told with exit code 74, and the next run cleans up and succeeds.
Then two programs write the same output at once: one of them wins whole.
"""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = sys.argv[1]
CALLS = "pwrite64,write,ftruncate,fsync,fdatasync,rename,renameat,renameat2,fallocate"


def write_model(file, seed):
    """A small safetensors file with two large enough tensors and a counter."""
    tensors, data = {}, b""
    for name, count in (("body.w", 70_000), ("fc.weight", 300)):
        values = b"".join(struct.pack("<f", (seed * 37 + i) % 101 / 7) for i in range(count))
        tensors[name] = {"dtype": "F32", "shape": [count], "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    header = json.dumps(tensors).encode()
    header += b" " * (-len(header) % 8)
    file.write_bytes(struct.pack("<Q", len(header)) + header + data)


def contents(path):
    """One hash over the names and bytes of a file or folder; None when it is not there."""
    if not path.exists():
        return None
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def run(arguments, folder, injection=None):
    """Exit code, stderr, and whether the fault was met."""
    trace = folder / "trace"
    prefix = [] if injection is None else [
        "strace", "-f", "-q", "-o", str(trace), "-e", f"trace={CALLS}", "-e", f"inject={CALLS}:{injection}"]
    outcome = subprocess.run([*prefix, PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    met = injection is not None and ("(INJECTED)" in trace.read_text() or "killed by SIGKILL" in trace.read_text())
    return outcome.returncode, outcome.stderr, met


def leftovers(folder):
    return [path.name for path in folder.iterdir() if ".tmp." in path.name]


def interrupt(name, arguments, folder, output, old, new):
    """Goes through all points of one command; `old` is what was there before (None: nothing)."""
    backup = folder / "backup"
    for fault in ("signal=SIGKILL", "error=ENOSPC", "error=EIO"):
        point = 0
        while True:
            point += 1
            for path in (output, backup):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            if old is not None:
                subprocess.run([PROGRAM, *arguments["old"]], cwd=folder, check=True, capture_output=True)
                assert contents(output) == old
            code, errors, met = run(arguments["new"], folder, f"{fault}:when={point}")
            state = contents(output)
            where = f"{name}, {fault} at call {point}"
            assert state in (old, new), f"{where}: the output is neither old nor new"
            if not met:
                assert code == 0 and state == new, f"{where}: {code} {errors}"
                break
            if fault != "signal=SIGKILL" and state == old:
                # Text for the terminal is written too; only files count as writing that failed.
                assert code == 74, f"{where}: exit code {code}: {errors}"
                assert not leftovers(folder), f"{where}: {leftovers(folder)}"
            if state == new and old is None:
                continue  # it was finished: the same command now refuses to write over it
            code, errors, _ = run(arguments["new"], folder)
            assert code == 0 and contents(output) == new, f"{where}, run again: {code} {errors}"
            assert not leftovers(folder), f"{where}, run again: {leftovers(folder)}"
        print(f"{name}: {fault.split('=')[1]} at {point - 1} points")
        assert point > 5, f"{name}: too few points were met"


def same_output_twice(folder):
    a, b = folder / "m0.safetensors", folder / "m1.safetensors"
    results = set()
    for inputs in ((a, b), (a, folder / "m2.safetensors")):
        subprocess.run([PROGRAM, "average", *inputs, "-o", "both.safetensors", "--overwrite", "-q"],
                       cwd=folder, check=True, capture_output=True)
        results.add(contents(folder / "both.safetensors"))
    assert len(results) == 2
    for _ in range(20):
        racers = [subprocess.Popen([PROGRAM, "average", *inputs, "-o", "both.safetensors", "--overwrite", "-q"],
                                   cwd=folder, stdout=subprocess.DEVNULL)
                  for inputs in ((a, b), (a, folder / "m2.safetensors"))]
        assert all(racer.wait() == 0 for racer in racers)
        assert contents(folder / "both.safetensors") in results
    print("two programs, one output: one wins whole, 20 times")


def main():
    if shutil.which("strace") is None or subprocess.run(
            ["strace", "-q", "-o", os.devnull, "true"], capture_output=True).returncode != 0:
        print("SKIPPED: strace is missing or may not trace here")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for i in range(3):
            write_model(folder / f"m{i}.safetensors", i)
        (folder / "model").mkdir()
        shutil.copy(folder / "m0.safetensors", folder / "model/model.safetensors")
        (folder / "model/config.json").write_text('{"model_type": "other"}')
        quiet = ["-q", "--threads", "1"]
        average = ["average", "m0.safetensors", "m1.safetensors", "-o", "out.safetensors", "--overwrite", *quiet]
        other = ["average", "m0.safetensors", "m2.safetensors", "-o", "out.safetensors", "--overwrite", *quiet]
        shards = ["average", "model", "m1.safetensors", "-o", "out", "--shard-size", "100KB", *quiet]
        expected = {}
        for name, command, output in (("average", average, "out.safetensors"),
                                      ("other", other, "out.safetensors"), ("shards", shards, "out")):
            subprocess.run([PROGRAM, *command], cwd=folder, check=True, capture_output=True)
            expected[name] = contents(folder / output)
        shutil.rmtree(folder / "out")
        (folder / "out.safetensors").unlink()
        interrupt("D08 a folder of shards", {"new": shards}, folder, folder / "out", None, expected["shards"])
        interrupt("D15 a file that is replaced", {"old": other, "new": average}, folder,
                  folder / "out.safetensors", expected["other"], expected["average"])
        same_output_twice(folder)


if __name__ == "__main__":
    main()
