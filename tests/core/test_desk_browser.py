"""Desks start the browser when it is first needed, end it with the run, and replace one that died."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from retaguarda.errors import BrowserCrashed
from retaguarda.process import Process
from retaguarda.run import Run
from tests.core.toy.portal import PASSWORD, running_toy
from tests.core.toy.robot import Registers, ToyRobot
from tests.house import House, Thing

pytestmark = pytest.mark.browser


def kill_browser(house: House) -> None:
    browser = house.services.desks._browser
    assert browser is not None
    told = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    os.kill(next(process["id"] for process in told if process["type"] == "browser"), signal.SIGKILL)


def test_a_browser_that_dies_is_told_as_that_and_the_next_desk_gets_a_new_one(house: House) -> None:
    ends: list[str] = []

    def whole(run: Run) -> None:
        for attempt in range(2):
            with suppress(BrowserCrashed), run.robot("toy/robo", Registers) as robot:  # type: ignore[type-abstract]
                if attempt == 0:
                    kill_browser(house)
                ends.append(f"{attempt}: {robot.find(Thing('R-0'))}")

    with running_toy() as toy:
        house.portal("toy", ToyRobot, toy.pages.url, {"user": "robo", "password": PASSWORD})
        run = house.runner(Process("whole", whole)).start("whole", {})
    assert (run.state, ends) == ("SUCCESSFUL", ["1: None"]), run.error
    assert len(toy.sign_ins) == 2
    assert house.services.desks._browser is None
