"""Rehearse production code under seeded faults: `python -m bench.rehearse sim|proc|browser|once|mutants [--seeds N] [--seed S] [--json]`.

sim      one thread, injected clock, store, portal and random numbers
proc     real processes at a sandbox portal, killed with -9, stopped and doubled
browser  the real robot in a real Chromium at a sandbox portal
once     one click whose answer is cut, counted as POSTs, for each way that portals are reached
mutants  broken variants of the product, each of which `sim` must catch

Exit 1, naming the seed, when a promise does not hold, and 1 when a class of faults never fired. `--seed S` plays that one
schedule again.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import sys

SCHEDULES = {"sim": 10_000, "proc": 1_000, "browser": 200, "once": 100}
"""The levels, and how many schedules of each are played for the record."""


def main() -> int:
    """Play what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.rehearse", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("level", choices=(*SCHEDULES, "mutants"))
    parser.add_argument(
        "--seeds", type=int, help="how many schedules: " + ", ".join(f"{level} {count}" for level, count in SCHEDULES.items())
    )
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one schedule")
    parser.add_argument("--mutant", help="sim as this broken variant; mutants: this one alone")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no schedule after so many")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    asked = parser.parse_args()
    return _mutants(asked) if asked.level == "mutants" else _mutant(asked) if asked.mutant else _level(asked)


def _level(asked: argparse.Namespace) -> int:
    level = importlib.import_module(f"bench.rehearse.{asked.level}")
    count = 1 if asked.seed is not None else asked.seeds or SCHEDULES[asked.level]
    first = asked.seed if asked.seed is not None else asked.first
    tally = level.rehearse(range(first, first + count), asked.minutes * 60)
    tally.print(as_json=asked.json)
    return 0 if tally.holds or (asked.seed is not None and not tally.broken) else 1


def _mutant(asked: argparse.Namespace) -> int:
    """The schedules as a broken variant plays them, until one shows it."""
    from bench.rehearse.mutants import install

    mutant = install(asked.mutant)
    from bench.rehearse.sim import play, sim_store  # once the variant is in

    first = asked.first or mutant.first
    with sim_store() as folder:
        tally = play(range(first, first + (asked.seeds or mutant.most)), folder, mutant.kind, 1)
    tally.print(as_json=asked.json)
    return 1 if tally.broken else 0


def _mutants(asked: argparse.Namespace) -> int:
    from bench.rehearse.mutants import hunt, mutants

    survived = 0
    for verdict in hunt([mutant for mutant in mutants() if asked.mutant in (None, mutant.name)]):
        survived += not verdict.caught
        told = {"mutant": verdict.mutant.name, "caught": verdict.caught, "said": verdict.said, "seconds": round(verdict.seconds, 1)}
        word = "caught  " if verdict.caught else "SURVIVED"
        print(
            json.dumps(told, ensure_ascii=False)
            if asked.json
            else f"{word} {verdict.seconds:6.1f} s  {verdict.mutant.name}: {verdict.said[:90]}",
            flush=True,
        )
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
