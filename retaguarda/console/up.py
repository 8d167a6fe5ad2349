"""`retaguarda up`: scheduler, worker and console of one machine in one process tree; what dies is started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer

from retaguarda.clock import Clock
from retaguarda.console.wiring import open_house
from retaguarda.interrupts import Interrupts
from retaguarda.language import say

LOOK_SECONDS = 0.2
SHORT_LIFE = 10.0
"""Seconds: what ends sooner is started again ever more slowly."""
LONGEST_PAUSE = 60.0


def up(
    queues: Annotated[str, typer.Option(help="Queues to serve, set apart by commas.")] = "",
    concurrency: Annotated[int, typer.Option(min=0, help="Runs at a time; the setting jobs.concurrency when 0.")] = 0,
    console: Annotated[bool, typer.Option(help="Serve the web console too.")] = True,
) -> None:
    """Scheduler, worker, watch over alerts and web console on this machine, until stopped."""
    house = open_house()
    interrupts = Interrupts()
    worker = ["worker", "start", "--concurrency", str(concurrency), *(["--queues", queues] if queues else [])]
    commands = {"scheduler": ["scheduler", "start"], "worker": worker, "watch": ["alert", "watch"]}
    if house.settings.tickets.mailbox or house.settings.tickets.smtp:
        commands["post"] = ["ticket", "watch"]
    if console:
        commands["console"] = ["console", "serve"]
    parts = [Part(name, command, house.clock) for name, command in commands.items()]
    with interrupts.listening():
        while not interrupts.asked():
            for part in parts:
                part.look_after()
            house.clock.pause(LOOK_SECONDS)
        for part in parts:
            part.ask_to_end()
        for part in parts:
            part.wait(house.settings.jobs.kill_grace + 30)
    typer.echo(say("Scheduler and worker have ended."))


@dataclass
class Part:
    """One process of the tree."""

    name: str
    command: Sequence[str]
    clock: Clock
    process: subprocess.Popen[bytes] | None = None
    _began: float = 0.0
    _next: float = 0.0
    _pause: float = field(default=1.0)

    def look_after(self) -> None:
        """Start it when it does not run; slower each time that it lived only shortly."""
        now = self.clock.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self._pause = min(self._pause * 2, LONGEST_PAUSE) if now - self._began < SHORT_LIFE else 1.0
            self._next = now + self._pause
            code = self.process.returncode
            typer.echo(
                say(
                    "{part} ended with code {code}; it is started again in {seconds:.0f} s.", part=self.name, code=code, seconds=self._pause
                ),
                err=True,
            )
            self.process = None
        if self.process is None and now >= self._next:
            self._began = now
            self.process = subprocess.Popen(  # noqa: S603  # our own commands; a group of its own: Ctrl-C reaches us alone
                [sys.executable, "-m", "retaguarda", *self.command], start_new_session=True
            )

    def ask_to_end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, patience: float) -> None:
        """Until it has ended; killed when it does not in time."""
        if self.process is None:
            return
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
