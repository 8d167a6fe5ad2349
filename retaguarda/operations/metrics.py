"""Metrics in Prometheus' text format, counted in the store when they are asked for: no process has to live for them to be true.

They are gauges: retention takes rows away, so that what is counted here can also shrink.
"""

from __future__ import annotations

import datetime as dt
import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Count, F, Min, Q
from django.db.models.functions import Coalesce
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from retaguarda import __version__
from retaguarda.agenda.obligations import OVER
from retaguarda.jobs.runs import FINISHED
from retaguarda.jobs.workers import Workers
from retaguarda.operations.installation import Installation
from retaguarda.store.models import (
    Alert,
    FireState,
    Item,
    Lease,
    Milestone,
    Notice,
    OutboxEvent,
    PlannedFire,
    Request,
    RequestState,
    RunRecord,
    RunState,
    Worker,
)

QUANTILES = {"0.5": 0.5, "0.95": 0.95, "1": 1.0}
LATEST = 200
"""Runs of a process whose durations are looked at, the latest first."""
PAST = dt.timedelta(days=31)
"""How far back planned fires are counted."""


class Metrics(Collector):
    """Everything worth a curve. `done` is called after each count: a server counts in a new thread, with its own connection."""

    def __init__(self, installation: Installation, done: Callable[[], None] = lambda: None) -> None:
        self._installation = installation
        self._done = done

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: to register must not count."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Every family, counted at this moment."""
        try:
            yield from self._all(self._installation.clock.now())
        finally:
            self._done()

    def _all(self, now: dt.datetime) -> Iterator[Metric]:
        yield InfoMetricFamily("retaguarda", "The version of this installation.", {"version": __version__})
        runs = _counted("runs", "Runs and steps by state and process.", RunRecord.objects.all(), "state", "process")
        yield runs
        yield from _durations({sample.labels["process"] for sample in runs.samples})
        yield _counted("items", "Items by state and outcome.", Item.objects.all(), "state", "outcome")
        fires = PlannedFire.objects.filter(state__in=FireState.values, at__gte=now - PAST)
        yield _counted("fires", "Planned fires by state and trigger, of the last 31 days and to come.", fires, "state", "trigger")
        yield from _queues(now)
        yield from _deadlines(now)
        yield from self._people(now)
        yield from self._machines(now)

    def _people(self, now: dt.datetime) -> Iterator[Metric]:
        """What people were told and asked."""
        yield _counted("alerts_open", "Open causes of trouble by severity.", Alert.objects.filter(recovered_at=None), "severity")
        yield _one("messages_unsent", "Messages of alerts that no target took yet.", Notice.objects.filter(sent_at=None).count())
        asked = Request.objects.filter(state=RequestState.OPEN)
        yield _counted("requests_open", "Questions that wait for a person.", asked, "kind")
        oldest = asked.aggregate(oldest=Min("asked_at"))["oldest"]
        yield _one("requests_oldest_seconds", "How long the oldest open question waits.", _since(oldest, now))

    def _machines(self, now: dt.datetime) -> Iterator[Metric]:
        """Processes, leases, audit log, backup, disk."""
        workers = Workers(self._installation.locks, self._installation.clock)
        alive = GaugeMetricFamily(
            "retaguarda_worker_alive", "Whether a process lives that did not say it ended.", labels=["worker", "kind"]
        )
        for worker in Worker.objects.filter(stopped_at=None):
            alive.add_metric([worker.name, worker.kind], float(workers.living(worker)))
        yield alive
        held = GaugeMetricFamily("retaguarda_lease_seconds", "How long a run has worked with a credential.", labels=["credential"])
        for lease in Lease.objects.filter(released_at=None, since__isnull=False):
            held.add_metric([lease.credential], _since(lease.since, now))
        yield held
        unsealed = OutboxEvent.objects.filter(sealed=False).aggregate(count=Count("pk"), oldest=Min("at"))
        yield _one("audit_unsealed", "Audit events that wait to be sealed.", unsealed["count"])
        yield _one("audit_unsealed_oldest_seconds", "How long the oldest of them waits.", _since(unsealed["oldest"], now))
        backup = Milestone.objects.filter(name="backup").first()
        if backup:
            yield _one("backup_age_seconds", "How old the last backup is.", _since(backup.at, now))
        home = self._installation.settings.home
        yield _one("disk_free_bytes", "Free space where the state folder lies.", shutil.disk_usage(home).free if home.exists() else 0)


def _one(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"retaguarda_{name}", help_text, value=float(value))


def _counted(name: str, help_text: str, rows: Any, *labels: str) -> Metric:
    """Rows counted by some of their columns, in the store."""
    family = GaugeMetricFamily(f"retaguarda_{name}", help_text, labels=list(labels))
    for *values, count in rows.order_by(*labels).values_list(*labels).annotate(count=Count("*")):
        family.add_metric([str(value) for value in values], count)
    return family


def _queues(now: dt.datetime) -> Iterator[Metric]:
    """Runs that could begin and have not, and since when the first of them could."""
    depth = GaugeMetricFamily("retaguarda_queue_depth", "Queued runs that could begin.", labels=["queue"])
    wait = GaugeMetricFamily("retaguarda_queue_oldest_seconds", "How long the first of them has been able to.", labels=["queue"])
    ready = RunRecord.objects.filter(Q(not_before=None) | Q(not_before__lte=now), state=RunState.PENDING, parent=None).exclude(queue="")
    grouped = ready.values("queue").annotate(count=Count("pk"), oldest=Min(Coalesce("not_before", "created_at"))).order_by("queue")
    for row in grouped:
        depth.add_metric([row["queue"]], row["count"])
        wait.add_metric([row["queue"]], _since(row["oldest"], now))
    yield from (depth, wait)


def _durations(processes: Iterable[str]) -> Iterator[Metric]:
    """How long the latest runs and steps took that came to their end, by process."""
    family = GaugeMetricFamily("retaguarda_run_seconds", f"Seconds that the latest {LATEST} runs took.", labels=["process", "quantile"])
    ended = RunRecord.objects.filter(state__in=FINISHED, started_at__isnull=False, ended_at__isnull=False).order_by("-created_at")
    for process in sorted(processes):
        spans = ended.filter(process=process).values_list("started_at", "ended_at")[:LATEST]
        seconds = sorted((end - start).total_seconds() for start, end in spans if start and end)
        for name, share in QUANTILES.items() if seconds else ():
            family.add_metric([process, name], seconds[math.ceil(share * len(seconds)) - 1])
    yield family


def _deadlines(now: dt.datetime) -> Iterator[Metric]:
    """How long until the next deadline of each obligation that no run has met."""
    family = GaugeMetricFamily(
        "retaguarda_deadline_seconds", "Seconds until the next deadline that is not met.", labels=["trigger", "level"]
    )
    open_rows = PlannedFire.objects.filter(due__gte=now - PAST, state__in=[FireState.PLANNED, FireState.RUN]).exclude(level__in=OVER)
    seen: set[str] = set()
    for trigger, level, due in open_rows.order_by(F("due")).values_list("trigger", "level", "due"):
        if trigger not in seen and due is not None:
            seen.add(trigger)
            family.add_metric([trigger, level], (due - now).total_seconds())
    yield family


def _since(moment: dt.datetime | None, now: dt.datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def text(installation: Installation) -> str:
    """All metrics in Prometheus' text format."""
    return generate_latest(_registry(Metrics(installation))).decode()


@contextmanager
def served(installation: Installation, address: str, port: int) -> Iterator[int]:
    """Serve the metrics over HTTP for the block; gives the port."""
    server, thread = start_http_server(port, address, _registry(Metrics(installation, _leave_the_store)))
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _leave_the_store() -> None:
    """Close this thread's own connection: the server starts a thread for each question."""
    connection.close()


def _registry(metrics: Metrics) -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(metrics)
    return made
