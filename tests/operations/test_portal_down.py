"""The whole way, with a real browser: runs meet a portal that is down, people hear of one cause, and of its end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from retaguarda.operations.alerts import keep_watch
from retaguarda.operations.installation import Installation
from retaguarda.process import Process
from retaguarda.run import Run
from retaguarda.settings import AlertSettings, AlertTarget
from retaguarda.store.models import Alert, RunRecord
from tests.core.toy.portal import PASSWORD, running_toy
from tests.core.toy.robot import Registers, ToyRobot
from tests.house import House, SetClock, Thing

pytestmark = pytest.mark.browser


@pytest.fixture
def house(store: Path, clock: SetClock, chromium: Browser) -> Iterator[House]:
    with House.over(store.parent, clock, chromium) as house:
        yield house


def looks(name: str) -> Process:
    """A process that enters the portal and looks something up."""

    def look(run: Run) -> None:
        with run.robot("toy/robo", Registers) as robot:  # type: ignore[type-abstract]
            robot.find(Thing("R-0"))

    return Process(name, look)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_runs_of_several_processes_at_one_portal_have_one_cause(house: House, clock: SetClock) -> None:
    sent: list[str] = []

    def send(_: Installation, _target: str, subject: str, _body: str) -> str:
        sent.append(subject)
        return ""

    alerts = AlertSettings(targets={"desk": AlertTarget()}, settle_minutes=5)
    settings = house.services.settings.model_copy(update={"alerts": alerts})
    place = Installation(settings, clock, house.services.locks, lambda: house.vault)
    processes = [looks("export_erp"), looks("register_contracts")]
    runner = house.runner(*processes)
    secrets = {"user": "robo", "password": PASSWORD}

    house.portal("toy", ToyRobot, f"http://127.0.0.1:{closed_port()}", secrets)
    for process in processes * 2:
        run = runner.start(process.name, {})
        assert run.error
        assert (run.state, run.error["portal"], run.error["credential"]) == ("FAULTED", "toy", "toy/robo")
        keep_watch(place, send=send)
    assert [alert.cause for alert in Alert.objects.all()] == ["portal/toy"]
    assert Alert.objects.get().symptoms == RunRecord.objects.count() == 4

    with running_toy() as toy:
        house.portal("toy", ToyRobot, toy.pages.url, secrets)
        assert runner.start("export_erp", {}).state == "SUCCESSFUL"
    for _ in range(3):
        keep_watch(place, send=send)
        clock.advance(200)
    assert sent == ["[Retaguarda] atenção: o portal toy está indisponível", "[Retaguarda] encerrado: o portal toy está indisponível"]
