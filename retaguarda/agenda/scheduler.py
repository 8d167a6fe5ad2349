"""The scheduler: a process that asks the ledger once a second what is due. It carries nothing out, and keeps nothing.

Any number of them may run. One lives as long as its lock `scheduler/<name>` is held; its beat comes from the tick itself,
so that a tick that hangs is seen by the watchdog although the lock is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import schedule
from django.db import DatabaseError, transaction

from retaguarda.agenda.ledger import Ledger, Tally
from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.jobs.workers import Workers
from retaguarda.locks import Locks
from retaguarda.triggers.trigger import Trigger

KIND = "scheduler"
BEAT_SECONDS = 10.0
TICK_SECONDS = 1
Load = Callable[[], Mapping[str, Trigger]]


@dataclass
class Rulebook:
    """The triggers as configuration and store have them, read again when a file of the one or a row of the other changes."""

    folder: Path
    load: Load
    version: Callable[[], object] = lambda: None
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    problem: str = ""
    _seen: object = None

    def read(self) -> None:
        """Read them; ConfigurationError when they cannot be understood."""
        self._seen = self._now()
        self.triggers, self.problem = self.load(), ""

    def refresh(self) -> None:
        """Read them again when something changed; what cannot be understood is told, and the old rules hold."""
        if self._now() == self._seen:
            return
        try:
            self.read()
        except ConfigurationError as error:
            self.problem = error.text
            with transaction.atomic():
                events.record("triggers.refused", data={"error": error.text, "remedy": error.remedy})
            return
        with transaction.atomic():
            events.record("triggers.read", data={"count": len(self.triggers)})

    def _now(self) -> object:
        return stamp(self.folder), self.version()


def stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells one state of the configuration's files from another: each one's path, time of change in nanoseconds, and size."""
    files = [(path, path.stat()) for path in sorted(folder.rglob("*")) if path.suffix in {".toml", ".csv"}]
    return tuple((str(path), seen.st_mtime_ns, seen.st_size) for path, seen in files)


@dataclass
class SchedulerLoop:
    """One scheduler; `told` hears what each tick did, `asked_to_stop` is looked at between ticks."""

    rulebook: Rulebook
    ledger: Ledger
    workers: Workers
    locks: Locks
    clock: Clock
    told: Callable[[Tally], None]

    def run(self, name: str, asked_to_stop: Callable[[], bool]) -> None:
        """Tick under a name that no other living scheduler has, until asked to stop.

        StoreUnavailable when the store fails: whoever started the scheduler starts it again, and nothing is lost meanwhile.
        """
        ticker = schedule.Scheduler()
        with self._registered(name):
            try:
                self.tick(name)
                while not asked_to_stop():
                    _arm(ticker, lambda: self.tick(name))
                    ticker.run_pending()
                    self.clock.pause(TICK_SECONDS / 10)
            except DatabaseError as error:
                raise StoreUnavailable(f"the scheduler cannot work with the store: {error}", remedy="see: retaguarda doctor") from error

    def tick(self, name: str) -> None:
        """Say that it lives, follow the configuration, and decide what is due."""
        self._beat(name)
        self.rulebook.refresh()
        self.told(self.ledger.tick(self.rulebook.triggers))

    @contextmanager
    def _registered(self, name: str) -> Iterator[None]:
        self._next_beat = self.clock.monotonic() + BEAT_SECONDS
        self.workers.register(name, KIND)
        try:
            yield
        finally:
            self.workers.left(f"{KIND}/{name}")

    def _beat(self, name: str) -> None:
        if self.clock.monotonic() < self._next_beat:
            return
        self._next_beat = self.clock.monotonic() + BEAT_SECONDS
        if not self.locks.still_held(f"{KIND}/{name}"):
            raise StoreUnavailable(f"the lock of scheduler {name} was lost", remedy="start it again")
        self.workers.beat(f"{KIND}/{name}")


def _arm(ticker: schedule.Scheduler, tick: Callable[[], None]) -> None:
    """Have the ticker tick within a second, whatever the clock does: `schedule` counts by wall time, and would wait out a step back."""
    idle = ticker.idle_seconds
    if idle is None or idle > TICK_SECONDS:
        ticker.clear()
        ticker.every(TICK_SECONDS).seconds.do(tick)
