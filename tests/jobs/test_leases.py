"""Leases: one holder a credential, a number that grows with each, and no press for whoever lost it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.db import connection, transaction

from retaguarda.clock import Clock
from retaguarda.desk import Desk
from retaguarda.errors import LeaseHeld, LeaseLost, StopRequested
from retaguarda.jobs.leases import Lease, Leases, lock_of
from retaguarda.jobs.runs import executor
from retaguarda.model.secrets import Credential
from retaguarda.portal.session import Session
from retaguarda.run import Run
from retaguarda.settings import PortalSettings
from retaguarda.store.models import Intent, OutboxEvent
from retaguarda.store.models import Lease as LeaseRow
from tests.conftest import OpenStore
from tests.core.test_locks import end_lock_sessions, holding
from tests.house import Form, House, SetClock, Thing, found
from tests.postgres import PostgresServer
from tests.sandbox_fixtures import eventually

WANTED = Thing("R-1")


@pytest.fixture
def leases(any_house: House) -> Leases:
    return Leases(any_house.services.locks, any_house.services.clock)


def told() -> list[tuple[str, str, int]]:
    lines = [event.line for event in OutboxEvent.objects.order_by("id")]
    return [
        (line["action"], line["target"], line["data"]["fence"]) for line in lines if "lease" in line["action"] or "rel" in line["action"]
    ]


def is_ours(lease: Lease) -> bool:
    try:
        with transaction.atomic():
            lease.must_be_ours()
    except LeaseLost:
        return False
    return True


def test_a_lease_says_who_has_it_and_since_when_and_grows_with_each_holder(any_house: House, leases: Leases) -> None:
    run = any_house.record()
    with leases.hold("ccee/robo", run) as lease:
        row = LeaseRow.objects.get()
        assert (row.pk, row.fence, row.run, row.executor, row.released_at) == ("ccee/robo", 1, run.pk, executor(), None)
        assert is_ours(lease)
        assert (leases.is_held("ccee/robo"), leases.is_held("ccee/other")) == (True, False)
        with leases.hold("ccee/other", run) as other:
            assert is_ours(other)
    assert not is_ours(lease)
    row.refresh_from_db()
    assert row.since is not None
    assert row.released_at is not None
    assert row.since < row.released_at
    with leases.hold("ccee/robo", run) as again:
        assert (again.fence, is_ours(again), is_ours(lease)) == (2, True, False)
    assert (leases.is_held("ccee/robo"), leases.is_held("ccee/other")) == (False, False)
    assert told() == [
        ("credential.leased", "ccee/robo", 1),
        ("credential.leased", "ccee/other", 1),
        ("credential.released", "ccee/other", 1),
        ("credential.released", "ccee/robo", 1),
        ("credential.leased", "ccee/robo", 2),
        ("credential.released", "ccee/robo", 2),
    ]


def test_a_second_run_is_told_who_has_it(any_house: House, leases: Leases) -> None:
    first, second = any_house.record("first"), any_house.record("second")
    with leases.hold("ccee/robo", first), pytest.raises(LeaseHeld) as raised, leases.hold("ccee/robo", second):
        raise AssertionError
    assert raised.value.text == f"run {first.pk} works with ccee/robo ({executor()})"


def test_a_run_that_waits_gets_it_when_it_is_free(any_house: House, any_store: OpenStore) -> None:
    leases, freed = Leases(any_house.services.locks, Clock()), list[float]()
    with holding(any_store, lock_of("ccee/robo")) as other:
        assert other.stdin is not None

        def let_go() -> None:
            assert other.stdin is not None
            freed.append(1)
            other.stdin.write("\n")
            other.stdin.flush()

        with leases.hold("ccee/robo", any_house.record(), wait=30, meanwhile=lambda: None if freed else let_go()):
            assert freed


def test_a_run_waits_no_longer_than_it_may_and_stops_when_it_is_asked_to(any_house: House, any_store: OpenStore, clock: SetClock) -> None:
    leases, looks = Leases(any_house.services.locks, clock), list[int]()

    def stop() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise StopRequested

    with holding(any_store, lock_of("ccee/robo")):
        before = clock.monotonic()
        with pytest.raises(LeaseHeld, match="another run works with ccee/robo"), leases.hold("ccee/robo", any_house.record(), wait=20):
            raise AssertionError
        assert 20 <= clock.monotonic() - before < 22
        with pytest.raises(StopRequested), leases.hold("ccee/robo", any_house.record(), wait=20, meanwhile=stop):
            raise AssertionError
    assert not LeaseRow.objects.exists()


@pytest.mark.parametrize(("queue", "waited"), [("default", 30), ("", 0)])
def test_a_queued_run_waits_and_a_person_at_the_terminal_does_not(
    any_house: House, any_store: OpenStore, clock: SetClock, queue: str, waited: float
) -> None:
    any_house.robots["ccee"] = cast("Any", SimpleNamespace())
    any_house.services.settings.portals["ccee"] = PortalSettings(url="http://nowhere.invalid")
    parent = any_house.services.runs.create("close", {}, queue=queue)
    step = Run(any_house.services, any_house.services.runs.create("step", {}, parent=parent), any_house.run().log)
    before = clock.monotonic()
    with holding(any_store, lock_of("ccee/robo")), pytest.raises(LeaseHeld), step.robot("ccee/robo", object):
        raise AssertionError
    assert waited <= clock.monotonic() - before < waited + 2


def test_threads_take_turns(any_house: House, leases: Leases) -> None:
    real, turns, inside = Leases(any_house.services.locks, Clock()), list[int](), list[int]()
    run = any_house.record()

    def take() -> None:
        with real.hold("ccee/robo", run, wait=60) as lease:
            inside.append(1)
            assert len(inside) == 1
            turns.append(lease.fence)
            inside.pop()
        connection.close()

    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns == [1, 2, 3, 4, 5]


# --- whoever lost it does not press -----------------------------------------------------------------------------------

TAKES = """
import sys
from pathlib import Path
from retaguarda.store.connection import point_at, set_up
set_up()
point_at(sys.argv[1])
from retaguarda.clock import Clock
from retaguarda.jobs.leases import Leases
from retaguarda.jobs.runs import Runs
from retaguarda.store.advisory import locks_for
home, clock = Path(sys.argv[2]), Clock()
with Leases(locks_for(home / "locks"), clock).hold(sys.argv[3], Runs(home, clock).create("taking", {})):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def at_work(any_house: House) -> Iterator[Run]:
    """A run whose robot is signed in under a lease; of its session only the pictures are needed."""
    run = any_house.run()
    session = cast("Session", SimpleNamespace(shot=lambda _: "f" * 64))
    with Leases(any_house.services.locks, any_house.services.clock).hold("ccee/robo", run.record) as lease:
        run._desk = Desk[Any]("ccee", None, session, Credential("ccee/robo", "robo", {}), lease, 75.0, lambda: None)
        yield run


def test_whoever_holds_the_lease_presses(at_work: Run) -> None:
    form = Form(WANTED.fields())
    at_work.ensure("register", WANTED, lambda wanted: found(wanted) if form.presses else None, lambda _: form)
    assert form.presses == 1


def nothing_was_pressed(run: Run, before_the_button: Any, reason: str) -> None:
    forms = list[Form]()

    def draft(_: Thing) -> Form:
        before_the_button()
        forms.append(Form(WANTED.fields()))
        return forms[0]

    with pytest.raises(LeaseLost, match=reason):
        run.ensure("register", WANTED, lambda _: None, draft)
    assert (forms[0].presses, Intent.objects.count(), OutboxEvent.objects.filter(line__action="act.intent").count()) == (0, 0, 0)


def test_a_worker_whose_session_ended_while_another_took_the_lease_does_not_press(
    postgres: PostgresServer, postgres_store: OpenStore, clock: SetClock
) -> None:
    with House.over(postgres_store.home, clock) as house:
        run = house.run()
        session = cast("Session", SimpleNamespace(shot=lambda _: "f" * 64))
        with Leases(house.services.locks, clock).hold("ccee/robo", run.record) as lease:
            run._desk = Desk[Any]("ccee", None, session, Credential("ccee/robo", "robo", {}), lease, 75.0, lambda: None)

            def lose_it() -> None:
                end_lock_sessions(postgres, postgres_store.url.rpartition("/")[2])

            nothing_was_pressed(run, lose_it, "the lease of ccee/robo was lost: nothing was pressed")
            with another_takes(postgres_store, "ccee/robo"):
                assert LeaseRow.objects.get().fence == 2
                nothing_was_pressed(run, lambda: None, "the lease of ccee/robo was lost")


def test_a_number_that_is_no_longer_the_newest_does_not_press_even_with_the_lock(at_work: Run) -> None:
    """A lock can be lost and taken again by the same process: the number cannot."""

    def taken_meanwhile() -> None:
        LeaseRow.objects.update(fence=2)

    nothing_was_pressed(at_work, taken_meanwhile, "the lease of ccee/robo was lost")


def test_an_act_whose_own_lock_was_lost_is_not_pressed(at_work: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    locks = at_work._services.locks
    real = locks.still_held
    monkeypatch.setattr(locks, "still_held", lambda name: not name.startswith("act/") and real(name))
    nothing_was_pressed(at_work, lambda: None, "the lock of R-1 was lost")


def test_an_attempt_that_another_made_meanwhile_is_not_made_again(at_work: Run, any_house: House) -> None:
    """Both judged the same state; the journal takes each attempt once, whatever became of the locks."""
    from retaguarda.jobs.journal import ActKey

    def another_pressed() -> None:
        any_house.services.journal.intend(any_house.record(), ActKey("ccee", "register", "R-1"), "d" * 64, {}, "")

    form = Form(WANTED.fields())

    def draft(_: Thing) -> Form:
        another_pressed()
        return form

    with pytest.raises(LeaseLost, match="another run works on R-1: nothing was pressed"):
        at_work.ensure("register", WANTED, lambda _: None, draft)
    assert (form.presses, Intent.objects.count()) == (0, 1)


def test_a_holder_that_is_killed_frees_it_and_is_told_as_dead(any_house: House, any_store: OpenStore, leases: Leases) -> None:
    with another_takes(any_store, "ccee/robo") as other:
        assert leases.is_held("ccee/robo")
        other.kill()
        other.wait()
        eventually(lambda: any_house.services.locks.is_free(lock_of("ccee/robo")))
    row = LeaseRow.objects.get()
    assert (row.fence, row.released_at, leases.is_held("ccee/robo")) == (1, None, False)
    with leases.hold("ccee/robo", any_house.record()) as lease:
        assert lease.fence == 2


def another_takes(store: OpenStore, credential: str) -> Any:
    """Another process, at work with the credential."""
    return holding(store, credential, TAKES)
