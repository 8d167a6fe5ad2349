"""A process that changes state, tells of it, and seals: `python -m tests.audit.sealing HOME COUNT [MUTANT]`; to be killed anywhere.

It says on its output what was committed, and when all is sealed. A mutant does one thing wrong, so that whoever kills it can show that
he would notice.
"""

from __future__ import annotations

import contextlib
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from retaguarda.store.connection import point_at, set_up

MUTANTS = ("says-first", "two-transactions", "unflushed", "journal-normal", "torn-kept")


LONG = 3000
"""Characters of an event: its line lies across blocks of the disk, of which a power cut may leave the second alone."""


def break_it(mutant: str) -> None:
    """Do one thing wrong in this process from here on."""
    from django.db import connection

    from retaguarda.audit import log

    if mutant == "unflushed":
        os.fdatasync = lambda fd: None
    if mutant == "journal-normal":
        connection.cursor().execute("PRAGMA synchronous=NORMAL")
    if mutant == "torn-kept":
        log._is_event = lambda line: True
        log._cut_torn_line = lambda segment: None


def main(home: Path, count: int, mutant: str = "") -> None:
    set_up()
    point_at(f"sqlite://{home / 'retaguarda.db'}")
    from django.db import transaction

    from retaguarda.audit import events
    from retaguarda.audit.log import AuditLog
    from retaguarda.clock import Clock
    from retaguarda.store.models import Milestone

    break_it(mutant)
    log = AuditLog(home / "audit")
    for number in range(count):
        if mutant == "says-first":
            os.write(1, f"state-{number}\n".encode())
        together: AbstractContextManager[object] = contextlib.nullcontext() if mutant == "two-transactions" else transaction.atomic()
        with together:
            Milestone.objects.create(name=f"state-{number}", at=Clock().now())
            with transaction.atomic():
                events.record("state.changed", item=f"state-{number}", data={"text": "x" * LONG})
        if mutant != "says-first":
            os.write(1, f"state-{number}\n".encode())
        log.seal()
        os.write(1, f"sealed-{number}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
