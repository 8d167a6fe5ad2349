"""The command line of the product with the toy processes: `python -m tests.jobs.command worker start …`."""

from __future__ import annotations

import sys

from retaguarda.console import commands_worker, wiring
from retaguarda.console.cli import main
from retaguarda.store.connection import set_up

set_up()

from tests.jobs.toy_tasks import PROCESSES  # noqa: E402  # needs the tables

if __name__ == "__main__":
    setattr(wiring, "processes", lambda: PROCESSES)  # noqa: B010
    commands_worker.EXECUTOR[:] = [sys.executable, "-m", "tests.jobs.child"]
    main()
