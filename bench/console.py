"""How long the console's pages take over many runs: `python -m bench.console [--runs 100000] [--store URL] [--times 15]`.

Fills a store of its own (a temporary file, or the empty database that --store names) with two years of runs, serves the console over
it, and prints for each page, one request at a time: the server's own processor time (the mean), and the
median and the worst time from the request to the last byte, which other work on the machine makes longer.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.console.web.server import Console

YEARS_SECONDS = 2 * 365 * 24 * 3600
LIVE = 10
"""Runs of the newest that are made to run, wait and be uncertain, so that pages have all that they may have."""


def pages(run: str) -> dict[str, str]:
    """What is asked for, by what it is called."""
    return {
        "Hoje": "/",
        "Hoje, its own renewal": "/?part=now",
        "Execuções": "/runs",
        "Execuções, failed": "/runs?state=FAULTED",
        "Execuções, a state that is rare": "/runs?state=STOPPED",
        "Execuções, a process": "/runs?process=reconcile_ccee",
        "Execuções, an item": "/runs?q=BOL-77-1",
        "Execuções, nobody's": "/runs?actor=nobody",
        "Execuções, a day far back": "/runs?until=2025-06-01",
        "a run": f"/runs/{run}",
        "a run's items": f"/runs/{run}?tab=items",
        "a run's evidence": f"/runs/{run}?tab=evidence",
        "a run's log": f"/runs/{run}?tab=log",
        "a run's audit": f"/runs/{run}?tab=audit",
        "Processos": "/processes",
        "Processos, a form": "/processes/close_month",
        "Pendências": "/requests",
        "Pendências, uncertain": "/requests/uncertain",
        "API, runs": "/api/v1/runs",
        "Agenda": "/schedule",
        "Agenda, 60 days": "/schedule/preview",
        "Agenda, fires": "/schedule/fires",
        "Conciliação": "/reconciliation",
        "Conciliação, matches": "/reconciliation/decisions",
        "Conciliação, breaks": "/reconciliation/breaks",
        "Conciliação, sign-off": "/reconciliation/months",
        "Auditoria, coverage": "/audit/coverage",
        "Portais e robôs": "/portals",
        "Portais, credentials": "/portals/credentials",
        "Portais, changed screens": "/portals/drift",
        "Indicadores, kept": "/indicators",
        "Administração": "/administration",
        "Administração, alerts": "/administration/alerts",
        "Administração, retention": "/administration/retention",
        "Administração, settings": "/administration/settings",
    }


def liven() -> str:
    """Make the newest runs such as people look at; returns one of them."""
    from retaguarda.clock import Clock
    from retaguarda.store.models import Intent, IntentState, Request, RunRecord, RunState

    now = Clock().now()
    newest = list(RunRecord.objects.order_by("-created_at")[:LIVE])
    for run in newest[:3]:
        RunRecord.objects.filter(pk=run.pk).update(state=RunState.RUNNING, ended_at=None)
        facts = {"portal": "ccee", "act": "register", "reference": f"{run.pk}-1", "attempt": 1, "digest": "0" * 64, "picture": "0" * 64}
        Intent.objects.create(run=run, state=IntentState.UNCERTAIN, at=now, boot="b", monotonic=0.0, **facts)
    for run in newest[3:]:
        RunRecord.objects.filter(pk=run.pk).update(state=RunState.SUSPENDED, ended_at=None)
        Request.objects.create(run=run, kind="approval", subject="register 2026-10", digest="0" * 64, facts={"items": 3}, asked_at=now)
    return newest[0].pk


def processor_seconds(console: Console) -> float:
    """Seconds of processor time that the server took so far (Linux)."""
    pid = console.process.pid if console.process else os.getpid()
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    options.add_argument("--runs", type=int, default=100_000)
    options.add_argument("--times", type=int, default=15)
    options.add_argument("--store", default="", help="an empty database, e.g. postgresql://user@host/name")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.store or f"sqlite://{folder}/bench.db", given.runs, given.times)


def measure(home: Path, url: str, runs: int, times: int) -> None:
    from retaguarda.store.connection import connect

    connect(url)
    from bench.metrics import fill
    from tests.console.web.server import served

    began = time.perf_counter()
    fill(runs, YEARS_SECONDS // runs)
    run = liven()
    print(f"{runs} runs, {runs * 3} items, {runs} events in {time.perf_counter() - began:.0f} s ({url.partition(':')[0]})")
    with served(home, url) as console:
        console.person("bench", "operator", "approver", "auditor", "administrator")
        visitor = console.signed_in("bench")
        for name, path in pages(run).items():
            visitor.see(path)
            taken, before = [], processor_seconds(console)
            for _ in range(times):
                start = time.perf_counter()
                answer = visitor.see(path)
                taken.append((time.perf_counter() - start) * 1000)
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: {answer.status_code}")
            work = (processor_seconds(console) - before) * 1000 / times
            wait = f"median {statistics.median(taken):7.0f}   worst {max(taken):7.0f}"
            print(f"{name:34} {work:6.0f} ms of work   {wait}   {len(answer.content) / 1000:5.0f} kB", flush=True)


if __name__ == "__main__":
    main()
