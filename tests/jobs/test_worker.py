"""Workers as processes, on both stores: what is queued is carried out, survives them, and is told as it is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs
from retaguarda.store.models import Item, OutboxEvent, RunRecord, Worker
from tests.jobs.counter import alive
from tests.jobs.workplace import Workplace, workplace

if TYPE_CHECKING:
    from tests.conftest import OpenStore

ALL_ITEMS = [f"item T-{n:03}" for n in range(3)]


@pytest.fixture
def place(any_store: OpenStore) -> Iterator[Workplace]:
    with workplace(any_store.url, any_store.home, Runs(any_store.home / "output", Clock())) as made:
        yield made


def state(run: RunRecord) -> str:
    return RunRecord.objects.get(pk=run.pk).state


@pytest.mark.one_store
def test_what_is_queued_is_carried_out_once_in_its_order_and_ends_by_its_disposition(place: Workplace) -> None:
    ordered = [place.queue("hello", priority, name=f"p{priority}") for priority in (30, 10, 20)]
    later = place.queue("hello", 1, name="other-queue", queue="elsewhere")
    place.worker(1)
    assert place.ended(*ordered) == ["SUCCESSFUL"] * 3
    assert [line.split()[0] for line in place.notes] == ["p10", "p20", "p30"]
    assert state(later) == "PENDING", "no worker serves its queue"

    retried = place.queue("failing", kind="application", times=2)
    refused = place.queue("failing", kind="business")
    parked = place.queue("failing", kind="person")
    died = place.queue("dying", times=1)
    unknown = place.queue("no_such_process")
    assert place.ended(retried, refused, parked, died, unknown) == ["SUCCESSFUL", "FAULTED", "SUSPENDED", "SUCCESSFUL", "FAULTED"]
    assert [place.notes.count(f"failing {kind}") for kind in ("application", "business", "person")] == [3, 1, 1]
    assert (place.notes.count("dying"), RunRecord.objects.get(pk=died.pk).failures) == (2, 1)
    assert "no process" in RunRecord.objects.get(pk=unknown.pk).error["text"]

    slow, deaf = place.queue("endless"), place.queue("hanging")
    assert place.ended(slow, deaf) == ["TIMED_OUT", "TIMED_OUT"]
    told = [RunRecord.objects.get(pk=run.pk).error["text"] for run in (slow, deaf)]
    assert told == ["The run took longer than its time limit; it stopped at a safe point.", "killed at its time limit"]


@pytest.mark.one_store
def test_a_killed_worker_s_run_goes_on_where_it_stood_and_its_children_die_with_it(place: Workplace) -> None:
    run = place.queue("parent")
    first = place.worker()
    place.reached("at gate")
    child = int(place.notes[-1].split()[-1])
    first.send_signal(signal.SIGKILL)
    first.wait()
    place.until(lambda: not alive(child), 5)
    place.worker()
    place.reached("at gate", 2)
    (place.folder / "go").touch()
    assert place.ended(run) == ["SUCCESSFUL"]
    assert [line for line in place.notes if line.startswith("item")] == ALL_ITEMS, "what was finished is not done again"
    assert sum(line.startswith("first") for line in place.notes) == 1
    record = RunRecord.objects.get(pk=run.pk)
    assert (record.attempt, record.failures, record.children.count()) == (2, 1, 2)


def test_a_living_worker_stands_in_for_a_dead_one(place: Workplace) -> None:
    workers = [place.worker(), place.worker()]
    place.until(lambda: Worker.objects.filter(kind="worker", stopped_at=None).count() == 2, 30)
    pids = {process.pid: process for process in workers}
    run = place.queue("itemised", items=3, gate=1)
    waiting = place.queue("itemised", items=1, gate=0)
    place.reached("at gate", 2)
    holder = Worker.objects.get(name=engine_s_worker(place, run))
    pids[holder.pid].send_signal(signal.SIGKILL)
    pids[holder.pid].wait()
    (place.folder / "go").touch()
    assert place.ended(run, waiting) == ["SUCCESSFUL", "SUCCESSFUL"]
    assert sorted(line for line in place.notes if line.startswith("item")) == sorted([*ALL_ITEMS, "item T-000"])
    place.until(lambda: Worker.objects.get(name=holder.name).stopped_at is not None, 10)
    assert "worker.died" in {event.line["action"] for event in OutboxEvent.objects.all()}


@pytest.mark.one_store
def test_stop_kill_drain_and_shutdown(place: Workplace) -> None:
    place.worker(2)
    stopped, killed = place.queue("itemised", items=2, gate=1), place.queue("hanging")
    place.reached("at gate")
    place.reached("hanging")
    place.runs.request_stop(stopped)
    place.runs.request_stop(killed, kill=True)
    assert place.ended(stopped, killed) == ["STOPPED", "STOPPED"]
    assert "ended at once" in RunRecord.objects.get(pk=killed.pk).error["text"]
    assert [item.state for item in Item.objects.filter(run=stopped).order_by("reference")] == ["SUCCESSFUL", "NEW"]

    handed_back = place.queue("itemised", items=2, gate=1)
    place.reached("at gate", 2)
    [worker] = Worker.objects.filter(stopped_at=None)
    assert place.start("worker", "drain", worker.name).wait(30) == 0
    assert place.processes[0].wait(30) == 0
    assert state(handed_back) == "PENDING"
    assert Worker.objects.get(name=worker.name).stopped_at is not None

    again = place.worker()
    place.reached("at gate", 3)
    again.send_signal(signal.SIGTERM)
    assert again.wait(30) == 0
    assert state(handed_back) == "PENDING"
    assert RunRecord.objects.get(pk=handed_back.pk).failures == 0
    waiting = place.queue("hello")
    place.runs.request_stop(waiting)
    assert state(waiting) == "STOPPED", "what waits is stopped at once"


def engine_s_worker(place: Workplace, run: RunRecord) -> str:
    """The worker that the engine gave a run's delivery to."""
    import sqlalchemy as sa

    from retaguarda.jobs.engine import sqlalchemy_url

    engine = sa.create_engine(sqlalchemy_url(place.url))
    table = "dbos.workflow_status" if place.url.startswith("postgres") else "workflow_status"
    with engine.connect() as link:
        found = link.execute(sa.text(f"SELECT executor_id FROM {table} WHERE workflow_uuid = :id"), {"id": f"{run.pk}/1"}).scalar_one()
    engine.dispose()
    return str(found)
