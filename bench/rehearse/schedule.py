"""One schedule of the simulation: a seed, a machine, a portal, items to register, and the faults that fired.

One thread. What is rehearsed is the product's own code over a real SQLite; clock, portal, pictures and random numbers are
injected. What is judged is what the portal holds, never what our own log says.
"""

from __future__ import annotations

import itertools
import random
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from django.db import OperationalError, connection
from loguru import logger

from bench.rehearse.machine import Died, Rebooted, SimClock, SimProcess
from bench.rehearse.portal import SimForm, SimPortal
from bench.rehearse.tally import Violation
from retaguarda import locks as locks_module
from retaguarda import runner as runner_module
from retaguarda.jobs import runs as runs_module
from retaguarda.locks import Locks
from retaguarda.store.models import IntentState
from tests.house import Thing

if TYPE_CHECKING:
    from loguru import Logger

QUIET = 150.0
FAULTY_ROUNDS = 8
CALM_ROUNDS = 60
STATEMENT = {"kill at a statement": 0.0015, "store fails": 0.0015, "committed, and told otherwise": 0.003}
"""Faults at each SQL statement, the last at each commit, and how likely they are."""
DOUBLE_CLICK = 0.05
PORTAL_FAULTS = (
    "no answer, not done", "no answer, done", "done late", "swallowed", "said to be there", "refused", "said to be used", "list behind",
    "garbage page", "another hand", "form shows otherwise", "double click",
)  # fmt: skip
NEEDS_ANOTHER = {"second runner", "same run twice", "hang", "lock lost"}
"""Faults in which another process comes in: not inside one another, nor in the middle of a transaction."""
TABLES = ("outboxevent", "intent", "item", "lease", "request", "runrecord")


def _no_log(_path: Path, _root: str) -> AbstractContextManager[Logger]:
    """Run logs are another rehearsal's subject."""
    return nullcontext(logger)


@dataclass
class Schedule:
    """What all schedules have in common; the subclasses say what is rehearsed."""

    seed: int
    folder: Path
    fired: Counter[str] = field(default_factory=Counter)
    ends: list[str] = field(default_factory=list)
    violation: str = ""
    processes: list[SimProcess] = field(default_factory=list)
    faulty: bool = True
    disk_full_until: float = -1.0

    PORTAL: ClassVar = "portal"
    sessions: ClassVar = False
    """Whether a lost session is replaced."""
    ITEMS: ClassVar[int]
    MACHINE: ClassVar[Mapping[str, float]]
    """Faults of the machine, and how likely each is at a step."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.clock = SimClock(self.rng)
        self.locks = Locks(self.folder / "locks")
        self.portal = SimPortal(self)
        self.items = [Thing(f"S{self.seed}-{n}") for n in range(self.ITEMS)]
        self.portal.refusing = {item.reference for item in self.items if self.rng.random() < 0.1}
        self.portal.used = {item.reference for item in self.items if item.reference in self.portal.refusing and self.rng.random() < 0.3}
        self._watching = False
        self._tokens = itertools.count()
        self._fingers = random.Random(f"fingers {self.seed}")

    def play(self) -> Schedule:
        """Run the schedule to its end and check the promises; returns itself, for the counts."""
        with self._injected():
            if self.rng.random() < 0.02:
                self.fired["another hand"] += 1
                self.portal.other_hand(self.items[0])
            self.begin()
            for round_ in range(FAULTY_ROUNDS + CALM_ROUNDS):
                self.faulty = round_ < FAULTY_ROUNDS
                try:
                    self.turn()
                except Rebooted:
                    self.clock.reboot()
                    self.clock.advance(self.rng.uniform(20, 600))
                self.check()
                if self.at_rest():
                    break
                most = 120 if self.faulty else 600
                self.clock.advance(self.rng.choice([self.rng.uniform(1, 10), self.rng.uniform(10, most)]))
            self.faulty = False
            self.finish()
            self.check()
        return self

    def begin(self) -> None:
        """Make what the schedule works on."""
        raise NotImplementedError

    def turn(self) -> None:
        """Do once whatever is to be done now."""
        raise NotImplementedError

    def at_rest(self) -> bool:
        """Whether every item has its end."""
        raise NotImplementedError

    def finish(self) -> None:
        """All late work lands; every item has an end, and the end is the truth; whoever comes later presses nothing."""
        raise NotImplementedError

    def another(self, fault: str) -> None:
        """Another process comes while the one at work stands where it is."""
        raise NotImplementedError

    # --- what goes wrong --------------------------------------------------------------------------------------------------

    @property
    def present(self) -> SimProcess:
        """The process that is at work."""
        return self.processes[-1]

    def fires(self, fault: str, chance: float) -> bool:
        """Whether a fault happens now; it is counted when it does."""
        happens = self.faulty and self.rng.random() < chance
        self.fired[fault] += happens
        return happens

    def clicks_twice(self) -> bool:
        """Whether a button is clicked once more; drawn apart, so that it moves no other fault to another place."""
        happens = self.faulty and self._fingers.random() < DOUBLE_CLICK
        self.fired["double click"] += happens
        return happens

    def step(self, _where: str) -> None:
        """A boundary between two steps: a little time passes, and anything may happen to the machine."""
        self.clock.advance(self.rng.uniform(0.01, 2))
        alone = len(self.processes) == 1 and not connection.in_atomic_block
        for fault, chance in self.MACHINE.items():
            if (alone or fault not in NEEDS_ANOTHER) and self.fires(fault, chance):
                self.happen(fault)

    def happen(self, fault: str) -> None:
        """Let a fault of the machine happen."""
        if fault == "kill":
            self.die()
        elif fault == "reboot":
            self.die(Rebooted)
        elif fault == "pause":
            self.clock.advance(self.rng.uniform(30, 400))
        elif fault == "clock set":
            self.clock.set_wall(self.rng.choice([-3600, -600, 600, 3600]))
        elif fault == "lock lost":
            self.lose_locks(all_of_them=False)
            if len(self.processes) == 1 and self.rng.random() < 0.7:  # whoever waited for it comes in at once
                self.another("second runner")
        elif fault == "disk full":
            self.disk_full_until = self.clock.true + self.rng.uniform(1, 300)
        elif fault == "hang":
            self.lose_locks(all_of_them=True)
            for _ in range(self.rng.randint(2, 4)):
                self.clock.advance(self.rng.uniform(20, 160))
                self.another(fault)
        else:
            self.another(fault)

    def die(self, how: type[Died] = Died) -> None:
        """End the process at work, or all of them."""
        for process in self.processes if how is Rebooted else self.processes[-1:]:
            process.dead = True
        raise how

    def lose_locks(self, *, all_of_them: bool) -> None:
        """Somebody clears the folder of the locks, or the server of the locks lets go of a session."""
        for path in sorted((self.folder / "locks").glob("*.lock")):
            if all_of_them or self.rng.random() < 0.5:
                path.unlink()

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # Django's hook
        """Every statement of the product goes through here: a dead process writes nothing more, and any of them may be the last."""
        if self.processes and not self._watching:
            if self.present.dead:
                raise OperationalError("the process is dead")
            if self.fires("kill at a statement", STATEMENT["kill at a statement"]):
                self.die()
            if self.fires("store fails", STATEMENT["store fails"]):
                raise OperationalError("disk I/O error")
        return execute(sql, params, many, context)

    def _commit(self, commit: Callable[[], None]) -> None:
        """The store keeps a transaction, and the connection breaks before it can say so."""
        commit()
        fault = "committed, and told otherwise"
        if self.processes and not self._watching and self.fires(fault, STATEMENT[fault]):
            raise OperationalError("the connection broke at the commit")

    @property
    def disk_full(self) -> bool:
        """Whether nothing more goes onto the disk."""
        return self.faulty and self.clock.true < self.disk_full_until

    def _disk_usage(self, _folder: object) -> Any:
        return SimpleNamespace(free=0 if self.disk_full else 10**12)

    def _executor(self) -> str:
        return self.present.name if self.processes else "machine:0"

    def _token(self, _bytes: int) -> str:
        return f"{next(self._tokens):08x}"

    @contextmanager
    def observing(self) -> Iterator[None]:
        """What is asked of the store within the block is nothing that a process of the product does."""
        before, self._watching = self._watching, True
        try:
            yield
        finally:
            self._watching = before

    @contextmanager
    def _injected(self) -> Iterator[None]:
        """The store empty, and everything that the product asks the machine for, asked here."""
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"DELETE FROM store_{table}")  # our own names
        injected = (
            mock.patch.object(shutil, "disk_usage", self._disk_usage),
            mock.patch.object(runs_module, "executor", self._executor),
            mock.patch.object(secrets, "token_hex", self._token),
            mock.patch.object(locks_module, "_TRIES", 1),  # nobody else is about who only looks
            mock.patch.object(runner_module, "run_log", _no_log),
        )
        with ExitStack() as stack:
            stack.enter_context(connection.execute_wrapper(self._statement))
            stack.enter_context(mock.patch.object(connection, "_commit", partial(self._commit, connection._commit)))  # type: ignore[attr-defined]
            for patch in injected:
                stack.enter_context(patch)
            yield

    # --- what must hold ---------------------------------------------------------------------------------------------------

    def require(self, holds: bool, text: str) -> None:
        """Note the first promise that is broken, and end everything."""
        if not holds:
            self.violation = self.violation or f"seed {self.seed}: {text}: {self.portal.held} {self.portal.coming}"
            if self.processes:
                self.die(Rebooted)

    def why_not(self) -> str:
        """Why nothing may be pressed from now on by the process at work; nothing when it may."""
        return ""

    def intended(self) -> None:
        """An intent was written."""

    def pressed(self, form: SimForm) -> None:
        """A form arrived: it was announced by an intent of its own, and nothing spoke against it before it was read."""
        reference = form.wanted.reference
        self.require(not form.why_not, f"{reference} pressed although {form.why_not}")
        with self.observing(), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM store_intent WHERE reference = %s AND state <> %s", [reference, IntentState.NOT_SENT])
            (intents,) = cursor.fetchone()
        self.require(intents >= self.portal.posts[reference], f"{reference} pressed without an intent")

    def check(self) -> None:
        """Nothing of ours twice, nothing otherwise than wanted."""
        for wanted in self.items:
            ours = [row for row in self.portal.rows(wanted.reference) if row.ours]
            self.require(len(ours) <= 1, f"{wanted.reference} registered twice")
            self.require(all(row.fields == wanted.fields() for row in ours), f"{wanted.reference} registered otherwise than wanted")
        if self.violation:
            raise Violation(self.violation)

    def is_done(self, reference: str) -> bool:
        """Whether the portal holds exactly what is wanted, once."""
        wanted = next(item for item in self.items if item.reference == reference)
        return [row.fields for row in self.portal.rows(reference)] == [wanted.fields()]

    def judged(self, reference: str, code: str, reason: str) -> str:
        """How an item ended that was not done, once that was found to be true."""
        ours = [row for row in self.portal.rows(reference) if row.ours]
        if code == "conflict":
            hidden, swapped = "no longer shows it" in reason, "that it gave us" in reason
            self.require(hidden or swapped or not self.is_done(reference), f"{reference} told as a conflict")
            return (
                "to a person: late list" if hidden else "to a person: confirmed, another shown" if swapped else "conflict with another hand"
            )
        given_up = "the portal never showed it" in reason
        self.require(code == "refused" and not ours, f"{reference} ended {code}: {reason}")
        self.require(given_up or reference in self.portal.refusing, f"{reference} was not refused")
        return "to a person: swallowed" if given_up else "refused"
