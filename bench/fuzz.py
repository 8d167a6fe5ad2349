"""Spoilt bank files by the million: whatever comes, a file is read or refused, never anything else.

    python -m bench.fuzz [--inputs 10000000] [--seed 1] [--processes 2]

Inputs are made from the golden samples of every format. One that a reader does not stand is kept in tests/formats/corpus, where the
tests try it from then on; exits 1 when there was one.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from tests.formats.fuzz import CORPUS, problem, samples, spoilt

AT_ONCE = 2000


def main() -> None:
    """Fuzz and print what was found."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--inputs", type=int, default=10_000_000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--processes", type=int, default=2)
    given = asked.parse_args()
    seeds = range(given.seed * 1_000_000, given.seed * 1_000_000 + -(-given.inputs // AT_ONCE))
    began, done, kept = time.monotonic(), 0, 0
    with ProcessPoolExecutor(given.processes) as pool:
        for found in pool.map(_some, seeds):
            done += AT_ONCE
            kept += len(found)
            for name, told in found:
                print(f"\n{name[:12]} {told}", flush=True)
            print(f"\r{done:,} inputs, {done / (time.monotonic() - began):,.0f} a second, {kept} not stood", end="", flush=True)
    print()
    sys.exit(1 if kept else 0)


def _some(seed: int) -> list[tuple[str, str]]:
    """The inputs of a seed that a reader did not stand, kept."""
    found = []
    for data in islice(spoilt(seed, samples()), AT_ONCE):
        if told := problem(data):
            name = hashlib.sha256(data).hexdigest()
            (CORPUS / f"{name}.bin").write_bytes(data)
            found.append((name, told))
    return found


if __name__ == "__main__":
    main()
