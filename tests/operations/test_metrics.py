"""Metrics: what Prometheus reads is what the store holds, also while others write, and counting it stays cheap."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.metrics import fill, times
from retaguarda.operations.alerts import Alerts
from retaguarda.operations.findings import Finding
from retaguarda.operations.installation import Installation
from retaguarda.operations.metrics import served, text
from retaguarda.store.models import FireState, Item, ItemState, Lease, Milestone, PlannedFire, Request, RunState, Worker
from tests.house import House
from tests.sandbox_fixtures import ROOT


@pytest.fixture
def place(any_house: House) -> Installation:
    services = any_house.services
    return Installation(services.settings, services.clock, services.locks, lambda: any_house.vault)


def read(told: str) -> dict[tuple[str, ...], float]:
    """Samples by name and the values of their labels, in the order of the labels' names."""
    samples = [sample for family in text_string_to_metric_families(told) for sample in family.samples]
    return {(sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value for sample in samples}


def ended(house: House, process: str, seconds: float, state: RunState = RunState.SUCCESSFUL) -> None:
    run = house.record(process)
    house.services.runs.begin(run)
    house.services.clock.pause(seconds)
    house.services.runs.end(run, state)


def test_they_tell_what_the_store_holds(any_house: House, place: Installation) -> None:
    now = any_house.services.clock.now()
    for seconds in (10, 20, 30, 40):
        ended(any_house, "export_erp", seconds)
    ended(any_house, "export_erp", 500, RunState.FAULTED)
    run = any_house.services.runs.create("close_month", {}, queue="night", priority=1)
    any_house.services.runs.create("close_month", {}, queue="night", not_before=now + dt.timedelta(days=1))
    Item.objects.create(run=run, reference="R-1", state=ItemState.SUCCESSFUL, outcome="done", updated_at=now)
    Item.objects.create(run=run, reference="R-2", state=ItemState.UNCERTAIN, updated_at=now)
    PlannedFire.objects.create(trigger="daily", at=now, local="x", state=FireState.MISSED)
    PlannedFire.objects.create(trigger="register", at=now, local="x", due=now + dt.timedelta(hours=3), level="shrinking")
    Request.objects.create(run=run, kind="approval", subject="plan", asked_at=now)
    Lease.objects.create(credential="ccee/robo", fence=1, run=run.pk, since=now)
    Worker.objects.create(name="w-1", kind="worker", host="h", pid=1, started_at=now, beat_at=now)
    Worker.objects.create(name="w-2", kind="worker", host="h", pid=2, started_at=now, beat_at=now)
    Alerts(place).update([Finding("disk", "warning", "the disk is filling up")])
    any_house.audit.seal()
    Milestone.objects.create(name="backup", at=now)
    with any_house.services.locks.hold("worker/w-1"):
        found = read(text(place))
    elapsed = pytest.approx(600, abs=1)
    assert found["retaguarda_runs", "export_erp", "SUCCESSFUL"] == 4
    assert found["retaguarda_runs", "close_month", "PENDING"] == 2
    assert found["retaguarda_queue_depth", "night"] == 1, "one may not begin before tomorrow"
    assert found["retaguarda_queue_oldest_seconds", "night"] == pytest.approx(0, abs=1)
    taken = [found["retaguarda_run_seconds", "export_erp", quantile] for quantile in ("0.5", "0.95", "1")]
    assert taken == pytest.approx([20, 40, 40], abs=0.01), "what failed is no measure"
    assert found["retaguarda_items", "done", "SUCCESSFUL"] == 1
    assert found["retaguarda_items", "", "UNCERTAIN"] == 1
    assert found["retaguarda_fires", "MISSED", "daily"] == 1
    assert found["retaguarda_deadline_seconds", "shrinking", "register"] == pytest.approx(3 * 3600 - 600, abs=1)
    assert found["retaguarda_alerts_open", "warning"] == 1
    assert found["retaguarda_requests_open", "approval"] == 1
    assert found["retaguarda_requests_oldest_seconds",] == elapsed
    assert found["retaguarda_lease_seconds", "ccee/robo"] == elapsed
    assert found["retaguarda_backup_age_seconds",] == elapsed
    assert (found["retaguarda_worker_alive", "worker", "w-1"], found["retaguarda_worker_alive", "worker", "w-2"]) == (1, 0)
    assert found["retaguarda_audit_unsealed",] == 0
    assert found["retaguarda_disk_free_bytes",] > 0


def test_an_empty_installation_has_metrics_too(place: Installation) -> None:
    found = read(text(place))
    assert found["retaguarda_audit_unsealed",] == 0
    assert not any(name == "retaguarda_backup_age_seconds" for name, *_ in found), "what never was has no age"


def test_they_are_served_while_runs_come(any_house: House, place: Installation) -> None:
    with served(place, "127.0.0.1", 0) as port:
        for count in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                found = read(answer.read().decode())
            assert found.get(("retaguarda_runs", "registering", "PENDING"), 0) == count
            any_house.record()


def test_counting_a_large_store_is_cheap(store: Path) -> None:
    fill(30_000)
    fastest = min(times(3))
    assert fastest < 0.3, f"{fastest:.3f} s; python -m bench.metrics measures it, on both stores"


def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    settings = {"RETAGUARDA_HOME": str(tmp_path / "state"), "RETAGUARDA_OUTPUT": str(tmp_path / "output")}
    command = [sys.executable, "-m", "retaguarda", "metrics", "--serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            with urllib.request.urlopen(address, timeout=30) as answer:
                assert b"retaguarda_audit_unsealed 0.0" in answer.read()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
