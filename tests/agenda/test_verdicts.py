"""What becomes of fires: every policy for missed ones with every policy for overlaps, without a store."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.agenda.stretches import Stretch, cut, newest, next_moment, oldest
from retaguarda.agenda.verdicts import AT_ONCE, in_turn, judged
from retaguarda.clock import SAO_PAULO
from retaguarda.store.models import FireState
from retaguarda.triggers.trigger import Fire
from tests.agenda.planned import calendar_of_years, changed, every, stated

NOW = dt.datetime(2026, 11, 11, 12, 0, 30, tzinfo=SAO_PAULO)
HOURLY = stated("every hour", look_back="3h")
FIRES = HOURLY.between(NOW - dt.timedelta(hours=5), NOW)  # 08:00 and 09:00 are too old, 10:00 and 11:00 missed, 12:00 is on time
ENDS = {FireState.RUN: "R", FireState.SKIPPED: "S", FireState.MISSED: "M", FireState.PLANNED: "w"}


def shown(missed: str, overlap: str, active: str) -> str:
    """The five verdicts, a letter each; w: waits for an earlier run."""
    trigger = changed(HOURLY, missed=missed, overlap=overlap)
    return "".join(ENDS[verdict.state] for verdict in judged(trigger, FIRES, NOW, active))


@pytest.mark.parametrize(
    ("missed", "overlap", "idle", "busy"),
    [
        ("all", "skip", "MMRSS", "MMSSS"),
        ("all", "queue", "MMRww", "MMwww"),
        ("all", "replace", "MMSSR", "MMSSw"),
        ("all", "allow", "MMRRR", "MMRRR"),
        ("latest", "skip", "MMMMR", "MMMMS"),
        ("latest", "queue", "MMMMR", "MMMMw"),
        ("latest", "replace", "MMMMR", "MMMMw"),
        ("latest", "allow", "MMMMR", "MMMMR"),
        ("skip", "skip", "MMMMR", "MMMMS"),
        ("skip", "queue", "MMMMR", "MMMMw"),
        ("skip", "replace", "MMMMR", "MMMMw"),
        ("skip", "allow", "MMMMR", "MMMMR"),
    ],
)
def test_policies(missed: str, overlap: str, idle: str, busy: str) -> None:
    assert (shown(missed, overlap, ""), shown(missed, overlap, "run-1")) == (idle, busy)


def test_the_latest_missed_fire_runs_when_none_is_on_time() -> None:
    late = NOW + dt.timedelta(minutes=20)
    verdicts = judged(changed(HOURLY, missed="latest"), FIRES, late)
    assert [ENDS[verdict.state] for verdict in verdicts] == ["M", "M", "M", "M", "R"]
    assert verdicts[3].reason == "a later fire stood for it: 2026-11-11 12:00"
    assert [ENDS[verdict.state] for verdict in judged(changed(HOURLY, missed="skip"), FIRES, late)] == ["M"] * 5


def test_what_is_decided_seconds_late_was_not_missed() -> None:
    """A tick that takes a moment must not make a dense rule lose fires."""
    dense = every(10, missed="skip", overlap="allow")
    verdicts = judged(dense, dense.between(NOW - dt.timedelta(seconds=50), NOW), NOW)
    assert [ENDS[verdict.state] for verdict in verdicts] == ["R"] * 5


def test_every_end_but_a_run_has_a_reason() -> None:
    for missed, overlap, active in itertools.product(("all", "latest", "skip"), ("skip", "queue", "replace", "allow"), ("", "run-1")):
        for verdict in judged(changed(HOURLY, missed=missed, overlap=overlap), FIRES, NOW, active):
            assert bool(verdict.reason) == (verdict.state != FireState.RUN)


def test_what_the_rule_refuses_is_skipped_and_stands_for_nothing() -> None:
    refused = Fire(FIRES[-1].at, FIRES[-1].local, refusal="the portal is closed at that hour")
    verdicts = judged(HOURLY, [*FIRES[:-1], refused], NOW)
    assert [ENDS[verdict.state] for verdict in verdicts] == ["M", "M", "M", "R", "S"]
    assert verdicts[-1].reason == "the portal is closed at that hour"


def test_so_many_at_once_and_no_more() -> None:
    dense = every(1, missed="all", overlap="allow", look_back=dt.timedelta(hours=1))
    verdicts = judged(dense, dense.between(NOW - dt.timedelta(seconds=AT_ONCE + 7), NOW), NOW)
    assert [verdict.state for verdict in verdicts].count(FireState.RUN) == AT_ONCE
    assert [verdict.reason for verdict in verdicts][-7:] == ["waits for its turn"] * 7


def test_an_obligation_waits_for_the_run_before_it() -> None:
    duty = stated("registered by MS+7du 18:00", overlap="skip")
    assert duty.obligation
    assert [ENDS[verdict.state] for verdict in in_turn(duty, FIRES[:2], "run-1")] == ["w", "w"]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 86400), st.integers(0, 5 * 86400), st.integers(1, 60), st.sampled_from((600, 3600, 86400)))
def test_the_latest_and_the_first_of_a_stretch(start: int, length: int, count: int, seconds: int) -> None:
    """However a stretch is walked, the fires are those of the whole."""
    trigger = every(seconds)
    after = NOW + dt.timedelta(seconds=start)
    until = after + dt.timedelta(seconds=length)
    whole = trigger.between(after, until)
    found, complete = newest(trigger, after, until)
    assert found == [fire for fire in whole if fire.at > complete]
    assert bool(found) == bool(whole)
    assert oldest(trigger, after, until, count) == whole[:count]
    assert next_moment(trigger, after) == trigger.between(after, after + dt.timedelta(days=2))[0].at


def test_the_latest_that_may_run_is_looked_for() -> None:
    """What the rule refuses stands for nothing: the portal was closed all night."""
    nightly = stated("every hour", windows=["Mon-Fri 08:00-18:00"], closed="skip")
    found, complete = newest(nightly, NOW - dt.timedelta(days=2), NOW.replace(hour=7))
    assert complete < found[0].at
    assert [fire.local[11:16] for fire in found if not fire.refusal][-1] == "17:00"
    assert found[-1].refusal


def test_a_rule_is_looked_at_where_its_calendar_ends() -> None:
    """What nobody knows is no reason to sleep for ever: the scheduler asks there, and is refused aloud."""
    short = calendar_of_years(2026, 2026)
    trigger = changed(stated("every business day at 23:30"), calendar=short)
    end = trigger.known_until(NOW)
    assert next_moment(trigger, end - dt.timedelta(minutes=10)) == end


def test_a_stretch_is_kept_as_text() -> None:
    stretch = Stretch(NOW, NOW + dt.timedelta(hours=1), FireState.MISSED, "reason")
    assert Stretch.read(stretch.as_json()) == stretch
    half = NOW + dt.timedelta(minutes=30)
    assert cut([stretch], half) == [Stretch(NOW, half, FireState.MISSED, "reason")]
    assert cut([stretch], NOW) == []
