"""Questions to people: a plan acts only on a second person's yes to exactly it, and a parked run comes back with the answer."""

from __future__ import annotations

import datetime as dt

import pytest

from retaguarda.errors import ConfigurationError, NotEntitled
from retaguarda.jobs.requests import CHALLENGE, PersonAtHand
from retaguarda.planning import Plan
from retaguarda.process import Process, task
from retaguarda.run import Run
from retaguarda.settings import ApprovalSettings
from retaguarda.store.models import OutboxEvent, Request, RunRecord
from tests.house import House, SetClock, Thing


def planning(things: list[Thing], done: list[str]) -> Process:
    """A process that does a thing for each item of its plan, once the plan is approved."""

    def planned(run: Run) -> None:
        run.approve(Plan("things", tuple(things)))
        done.extend(thing.reference for thing in things)

    made = task(planned)
    return Process("planned", made.function)


@pytest.fixture
def house(any_house: House) -> House:
    settings = ApprovalSettings(processes=("planned",))
    any_house.services.settings = any_house.services.settings.model_copy(update={"approvals": settings})
    return any_house


def test_a_plan_acts_on_the_yes_of_a_second_person_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    process, requests = planning([Thing("R-1"), Thing("R-2")], done), house.services.requests
    monkeypatch.setenv("RETAGUARDA_ACTOR", "launcher")
    run = house.runner(process).start("planned", {})
    assert (run.state, done) == ("SUSPENDED", [])
    [request] = requests.open()
    assert (request.kind, request.subject, request.facts["items"], request.facts["references"]) == ("approval", "things", 2, ["R-1", "R-2"])

    with pytest.raises(NotEntitled):
        requests.decide(request, "launcher", yes=True)
    assert house.runner(process).resume(run).state == "SUSPENDED"
    assert len(requests.open()) == 1, "asking again is the same question"

    requests.decide(request, "second", yes=True, reason="checked")
    assert RunRecord.objects.get(pk=run.pk).state == "PENDING"
    assert house.runner(process).deliver(run.pk, 2, lambda _limit: None) == "done"
    assert (RunRecord.objects.get(pk=run.pk).state, done) == ("SUCCESSFUL", ["R-1", "R-2"])
    [used] = [event.line for event in OutboxEvent.objects.all() if event.line["action"] == "approval.used"]
    assert (used["data"]["by"], used["data"]["digest"]) == ("second", request.digest)
    with pytest.raises(ConfigurationError, match="is closed"):
        requests.decide(request, "third", yes=False)


def test_a_yes_to_another_plan_is_none(house: House) -> None:
    done: list[str] = []
    things = [Thing("R-1", "10")]
    process, requests = planning(things, done), house.services.requests
    run = house.runner(process).start("planned", {})
    requests.decide(requests.open()[0], "second", yes=True)
    things[0] = Thing("R-1", "99")
    house.runner(process).deliver(run.pk, 2, lambda _limit: None)
    assert (RunRecord.objects.get(pk=run.pk).state, done) == ("SUSPENDED", [])
    assert requests.open()[0].digest != Request.objects.order_by("pk")[0].digest


def test_a_no_ends_the_run_in_the_words_of_who_said_it(house: House) -> None:
    done: list[str] = []
    process, requests = planning([Thing("R-1")], done), house.services.requests
    run = house.runner(process).start("planned", {})
    requests.decide(requests.open()[0], "second", yes=False, reason="wrong month")
    house.runner(process).deliver(run.pk, 2, lambda _limit: None)
    run.refresh_from_db()
    assert run.error is not None
    assert (run.state, run.error["code"], done) == ("FAULTED", "refused", [])
    assert "second: wrong month" in run.error["text"]


def test_what_nobody_answers_ends(house: House, clock: SetClock) -> None:
    run = house.runner(process := planning([Thing("R-1")], [])).start("planned", {})
    clock.advance(dt.timedelta(hours=71).total_seconds())
    assert house.services.requests.expire() == 0
    clock.advance(dt.timedelta(hours=2).total_seconds())
    assert house.services.requests.expire() == 1
    run.refresh_from_db()
    assert (run.state, (run.error or {})["code"]) == ("FAULTED", "not-answered")
    assert house.runner(process).resume(run).state == "SUSPENDED"


def test_a_typed_code_is_given_once_while_it_is_fresh_and_lies_in_the_vault_alone(house: House, clock: SetClock) -> None:
    requests, run = house.services.requests, house.record()
    person = PersonAtHand(requests, run, "ccee/robo")
    person.ask("the code of the telephone")
    person.ask("the code of the telephone")
    [request] = requests.open()
    assert (request.kind, person.code()) == (CHALLENGE, None)
    requests.answer(request, "operator", "canary-839201")
    assert "canary-839201" not in str(list(Request.objects.values()) + [event.line for event in OutboxEvent.objects.all()])
    assert PersonAtHand(requests, house.record(), "ccee/robo").code() is None, "another run's"
    assert PersonAtHand(requests, run, "bank/robo").code() is None, "another credential's"
    assert person.code(since=clock.now()) is None, "typed before the portal sent a new one"
    assert (person.code(), person.code()) == ("canary-839201", None)
    assert house.vault.names() == []

    again = PersonAtHand(requests, run, "ccee/robo")
    again.ask("the code of the telephone")
    requests.answer(requests.open()[0], "operator", "canary-112233")
    clock.advance(121)
    assert again.code() is None, "too old to be worth a try"


def test_a_question_that_answers_itself_is_withdrawn(house: House) -> None:
    person = PersonAtHand(house.services.requests, house.record(), "ccee/robo")
    person.ask("the code")
    person.not_needed()
    assert house.services.requests.open() == []
    assert Request.objects.get().reason == "the code arrived by itself"
