"""Logs to attack and to verify: made by the product's own sealer, anchored by a witness that sits elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from django.db import transaction

from retaguarda.audit import events, independent_path
from retaguarda.audit.log import AuditLog


def tell(count: int, action: str = "thing.done", run: str = "") -> None:
    """Events that wait to be sealed."""
    with transaction.atomic():
        for number in range(count):
            events.record(action, run=run, item=str(number), data={"amount": f"{number}.00"})


def sealed(log: AuditLog, *sizes: int) -> AuditLog:
    """The log after so many more events were sealed each time."""
    for size in sizes:
        tell(size)
        log.seal()
    return log


def independently(folder: Path, *arguments: object) -> tuple[int, str]:
    """What the independent verifier says of a log: its exit and its words. It runs alone, without site packages."""
    command = [sys.executable, "-I", "-S", str(independent_path()), str(folder), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    return done.returncode, done.stdout + done.stderr
