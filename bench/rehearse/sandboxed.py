"""A sandbox portal as a process of its own, its ground truth read from its database, and what went wrong on order."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from retaguarda.redaction import Redactor

ROOT = Path(__file__).parents[2]
CONCLUDE = "POST /contratos/novo/concluir"
LIST = "GET /contratos"
EXPORT = "GET /contratos/exportar/arquivo/*"
SERVE = """
from sandbox.ccee import mail
mail.LATE = (0.05, 0.2)  # codes that come late have tests of their own
from sandbox.__main__ import main
raise SystemExit(main())
"""


@dataclass
class CceePortal:
    """The sandbox's CCEE on a port that it keeps, however often it is killed."""

    state: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; returns once it answers."""
        command = [sys.executable, "-c", SERVE, "up", "--state", str(self.state), "--portals", "ccee", "--port-base", str(self.port)]
        with (self.state / "portal.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        assert self.process.stdout is not None
        if not self.process.stdout.readline().startswith(b"ready"):
            raise RuntimeError((self.state / "portal.log").read_text("utf-8"))

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        assert self.process.stdout is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def order(self, *faults: dict[str, Any]) -> None:
        """Put these faults in the place of the present ones."""
        self._control("faults", list(faults))

    def fired(self) -> Counter[str]:
        """How often each kind of fault that is in force fired."""
        return Counter({name_of(fault): fault["fired"] for fault in self._control("faults")})

    def _control(self, name: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}/_sandbox/{name}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def held(self, references: list[str]) -> dict[str, list[str]]:
        """The ground truth: the montantes that the portal holds under each reference."""
        marks = ",".join("?" * len(references))
        rows = self._rows(f"select reference, mw from contracts where reference in ({marks})", *references)  # question marks
        return {reference: [mw for name, mw in rows if name == reference] for reference in references}

    def contracts(self, month: str) -> set[tuple[int, str, str]]:
        """The ground truth: code, reference and montante of each contract of a month, e.g. `2026-10`."""
        return set(self._rows("select code, reference, mw from contracts where month = ?", month))

    def presses(self) -> int:
        """How many forms arrived."""
        return int(self._rows("select count(*) from posts where path = ?", CONCLUDE.removeprefix("POST "))[0][0])

    def last_code(self) -> str:
        """The code that the portal sent last."""
        return str(self._rows("select code from codes order by id desc limit 1")[0][0])

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.state / "ccee.sqlite", timeout=60)) as database:
            return database.execute(sql, values).fetchall()

    def betrayed(self, folder: Path, texts: Iterable[tuple[str, bytes]] = ()) -> list[str]:
        """The files of a folder, and the texts, in which the credential's secrets stand, plain, encoded or packed."""
        searched = Redactor()
        for name, value in self.credential().items():
            if name != "user":
                searched.add(value)
        if not searched.found_in((self.state / "credentials.json").read_bytes()):
            raise AssertionError("the search finds no secret where they are kept: it proves nothing")
        files = ((str(path), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file())
        return [name for name, content in chain(files, texts) if searched.found_in(content)]

    def credential(self) -> dict[str, str]:
        return dict(json.loads((self.state / "credentials.json").read_text("utf-8"))["ccee/robo"])


def name_of(fault: dict[str, Any]) -> str:
    """What a fault is counted as."""
    when = {"error-500": "before it is done" if fault.get("value") != "after" else "after it was done"}.get(fault["kind"])
    return f"{fault['kind']} {when}" if when and fault["at"] == CONCLUDE else str(fault["kind"])


@contextmanager
def running_portal(state: Path) -> Iterator[CceePortal]:
    """A portal for the block."""
    state.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    portal = CceePortal(state, port)
    portal.start()
    try:
        yield portal
    finally:
        portal.kill()
