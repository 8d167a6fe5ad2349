"""Seeded schedules of the production act protocol and journal over a real store, where everything around them misbehaves.

One thread: a schedule is told by its seed. The portal answers late, twice, not at all or nonsense; the machine is killed,
paused, rebooted, its clock set and its disk full; a second runner comes in at any step. Nothing of the protocol is faked.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from django.db import DatabaseError

from retaguarda.act import MAX_SWALLOWED, ActProtocol
from retaguarda.errors import (
    BrowserCrashed,
    Conflict,
    OutcomeUnknown,
    PortalChanged,
    PortalUnavailable,
    Refused,
    RetaguardaError,
    SessionLost,
)
from retaguarda.jobs.journal import ActKey, Journal
from retaguarda.locks import Locks
from retaguarda.model.acts import Found, Permit, Receipt
from retaguarda.store.models import Intent, IntentState, RunRecord
from tests.house import SetClock, Thing

LONGEST = 90.0  # seconds a portal may work on a form after its sender gave up
LAG = 30.0  # seconds a list may be behind
QUIET = 150.0
ITEMS = 2
FAULTY_ROUNDS = 7
CALM_ROUNDS = 24

FAULTS = (
    "kill",
    "reboot",
    "pause",
    "clock set",
    "second runner",
    "store fails",
    "no answer, not done",
    "no answer, done",
    "done late",
    "swallowed",
    "said to be there",
    "refused",
    "list behind",
    "garbage page",
)


class Killed(BaseException):
    """The process died here; its locks are free."""


class Rebooted(Killed):
    """The machine went down here, and every process with it."""


class Violation(AssertionError):
    """An invariant does not hold; the text names the seed."""


@dataclass
class SimPortal:
    """The ground truth: what was committed when, what will still be, and how often each form arrived."""

    world: World
    held: list[tuple[float, str, Mapping[str, str]]] = field(default_factory=list)
    coming: list[tuple[float, str, Mapping[str, str]]] = field(default_factory=list)
    posts: Counter[str] = field(default_factory=Counter)
    refusing: set[str] = field(default_factory=set)
    garbage_until: float = -1.0

    def count(self, reference: str) -> int:
        """How often the portal holds a reference, once all that is under way has arrived."""
        return sum(row[1] == reference for row in [*self.held, *self.coming])

    def find(self, wanted: Thing) -> Found | None:
        self.world.step("look")
        now = self.world.clock.true
        if self.world.fires("garbage page", 0.06):
            self.garbage_until = now + self.world.rng.choice([0.0, self.world.rng.uniform(1, 300)])
        if self.world.faulty and now <= self.garbage_until:
            raise self.world.rng.choice([PortalChanged, PortalUnavailable, SessionLost])("garbage")
        self.held += [row for row in self.coming if row[0] <= now]
        self.coming = [row for row in self.coming if row[0] > now]
        behind = self.world.rng.uniform(0, LAG) if self.world.fires("list behind", 0.25) else 0.0
        rows = [row for row in self.held if row[1] == wanted.reference and row[0] <= now - behind]
        self.world.step("looked")
        return Found(wanted.reference, rows[-1][2], f"P-{wanted.reference}", len(rows)) if rows else None

    def post(self, form: SimForm) -> Receipt:
        """What becomes of a form whose button was pressed."""
        world, reference = self.world, form.wanted.reference
        self.posts[reference] += 1
        world.step("sent")
        if reference in self.refusing:
            world.fired["refused"] += 1
            raise Refused("Perfil inativo")
        if world.fires("swallowed", 0.04):
            return Receipt(f"P-{reference}")
        if world.fires("no answer, not done", 0.08):
            raise world.rng.choice([OutcomeUnknown, PortalUnavailable, BrowserCrashed])("no answer")
        if world.fires("done late", 0.15):
            self.coming.append((world.clock.true + world.rng.uniform(1, LONGEST), reference, form.wanted.fields()))
            world.step("given up")
            raise OutcomeUnknown("no answer")
        self.held.append((world.clock.true, reference, form.wanted.fields()))
        world.step("committed")
        if world.fires("no answer, done", 0.08):
            raise world.rng.choice([OutcomeUnknown, BrowserCrashed])("no answer")
        if world.fires("said to be there", 0.05):
            raise Conflict("Já existe o contrato")
        return Receipt(f"P-{reference}")


@dataclass(frozen=True)
class SimForm:
    """The filled form of one item."""

    portal: SimPortal
    wanted: Thing

    def shown(self) -> dict[str, str]:
        return self.wanted.fields()

    def submit(self, permit: Permit) -> Receipt:
        self.portal.world.step("before the button")
        permit.use()
        receipt = self.portal.post(self)
        self.portal.world.step("answered")
        return receipt


class SimClock(SetClock):
    """A clock beside which true time is kept: portals live in that."""

    def __init__(self) -> None:
        super().__init__()
        self.true = 0.0

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.true += seconds


class SimJournal(Journal):
    """The production journal with a step before and after each of its writes, and a disk that fails."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self._world = world

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        self._world.step(f"before {what}")
        if self._world.fires("store fails", 0.02):
            raise DatabaseError("disk I/O error")
        yield
        self._world.step(f"after {what}")

    def intend(
        self, run: RunRecord, key: ActKey, digest: str, fields: Mapping[str, str], picture: str, **conditions: Any
    ) -> tuple[Intent, Permit]:
        with self._writing("intent"):
            return super().intend(run, key, digest, fields, picture, **conditions)

    def close(self, intent: Intent, state: IntentState, text: str = "", protocol: str = "", picture: str = "") -> None:
        with self._writing("close"):
            super().close(intent, state, text, protocol, picture)

    def see_orphan(self, intent: Intent) -> float:
        with self._writing("orphan"):
            return super().see_orphan(intent)

    def unreadable(self, intent: Intent, text: str) -> int:
        with self._writing("unreadable"):
            return super().unreadable(intent, text)


@dataclass
class World:
    """One schedule: a seed, a portal, a clock, items to register, and the faults that fired."""

    seed: int
    locks: Locks
    make_run: Callable[[], RunRecord]
    protocol_class: type[ActProtocol] = ActProtocol
    quiet: float = QUIET
    journal_class: type[SimJournal] = SimJournal
    fired: Counter[str] = field(default_factory=Counter)
    ends: dict[str, str] = field(default_factory=dict)
    nested: bool = False

    KILLS: ClassVar = {"kill": 0.025, "reboot": 0.006, "pause": 0.01, "clock set": 0.008, "second runner": 0.02}

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.clock = SimClock()
        self.portal = SimPortal(self)
        self.journal = self.journal_class(self)
        self.items = [Thing(f"S{self.seed}-{n}") for n in range(ITEMS)]
        self.portal.refusing = {item.reference for item in self.items if self.rng.random() < 0.1}
        self.faulty = True
        self.run = self.make_run()

    def fires(self, fault: str, chance: float) -> bool:
        """Whether a fault happens now; it is counted when it does."""
        happens = self.faulty and self.rng.random() < chance
        self.fired[fault] += happens
        return happens

    def step(self, _where: str) -> None:
        """A boundary between two steps: a little time passes, and anything may happen to the machine."""
        self.clock.advance(self.rng.uniform(0.01, 2))
        for fault, chance in self.KILLS.items():
            if not (fault == "second runner" and self.nested) and self.fires(fault, chance):
                self._happen(fault)

    def _happen(self, fault: str) -> None:
        if fault == "kill":
            raise Killed
        if fault == "reboot":
            raise Rebooted
        if fault == "pause":
            self.clock.advance(self.rng.uniform(30, 400))
        elif fault == "clock set":
            self.clock.set_wall(self.rng.choice([-3600, -600, 600, 3600]))
        else:
            self._second_runner()

    def _second_runner(self) -> None:
        """Another process works on one of the same items while the first stands where it is."""
        self.nested = True
        try:
            self.attempt(self.rng.choice(self.items), self.make_run())
        except Rebooted:
            raise
        except Killed:
            pass
        finally:
            self.nested = False

    def attempt(self, item: Thing, run: RunRecord) -> None:
        """One call of `ensure`, as a run makes it."""
        try:
            self.protocol(run).ensure("register", item, self.portal.find, lambda wanted: SimForm(self.portal, wanted))
        except Refused:
            self._end(item, "refused")
        except Conflict:
            self._end(item, "conflict")
        except (RetaguardaError, DatabaseError):
            return  # the item stays open and comes again
        else:
            self._end(item, "done")

    def protocol(self, run: RunRecord) -> ActProtocol:
        def shot(label: str) -> str:
            self.step(label)
            return "f" * 64

        return self.protocol_class(
            run, "ccee", self.quiet, self.journal, self.locks, self.clock, shot, may_press=lambda: self.step("may press")
        )

    def _end(self, item: Thing, end: str) -> None:
        if end == "done":
            self.require(self.portal.count(item.reference) == 1, f"{item.reference} told as done, the portal holds it otherwise")
        self.ends[item.reference] = end

    def require(self, holds: bool, text: str) -> None:
        if not holds:
            raise Violation(f"seed {self.seed}: {text}: {self.portal.held} {self.portal.coming}")

    def play(self) -> World:
        """Run the schedule to its end and check the invariants; returns itself, for the counts."""
        for round_ in range(FAULTY_ROUNDS + CALM_ROUNDS):
            self.faulty = round_ < FAULTY_ROUNDS
            for item in self.items:
                if item.reference not in self.ends:
                    self._attempt_or_die(item)
                self._check(item)
            if len(self.ends) == len(self.items):
                break
            self.clock.advance(self.rng.choice([self.rng.uniform(1, 10), self.rng.uniform(10, 120)]))
        self._finish()
        return self

    def _attempt_or_die(self, item: Thing) -> None:
        try:
            self.attempt(item, self.run)
        except Rebooted:
            self.clock.reboot()
            self.clock.advance(self.rng.uniform(20, 600))
        except Killed:  # a supervisor starts it again at once, or nobody does for a while
            self.clock.advance(self.rng.choice([self.rng.uniform(1, 5), self.rng.uniform(5, 300)]))

    def _check(self, item: Thing) -> None:
        self.require(self.portal.count(item.reference) <= 1, f"{item.reference} registered twice")

    def _finish(self) -> None:
        """All late work lands; every item has an end, and the end is the truth; a second run presses nothing."""
        self.faulty = False
        self.clock.advance(LONGEST + LAG)
        before = self.portal.posts.copy()
        for item in self.items:
            self._check(item)
            self.require(item.reference in self.ends, f"{item.reference} has no end")
            end, count = self.ends[item.reference], self.portal.count(item.reference)
            self.require(end == "conflict" or count == (end == "done"), f"{item.reference} ended {end}, the portal holds it {count} times")
            if end == "refused":
                given_up = Intent.objects.filter(reference=item.reference, state=IntentState.ABSENT).count() >= MAX_SWALLOWED
                self.require(item.reference in self.portal.refusing or given_up, f"{item.reference} was not refused")
            self.attempt(item, self.make_run())
        self.require(before == self.portal.posts, f"a second run pressed: {self.portal.posts - before}")


def worlds(seeds: range, folder: Path, make_run: Callable[[], RunRecord], **changes: object) -> Iterator[World]:
    """The played world of each seed; raises Violation at the first seed that breaks an invariant."""
    for seed in seeds:
        yield World(seed, Locks(folder / "locks"), make_run, **changes).play()  # type: ignore[arg-type]
