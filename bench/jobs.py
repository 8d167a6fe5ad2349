"""What it costs to have runs carried out by workers: latency, runs a second, items a second, lists over many runs.

    python -m bench.jobs [--store sqlite] [--runs 200]

Real workers and their children with tasks that do nothing: the machinery alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
from collections.abc import Callable
from pathlib import Path

from retaguarda.store.connection import set_up

set_up()

from django.db import connection  # noqa: E402

from bench.stores import KINDS, fresh_store  # noqa: E402  # needs the tables
from retaguarda.clock import SAO_PAULO, Clock  # noqa: E402
from retaguarda.jobs.runs import Runs  # noqa: E402
from retaguarda.store.models import Item, RunRecord, Worker  # noqa: E402
from tests.jobs.workplace import Workplace, workplace  # noqa: E402

CLOCK = Clock()
SETTINGS = {"RETAGUARDA_JOBS__POLL_SECONDS": "0.1"}
MANY = 100_000


def main() -> None:
    """Measure and print a table for each store."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--store", choices=KINDS, action="append")
    asked.add_argument("--runs", type=int, default=200)
    asked.add_argument("--many", type=int, default=MANY)
    given = asked.parse_args()
    for kind in given.store or KINDS:
        print(f"\n{kind}")
        for workers in (1, 2, 4):
            with fresh_store(kind) as (url, home), workplace(url, home, Runs(home / "output", CLOCK), **SETTINGS) as place:
                _workers(place, workers, given.runs)
        with fresh_store(kind) as (_, home):
            _lists(Runs(home / "output", CLOCK), given.many)


def _workers(place: Workplace, count: int, runs: int) -> None:
    for _ in range(count):
        place.worker(1)
    place.until(lambda: Worker.objects.filter(stopped_at=None).count() == count, 60)
    warm = [place.queue("hello") for _ in range(3 * count)]
    place.ended(*warm)

    paced = []
    for _ in range(30):  # one at a time: how long an idle worker lets a run wait
        paced.append(place.queue("hello"))
        place.ended(paced[-1])
    waits = sorted((r.started_at - r.created_at).total_seconds() for r in _of(paced) if r.started_at)

    began = CLOCK.monotonic()
    many = [place.queue("hello") for _ in range(runs)]
    looks = _looks_until_ended(place.runs, many)
    a_second = runs / (CLOCK.monotonic() - began)

    [long] = _of([_done(place, place.queue("itemised", items=300))])
    assert long.ended_at is not None
    assert long.started_at is not None
    per_item = (long.ended_at - long.started_at).total_seconds() / Item.objects.filter(run=long).count()
    p50, p95 = statistics.median(waits), waits[int(len(waits) * 0.95)]
    print(
        f"  {count} workers: queued → started p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms · {a_second:.1f} runs/s · "
        f"{per_item * 1000:.1f} ms an item ({1 / per_item:.0f} items/s in one run) · "
        f"list meanwhile p50 {statistics.median(looks) * 1000:.0f} ms, p95 {looks[int(len(looks) * 0.95)] * 1000:.0f} ms"
    )


def _looks_until_ended(runs: Runs, made: list[RunRecord]) -> list[float]:
    """Seconds that listing runs took, again and again while they were carried out, sorted."""
    keys, looks = [run.pk for run in made], []
    while RunRecord.objects.filter(pk__in=keys, state__in=["PENDING", "RUNNING"]).exists():
        began = CLOCK.monotonic()
        runs.latest(20)
        looks.append(CLOCK.monotonic() - began)
        CLOCK.pause(0.05)
    return sorted(looks)


def _done(place: Workplace, run: RunRecord) -> RunRecord:
    place.ended(run, within=120)
    return run


def _of(runs: list[RunRecord]) -> list[RunRecord]:
    return list(RunRecord.objects.filter(pk__in=[run.pk for run in runs]))


def _lists(runs: Runs, many: int) -> None:
    """The queries behind `run list` and `run show` when there are many runs."""
    first = dt.datetime(2025, 1, 1, tzinfo=SAO_PAULO)
    states = ["SUCCESSFUL"] * 8 + ["FAULTED", "PARTIAL"]
    for start in range(0, many, 5000):
        RunRecord.objects.bulk_create(_made(number, first, states[number % 10]) for number in range(start, min(start + 5000, many)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # a server does so by itself within a minute
    last = f"{many - 1:06}"
    queries: dict[str, Callable[[], object]] = {
        "latest 20": lambda: runs.latest(20),
        "latest 20 of a process": lambda: runs.latest(20, "process-7"),
        "one by the end of its id": lambda: runs.get(f"-{last}"),
        "faulted, latest 50": lambda: list(RunRecord.objects.filter(state="FAULTED").order_by("-created_at")[:50]),
        "due in a queue": lambda: runs.due(["default"]),
    }
    told = ", ".join(f"{name} {_milliseconds(ask):.1f}" for name, ask in queries.items())
    print(f"  over {many} runs, ms (median of 7): {told}")


def _made(number: int, first: dt.datetime, state: str) -> RunRecord:
    at = first + dt.timedelta(minutes=5 * number)
    name = f"{at:%Y%m%d-%H%M%S}-process-{number % 20}-{number:06}"
    return RunRecord(
        id=name, process=f"process-{number % 20}", state=state, actor="bench", created_at=at, folder=str(Path("output") / name)
    )


def _milliseconds(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(7):
        began = CLOCK.monotonic()
        ask()
        took.append(CLOCK.monotonic() - began)
    return statistics.median(took) * 1000


if __name__ == "__main__":
    main()
