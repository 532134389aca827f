"""What the scripts of this folder have in common: numpy or a skip, arguments, one case after another.

To be imported before all that needs numpy.
"""
import argparse
import os
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("SKIPPED: numpy is missing (scripts/setup.sh --tests installs it)")
    sys.exit(77)


def arguments(parser=None, **more):
    """PROGRAM, --seed and these whole numbers with their defaults; prints the seed."""
    parser = parser or argparse.ArgumentParser()
    parser.add_argument("program", type=os.path.abspath)
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    args = parser.parse_args()
    print("seed", args.seed, flush=True)
    return args


def each_case(args, one_case):
    """one_case(rng, folder, number) so many times, each a function of the seed and its number."""
    for number in range(args.cases):
        with tempfile.TemporaryDirectory() as folder:
            try:
                one_case(np.random.default_rng([args.seed, number]), Path(folder), number)
            except AssertionError as error:
                raise SystemExit(f"case {number}: {error}") from error
