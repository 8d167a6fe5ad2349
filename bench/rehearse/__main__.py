"""Rehearse production code under seeded faults: `python -m bench.rehearse sim|proc|browser|mutants [--seeds N] [--seed S] [--json]`.

sim: one thread, injected clock, store, portal and random numbers. Exit 1, naming the seed, when a promise does not hold, and 1
when a class of faults never fired. `--seed S` plays that one schedule again.
"""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Play what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.rehearse", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("level", choices=("sim",))
    parser.add_argument("--seeds", type=int, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one schedule")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    asked = parser.parse_args()
    from bench.rehearse import sim

    seeds = range(asked.seed, asked.seed + 1) if asked.seed is not None else range(asked.first, asked.first + (asked.seeds or 10_000))
    tally = sim.rehearse(seeds)
    tally.print(as_json=asked.json)
    return 0 if tally.holds or (asked.seed is not None and not tally.broken) else 1


if __name__ == "__main__":
    sys.exit(main())
