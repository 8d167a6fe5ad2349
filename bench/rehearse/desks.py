"""Desks at the sandbox's CCEE without a browser: the product's leases, runner and protocol, and a robot that speaks HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bench.rehearse.http_robot import HttpRobot
from bench.rehearse.sandboxed import CceePortal
from retaguarda.desk import Desk, Desks
from retaguarda.jobs.leases import Leases
from retaguarda.model.secrets import Credential
from retaguarda.process import Process
from retaguarda.run import Run
from retaguarda.runner import Runner
from retaguarda.settings import JobsSettings
from retaguarda.store.models import RunRecord
from tests.house import House, Thing

JOBS = JobsSettings(retries=50, retry_first=0.1, retry_most=0.2, time_limit=300)
CREDENTIAL = "ccee/robo"


def register(run: Run, references: tuple[str, ...], turn: str) -> None:  # noqa: ARG001  # tells runs apart
    """Register contracts of these references, once each."""
    with run.robot(CREDENTIAL, object) as robot:
        at: Any = robot
        for thing in run.pending([Thing(reference, "1,250000") for reference in references]):
            with run.item(thing):
                run.ensure("register", thing, find=at.find, draft=at.draft)


PROCESS = Process("register", register)


class NoScreen:
    """There is no screen to take pictures of."""

    def shot(self, _label: str) -> str:
        return "0" * 64


class HttpDesks(Desks):
    """Desks without a browser, under the product's own leases."""

    def __init__(self, house: House, robot: HttpRobot, quiet: float) -> None:
        self._robot, self._quiet = robot, quiet
        self._leases = Leases(house.services.locks, house.services.clock)

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
        with self._leases.hold(credential, run, wait=2, meanwhile=meanwhile) as lease:
            self._robot.sign_in()
            screen: Any = NoScreen()
            yield Desk("ccee", self._robot, screen, Credential(credential, "", {}), lease, self._quiet, self._robot.sign_in)


@contextmanager
def at_the_portal(house: House, portal: CceePortal, seller: int, buyers: dict[str, int], quiet: float) -> Iterator[Runner]:
    """A runner whose robot works at this portal."""
    desks = HttpDesks(house, HttpRobot(portal, seller, buyers), quiet)
    services = replace(house.services, desks=desks)
    yield Runner(services, {PROCESS.name: PROCESS}, house.audit, lambda _run: None)
