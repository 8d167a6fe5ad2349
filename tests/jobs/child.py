"""The executor of the product with the toy processes, its robots at the counter: `python -m tests.jobs.child`.

Everything else is the product's: runner, leases, act protocol, journal, locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retaguarda.console import wiring
from retaguarda.store.connection import set_up

set_up()

from retaguarda.console.executor import main  # noqa: E402  # needs the tables
from retaguarda.desk import Desk, Desks  # noqa: E402
from retaguarda.model.secrets import Credential  # noqa: E402
from retaguarda.store.models import RunRecord  # noqa: E402
from tests.jobs.counter import QUIET, Book, CounterRobot  # noqa: E402
from tests.jobs.toy_tasks import PROCESSES  # noqa: E402


@dataclass(frozen=True)
class NoScreen:
    """The counter has no screen to take pictures of."""

    def shot(self, label: str) -> str:
        return "0" * 64


@contextmanager
def at_the_counter(
    self: Desks, run: RunRecord, credential: str, capability: object, log: object, meanwhile: Callable[[], None], person: object
) -> Iterator[Desk[Any]]:
    """A desk at the counter, under the product's own lease."""
    book = Book(Path(run.params["folder"]) / "book.db")
    with self._leases.hold(credential, run, wait=2, meanwhile=meanwhile) as lease:
        book.sign_in(credential)
        try:
            screen: Any = NoScreen()
            yield Desk("counter", CounterRobot(book), screen, Credential(credential, "", {}), lease, QUIET, lambda: None)
        finally:
            book.sign_out(credential)


if __name__ == "__main__":
    setattr(wiring, "processes", lambda: PROCESSES)  # noqa: B010
    setattr(Desks, "open", at_the_counter)  # noqa: B010
    main()
