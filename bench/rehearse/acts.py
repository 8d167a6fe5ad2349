"""Schedules of single acts: the product's act protocol, journal and locks, without the run around them, which makes them quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.db import DatabaseError

from bench.rehearse.machine import Died, Rebooted, SimJournal, SimProcess
from bench.rehearse.portal import LAG, LONGEST, SimForm, SimSession
from bench.rehearse.schedule import PORTAL_FAULTS, QUIET, STATEMENT, Schedule
from retaguarda.act import ActProtocol
from retaguarda.errors import BusinessError, RetaguardaError
from retaguarda.jobs.runs import Runs
from retaguarda.model.acts import Found
from retaguarda.store.models import RunRecord
from tests.house import Thing


@dataclass
class ActSchedule(Schedule):
    """One item, tried until it has its end."""

    ITEMS = 1
    MACHINE: ClassVar = {
        "kill": 0.025, "reboot": 0.006, "pause": 0.01, "hang": 0.006, "clock set": 0.008, "second runner": 0.02, "lock lost": 0.01,
    }  # fmt: skip
    FAULTS: ClassVar = (*MACHINE, *STATEMENT, *PORTAL_FAULTS)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ended: dict[str, str] = {}
        self.session = SimSession("portal/robo", 1)

    def begin(self) -> None:
        self.run: RunRecord = Runs(self.folder / "output", self.clock).create("register", {})

    def turn(self) -> None:
        for item in self.items:
            if item.reference not in self.ended:
                self._attempt(item)

    def another(self, _fault: str) -> None:
        self._attempt(self.items[0])

    def _attempt(self, item: Thing) -> None:
        """One process that tries, and may die of it; a supervisor starts the next one at once, or nobody does for a while."""
        process = SimProcess("machine:1")
        self.processes.append(process)
        try:
            self._ensure(item)
        except Rebooted:
            raise
        except Died:
            self.clock.advance(self.rng.choice([self.rng.uniform(1, 5), self.rng.uniform(5, 300)]))
        finally:
            self.processes.pop()

    def _ensure(self, item: Thing) -> None:
        """One call of `ensure`, as a run makes it."""
        try:
            self._protocol().ensure("register", item, self._find, self._draft)
        except BusinessError as error:
            self.ended[item.reference] = self.judged(item.reference, error.code, error.text)
        except (RetaguardaError, DatabaseError):
            return  # the item stays open and comes again
        else:
            self.require(self.is_done(item.reference), f"{item.reference} told as done")
            self.ended[item.reference] = "done"

    def _find(self, wanted: Thing) -> Found | None:
        return self.portal.find(self.session, wanted)

    def _draft(self, wanted: Thing) -> SimForm:
        return self.portal.draft(self.session, wanted)

    def _protocol(self) -> ActProtocol:
        def shot(label: str) -> str:
            self.step(label)
            return "f" * 64

        return ActProtocol(
            self.run, self.PORTAL, QUIET, SimJournal(self), self.locks, self.clock, shot, may_press=lambda: self.step("may press")
        )

    def at_rest(self) -> bool:
        return len(self.ended) == len(self.items)

    def finish(self) -> None:
        self.clock.advance(LONGEST + LAG)
        self.require(self.at_rest(), "stuck")
        self.check()
        for item in self.items:
            self.require((self.ended[item.reference] != "done") or self.is_done(item.reference), f"{item.reference} told as done")
        self.ends = list(self.ended.values())
        before = self.portal.posts.copy()
        self.turn()
        for item in self.items:
            self._attempt(item)
        self.require(before == self.portal.posts, f"a later run pressed: {self.portal.posts - before}")
