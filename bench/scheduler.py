"""How soon a scheduler is up after a month off, and what it costs while nothing is due.

    python -m bench.scheduler [--store sqlite] [--days 30]

Five hundred triggers: 250 every business day, 100 every day, 50 every hour, 50 every Monday, 40 on the seventh business
day of the month, 10 every quarter of an hour. `up`: a new process, from its start until every fire that is due now is
decided. `whole`: until the ledger has a row for each fire of the month, held against the rules. Then quiet ticks.
"""

from __future__ import annotations

import argparse
import datetime as dt
import subprocess
import sys
import time
from pathlib import Path

from retaguarda.store.connection import set_up

set_up()

from bench.stores import KINDS, fresh_store  # noqa: E402  # needs the tables
from retaguarda.agenda.ledger import Ledger  # noqa: E402
from retaguarda.agenda.obligations import Standings  # noqa: E402
from retaguarda.clock import SAO_PAULO, Clock  # noqa: E402
from retaguarda.jobs.runs import Runs  # noqa: E402
from retaguarda.settings import Settings  # noqa: E402
from retaguarda.store.models import PlannedFire, RunRecord  # noqa: E402
from retaguarda.triggers.file import parse_triggers  # noqa: E402
from retaguarda.triggers.trigger import Trigger  # noqa: E402

MIX = {
    "every business day at 07:30": 250,
    "every day at 06:00": 100,
    "every hour": 50,
    "every monday at 09:00": 50,
    "MS+7du at 18:00": 40,
    "every 15 minutes": 10,
}
BACK = dt.datetime(2026, 12, 10, 10, 0, 30, tzinfo=SAO_PAULO)
QUIET_TICKS = 50


class Late(Clock):
    """A clock that is wound to where the scheduler comes back, or to where it went."""

    def __init__(self, wall: dt.datetime) -> None:
        self._shift = wall - dt.datetime.now(SAO_PAULO)
        super().__init__()

    def now(self) -> dt.datetime:
        return super().now() + self._shift


def triggers() -> dict[str, Trigger]:
    """The triggers of MIX."""
    rules = [rule for rule, count in MIX.items() for _ in range(count)]
    entries = [{"name": f"t-{number}", "process": "toy", "rule": rule, "overlap": "allow"} for number, rule in enumerate(rules)]
    return parse_triggers({"schema": 1, "trigger": entries}, Settings.model_construct())


def main() -> None:
    """Measure and print a line for each store; exits 1 when a fire is lost or doubled."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--store", choices=KINDS, action="append")
    asked.add_argument("--days", type=int, default=30)
    asked.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.inside:
        come_back(given.inside[0], Path(given.inside[1]), float(given.inside[2]))
        return
    print(f"{'store':<12} {'up':>7} {'runs':>6} {'rows':>8} {'whole':>8} {'ticks':>6} {'quiet tick':>11}")
    wrong = [problem for kind in given.store or KINDS for problem in measured(kind, given.days)]
    print("\n".join(wrong[:20]) or "every fire has one row, and every run its fire")
    sys.exit(1 if wrong else 0)


def measured(kind: str, days: int) -> list[str]:
    """A store of its own, left for so many days; what is wrong with its ledger in the end."""
    from tests.agenda.planned import wrongs  # not for the scheduler that comes back: it must not wait for the tests' libraries

    with fresh_store(kind) as (url, home):
        gone = Late(BACK - dt.timedelta(days=days))
        ledger_of(home, gone).tick(triggers())
        began = gone.now()
        subprocess.run([sys.executable, "-m", "bench.scheduler", "--inside", url, str(home), str(time.monotonic())], check=True)
        return [f"{name}: {one}" for name, trigger in triggers().items() for one in wrongs(trigger, began, BACK)]


def come_back(url: str, home: Path, began: float) -> None:
    """The scheduler that comes back, in a process of its own that was begun at a moment of the monotonic clock."""
    from retaguarda.store.connection import connect

    connect(url)
    clock = Late(BACK)
    ledger, planned = ledger_of(home, clock), triggers()
    first = ledger.tick(planned)
    up, ticks = time.monotonic() - began, 1
    runs = sum(bool(one.run) for one in first.decided)
    while ledger.tick(planned).filled:
        ticks += 1
    whole = time.monotonic() - began
    quiet = time.perf_counter()
    for _ in range(QUIET_TICKS):
        ledger.tick(planned)
    each = (time.perf_counter() - quiet) / QUIET_TICKS
    rows, kept = PlannedFire.objects.count(), RunRecord.objects.count()
    assert runs == kept
    kind = url.partition(":")[0]
    print(f"{kind:<12} {up:>5.1f} s {runs:>6} {rows:>8} {whole:>6.1f} s {ticks:>6} {each * 1000:>8.1f} ms", flush=True)


def ledger_of(home: Path, clock: Clock) -> Ledger:
    return Ledger(Runs(home / "output", clock), clock, Standings(clock))


if __name__ == "__main__":
    main()
