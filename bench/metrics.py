"""How long counting the metrics takes over many runs: `python -m bench.metrics [--runs 100000] [--store URL]`.

Fills a store of its own (a temporary file, or the empty database that --store names) and prints the time of a count.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NUMBERS = "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {runs}) SELECT n FROM numbers) AS numbered"
CHANGED = '{"code": "portal-changed", "text": "the heading of the list is another", "remedy": ""}'
REFUSED = '{"code": "item-invalid", "text": "3 items failed", "remedy": ""}'
PROCESSES = ("close_month", "export_erp", "register_contracts", "reconcile_ccee", "download_statements")


def numbers_to(last: int) -> str:
    """The numbers from 1 on as a table `numbered` with the column n."""
    from django.db import connection

    if connection.vendor == "postgresql":
        return f"generate_series(1, {last}) AS numbered(n)"
    return NUMBERS.format(runs=last)


def fill(runs: int, apart: int = 4, events: int = 1) -> None:
    """Rows of so many runs, `apart` seconds from each other, three items and so many events each; and fires of fifty triggers."""
    from django.db import connection

    from retaguarda.store.models import Item, OutboxEvent, PlannedFire, RunRecord

    numbers = numbers_to(runs)
    at = f"(n - {runs}) * {apart} + 431400"  # the newest ten minutes ago
    process = " ".join(f"WHEN {place} THEN '{name}'" for place, name in enumerate(PROCESSES))
    state = "CASE WHEN n % 97 = 0 THEN 'FAULTED' WHEN n % 31 = 0 THEN 'PARTIAL' WHEN n % 1009 = 0 THEN 'PENDING' ELSE 'SUCCESSFUL' END"
    run = {
        "id": "'run-' || n",
        "process": f"CASE n % 5 {process} END",
        "params": """'{"month": "2026-10", "credential": "ccee/robo"}'""",
        "state": state,
        "actor": "'retaguarda'",
        "created_at": _moment(at),
        "started_at": _moment(at),
        "ended_at": _moment(f"{at} + n % 600"),
        "folder": "'output/2026-11-11/run-' || n",
        "result": """'{"registered": 12, "findings": {"sha256": "00000000000000000000000000000000", "name": "findings.json"}}'""",
        "queue": "'default'",
        "error": _json(f"CASE WHEN n % 970 = 0 THEN '{CHANGED}' WHEN n % 97 = 0 OR n % 31 = 0 THEN '{REFUSED}' END"),
        "trigger": "'daily-' || (n % 50)",
    }
    item = {
        "run_id": "'run-' || n",
        "reference": "'BOL-' || three.digit",
        "state": "CASE WHEN n % 7 = 0 THEN 'FAILED_BUSINESS' ELSE 'SUCCESSFUL' END",
        "outcome": "'done'",
        "code": "CASE WHEN n % 7 = 0 THEN 'item-invalid' ELSE '' END",
        "protocol": "CASE WHEN n % 5 = 2 AND n % 7 > 0 THEN 'P-' || n || '-' || three.digit ELSE '' END",
        "fields": """'{"buyer": "A", "seller": "B", "mwh": "744.000"}'""",
        "updated_at": _moment(at),
    }
    of_run = f"((n - 1) / {events} + 1)"
    named = '"actor": "retaguarda", "target": "ccee", "item": "", "version": "0.1.0", "local": "2026-11-11T10:00:00-03:00"'
    line = f"""'{{"id": "x", "action": "run.queued", {named}, "data": {{}}, "run": "run-' || {of_run} || '"}}'"""
    event = {
        "at": _moment(at.replace("n -", f"{of_run} -")),
        "line": _json(line),
        "sealed": "n > 0",
    }
    fire = {"trigger": "'daily-' || (n % 50)", "at": _moment("-n * 1728"), "local": "'2026-11-11T07:30-03:00'", "state": "'RUN'"}
    _insert(RunRecord, run, numbers)
    _insert(Item, item, f"{numbers} CROSS JOIN (SELECT 1 AS digit UNION ALL SELECT 2 UNION ALL SELECT 3) AS three")
    _insert(OutboxEvent, event, numbers_to(runs * events))
    _insert(PlannedFire, fire, numbers)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _is_postgresql() -> bool:
    from django.db import connection

    return connection.vendor == "postgresql"


def _json(text: str) -> str:
    """A text as each store keeps documents."""
    return f"CAST({text} AS json)" if _is_postgresql() else text


def _moment(seconds: str) -> str:
    """So many seconds after a moment of five days ago, as each store writes it."""
    from django.db import connection

    if connection.vendor == "postgresql":
        return f"now() - INTERVAL '5 days' + ({seconds}) * INTERVAL '1 second'"
    return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-5 days', ({seconds}) || ' seconds')"


def _insert(model: Any, given: Mapping[str, str], source: str) -> None:
    """Rows from a query; what is not given has its column's default."""
    from django.db import connection

    fields = [field for field in model._meta.concrete_fields if not field.primary_key or field.column in given]
    defaults = [field.get_db_prep_save(field.get_default(), connection) for field in fields if field.column not in given]
    values = [given[field.column].replace("%", "%%") if field.column in given else "%s" for field in fields]
    columns = ", ".join(f'"{field.column}"' for field in fields)  # `end` and `by` are words of SQL
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({columns}) SELECT {', '.join(values)} FROM {source}", defaults)


def times(count: int = 5) -> list[float]:
    """Seconds of so many counts over the store that is open."""
    from retaguarda.clock import Clock
    from retaguarda.operations.installation import Installation
    from retaguarda.operations.metrics import text
    from retaguarda.settings import Settings
    from retaguarda.store.advisory import locks_for
    from retaguarda.vault import Vault

    home = Path(tempfile.gettempdir())
    settings = Settings.model_construct(home=home, output=home)
    installation = Installation(settings, Clock(), locks_for(home / "locks"), lambda: Vault(home / "none", b""))
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        text(installation)
        taken.append(time.perf_counter() - begun)
    return taken


def main() -> None:
    """Fill, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--store", default="")
    given = parser.parse_args()
    from retaguarda.store.connection import connect

    with tempfile.TemporaryDirectory() as folder:
        connect(given.store or f"sqlite://{folder}/bench.db")
        from django.db import connection

        begun = time.perf_counter()
        fill(given.runs)
        print(f"{connection.vendor}: {given.runs} runs and their rows in {time.perf_counter() - begun:.1f} s")
        taken = times()
        print(f"a count of all metrics: median {statistics.median(taken) * 1000:.0f} ms, longest {max(taken) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
