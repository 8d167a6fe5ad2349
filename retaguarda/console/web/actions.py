"""What people do from pages and API alike, by the same functions as the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

from retaguarda.console.web.place import house
from retaguarda.console.wiring import process_named
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.runs import ENDED
from retaguarda.store.models import RunRecord


def launch(process: str, given: Mapping[str, str], *, dry_run: bool = False) -> RunRecord:
    """Queue a run, its parameters checked now; the person of the request is who launched it."""
    process_named(process).bind(given)
    return house().runs().create(process, dict(given), dry_run=dry_run, queue=queue())


def queue() -> str:
    """The queue that the console gives its runs to."""
    return house().settings.jobs.queues[0]


def stop(run: RunRecord, *, kill: bool = False) -> None:
    """Ask a run to stop at its next safe point, or its worker to end it at once."""
    if run.state in ENDED:
        raise ConfigurationError(f"run {run.pk} has ended", remedy="open it again to see how")
    if kill and not run.queue:
        raise ConfigurationError(f"run {run.pk} was launched from a terminal", remedy=f"retaguarda run kill {run.pk}")
    house().bury_dead()
    house().runs().request_stop(run, kill=kill)


def retry(run: RunRecord, *, refused: bool = False) -> None:
    """Queue a run that ended, or waits for a person, again: workers go on where it stood."""
    house().bury_dead()
    house().runs().queue_up(run, "" if run.queue else queue(), retry_refused=refused)


def keep_upload(name: str, chunks: IO[bytes]) -> Path:
    """Keep a file that somebody gave to a process; where it lies. Raises InvalidItem when it is larger than `console.upload_mb`."""
    return house().uploads().keep(name, chunks)


def is_upload(path: Path) -> bool:
    """Whether a path leads to a file that was given here, and nowhere else on this machine."""
    return house().uploads().holds(path)
