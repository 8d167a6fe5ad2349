"""Deadline first: the latest safe start lies in open time, durations are measured, deadlines are data."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.agenda.durations import ENOUGH, estimated, measured_p95, quantile, samples_of
from retaguarda.calendars.calendar import load_calendars
from retaguarda.calendars.deadlines import load_deadlines
from retaguarda.clock import SAO_PAULO
from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month
from retaguarda.settings import DeadlineSettings, JobsSettings, Settings
from retaguarda.store.models import Item, Request, RequestState, RunRecord, RunState
from retaguarda.triggers.file import Fire, Trigger, parse_triggers
from retaguarda.triggers.openings import Closure, Hours, Openings, Window
from retaguarda.triggers.safety import Safety, latest_safe_start, safety_of
from tests.house import House
from tests.triggers.wall_oracle import window

CALENDARS = load_calendars(Path("config/calendars"))
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
BARE = Safety(retries=0, waits=dt.timedelta(), reserve=dt.timedelta())


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SAO_PAULO).astimezone(dt.UTC)


def openings(*windows: str, zone: str = "America/Sao_Paulo", closed: tuple[tuple[str, str], ...] = ()) -> Openings:
    closures = tuple(Closure(local(start), local(end), "notice") for start, end in closed)
    hours = Hours(tuple(map(Window.parse, windows)), ZoneInfo(zone), CALENDARS["anbima"])
    return Openings((hours,) if windows else (), closures)


@pytest.mark.parametrize(
    ("due", "hours", "windows", "closed", "start"),
    [
        ("2026-11-11T18:00", 2, (), (), "2026-11-11T16:00"),
        ("2026-11-11T18:00", 2, ("mon-fri 07:00-22:00",), (), "2026-11-11T16:00"),
        ("2026-11-11T23:30", 2, ("mon-fri 07:00-22:00",), (), "2026-11-11T20:00"),  # due after closing: until closing
        ("2026-11-11T08:00", 2, ("mon-fri 07:00-22:00",), (), "2026-11-10T20:00"),  # an hour before due is too little
        ("2026-11-11T09:00", 2, ("mon-fri 07:00-22:00",), (), "2026-11-11T07:00"),  # it just fits
        ("2026-11-09T08:00", 2, ("mon-fri 07:00-22:00",), (), "2026-11-06T20:00"),  # over the weekend
        ("2026-11-03T08:00", 2, ("business 07:00-22:00",), (), "2026-10-30T20:00"),  # and over a holiday
        ("2026-11-11T18:00", 2, ("daily 00:00-24:00",), (("2026-11-11T15:00", "2026-11-11T17:30"),), "2026-11-11T13:00"),
        ("2026-11-11T18:00", 20, ("mon-fri 07:00-22:00",), (), "2026-11-10T13:00"),  # no opening is long enough: over two of them
        ("2026-11-11T18:00", 30, ("mon-fri 10:00-12:00",), (), "2026-10-22T10:00"),  # over fifteen
    ],
)
def test_the_latest_safe_start_is_where_the_work_fits_into_open_time(
    due: str, hours: int, windows: tuple[str, ...], closed: tuple[tuple[str, str], ...], start: str
) -> None:
    found = latest_safe_start(local(due), hours * 3600, BARE, openings(*windows, closed=closed))
    assert f"{found.astimezone(SAO_PAULO):%Y-%m-%dT%H:%M}" == start


def test_a_portal_that_hardly_opens_asks_for_a_start_at_once() -> None:
    due = local("2026-11-11T18:00")
    assert latest_safe_start(due, 40 * 3600, BARE, openings("wed 10:00-11:00")) == due - dt.timedelta(days=31)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20_000), st.integers(1, 14 * 60), st.sampled_from(["0-4 07:00-22:00", "0-6 05:30-23:00"]))
def test_the_latest_safe_start_is_the_last_from_which_every_minute_is_open(minutes: int, work: int, hours: str) -> None:
    """Counted back minute by minute from the deadline, until enough open minutes follow one another."""
    due, is_open, run = local("2026-11-02T00:00") + minutes * MINUTE, window(SAO_PAULO, hours), 0
    moment = due
    while run < work:
        moment -= MINUTE
        run = run + 1 if is_open(moment) else 0
    planned = openings(hours.replace("0-4", "mon-fri").replace("0-6", "daily"))
    assert latest_safe_start(due, work * 60, BARE, planned) == moment


def test_retries_their_waits_and_the_reserve_are_kept_free() -> None:
    safety = Safety(retries=2, waits=10 * MINUTE, reserve=30 * MINUTE)
    assert safety.work(1200) == 3 * 20 * MINUTE + 40 * MINUTE
    assert latest_safe_start(local("2026-11-11T18:00"), 1200, safety, Openings()) == local("2026-11-11T16:20")


def test_the_waits_are_those_of_the_engine() -> None:
    settings = Settings(jobs=JobsSettings(retry_first=60, retry_most=200), deadlines=DeadlineSettings(reserve_minutes=15))
    assert safety_of(settings, 4).waits == dt.timedelta(seconds=60 + 120 + 200 + 200)
    assert safety_of(settings, 0).waits == dt.timedelta()
    assert (safety_of(settings).reserve, safety_of(settings, reserve=HOUR).reserve) == (15 * MINUTE, HOUR)


def test_a_night_in_which_the_portal_is_closed_is_no_time_left() -> None:
    """Nine hours by the clock, half an hour of open time."""
    evening, start = local("2026-11-10T22:30"), local("2026-11-11T07:30")
    assert (openings("daily 07:00-22:00").open_time(evening, start), Openings().open_time(evening, start)) == (30 * MINUTE, 9 * HOUR)
    assert Openings().open_time(start, evening) == dt.timedelta()


def obligation(**keys: Any) -> Trigger:
    entry = {"name": "one", "process": "registering", "rule": "registered by MS+7du 18:00", "retries": 0, "reserve": "0m", **keys}
    tables = {"schema": 1, "portal": [{"name": "ccee", "windows": ["mon-fri 07:00-17:00"]}], "trigger": [entry]}
    return parse_triggers(tables, Settings(), CALENDARS)["one"]


def test_a_trigger_tells_the_latest_safe_start_of_its_fire() -> None:
    planned = obligation(portal="ccee")
    (fire,) = planned.between(local("2026-11-01T00:00"), local("2026-11-30T00:00"))
    assert fire == Fire(local("2026-11-11T18:00"), "2026-11-11T18:00:00-03:00", due=local("2026-11-11T18:00"))
    assert planned.latest_safe_start(fire, 3600) == local("2026-11-11T16:00")


def test_a_deadline_stands_where_the_portal_is_closed() -> None:
    """Only starts are moved into open time: a deadline in a closed hour is a deadline all the same."""
    planned = obligation(rule="registered by MS+7du 23:00", portal="ccee", closed="skip")
    (fire,) = planned.between(local("2026-11-01T00:00"), local("2026-11-30T00:00"))
    assert (fire.due, fire.refusal) == (local("2026-11-11T23:00"), "")
    assert planned.latest_safe_start(fire, 3600) == local("2026-11-11T16:00")


def test_windows_read_the_wall_clock_where_clocks_are_turned() -> None:
    """New York, 1 November 2026: 01:00 to 02:00 is shown twice, and open twice."""
    night = openings("daily 01:00-02:00", zone="America/New_York")
    start = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    found = night.stretches(start, start + 12 * HOUR)
    assert found == [(start + 5 * HOUR, start + 7 * HOUR)]
    spring = dt.datetime(2026, 3, 8, tzinfo=dt.UTC)
    assert openings("daily 02:00-03:00", zone="America/New_York").stretches(spring, spring + 12 * HOUR) == []
    assert openings("daily 00:00-24:00", zone="America/New_York").stretches(start, start + 48 * HOUR) == [(start, start + 48 * HOUR)]


def test_several_hours_must_all_be_open() -> None:
    both = Openings((openings("mon-fri 07:00-12:00").hours[0], openings("daily 10:00-22:00", zone="Europe/Lisbon").hours[0]))
    found = both.stretches(local("2026-11-11T00:00"), local("2026-11-12T00:00"))
    assert found == [(local("2026-11-11T07:00"), local("2026-11-11T12:00"))]
    assert both.next_open(local("2026-11-13T12:00")) == local("2026-11-16T07:00")
    assert both.closed_since(local("2026-11-15T12:00")) == local("2026-11-13T12:00")
    assert openings("mon-fri 07:00-12:00", closed=(("2026-11-11T08:00", "2027-02-01T00:00"),)).next_open(local("2026-11-11T09:00")) is None


@pytest.mark.parametrize(
    "text", ["mon-fri 07:00-22:00", "mon,wed,sat 08:00-12:30", "fri-mon 00:00-24:00", "daily 06:00-23:00", "business 09:00-18:00"]
)
def test_a_window_says_what_it_is(text: str) -> None:
    assert Window.parse(str(Window.parse(text))) == Window.parse(text)


def done(house: House, minutes: float, *, items: int = 0, process: str = "registering", **facts: Any) -> RunRecord:
    """A run that worked for so long."""
    run = house.record(process)
    run.state, run.started_at = RunState.SUCCESSFUL, house.services.clock.now()
    run.ended_at = run.started_at + dt.timedelta(minutes=minutes)
    for name, value in facts.items():
        setattr(run, name, value)
    run.save()
    for number in range(items):
        Item.objects.create(run=run, reference=f"{number}", updated_at=run.ended_at)
    return run


def test_while_few_runs_are_measured_the_configured_time_holds_or_the_longest_run(house: House) -> None:
    assert estimated("registering", 30 * MINUTE).seconds == 1800
    for _ in range(ENOUGH - 1):
        done(house, 5)
    found = estimated("registering", 30 * MINUTE)
    assert (found.seconds, found.samples, found.basis, measured_p95("registering")) == (1800, ENOUGH - 1, "configured", None)
    assert estimated("registering", 2 * MINUTE).seconds == 300
    done(house, 6)
    found = estimated("registering", 30 * MINUTE)
    assert (found.seconds, found.samples, found.basis, measured_p95("registering")) == (360, ENOUGH, "measured", 360)


def test_only_runs_that_were_carried_out_at_the_first_try_are_measured(house: House) -> None:
    done(house, 10)
    done(house, 90, dry_run=True)
    done(house, 90, state=RunState.FAULTED)
    done(house, 90, failures=1)
    done(house, 90, process="other")
    done(house, 90, ended_at=None, state=RunState.RUNNING)
    assert [sample.seconds for sample in samples_of("registering")] == [600]


def test_waiting_for_a_person_is_no_work(house: House) -> None:
    """Two questions at once are waited for once; a step's wait is its parent's too."""
    parent = done(house, 100)
    step = done(house, 50, process="step", parent=parent)
    begun = parent.started_at
    assert begun is not None
    for run, asked, answered in ((parent, 10, 30), (step, 20, 40), (parent, 90, 500)):
        Request.objects.create(
            run=run, kind="approval", subject="plan", state=RequestState.ANSWERED,
            asked_at=begun + asked * MINUTE, answered_at=begun + answered * MINUTE,
        )  # fmt: skip
    Request.objects.create(run=parent, kind="approval", subject="open", asked_at=begun + 50 * MINUTE)
    assert [sample.seconds for sample in samples_of("registering")] == [60 * 60]


def test_items_left_to_do_decide_where_they_are_known(house: House) -> None:
    for _ in range(ENOUGH):
        done(house, 20, items=10)
    assert measured_p95("registering", items_left=30) == pytest.approx(3600)
    assert measured_p95("registering", items_left=1) == 1200, "no run is shorter than the shortest: it signs in first"
    assert measured_p95("registering") == 1200


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80))
def test_the_p95_is_a_value_that_at_most_one_in_twenty_exceeds(values: list[float]) -> None:
    found = quantile(values)
    assert found in values
    assert sum(value > found for value in values) <= len(values) * 0.05
    assert found == min(values) or sum(value >= found for value in values) > len(values) * 0.05


def test_deadlines_of_a_month_with_source_and_confidence() -> None:
    deadlines = load_deadlines(Settings(deadlines=DeadlineSettings(source="PdC 3.1")), CALENDARS)
    october = {one.event: one for one in deadlines.month(Month(2026, 10))}
    assert {name: f"{one.at:%d/%m %H:%M}" for name, one in october.items()} == {
        "invoice-due": "10/11 23:59",
        "register": "11/11 18:00",
        "validate": "12/11 18:00",
        "guarantee": "24/11 18:00",
        "accounting": "02/12 23:59",
        "settlement-debit": "09/12 12:00",
        "settlement-credit": "10/12 23:59",
    }
    assert (october["register"].source, october["register"].confidence, october["settlement-credit"].confidence) == (
        "PdC 3.1",
        "low",
        "high",
    )
    assert [one.event for one in deadlines.month(Month(2026, 10))][:2] == ["invoice-due", "register"]


def test_the_formula_may_be_counted_in_another_calendar() -> None:
    """ANBIMA's date is the earlier one where they differ, hence the default."""
    ccee = load_deadlines(Settings(deadlines=DeadlineSettings(calendar="ccee")), CALENDARS)
    banks = load_deadlines(Settings(), CALENDARS)
    assert (ccee.of(Month(2026, 6), "register").at.day, banks.of(Month(2026, 6), "register").at.day) == (10, 9)
    with pytest.raises(ConfigurationError, match="there is no calendar 'moon'"):
        load_deadlines(Settings(deadlines=DeadlineSettings(calendar="moon")), CALENDARS)


ROW = '[[deadline]]\nsupply = "2026-10"\nevent = "register"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[event]]\nname = "register"\nday = 7\nhour = "18:00"', "event 'register' stands there twice, or in the settings too"),
        ('[[event]]\nname = "x"\nday = 0\nhour = "18:00"', "event.0.day"),
        ('[[event]]\nname = "x"\nday = 7\nhour = "24:00"', "event.0.hour"),
        ('[[event]]\nname = "x"\nday = 7\nhour = "18:00"\ncalendar = "moon"', "there is no calendar 'moon'"),
        ('[[deadline]]\nsupply = "2026-10"\nevent = "x"\ndate = 2026-11-10\nhour = "18:00"\nsource = "s"', "unknown event 'x'"),
        (f'{ROW}date = 2026-10-10\nhour = "18:00"\nsource = "s"', "is none for the month"),
        (2 * f'{ROW}date = 2026-11-10\nhour = "18:00"\nsource = "s"\n', "stands there twice"),
        (f'{ROW}date = 2026-11-10\nhour = "18:00"\nsource = ""', "deadline.0.source"),
        ('[[deadlin]]\nx = 1', "deadlin: Extra inputs"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_deadlines_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "deadlines.toml"
    path.write_text("schema = 1\n" + text, "utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_deadlines(Settings(), CALENDARS, path)
    assert told in raised.value.text
    assert raised.value.remedy
