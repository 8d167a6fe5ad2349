"""An installation whose workers are processes of their own, seen from outside: by its store and by the notes of its toy tasks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from retaguarda.jobs.runs import Runs
from retaguarda.store.models import RunRecord
from tests.jobs.toy_tasks import notes
from tests.sandbox_fixtures import ROOT, eventually


@dataclass
class Workplace:
    """Settings, folder and runs of one installation over the store that is open."""

    url: str
    home: Path
    runs: Runs
    settings: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where toy tasks leave their notes."""
        path = self.home / "notes-of-tasks"
        path.mkdir(exist_ok=True)
        return path

    @property
    def notes(self) -> list[str]:
        return notes(self.folder)

    def environment(self) -> dict[str, str]:
        return (
            os.environ
            | {
                "RETAGUARDA_HOME": str(self.home),
                "RETAGUARDA_OUTPUT": str(self.home / "output"),
                "RETAGUARDA_STORE__URL": self.url,
                "RETAGUARDA_JOBS__POLL_SECONDS": "0.1",
                "RETAGUARDA_JOBS__RETRY_FIRST": "0.2",
                "RETAGUARDA_JOBS__KILL_GRACE": "2",
                "RETAGUARDA_LANGUAGE": "en",
            }
            | self.settings
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command of the product, with the toy tasks, as a process of its own group."""
        command = [sys.executable, "-m", "tests.jobs.command", *arguments]
        with (self.home / "processes.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment(), stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        return process

    def worker(self, concurrency: int = 1, *more: str) -> subprocess.Popen[bytes]:
        return self.start("worker", "start", "--concurrency", str(concurrency), *more)

    def queue(self, process: str, priority: int = 100, queue: str = "default", **params: object) -> RunRecord:
        """A run for the workers, with the notes' folder among its parameters."""
        given = {"folder": str(self.folder)} | {name: str(value) for name, value in params.items()}
        return self.runs.create(process, given, queue=queue, priority=priority)

    def reached(self, line: str, times: int = 1, within: float = 30) -> None:
        """Wait until the notes hold a line that begins so."""
        self.until(lambda: sum(note.startswith(line) for note in self.notes) >= times, within)

    def ended(self, *runs: RunRecord, within: float = 60) -> list[str]:
        """Wait until these runs have ended or are parked; their states."""
        keys = [run.pk for run in runs]
        self.until(lambda: not RunRecord.objects.filter(pk__in=keys, state__in=["PENDING", "RUNNING"]).exists(), within)
        return [RunRecord.objects.get(pk=key).state for key in keys]

    def until(self, check: object, within: float) -> None:
        try:
            eventually(check, within)  # type: ignore[arg-type]
        except AssertionError:
            states = list(RunRecord.objects.values_list("pk", "state", "attempt", "handed_over", "failures", "executor", "error"))
            log = (self.home / "processes.log").read_text()
            raise AssertionError(f"not in {within} s.\nnotes: {self.notes}\nruns: {states}\nlog: {log}") from None

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def workplace(url: str, home: Path, runs: Runs, **settings: str) -> Iterator[Workplace]:
    """A workplace whose processes end with the block."""
    made = Workplace(url, home, runs, settings)
    try:
        yield made
    finally:
        made.close()
