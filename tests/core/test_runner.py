"""The runner: every run ends in a state that is true, with the exit code that belongs to it, and its log sealed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from retaguarda.act import digest_of
from retaguarda.audit.verify import verify
from retaguarda.ends import exit_code, exit_of
from retaguarda.errors import (
    ApprovalRequired,
    BrowserCrashed,
    ChallengeRequired,
    ConfigurationError,
    Conflict,
    CredentialRefused,
    DeadlinePassed,
    InvalidItem,
    LeaseHeld,
    NetworkDown,
    OutcomeUnknown,
    PortalBlocked,
    PortalChanged,
    PortalUnavailable,
    Refused,
    RetaguardaError,
    SessionLost,
    StopRequested,
    StoreUnavailable,
    TimeLimitReached,
    VaultUnavailable,
)
from retaguarda.jobs.journal import ActKey
from retaguarda.process import Process, task
from retaguarda.run import Run
from retaguarda.store.models import Intent, Item, OutboxEvent, RunRecord, RunState
from tests.conftest import OpenStore
from tests.house import House, SetClock, Thing

THINGS = [Thing(f"R-{n}") for n in range(4)]


@pytest.fixture
def house(any_house: House) -> House:
    """What is tried here is tried on both kinds of store."""
    return any_house


def process(function: Callable[..., Any], *, composed: bool = False, name: str = "") -> Process:
    made = task(composed=composed)(function)
    return Process(name or made.name, function, composed)


def raising(error: BaseException) -> Process:
    def fails(run: Run) -> None:
        raise error

    return process(fails)


def started(house: House, made: Process, *others: Process, **given: str) -> RunRecord:
    return house.runner(made, *others).start(made.name, given)


def code_of(house: House, run: RunRecord) -> int:
    return exit_code(house.services.runs.tree(run))


def states() -> dict[str, str]:
    return {item.reference: item.state for item in Item.objects.order_by("id")}


def told() -> list[str]:
    return [event.line["action"] for event in OutboxEvent.objects.order_by("id")]


# --- ends and exit codes ------------------------------------------------------------------------------------------------

ENDS: list[tuple[RetaguardaError, str, int]] = [
    (InvalidItem(), "FAULTED", 1),
    (Refused(), "FAULTED", 1),
    (DeadlinePassed(), "FAULTED", 6),
    (PortalChanged(), "FAULTED", 1),
    (PortalBlocked(), "FAULTED", 1),
    (CredentialRefused(), "FAULTED", 3),
    (ConfigurationError(), "FAULTED", 3),
    (VaultUnavailable(), "FAULTED", 3),
    (ChallengeRequired(), "SUSPENDED", 7),
    (ApprovalRequired(), "SUSPENDED", 7),
    (TimeLimitReached(), "TIMED_OUT", 124),
    (PortalUnavailable(), "FAULTED", 75),
    (SessionLost(), "FAULTED", 75),
    (NetworkDown(), "FAULTED", 75),
    (BrowserCrashed(), "FAULTED", 75),
    (StoreUnavailable(), "FAULTED", 75),
    (LeaseHeld(), "FAULTED", 75),
    (OutcomeUnknown(), "FAULTED", 5),
    (StopRequested(), "STOPPED", 130),
]


@pytest.mark.parametrize(("error", "state", "code"), ENDS, ids=lambda value: value.code if isinstance(value, RetaguardaError) else "")
def test_every_error_ends_a_run_in_its_state_with_its_exit_code(house: House, error: RetaguardaError, state: str, code: int) -> None:
    run = started(house, raising(error))
    run.refresh_from_db()
    assert (run.state, code_of(house, run)) == (state, code)
    assert run.error is not None
    assert (run.error["code"], run.error["text"]) == (error.code, error.text)
    assert told()[-1] == f"run.{state.lower()}"
    assert verify(house.audit.folder).holds
    assert not OutboxEvent.objects.filter(sealed=False).exists()
    assert house.reported == ([run.pk] if state != "SUSPENDED" else [])


def test_every_disposition_has_an_exit_code() -> None:
    assert {exit_of(error) for error, _, _ in ENDS} == {1, 3, 5, 6, 7, 75}, "stops and limits are told by the state"


def test_a_missed_deadline_has_its_own_exit_code_and_an_unproven_press_outranks_it(house: House) -> None:
    late = started(house, working({"R-1": DeadlinePassed(), "R-2": Refused()}))
    assert (late.state, code_of(house, late)) == ("PARTIAL", 6)
    unproven = started(house, working({"R-1": DeadlinePassed(), "R-2": OutcomeUnknown()}))
    assert (unproven.state, code_of(house, unproven)) == ("PARTIAL", 5)


def test_a_run_that_does_all_is_successful(house: House) -> None:
    @dataclass(frozen=True)
    class Found:
        breaks: int

    def looks(run: Run, breaks: int = 0) -> Found:
        run.stage("looking")
        with run.item(Thing("R-1")):
            pass
        return Found(breaks)

    looks.__annotations__ = {"run": Run, "breaks": int, "return": Found}
    run = started(house, process(looks))
    assert (run.state, code_of(house, run), run.result) == ("SUCCESSFUL", 0, {"breaks": 0})
    assert house.told.stages == ["looking"]
    broken = started(house, process(looks), breaks="2")
    assert (broken.state, code_of(house, broken)) == ("PARTIAL", 1)


def test_a_defect_ends_faulted_with_its_place_and_its_traceback_in_the_log(house: House) -> None:
    def broken(run: Run) -> None:
        with run.item(Thing("R-1")):
            raise IndexError("list index out of range")

    run = started(house, process(broken))
    assert (run.state, code_of(house, run)) == ("FAULTED", 1)
    assert run.error is not None
    assert (run.error["code"], run.error["text"]) == ("defect", "IndexError: list index out of range")
    assert run.error["where"].startswith("test_runner.py:")
    assert states() == {"R-1": "FAILED_APPLICATION"}
    log = [json.loads(line) for line in (Path(run.folder) / "run.jsonl").read_text().splitlines()]
    assert "IndexError" in log[-1]["exception"]


def test_a_result_that_cannot_be_stored_is_a_defect(house: House) -> None:
    def lies(run: Run) -> list[int]:
        return 7  # type: ignore[return-value]

    run = started(house, process(lies))
    assert run.error is not None
    assert (run.state, run.error["code"]) == ("FAULTED", "defect")


@pytest.mark.parametrize("error", [OperationalError("database is locked"), DatabaseError("disk I/O error")])
def test_a_store_that_fails_is_told_as_that_and_not_as_a_defect(house: House, error: DatabaseError) -> None:
    run = started(house, raising(error))
    assert run.error is not None
    assert (run.state, run.error["code"], code_of(house, run)) == ("FAULTED", "store-unavailable", 75)


def test_a_folder_that_cannot_be_written_is_told(house: House) -> None:
    def never(run: Run) -> None:
        raise AssertionError

    runner = house.runner(process(never))
    record = house.services.runs.create("never", {})
    (Path(record.folder) / "run.jsonl").mkdir()
    run = runner.resume(record)
    assert run.error is not None
    assert (run.state, run.error["code"]) == ("FAULTED", "store-unavailable")


def test_unknown_processes_and_parameters_start_nothing(house: House) -> None:
    for name, given in (("nothing", {}), ("fails", {"x": "1"})):
        with pytest.raises(ConfigurationError):
            house.runner(raising(Refused())).start(name, given)
    assert RunRecord.objects.count() == 0


# --- items --------------------------------------------------------------------------------------------------------------


def working(errors: dict[str, BaseException], seen: list[str] | None = None, things: list[Thing] | None = None) -> Process:
    """A process whose items end by these errors."""

    def works(run: Run) -> None:
        for thing in run.pending(things or THINGS):
            with run.item(thing):
                if seen is not None:
                    seen.append(thing.reference)
                if thing.reference in errors:
                    raise errors[thing.reference]

    return process(works)


def test_a_refused_item_is_recorded_and_the_next_one_is_worked_on(house: House) -> None:
    run = started(house, working({"R-1": Refused("Perfil inativo"), "R-2": Conflict("outros valores")}))
    assert (run.state, code_of(house, run)) == ("PARTIAL", 1)
    assert states() == {"R-0": "SUCCESSFUL", "R-1": "FAILED_BUSINESS", "R-2": "FAILED_BUSINESS", "R-3": "SUCCESSFUL"}
    assert Item.objects.get(reference="R-1").reason == "Perfil inativo"


@pytest.mark.parametrize("error", [PortalChanged(), PortalUnavailable(), NetworkDown(), CredentialRefused()])
def test_what_stops_the_run_leaves_the_item_open_and_the_rest_untouched(house: House, error: RetaguardaError) -> None:
    run = started(house, working({"R-1": error}))
    assert run.state == "FAULTED"
    assert states() == {"R-0": "SUCCESSFUL", "R-1": "FAILED_APPLICATION"}


def test_a_question_to_a_person_parks_the_run_and_leaves_the_item_as_new(house: House) -> None:
    errors: dict[str, BaseException] = {"R-1": ChallengeRequired("no code arrived")}
    run = started(house, working(errors))
    assert (run.state, code_of(house, run), states()) == ("SUSPENDED", 7, {"R-0": "SUCCESSFUL", "R-1": "NEW"})
    assert run.ended_at is None
    del errors["R-1"]
    assert house.runner(working(errors)).resume(run).state == "SUCCESSFUL"


def test_an_uncertain_item_outranks_everything(house: House) -> None:
    run = started(house, working({"R-0": OutcomeUnknown(), "R-1": Refused()}))
    assert (run.state, code_of(house, run)) == ("PARTIAL", 5)
    assert states()["R-0"] == "UNCERTAIN"


def test_a_press_that_a_defect_left_open_is_uncertain_whatever_else_is_told(house: House, clock: SetClock) -> None:
    def presses(run: Run) -> None:
        with run.item(THINGS[0]):
            fields = THINGS[0].fields()
            house.services.journal.intend(run.record, ActKey("ccee", "register", "R-0"), digest_of(fields), fields, "")
            raise ZeroDivisionError

    run = started(house, process(presses))
    assert (run.state, code_of(house, run), states()) == ("FAULTED", 5, {"R-0": "UNCERTAIN"})
    clock.advance(1)
    with pytest.raises(ConfigurationError, match="left a press unresolved") as raised:
        started(house, process(presses))
    assert raised.value.remedy == f"retaguarda run resume {run.pk}"


def test_resume_does_not_repeat_what_was_finished(house: House) -> None:
    seen: list[str] = []
    errors: dict[str, BaseException] = {"R-1": Refused(), "R-2": PortalUnavailable()}
    run = started(house, working(errors, seen))
    assert seen == ["R-0", "R-1", "R-2"]
    del errors["R-2"]
    again = house.runner(working(errors, seen)).resume(run)
    assert seen[3:] == ["R-2", "R-3"]
    assert (again.state, states()["R-2"], Item.objects.get(reference="R-2").reason) == ("PARTIAL", "SUCCESSFUL", "")
    assert house.runner(working(errors, seen)).resume(run).state == "PARTIAL"
    assert len(seen) == 5


def test_resume_sends_refused_items_again_only_when_asked(house: House) -> None:
    seen: list[str] = []
    errors: dict[str, BaseException] = {"R-1": Refused()}
    run = started(house, working(errors, seen))
    del errors["R-1"]
    house.runner(working(errors, seen)).resume(run)
    assert len(seen) == 4
    again = house.runner(working(errors, seen)).resume(run, retry_refused=True)
    assert (seen[4:], again.state) == (["R-1"], "SUCCESSFUL")


def test_what_intake_rejected_is_recorded_and_never_worked_on(house: House) -> None:
    def rejects(run: Run) -> None:
        run.reject("linha 7", "sem CNPJ", InvalidItem("sem CNPJ"), {"linha": "7"})

    run = started(house, process(rejects))
    item = Item.objects.get()
    assert (run.state, item.state, item.outcome, item.reason) == ("PARTIAL", "FAILED_BUSINESS", "rejected", "sem CNPJ")


# --- stopping -----------------------------------------------------------------------------------------------------------


def test_a_run_stops_at_the_next_safe_point_and_goes_on_when_resumed(house: House) -> None:
    seen: list[str] = []

    def works(run: Run) -> None:
        for thing in run.pending(THINGS):
            with run.item(thing):
                seen.append(thing.reference)
                if thing.reference == "R-1" and len(seen) == 2:
                    house.services.runs.request_stop(run.record)
                run.check_stop() if thing.reference == "R-3" else None

    run = started(house, process(works))
    assert (run.state, code_of(house, run), seen) == ("STOPPED", 130, ["R-0", "R-1"])
    assert states() == {"R-0": "SUCCESSFUL", "R-1": "SUCCESSFUL", "R-2": "NEW"}
    assert house.runner(process(works)).resume(run).state == "SUCCESSFUL"
    assert seen == ["R-0", "R-1", "R-2", "R-3"]


def test_a_stop_within_an_item_leaves_it_as_untouched_as_new(house: House) -> None:
    run = started(house, working({"R-1": StopRequested()}))
    assert (run.state, code_of(house, run), states()) == ("STOPPED", 130, {"R-0": "SUCCESSFUL", "R-1": "NEW"})


def test_a_signal_asks_for_a_stop(house: House) -> None:
    seen: list[str] = []

    def works(run: Run) -> None:
        for thing in run.pending(THINGS):
            with run.item(thing):
                seen.append(thing.reference)
                os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    runner = house.runner(process(works))
    run = runner.start("works", {})
    assert (run.state, seen, runner.interrupts.received) == ("STOPPED", ["R-0"], signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_ends_it_at_once_and_the_run_says_so(house: House) -> None:
    def works(run: Run) -> None:
        with run.item(THINGS[0]):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(SystemExit) as raised:
        started(house, process(works))
    run = RunRecord.objects.get()
    assert (raised.value.code, run.state, states()) == (130, "STOPPED", {"R-0": "FAILED_APPLICATION"})
    assert verify(house.audit.folder).holds


# --- composed runs ------------------------------------------------------------------------------------------------------


def test_a_composed_run_hands_results_on_and_resumes_at_the_step_that_failed(house: House) -> None:
    calls: list[str] = []
    closed = [True]

    def first(run: Run, number: int) -> int:
        calls.append(f"first {number}")
        return number * 10

    def second(run: Run, number: int) -> int:
        calls.append(f"second {number}")
        if closed[0]:
            raise PortalUnavailable("closed")
        return number + 1

    def whole(run: Run) -> int:
        return int(run.child("second", number=run.child("first", number=7)))

    steps = [process(first), process(second), process(whole, composed=True)]
    run = started(house, steps[2], *steps[:2])
    assert (run.state, code_of(house, run)) == ("FAULTED", 75)
    assert run.error is not None
    assert run.error["text"] == "second: closed"
    closed[0] = False
    again = house.runner(*steps).resume(run)
    assert (again.state, again.result, calls) == ("SUCCESSFUL", 71, ["first 7", "second 70", "second 70"])
    assert [child.process for child in house.services.runs.tree(again)] == ["whole", "first", "second"]


def test_a_step_that_is_taken_twice_with_the_same_parameters_is_carried_out_twice(house: House) -> None:
    calls: list[int] = []
    last = [ZeroDivisionError()]

    def look(run: Run) -> int:
        calls.append(len(calls))
        run.clock.pause(1)
        return calls[-1]

    def whole(run: Run) -> list[int]:
        before, after = run.child("look"), run.child("look")
        if last:
            raise last.pop()
        return [before, after]

    run = started(house, process(whole, composed=True), process(look))
    again = house.runner(process(whole, composed=True), process(look)).resume(run)
    assert (again.result, calls) == ([0, 1], [0, 1])


def test_a_partial_step_makes_the_whole_partial_and_a_stopped_one_stops_it(house: House) -> None:
    def whole(run: Run) -> None:
        run.child("works")

    run = started(house, process(whole, composed=True), working({"R-1": Refused()}))
    assert (run.state, code_of(house, run)) == ("PARTIAL", 1)
    stopped = started(house, process(whole, composed=True), working({"R-1": StopRequested()}))
    assert (stopped.state, code_of(house, stopped)) == ("STOPPED", 130)


def test_a_stop_of_the_whole_reaches_its_steps(house: House) -> None:
    def works(run: Run) -> None:
        house.services.runs.request_stop(RunRecord.objects.get(parent=None))
        run.stage("on")

    def whole(run: Run) -> None:
        run.child("works")

    run = started(house, process(whole, composed=True), process(works))
    assert [step.state for step in house.services.runs.tree(run)] == ["STOPPED", "STOPPED"]


def test_resuming_a_step_resumes_its_whole_run(house: House) -> None:
    def whole(run: Run) -> None:
        run.child("works")

    errors: dict[str, BaseException] = {"R-1": PortalUnavailable()}
    processes = [process(whole, composed=True), working(errors)]
    run = started(house, *processes)
    errors.clear()
    step = run.children.get()
    with house.services.locks.hold(f"run/{run.pk}"), pytest.raises(LeaseHeld):
        house.runner(*processes).resume(step)
    again = house.runner(*processes).resume(step)
    assert (again.pk, again.state) == (run.pk, "SUCCESSFUL")


def test_a_task_cannot_start_steps_without_a_runner(house: House) -> None:
    with pytest.raises(ConfigurationError, match="no runner is wired"):
        house.run().child("first")


# --- processes that die -------------------------------------------------------------------------------------------------

DYING = """
import os, sys
from pathlib import Path
from retaguarda.store.connection import connect
home = Path(sys.argv[1])
connect(sys.argv[2])
from tests.house import House, SetClock, Thing
from retaguarda.jobs.journal import ActKey
from retaguarda.process import Process
from retaguarda.run import Run
with House.over(home, SetClock()) as house:
    def works(run: Run) -> None:
        for thing in run.pending([Thing("R-0"), Thing("R-1"), Thing("R-2")]):
            with run.item(thing):
                if thing.reference == "R-1":
                    house.services.journal.intend(run.record, ActKey("ccee", "register", "R-1"), "d" * 64, thing.fields(), "")
                    os.kill(os.getpid(), 9)
    house.runner(Process("works", works)).start("works", {})
"""


def test_a_killed_run_is_told_as_dead_by_the_next_one_and_goes_on_where_it_stood(house: House, any_store: OpenStore) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, str(house.home), any_store.url], check=False, cwd=Path(__file__).parents[2])
    assert died.returncode == -signal.SIGKILL
    run = RunRecord.objects.get()
    assert (run.state, states()) == ("RUNNING", {"R-0": "SUCCESSFUL", "R-1": "IN_PROGRESS"})
    house.runner().bury_dead()
    run.refresh_from_db()
    assert run.error is not None
    assert (run.state, run.error["text"], run.error["remedy"]) == ("FAULTED", "its process died", f"retaguarda run resume {run.pk}")
    assert (states()["R-1"], code_of(house, run), Intent.objects.get().state) == ("UNCERTAIN", 5, "OPEN")
    seen: list[str] = []
    again = house.runner(working({}, seen, [Thing("R-0"), Thing("R-1"), Thing("R-2")])).resume(run)
    assert (again.state, seen) == ("SUCCESSFUL", ["R-1", "R-2"])
    assert verify(house.audit.folder).holds


def test_a_run_that_another_process_carries_out_is_not_buried(house: House) -> None:
    run = house.record()
    house.services.runs.begin(run)
    with house.services.locks.hold(f"run/{run.pk}"):
        house.runner().bury_dead()
    run.refresh_from_db()
    assert run.state == "RUNNING"


def test_runs_are_found_by_the_end_of_their_id_when_it_names_one(house: House) -> None:
    runs = house.services.runs
    first, second = house.record(), house.record()
    assert runs.get(first.pk[-4:]) == first
    assert runs.latest() == [second, first] or {run.pk for run in runs.latest()} == {first.pk, second.pk}
    for wrong in ("nothing", ""):
        with pytest.raises(ConfigurationError):
            runs.get(wrong)


def test_a_dry_run_is_recorded_as_one(house: House) -> None:
    dry: list[bool] = []

    def looks(run: Run) -> None:
        dry.append(run.dry_run)

    run = house.runner(process(looks)).start("looks", {}, dry_run=True)
    assert (run.dry_run, dry, run.state) == (True, [True], "SUCCESSFUL")


def test_the_clock_of_a_run_is_the_houses(house: House, clock: SetClock) -> None:
    assert house.run().clock is clock


def test_a_queued_run_waits_for_one_of_its_kind_that_has_a_press_open_and_faults_after_one_that_ended(
    house: House, clock: SetClock
) -> None:
    made = process(lambda run: None, name="registering")
    earlier = house.services.runs.create("registering", {}, queue="default")
    fields = THINGS[0].fields()
    house.services.runs.begin(earlier)
    house.services.journal.intend(earlier, ActKey("ccee", "register", "R-0"), digest_of(fields), fields, "")
    clock.advance(1)
    later = house.services.runs.create("registering", {}, queue="default")
    assert house.runner(made).deliver(later.pk, 1, lambda _limit: None) == "done"
    later.refresh_from_db()
    assert (later.state, later.attempt, later.failures, (later.error or {})["code"]) == ("PENDING", 2, 0, "lease-held")
    house.services.runs.end(earlier, RunState.FAULTED)
    assert house.runner(made).deliver(later.pk, 2, lambda _limit: None) == "done"
    later.refresh_from_db()
    assert (later.state, (later.error or {})["code"]) == ("FAULTED", "configuration-error")
