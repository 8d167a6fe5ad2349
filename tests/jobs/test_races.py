"""Two processes at one run: whoever lost it changes nothing, nothing that was asked is lost, nothing happens twice."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import connection

from retaguarda.errors import ApprovalRequired, ConfigurationError, LeaseHeld, LeaseLost
from retaguarda.jobs.requests import APPROVAL
from retaguarda.process import Process
from retaguarda.run import Run
from retaguarda.store.models import Item, OutboxEvent, Request, RunRecord, RunState
from tests.house import House, SetClock, Thing


@pytest.fixture
def house(any_house: House) -> House:
    return any_house


def at_once(count: int, work: Callable[[], object]) -> list[object]:
    """What became of the same work in several threads that begin together."""
    together, became = threading.Barrier(count), list[object]()

    def do() -> None:
        together.wait()
        try:
            became.append(work())
        except (ConfigurationError, LeaseHeld) as error:
            became.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=do) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return became


def told(action: str) -> int:
    return sum(event.line["action"] == action for event in OutboxEvent.objects.all())


def queued(house: House, process: Process) -> RunRecord:
    return house.services.runs.create(process.name, {}, queue="default")


def delivered(house: House, process: Process, run: RunRecord, attempt: int = 1) -> str:
    return house.runner(process).deliver(run.pk, attempt, lambda _: None)


def test_whoever_lost_a_run_changes_nothing_of_it(house: House) -> None:
    """Its lock was lost with its session, another worker found the run without one, and gave it to the next."""

    def works(run: Run) -> None:
        for thing in run.pending([Thing("R-0"), Thing("R-1")]):
            with run.item(thing):
                if thing.reference == "R-0":
                    house.services.runs.back_to_queue(RunRecord.objects.get(pk=run.record.pk), {"text": "its process died"}, failed=True)

    run = queued(house, Process("works", works))
    assert delivered(house, Process("works", works), run) == "held"
    run.refresh_from_db()
    assert (run.state, run.attempt, run.executor, run.failures) == ("PENDING", 2, "", 1)
    assert {item.reference: item.state for item in Item.objects.all()} == {"R-0": "FAILED_APPLICATION"}
    assert told("run.faulted") == 0


def test_a_step_that_was_taken_over_is_not_ended_by_its_earlier_process(house: House) -> None:
    run = house.record()
    house.services.runs.begin(run)
    stale = RunRecord.objects.get(pk=run.pk)
    RunRecord.objects.update(executor="other:1")
    changes: list[Callable[[], None]] = [
        lambda: house.services.runs.end(stale, RunState.SUCCESSFUL),
        lambda: house.services.runs.suspend(stale, {}),
        lambda: house.services.runs.back_to_queue(stale, {}),
    ]
    for change in changes:
        with pytest.raises(LeaseLost, match="was taken over by another process"):
            change()
    assert RunRecord.objects.get().state == "RUNNING"


def test_what_is_asked_while_a_run_works_outlives_what_the_run_writes(house: House) -> None:
    def works(run: Run) -> None:
        RunRecord.objects.filter(pk=run.record.pk).update(kill_requested=True, handed_over=7, priority=3)

    run = queued(house, Process("works", works))
    assert delivered(house, Process("works", works), run) == "done"
    run.refresh_from_db()
    assert (run.state, run.kill_requested, run.handed_over, run.priority) == ("SUCCESSFUL", True, 7, 3)


def test_a_run_that_was_stopped_before_it_began_does_not_begin(house: House) -> None:
    run = queued(house, Process("works", lambda _: None))
    house.services.runs.request_stop(RunRecord.objects.get(pk=run.pk))
    with pytest.raises(LeaseHeld, match="was changed by another process"):
        house.services.runs.begin(run)
    assert RunRecord.objects.get().state == "STOPPED"


def test_a_step_that_is_made_in_the_moment_of_a_stop_is_stopped_too(house: House) -> None:
    whole = house.record()
    house.services.runs.request_stop(whole)
    step = house.services.runs.create("step", {}, parent=whole)
    assert house.services.runs.stop_requested(step)
    assert not house.services.runs.stop_requested(house.record())


def test_two_who_queue_a_run_again_queue_it_once(house: House) -> None:
    run = house.record()
    house.services.runs.end(run, RunState.FAULTED)
    became = at_once(4, lambda: house.services.runs.queue_up(RunRecord.objects.get(pk=run.pk)))
    assert sorted(str(one) for one in became) == ["None"] + ["configuration-error"] * 3
    run.refresh_from_db()
    assert (run.state, run.attempt, told("run.resumed")) == ("PENDING", 2, 1)


def test_a_delivery_that_never_began_is_counted_once(house: House) -> None:
    run = queued(house, Process("works", lambda _: None))
    at_once(4, lambda: house.services.runs.could_not_begin(run.pk, 1, 5))
    run.refresh_from_db()
    assert (run.state, run.attempt, run.failures, told("run.queued_again")) == ("PENDING", 2, 1, 1)


def parked(house: House) -> tuple[RunRecord, Request]:
    def asks(run: Run) -> None:
        request = house.services.requests.ask(run.record, APPROVAL, "plan", digest="d")
        raise ApprovalRequired(f"waits for {request.pk}")

    run = queued(house, Process("asks", asks))
    assert delivered(house, Process("asks", asks), run) == "done"
    run.refresh_from_db()
    assert run.state == "SUSPENDED"
    return run, Request.objects.get()


def test_an_answer_that_comes_while_its_run_is_about_to_be_parked_is_not_lost(house: House) -> None:
    def asks(run: Run) -> None:
        request = house.services.requests.ask(run.record, APPROVAL, "plan", digest="d")
        house.services.requests.decide(request, "second", yes=True)
        raise ApprovalRequired("waits")

    run = queued(house, Process("asks", asks))
    assert delivered(house, Process("asks", asks), run) == "done"
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("PENDING", 2)


def test_of_two_people_who_decide_one_does(house: House) -> None:
    run, request = parked(house)
    became = at_once(3, lambda: house.services.requests.decide(Request.objects.get(pk=request.pk), "second", yes=True))
    assert sorted(str(one) for one in became) == ["None"] + ["configuration-error"] * 2
    run.refresh_from_db()
    assert (run.state, run.attempt, told("request.answered"), told("run.resumed")) == ("PENDING", 2, 1, 1)


def test_workers_that_find_the_same_late_question_close_it_once(house: House, clock: SetClock) -> None:
    run, request = parked(house)
    clock.advance(dt.timedelta(days=400).total_seconds())
    at_once(4, house.services.requests.expire)
    run.refresh_from_db()
    assert (run.state, told("request.expired"), told("run.faulted")) == ("FAULTED", 1, 1)
    request.refresh_from_db()
    assert request.state == "EXPIRED"
