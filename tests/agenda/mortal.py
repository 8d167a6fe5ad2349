"""A scheduler's slot in which one scheduler after another dies by kill -9: `python -m tests.agenda.mortal URL HOME SEED SECONDS`.

Each dies between a decision and its commit. The last line printed is how
many died. With the seed 0 nobody dies, and SIGTERM ends the one that works.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retaguarda.clock import Clock
from retaguarda.interrupts import Interrupts
from retaguarda.store.connection import point_at, set_up

set_up()

from retaguarda.agenda import ledger  # noqa: E402  # needs the tables
from retaguarda.agenda.ledger import Ledger  # noqa: E402
from retaguarda.agenda.obligations import Standings  # noqa: E402
from retaguarda.agenda.scheduler import Rulebook, SchedulerLoop  # noqa: E402
from retaguarda.jobs.runs import Runs  # noqa: E402
from retaguarda.jobs.workers import Workers  # noqa: E402
from retaguarda.store.advisory import locks_for  # noqa: E402
from retaguarda.triggers.trigger import Trigger  # noqa: E402
from tests.agenda.planned import dies, every  # noqa: E402

LONGEST_LIFE = 12
"""Moments at which it may die: so many come in a second or two."""


def triggers() -> dict[str, Trigger]:
    """Every second, by every policy for overlaps; their runs are carried out by nobody."""
    dense = [every(1, f"second-{number}", overlap="allow", missed="all") for number in range(3)]
    return {one.name: one for one in [*dense, every(2, "skips", overlap="skip"), every(2, "waits", overlap="queue", missed="all")]}


def schedule(url: str, home: Path, interrupts: Interrupts, until: float) -> None:
    """Work until asked to stop, or until a moment of the monotonic clock."""
    point_at(url)
    clock = Clock()
    locks = locks_for(home / "locks")
    workers, rulebook = Workers(locks, clock), Rulebook(home / "no-such-folder", triggers)
    rulebook.read()
    loop = SchedulerLoop(rulebook, Ledger(Runs(home / "output", clock), clock, Standings(clock)), workers, locks, clock, lambda tally: None)
    with interrupts.listening(), workers.slot("scheduler") as name:
        loop.run(name, lambda: interrupts.asked() or clock.monotonic() > until)


@contextmanager
def mortal(seed: int) -> Iterator[None]:
    """In the block this process dies between a decision and its commit."""
    ledger.TOGETHER = 1  # each trigger's decisions are a transaction of their own: some are committed before it dies
    with dies(random.Random(seed).randint(1, LONGEST_LIFE), lambda: os.kill(os.getpid(), signal.SIGKILL)):
        yield


def main() -> None:
    url, home, seed, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    until, died = Clock().monotonic() + seconds, 0
    if url.startswith("postgresql"):
        importlib.import_module("retaguarda.store.postgresql.base")  # once, and not again for every child
    if not seed:
        schedule(url, home, Interrupts(), until)
    while seed and Clock().monotonic() < until:
        child = os.fork()  # all is imported, nothing is open: the next scheduler is there at once
        if not child:
            with mortal(seed + died):
                schedule(url, home, Interrupts(), until)
            os._exit(0)
        died += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    print(died)


if __name__ == "__main__":
    main()
