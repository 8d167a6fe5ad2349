"""Thousands of seeded schedules of the act protocol: `python -m bench.act_simulation --seeds 10000`.

Zero bad seeds in N bounds the rate of bad schedules at 3/N with 95 % confidence. Exits 1, naming the seed, when an
invariant breaks, and 1 when a class of faults never fired.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from django.db import connection

from retaguarda.store.connection import connect


def main() -> int:
    """Play the seeds that the command line asks for and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        connect(f"sqlite://{folder}/store.db")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")  # processes are killed here, machines lose no power
        return play(range(asked.first, asked.first + asked.seeds), Path(folder))


def play(seeds: range, folder: Path) -> int:
    """Play these seeds; the exit code."""
    from retaguarda.jobs.runs import Runs
    from tests.core.simulation import FAULTS, SimClock, Violation, worlds

    run = Runs(folder, SimClock()).create("simulation", {})
    fired: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    begun, played = time.perf_counter(), 0
    try:
        for world in worlds(seeds, folder, lambda: run):
            fired.update(world.fired)
            ends.update(world.ends.values())
            played += 1
    except Violation as violation:
        print(f"BROKEN after {played} seeds: {violation}")
        return 1
    silent = [fault for fault in FAULTS if not fired[fault]]
    seconds = time.perf_counter() - begun
    print(f"{played} seeds, 0 broken, {seconds:.0f} s ({played / seconds:.0f} seeds/s)")
    print("ends:   " + ", ".join(f"{end} {count}" for end, count in ends.most_common()))
    print("fired:  " + ", ".join(f"{fault} {fired[fault]}" for fault in FAULTS))
    if silent:
        print(f"never fired: {', '.join(silent)}")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
