"""How long the console's pages take over many runs: `python -m bench.console [--runs 100000] [--events 100000] [--store URL] [--times 15]`.

Fills a store of its own (a temporary file, or the empty database that --store names) with two years of runs, serves the console over
it, and prints for each page, one request at a time: the processor time of the server and of PostgreSQL (the mean), and the least, the
median and the worst time from the request to the last byte, the database's work included; other work on the machine makes them longer.
`--fill` fills the store and leaves it so; `--filled` measures over a store that was filled before.
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
        "a run's versions": f"/runs/{run}?tab=versions",
        "Processos": "/processes",
        "Processos, a form": "/processes/close_month",
        "Pendências": "/requests",
        "Pendências, uncertain": "/requests/uncertain",
        "Pendências, requests of areas": "/requests/tickets",
        "a request of an area": "/requests/tickets/1",
        "API, runs": "/api/v1/runs",
        "Agenda": "/schedule",
        "Agenda, 60 days": "/schedule/preview",
        "Agenda, fires": "/schedule/fires",
        "Conciliação": "/reconciliation",
        "Conciliação, matches": "/reconciliation/decisions",
        "Conciliação, breaks": "/reconciliation/breaks",
        "Conciliação, an item's matches": "/reconciliation/decisions?state=STANDS&q=AR-77",
        "Conciliação, matching by hand": "/reconciliation/match/e77",
        "Conciliação, open items by name": "/reconciliation/match/e77?q=cliente",
        "Conciliação, CCEE × ERP": "/reconciliation/contracts",
        "Conciliação, way of the money": "/reconciliation/lineage?q=AR-77",
        "Conciliação, sign-off": "/reconciliation/months",
        "Auditoria": "/audit",
        "Auditoria, a word": "/audit?q=BOL-77",
        "Auditoria, a run": "/audit?run=run-77",
        "Auditoria, an action": "/audit?action=act",
        "Auditoria, a person": "/audit?actor=bench",
        "Auditoria, a day far back": "/audit?until=2026-01-05",
        "Auditoria, an event": "/audit/events/77",
        "Auditoria, changes": "/audit/changes",
        "Auditoria, access of three months": "/audit/access",
        "Auditoria, coverage": "/audit/coverage",
        "Portais e robôs": "/portals",
        "Portais, credentials": "/portals/credentials",
        "Portais, changed screens": "/portals/drift",
        "Indicadores, kept": "/indicators",
        "Administração": "/administration",
        "Administração, workers": "/administration/workers",
        "Administração, backup": "/administration/backup",
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


def database_seconds() -> float:
    """Seconds of processor time that ended connections of a PostgreSQL on this machine took so far; 0 where there is none to see."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0  # the file is read by the server itself
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    try:
        master = (folder / "postmaster.pid").read_text("utf-8").split()[0]
        fields = Path(f"/proc/{master}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    options.add_argument("--runs", type=int, default=100_000)
    options.add_argument("--events", type=int, default=100_000, help="in the log's index, and as rows of their own")
    options.add_argument("--times", type=int, default=15)
    options.add_argument("--store", default="", help="an empty database, e.g. postgresql://user@host/name")
    options.add_argument("--home", default="", help="folder of the log and the evidence; a temporary one when left out")
    options.add_argument("--only", default="", help="pages whose name holds this")
    options.add_argument("--fill", action="store_true", help="fill the store and stop")
    options.add_argument("--filled", action="store_true", help="the store and the home are filled already")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(given.home or folder)
        url = given.store or f"sqlite://{home}/bench.db"
        from retaguarda.store.connection import connect

        connect(url)
        if not given.filled:
            fill_everything(home, given.runs, given.events)
        if not given.fill:
            measure(home, url, given.times, given.only)


def fill_everything(home: Path, runs: int, events: int) -> None:
    """Two years of runs with all that belongs to them."""
    from django.db import connection

    from bench.book_rows import fill_acts, fill_books, fill_index
    from bench.metrics import fill

    began = time.perf_counter()
    fill(runs, YEARS_SECONDS // runs, max(events // runs, 1))
    fill_books(runs)
    fill_acts(runs)
    fill_index(events, home / "audit")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    liven()
    print(f"{runs} runs, {runs * 3} items, {events} events in {time.perf_counter() - began:.0f} s ({connection.vendor})", flush=True)


def measure(home: Path, url: str, times: int, only: str) -> None:
    """Serve the console over the store, and print what each page took."""
    from retaguarda.store.models import Intent
    from tests.console.web.server import served

    run = Intent.objects.order_by("-pk").values_list("run", flat=True)[0]
    with served(home, url) as console:
        if not any(person.name == "bench" for person in console.register.everybody()):
            console.person("bench", "operator", "approver", "auditor", "administrator")
        visitor = console.signed_in("bench")
        for name, path in pages(run).items():
            if only and only not in name:
                continue
            while 'id="counting"' in visitor.see(path).text:
                time.sleep(1)  # figures that are counted beside the pages
            taken, before, held = [], processor_seconds(console), database_seconds()
            for _ in range(times):
                start = time.perf_counter()
                answer = visitor.see(path)
                taken.append((time.perf_counter() - start) * 1000)
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: {answer.status_code}")
            work = (processor_seconds(console) - before) * 1000 / times
            store = (database_seconds() - held) * 1000 / times
            wait = f"least {min(taken):6.0f}   median {statistics.median(taken):6.0f}   worst {max(taken):6.0f}"
            print(
                f"{name:34} {work:6.0f} ms of work {store:6.0f} in the database   {wait}   {len(answer.content) / 1000:5.0f} kB", flush=True
            )


if __name__ == "__main__":
    main()
