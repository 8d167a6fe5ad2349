"""The disk against the audit log: `python -m bench.disk`.

Every write, flush, truncate, rename and link of the log's path, the store's own included, is killed (SIGKILL), fails (EIO) and finds the
disk full (ENOSPC), one run each; an injection that does not fire fails the sweep. Then power cuts are replayed from a trace of the same
calls: at moments drawn by seed, whatever was not flushed is kept, lost or torn. After each, state and events must agree, nothing that
was acknowledged may be lost, and sealing must go on. `--mutants` shows that each of five broken variants is noticed. Exit 1 tells what
was not as it must be.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from retaguarda.store.connection import connect, point_at, set_up

MUTANT_POINTS = 40
"""Points of the sweep, drawn at random, that a mutant is given before power cuts look for it."""


def main() -> int:
    """Play what the command line asks for and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2, help="events that a run commits and seals, one by one")
    parser.add_argument("--cuts", type=int, default=600, help="moments at which the power is cut, five states each")
    parser.add_argument("--every", type=int, default=1, help="take only every n-th point of the sweep")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutants", action="store_true", help="look for the broken variants instead")
    asked = parser.parse_args()
    set_up()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        connect(f"sqlite://{template}")
        point_at("sqlite://:memory:")
        if asked.mutants:
            return mutants(template, Path(folder), asked.events, asked.seed)
        swept = sweep(template, Path(folder), asked.events, asked.every)
        return swept | power(template, Path(folder), asked.events, asked.cuts, asked.seed)


def sweep(template: Path, folder: Path, count: int, every: int) -> int:
    """Every call, every fault; 1 when something is wrong, or a kind of fault never fired."""
    from tests.audit.disk import FAULTS, points, violations

    began, fired, found = time.perf_counter(), Counter[str](), list[str]()
    chosen = points(template, folder / "run", count)[::every]
    for point in chosen:
        problems = list(violations(template, folder / "run", count, point))
        found += problems
        fired[f"{point.fault} {point.call}"] += not any("did not fire" in problem for problem in problems)
    for name, number in sorted(fired.items()):
        print(f"{name:20} {number:5} fired")
    print(f"{len(chosen)} points, {fired.total()} fired, {len(found)} violations, {time.perf_counter() - began:.0f} s", flush=True)
    print(*found[:20], sep="\n")
    silent = [fault for fault in FAULTS if not any(name.startswith(fault) and number for name, number in fired.items())]
    return int(bool(found) or bool(silent) or fired.total() != len(chosen))


def power(template: Path, folder: Path, count: int, cuts: int, seed: int) -> int:
    """Power cuts at moments drawn by seed; 1 when a state is wrong."""
    from tests.audit.power import cut, recorded

    began = time.perf_counter()
    disk, calls = recorded(template, folder / "power", count)
    found = list(cut(disk, calls, random.Random(seed), folder / "cuts", cuts, 5))
    print(f"{cuts} power cuts × 5 states, seed {seed}, {len(found)} violations, {time.perf_counter() - began:.0f} s")
    print(*found[:20], sep="\n")
    return int(bool(found) or not disk.names)


def mutants(template: Path, folder: Path, count: int, seed: int) -> int:
    """Each broken variant is noticed by the sweep or by the power cuts; 1 when one is not."""
    from tests.audit.disk import points, violations
    from tests.audit.power import cut, recorded
    from tests.audit.sealing import MUTANTS, break_it

    missed = 0
    for mutant in MUTANTS:
        if mutant == MUTANTS[-1]:
            break_it(mutant)  # it is this process that goes on after a fault; the last one, since it stays broken
        rng = random.Random(seed)
        every = points(template, folder / "run", count, mutant)
        chosen = rng.sample(every, min(MUTANT_POINTS, len(every)))
        swept = [problem for point in chosen for problem in violations(template, folder / "run", count, point, mutant)]
        disk, calls = recorded(template, folder / f"power-{mutant}", count, mutant)
        lost = list(cut(disk, calls, rng, folder / f"cuts-{mutant}", 60, 3))
        missed += not (swept or lost)
        print(f"{mutant:20} {len(swept):4} problems in {len(chosen)} points of the sweep, {len(lost):4} in 60 power cuts × 3", flush=True)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
