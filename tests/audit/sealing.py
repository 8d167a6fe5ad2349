"""A process that changes state, tells of it, and seals: `python -m tests.audit.sealing HOME COUNT`; to be killed anywhere.

It says on its output what was committed, and when all is sealed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from retaguarda.store.connection import point_at, set_up


def main(home: Path, count: int) -> None:
    set_up()
    point_at(f"sqlite://{home / 'retaguarda.db'}")
    from django.db import transaction

    from retaguarda.audit import events
    from retaguarda.audit.log import AuditLog
    from retaguarda.clock import Clock
    from retaguarda.store.models import Milestone

    log = AuditLog(home / "audit")
    for number in range(count):
        with transaction.atomic():
            Milestone.objects.create(name=f"state-{number}", at=Clock().now())
            events.record("state.changed", item=f"state-{number}")
        os.write(1, f"state-{number}\n".encode())
        log.seal()
        os.write(1, f"sealed-{number}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
