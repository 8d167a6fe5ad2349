"""Speed and size of the audit log, each beside its floor: `python -m bench.audit`.

The floor of a durable event is one flush of the same bytes to the same disk; that of verifying, one pass of SHA-256 over the
log; that of a dossier, one pass over its files. A ratio is measured within one run, so it holds on a busy machine too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from retaguarda.store.connection import connect, set_up

DURABLE, VERIFIED, WAITING = 1000, 50_000, 1000


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=VERIFIED, help="events of the log that is verified")
    parser.add_argument("--folder", type=Path, default=None, help="where to work: the disk that is measured")
    asked = parser.parse_args()
    set_up()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        return measure(Path(folder), asked.events)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def told(name: str, measured: str, floor: str, ratio: float) -> None:
    print(f"{name:34} {measured:>22}   floor {floor:>22}   {ratio:6.1f} ×", flush=True)


def measure(folder: Path, events: int) -> int:
    """Print each figure beside its floor."""
    from retaguarda.audit import independent_path
    from retaguarda.audit.log import AuditLog
    from retaguarda.audit.verify import verify
    from tests.audit.logs import tell

    connect(f"sqlite://{folder}/retaguarda.db")
    log = AuditLog(folder / "audit")
    tell(1)
    log.seal()
    seconds, floor = timed(lambda: one_by_one(DURABLE)), timed(lambda: flushes(folder, DURABLE))
    told("event committed with its state", f"{DURABLE / seconds:,.0f} events/s", f"{DURABLE / floor:,.0f} flushes/s", seconds / floor)
    sealing, one = timed(log.seal), timed(lambda: flushes(folder, 4))
    told(f"sealing {DURABLE} events at once", f"{DURABLE / sealing:,.0f} events/s", f"{4 / one:,.0f} flushes/s", sealing / one)
    while log.last_note()[1] < events:
        tell(min(5000, events))
        log.seal()
    size = sum(path.stat().st_size for path in (log.folder / "segments").iterdir())
    number = log.last_note()[1]
    pure = timed(lambda: [hashlib.sha256(line).digest() for line in log.lines()])
    for name, work in (
        ("verify, the suite's", lambda: verify(log.folder)),
        ("verify, the independent one", lambda: subprocess.run([sys.executable, "-I", "-S", independent_path(), log.folder], check=True)),
    ):
        seconds = timed(work)
        told(f"{name}, {number} events", f"{number / seconds:,.0f} events/s", f"{number / pure:,.0f} hashes/s", seconds / pure)
    print(f"{'size of an event':34} {size / number:>15,.0f} bytes   and 32 bytes of its leaf hash")
    dossier(folder, log)
    return 0


def one_by_one(count: int) -> None:
    """So many events, each in a transaction of its own."""
    from tests.audit.logs import tell

    for _ in range(count):
        tell(1)


def flushes(folder: Path, count: int) -> None:
    """Append a line of an event's length and flush it, so many times."""
    with (folder / "floor").open("ab") as file:
        for _ in range(count):
            file.write(b"x" * 420)
            file.flush()
            os.fdatasync(file.fileno())


def dossier(folder: Path, log: object) -> None:
    """The dossier of a run of 200 events and 40 pictures, in a log of many others."""
    from retaguarda.audit.evidence import EvidenceStore
    from retaguarda.audit.index import AuditIndex
    from retaguarda.audit.log import AuditLog
    from retaguarda.clock import Clock
    from retaguarda.jobs.runs import Runs
    from retaguarda.operations.dossier import Dossiers
    from retaguarda.reporting import Reporter
    from retaguarda.settings import Settings
    from tests.audit.logs import tell

    assert isinstance(log, AuditLog)
    runs, evidence = Runs(folder / "output", Clock()), EvidenceStore(folder / "evidence", Clock())
    run = runs.create("register_contracts", {})
    for _ in range(40):
        evidence.keep(run, "picture", "register BOL-1: receipt", os.urandom(8000))
    tell(160, run=run.pk)
    log.seal()
    indexing = timed(AuditIndex(log).catch_up)
    settings = Settings(home=folder, output=folder / "output")
    dossiers = Dossiers(log, evidence, runs, Reporter(settings, Clock(), runs, evidence, log.folder))
    path = folder / "dossier.zip"
    seconds = timed(lambda: dossiers.make(run, path))
    files = [one for one in (folder / "evidence").rglob("*") if one.is_file()]
    floor = timed(lambda: [hashlib.sha256(one.read_bytes()).digest() for one in files])
    told(
        "dossier, 201 events, 40 pictures",
        f"{seconds:.2f} s, {path.stat().st_size / 1e6:.1f} MB",
        f"{floor * 1000:.1f} ms",
        seconds / floor,
    )
    print(f"{'index, caught up':34} {log.last_note()[1] / indexing:>13,.0f} events/s")


if __name__ == "__main__":
    sys.exit(main())
