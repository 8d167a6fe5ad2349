"""The executor of the product with the toy processes: `python -m tests.jobs.child`."""

from __future__ import annotations

from retaguarda.console import wiring
from retaguarda.store.connection import set_up

set_up()

from retaguarda.console.executor import main  # noqa: E402  # needs the tables
from tests.jobs.toy_tasks import PROCESSES  # noqa: E402

if __name__ == "__main__":
    setattr(wiring, "processes", lambda: PROCESSES)  # noqa: B010
    main()
