"""Processes that workers are tried with: what they do is seen in files, from outside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retaguarda.errors import ApprovalRequired, PortalUnavailable, Refused
from retaguarda.process import Process, task
from retaguarda.run import Run


@dataclass(frozen=True)
class Thing:
    """Something wanted: its reference is all there is to it."""

    reference: str

    def fields(self) -> dict[str, str]:
        return {"reference": self.reference}


def note(folder: Path, line: str) -> None:
    """Append a line to the folder's notes: one write, so that lines of several processes never mix."""
    with (folder / "notes").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text("utf-8").splitlines() if path.exists() else []


def wait_for(run: Run, path: Path) -> None:
    """A safe point: go on when the file is there."""
    while not path.exists():
        run.check_stop()
        run.clock.pause(0.02)


@task
def hello(run: Run, folder: Path, name: str = "hello") -> None:
    """Note that it ran."""
    note(folder, f"{name} {run.record.pk} {os.getpid()}")


@task
def itemised(run: Run, folder: Path, items: int, gate: int = -1) -> None:
    """Note each item; before item number `gate`, wait for the file `go`."""
    for thing in run.pending([Thing(f"T-{n:03}") for n in range(items)]):
        if thing.reference == f"T-{gate:03}":
            note(folder, f"at gate {os.getpid()}")
            wait_for(run, folder / "go")
        with run.item(thing):
            note(folder, f"item {thing.reference}")


@task(time_limit=1)
def endless(run: Run, folder: Path) -> None:
    """Go on for ever, looking at each safe point."""
    note(folder, f"endless {os.getpid()}")
    wait_for(run, folder / "never")


@task(time_limit=1)
def hanging(run: Run, folder: Path) -> None:
    """Hang where no safe point is."""
    note(folder, f"hanging {os.getpid()}")
    while not (folder / "never").exists():
        run.clock.pause(0.05)


@task
def failing(run: Run, folder: Path, kind: str, times: int = 99) -> None:
    """Fail the first `times` times."""
    note(folder, f"failing {kind}")
    if notes(folder).count(f"failing {kind}") <= times:
        raise {"application": PortalUnavailable("closed"), "business": Refused("no"), "person": ApprovalRequired()}[kind]


@task
def dying(run: Run, folder: Path, times: int = 99) -> None:
    """Take its own process down the first `times` times."""
    note(folder, "dying")
    if notes(folder).count("dying") <= times:
        os.kill(os.getpid(), 9)


@task(composed=True)
def parent(run: Run, folder: Path) -> None:
    """Two steps; the second one waits at a gate."""
    run.child("hello", folder=folder, name="first")
    run.child("itemised", folder=folder, items=3, gate=1)


@task
def register(run: Run, folder: Path, credential: str, batch: str = "", items: int = 3) -> None:
    """Register things at the counter, once each; a run without a batch has things of its own."""
    batch = batch or run.record.pk
    with run.robot(credential, object) as robot:
        counter: Any = robot
        for thing in run.pending([Thing(f"{batch}/{n}") for n in range(items)]):
            with run.item(thing):
                run.ensure("register", thing, find=counter.find, draft=counter.draft)


PROCESSES: dict[str, Process] = {p.name: p for p in (hello, itemised, endless, hanging, failing, dying, parent, register)}
