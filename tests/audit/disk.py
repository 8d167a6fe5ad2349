"""Kills and disk errors at every system call of the log's path, by strace; each injection must have fired."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from retaguarda.audit.log import AuditLog
from retaguarda.audit.verify import verify
from retaguarda.store.connection import point_at
from retaguarda.store.models import Milestone, OutboxEvent

CALLS = ("pwrite64", "write", "fsync", "fdatasync", "ftruncate", "rename", "link", "linkat")
FAULTS = {"kill": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Point:
    """The n-th call of a kind, and what befalls it."""

    call: str
    number: int
    fault: str

    @property
    def injection(self) -> str:
        return f"inject={self.call}:{FAULTS[self.fault]}:when={self.number}"


def points(template: Path, folder: Path, count: int, mutant: str = "") -> list[Point]:
    """Every point of a run that goes well: those that fail are only those that write."""
    home = copied(template, folder)
    done, trace = _run(home, count, (), mutant)
    assert done.returncode == 0, done.stderr
    numbers = {call: len(re.findall(rf"\b{call}\(", trace)) for call in CALLS}
    assert all(numbers[call] for call in ("pwrite64", "write", "fdatasync")), numbers
    kinds = {"kill": CALLS, "EIO": CALLS, "ENOSPC": ("pwrite64", "write", "ftruncate", "rename")}
    return [Point(call, number, fault) for fault, calls in kinds.items() for call in calls for number in range(1, numbers[call] + 1)]


def violations(template: Path, folder: Path, count: int, point: Point, mutant: str = "") -> Iterator[str]:
    """What is wrong after a run in which the fault struck, and after the next that seals."""
    home = copied(template, folder)
    done, trace = _run(home, count, ("-e", point.injection), mutant)
    if not ("(INJECTED)" in trace or "SIGKILL" in trace):
        yield f"{point}: it did not fire"
    if point.fault == "kill" and done.returncode == 0:
        yield f"{point}: it went on after it was killed"
    said = done.stdout.split()
    point_at(f"sqlite://{home / 'retaguarda.db'}")
    try:
        yield from (f"{point}: {problem}" for problem in agreement(home, said))
    finally:
        point_at("sqlite://:memory:")


def agreement(home: Path, said: list[str]) -> Iterator[str]:
    """State and events never disagree; what was acknowledged is there, once, and what was sealed stays sealed."""
    states = set(Milestone.objects.filter(name__startswith="state-").values_list("name", flat=True))
    told = [event.line["item"] for event in OutboxEvent.objects.order_by("id")]
    if states != set(told):
        yield f"state and events disagree: {sorted(states ^ set(told))}"
    if lost := {one for one in said if one.startswith("state-")} - states:
        yield f"acknowledged and lost: {sorted(lost)}"
    log = AuditLog(home / "audit")
    log.seal()
    lines = [orjson.loads(line)["item"] for line in log.lines()]
    if lines != told:
        yield f"the log holds {lines}, not {told}"
    if told and (problems := verify(log.folder).problems):
        yield f"it does not verify: {problems}"


def copied(template: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(template, folder / "retaguarda.db")
    return folder


def held(home: Path) -> list[str]:
    """What the segments hold as they stand, up to the first line that a power cut tore."""
    found = []
    for line in b"".join(path.read_bytes() for path in sorted((home / "audit" / "segments").glob("*.jsonl"))).split(b"\n")[:-1]:
        try:
            found.append(str(orjson.loads(line)["item"]))
        except ValueError:
            break
    return found


def _run(home: Path, count: int, injected: tuple[str, ...], mutant: str) -> tuple[subprocess.CompletedProcess[str], str]:
    trace = home / "trace"
    command = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={','.join(CALLS)}", *injected]
    command += [sys.executable, "-m", "tests.audit.sealing", str(home), str(count), *([mutant] if mutant else [])]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return done, trace.read_text(encoding="utf-8", errors="replace")
