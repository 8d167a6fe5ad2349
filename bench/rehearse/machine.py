"""The machine of the simulation: its clock, its processes, its disk, its store, and how each of them fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.rehearse.portal import SimRobot, SimSession
from retaguarda.desk import Desk, Desks
from retaguarda.errors import SessionLost
from retaguarda.jobs.journal import ActKey, Journal
from retaguarda.jobs.leases import Leases
from retaguarda.model.acts import Permit
from retaguarda.model.secrets import Credential
from retaguarda.store.models import Intent, IntentState, RunRecord
from tests.house import SetClock

if TYPE_CHECKING:
    from bench.rehearse.schedule import Schedule


class Died(BaseException):
    """The process died here; its locks are free."""


class Rebooted(Died):
    """The machine went down here, and every process with it."""


class SimClock(SetClock):
    """A clock beside which true time is kept: portals live in that. Who waits on it may sleep longer than asked."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.true = 0.0
        self._rng = rng

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.true += seconds

    def pause(self, seconds: float) -> None:
        self.advance(self._rng.uniform(seconds, max(seconds, 60.0)))


@dataclass
class SimProcess:
    """One process that carries runs out; `offset` is what it knows of the wall clock."""

    name: str
    dead: bool = False
    offset: float | None = None
    session: SimSession | None = None


class SimJournal(Journal):
    """The production journal with a step before and after each of its writes."""

    def __init__(self, world: Schedule) -> None:
        super().__init__(world.clock)
        self._world = world

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        self._world.step(f"before {what}")
        yield
        self._world.step(f"after {what}")

    def intend(
        self, run: RunRecord, key: ActKey, digest: str, fields: Mapping[str, str], picture: str, **conditions: Any
    ) -> tuple[Intent, Permit]:
        with self._writing("intent"):
            made = super().intend(run, key, digest, fields, picture, **conditions)
            self._world.intended()
        return made

    def close(self, intent: Intent, state: IntentState, text: str = "", protocol: str = "", picture: str = "", no: str = "") -> None:
        with self._writing("close"):
            super().close(intent, state, text, protocol, picture, no)

    def see_orphan(self, intent: Intent) -> float:
        with self._writing("orphan"):
            return super().see_orphan(intent)


@dataclass(frozen=True)
class SimScreen:
    """Pictures of the portal: a step each, and nothing to see."""

    world: Schedule

    def shot(self, label: str) -> str:
        self.world.step(label)
        return "f" * 64


class SimDesks(Desks):
    """Desks at the simulated portal, under the product's own leases."""

    def __init__(self, world: Schedule, quiet: float) -> None:
        self._world = world
        self._quiet = quiet
        self._leases = Leases(world.locks, world.clock)

    def close(self) -> None:
        """There is no browser to end."""

    @contextmanager
    def open(
        self,
        run: RunRecord,
        credential: str,
        _capability: Any,
        _log: Any,
        meanwhile: Callable[[], None] = lambda: None,
        _person: Any = None,
    ) -> Iterator[Desk[Any]]:
        world = self._world
        world.present.offset = world.clock.offset()
        with self._leases.hold(credential, run, wait=5, meanwhile=meanwhile) as lease:
            robot = SimRobot(world.portal, world.portal.sign_in(credential))

            def sign_in() -> None:
                if world.fires("sign-in fails", 0.2):
                    raise SessionLost("the entrance again")
                robot.session = world.present.session = world.portal.sign_in(credential)

            world.present.session = robot.session
            screen: Any = SimScreen(world)
            yield Desk(world.PORTAL, robot, screen, Credential(credential, "", {}), lease, self._quiet, sign_in)
