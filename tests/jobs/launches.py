"""Many launches at once of a process that signs in at the toy portal: one prepared program that forks, each child a process of its own.

Usage: python -m tests.jobs.launches STORE HOME PORTAL PATIENCE COUNT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from loguru import logger

from retaguarda.store.connection import point_at, set_up

set_up()
logger.remove()

from retaguarda.clock import Clock  # noqa: E402
from retaguarda.portal.manifest import Manifest  # noqa: E402
from retaguarda.process import Process  # noqa: E402
from retaguarda.run import Run  # noqa: E402
from tests.core.toy.robot import Registers, ToyRobot  # noqa: E402
from tests.house import House  # noqa: E402


def launch(store: str, home: Path, portal: str, patience: int) -> None:
    """One run of a queue, so that it waits for its turn; says how it ended."""

    class Toy(ToyRobot):
        @classmethod
        def manifest(cls) -> Manifest:
            return ToyRobot.manifest().model_copy(update={"lockout_attempts": patience})

    def signs_in(run: Run) -> None:
        with run.robot("toy/robo", Registers):  # type: ignore[type-abstract]
            pass

    point_at(store)
    with House.over(home, Clock()) as house:
        house.portal("toy", Toy, portal, {"user": "robo", "password": "canary-wrong-password"})
        record = house.services.runs.create("signs_in", {}, queue="default")
        house.runner(Process("signs_in", signs_in))._whole(record, retry_refused=False)
    print((record.error or {}).get("code", record.state), flush=True)


def main(store: str, home: str, portal: str, patience: str, count: str) -> None:
    children = []
    for _ in range(int(count)):
        child = os.fork()
        if child == 0:
            try:
                launch(store, Path(home), portal, int(patience))
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
