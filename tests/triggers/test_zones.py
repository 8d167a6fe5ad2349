"""Ten years in six zones, and days around turned clocks in eight: every planned fire once, by the stated policy, however time is cut."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retaguarda.calendars.calendar import load_calendars
from retaguarda.settings import Settings
from retaguarda.triggers.file import Fire, Trigger, parse_triggers
from retaguarda.triggers.walltime import moments
from tests.triggers.wall_oracle import Walk, Wanted, deferred, fires, walk, window

ZONES = (
    "America/Sao_Paulo",  # daylight saving until 2019, turned at midnight
    "America/Santiago",  # other rules in almost every year, turned at midnight
    "America/New_York",
    "Europe/Lisbon",
    "Asia/Kolkata",  # half an hour beside the others, never turned
    "Australia/Lord_Howe",  # turned by half an hour
    "Pacific/Apia",  # a whole day skipped at the end of 2011
    "Africa/Casablanca",  # turned back in summer
)
TEN_YEARS = tuple(zone for zone in ZONES if zone not in {"Europe/Lisbon", "Africa/Casablanca"})
"""Zones that are walked through the whole ten years; the others through three."""
FIRST, LAST = dt.datetime(2010, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
HALF_HOUR, FIVE_MINUTES, MINUTE, DAY = dt.timedelta(minutes=30), dt.timedelta(minutes=5), dt.timedelta(minutes=1), dt.timedelta(days=1)
SETTINGS = Settings()
CALENDARS = load_calendars()
BANKS = CALENDARS["anbima"]
GAPS, FOLDS = ("next", "skip"), ("first", "second", "both")


def trigger(rule: str, zone: str = "America/Sao_Paulo", **keys: Any) -> Trigger:
    entry = {"name": "x", "process": "p", "zone": zone, **({"cron": rule[5:]} if rule.startswith("cron ") else {"rule": rule}), **keys}
    tables: dict[str, Any] = {"schema": 1, "trigger": [entry], "portal": [{"name": "portal", "zone": zone}]}
    if "maintenance" in entry:
        tables["maintenance"] = entry.pop("maintenance")
    return parse_triggers(tables, SETTINGS, CALENDARS)["x"]


def split(found: list[Fire]) -> tuple[list[dt.datetime], list[dt.datetime]]:
    return [fire.at for fire in found if not fire.refusal], [fire.at for fire in found if fire.refusal]


@functools.cache
def business(day: dt.date) -> bool:
    return BANKS.is_business(day)


@functools.cache
def counted(year: int, month: int, ordinal: int) -> dt.date:
    """The n-th business day from the first of a month, or from its end where `ordinal` is negative, by plain listing."""
    first = dt.date(year, month, 1)
    if ordinal > 0:
        return [day for n in range(70) if business(day := first + n * DAY)][ordinal - 1]
    days = [day for n in range(31) if (day := first + n * DAY).month == month and business(day)]
    return days[ordinal]


def nth(day: dt.date, ordinal: int) -> bool:
    """Whether a day is the n-th business day of its month or of the one before."""
    before = dt.date(day.year, day.month, 1) - DAY
    return day in {counted(day.year, day.month, ordinal), counted(before.year, before.month, ordinal)}


def time_in(*times: str) -> Wanted:
    hours = {(int(time[:2]), int(time[3:])) for time in times}
    return lambda wall: (wall.hour, wall.minute) in hours


def expected_of(seen: Walk, wanted: Wanted, after: dt.datetime, until: dt.datetime, gap: str, fold: str) -> list[list[dt.datetime]]:
    """What fires and what is refused in an interval; a moment at which something fires is not refused."""
    real, late = fires(seen, wanted, gap=gap, fold=fold)
    return [sorted(at for at in some if after < at <= until) for some in (real, late - real)]


RULES: dict[str, Wanted] = {
    "every day at 00:00, 02:30 and 23:30": time_in("00:00", "02:30", "23:30"),
    "todo domingo e segunda às 01:30": lambda wall: (wall.hour, wall.minute) == (1, 30) and wall.weekday() in {6, 0},
    "every 2 hours": lambda wall: wall.hour % 2 == 0 and wall.minute == 0,
    "a cada 30 minutos": lambda wall: wall.minute in {0, 30},
    "every business day at 00:30": lambda wall: (wall.hour, wall.minute) == (0, 30) and business(wall.date()),
    "MS+7du at 18:00": lambda wall: (wall.hour, wall.minute) == (18, 0) and nth(wall.date(), 7),
    "26th business day of the month at 00:00": lambda wall: (wall.hour, wall.minute) == (0, 0) and nth(wall.date(), 26),
    "último dia útil do mês às 23:30": lambda wall: (
        (wall.hour, wall.minute) == (23, 30) and wall.date() == counted(wall.year, wall.month, -1)
    ),
    "cron 30 1,2 * 1-11 0": lambda wall: wall.minute == 30 and wall.hour in {1, 2} and wall.month < 12 and wall.weekday() == 6,
    "cron 0 0 */10 * *": lambda wall: (wall.hour, wall.minute) == (0, 0) and wall.day % 10 == 1,
}
DENSE = {"a cada 30 minutos": {"Australia/Lord_Howe"}, "every 2 hours": {"America/Sao_Paulo", "America/Santiago", "Pacific/Apia"}}
"""Rules with so many fires that some zones are enough."""


@functools.cache
def seen_by(zone: str) -> Walk:
    """What the clocks of a zone show in the ten years, or in three of them."""
    first = FIRST if zone in TEN_YEARS else dt.datetime(2016, 1, 1, tzinfo=dt.UTC)
    last = LAST if zone in TEN_YEARS else dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
    return walk(ZoneInfo(zone), first - 2 * DAY, last + 2 * DAY, HALF_HOUR)


@pytest.mark.parametrize("zone", TEN_YEARS)
def test_ten_years_have_every_fire_once_by_the_policy(zone: str) -> None:
    seen = seen_by(zone)
    for number, (rule, wanted) in enumerate(RULES.items()):
        if rule in DENSE and zone not in DENSE[rule]:
            continue
        gap, fold = GAPS[number % 2], FOLDS[number % 3]
        real, refused = split(trigger(rule, zone, gap=gap, fold=fold).between(FIRST, LAST))
        assert [real, refused] == expected_of(seen, wanted, FIRST, LAST, gap, fold), (rule, gap, fold)


def test_the_walk_saw_clocks_turned_and_a_day_that_never_was() -> None:
    """Were the oracle blind to them, the tests above would hold for nothing."""
    assert dt.datetime.fromisoformat("2018-11-04T00:30") in seen_by("America/Sao_Paulo").skipped
    assert len(seen_by("America/Sao_Paulo").shown[dt.datetime.fromisoformat("2019-02-16T23:30")]) == 2
    assert len([wall for wall in seen_by("Pacific/Apia").skipped if wall.date() == dt.date(2011, 12, 30)]) == 48
    assert len(seen_by("Australia/Lord_Howe").skipped) >= 9
    assert not seen_by("Asia/Kolkata").skipped


zones, gaps, folds = st.sampled_from(ZONES), st.sampled_from(GAPS), st.sampled_from(FOLDS)


@functools.cache
def turns(zone: str) -> list[dt.datetime]:
    """The moments at which the clocks of a zone were turned in the ten years; any moment where they never were."""
    seen = seen_by(zone)
    found = {*seen.skipped.values(), *(twice[-1] for twice in seen.shown.values() if len(twice) > 1)}
    return sorted(found) or [dt.datetime(2015, 3, 1, tzinfo=dt.UTC)]


times = st.builds(lambda slot: f"{slot // 12:02}:{slot % 12 * 5:02}", st.integers(0, 287))
phrases = st.one_of(
    st.builds("every day at {}".format, times),
    st.builds("every {} at {} and {}".format, st.sampled_from(["sunday", "saturday", "monday to friday"]), times, times),
    st.builds("every {} minutes".format, st.sampled_from([5, 15, 20])),
    st.builds("todo dia útil às {}".format, times),
    st.builds("cron */{} {} * * *".format, st.sampled_from([5, 20]), st.sampled_from(["*", "0-3", "1,2,23"])),
)


def near_a_turn(zone: str, number: int, hours: int) -> dt.datetime:
    """Hours before or after one of the moments at which clocks of a zone are turned."""
    return turns(zone)[number % len(turns(zone))] + dt.timedelta(hours=hours)


def wanted_by(planned: Trigger) -> Wanted:
    """What a phrase of this file says, told from its text."""
    text = planned.rule
    if text.startswith("cron"):
        minutes, hours = text.split()[1], text.split()[2]
        allowed = {"*": set(range(24)), "0-3": {0, 1, 2, 3}, "1,2,23": {1, 2, 23}}[hours]
        return lambda wall: wall.hour in allowed and wall.minute % int(minutes[2:]) == 0
    if text.endswith("minutes"):
        return lambda wall: wall.minute % int(text.split()[1]) == 0
    days = {"sunday": {6}, "saturday": {5}, "monday": set(range(5))}.get(text.split()[1], set(range(7)))
    at_times = time_in(*(word for word in text.split() if ":" in word))
    only_business = "útil" in text
    return lambda wall: wall.weekday() in days and at_times(wall) and (not only_business or business(wall.date()))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(zones, phrases, gaps, folds, st.integers(0, 40), st.integers(-40, 40), st.integers(1, 60))
def test_around_any_turn_of_the_clocks_the_oracle_agrees(
    zone: str, rule: str, gap: str, fold: str, turn: int, hours: int, length: int
) -> None:
    after = near_a_turn(zone, turn, hours)
    until = after + dt.timedelta(hours=length)
    planned = trigger(rule, zone, gap=gap, fold=fold)
    seen = walk(ZoneInfo(zone), after - 2 * DAY, until + 2 * DAY, FIVE_MINUTES)
    assert list(split(planned.between(after, until))) == expected_of(seen, wanted_by(planned), after, until, gap, fold)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(zones, phrases, gaps, folds, st.integers(0, 40), st.integers(-60, 60), st.integers(1, 72), st.booleans())
def test_closed_portals_move_fires_to_the_next_opening(
    zone: str, rule: str, gap: str, fold: str, turn: int, hours: int, length: int, shut: bool
) -> None:
    after = near_a_turn(zone, turn, hours)
    until = after + dt.timedelta(hours=length)
    closed_from, closed_until = after + dt.timedelta(hours=5), after + dt.timedelta(hours=31)
    keys: dict[str, Any] = {"windows": ["mon-fri 06:00-21:30"], "portal": "portal"}
    if shut:
        keys["maintenance"] = [{"portal": "portal", "from": closed_from, "until": closed_until, "source": "notice"}]
    planned = trigger(rule, zone, gap=gap, fold=fold, **keys)
    open_by_clock = window(ZoneInfo(zone), "0-4 06:00-21:30")

    def is_open(moment: dt.datetime) -> bool:
        return open_by_clock(moment) and not (shut and closed_from <= moment < closed_until)

    seen = walk(ZoneInfo(zone), after - 6 * DAY, until + 2 * DAY, FIVE_MINUTES)
    raw, refused = fires(seen, wanted_by(planned), gap=gap, fold=fold)
    moved = set(deferred(raw, is_open, FIVE_MINUTES, until))
    expected = [sorted(at for at in some if after < at <= until) for some in (moved, refused - moved)]
    assert list(split(planned.between(after, until))) == expected


@settings(max_examples=60, deadline=None)
@given(st.data(), zones, phrases, gaps, folds, st.integers(0, 40), st.sampled_from(["defer", "skip"]), st.booleans())
def test_cutting_the_time_anywhere_changes_nothing(
    data: st.DataObject, zone: str, rule: str, gap: str, fold: str, turn: int, closed: str, always: bool
) -> None:
    start = near_a_turn(zone, turn, -50)
    windows = [] if always else ["mon-fri 07:00-22:00", "sat 08:00-12:00"]
    planned = trigger(rule, zone, gap=gap, fold=fold, closed=closed, windows=windows)
    whole = planned.between(start, start + 6 * DAY)
    seconds = data.draw(st.lists(st.integers(0, 6 * 86_400), max_size=6))
    at_fires = data.draw(st.lists(st.sampled_from([fire.at for fire in whole] or [start]), max_size=4))
    cuts = sorted({start, *at_fires, *(start + dt.timedelta(seconds=n) for n in seconds), start + 6 * DAY})
    assert [fire for one, other in itertools.pairwise(cuts) for fire in planned.between(one, other)] == whole
    assert len({fire.at for fire in whole}) == len(whole)


def test_a_fire_at_the_very_end_of_a_window_waits_for_the_next_one_wherever_time_is_cut() -> None:
    start = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    planned = trigger("every day at 22:00", windows=["mon-fri 07:00-22:00"])
    whole = planned.between(start, start + 7 * DAY)
    meant = ["2026-10-30", "2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"]  # Friday's to Sunday's are one, on Monday
    assert [fire.local for fire in whole] == [f"{day}T22:00:00-03:00" for day in meant]
    for hours in range(7 * 24):
        cut = start + dt.timedelta(hours=hours)
        assert planned.between(start, cut) + planned.between(cut, start + 7 * DAY) == whole


def test_a_closure_longer_than_fires_wait_refuses_the_early_ones_wherever_time_is_cut() -> None:
    start = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    closed = {"portal": "portal", "from": start + 5 * DAY, "until": start + 50 * DAY, "source": "notice 12"}
    planned = trigger("every day at 12:00", portal="portal", maintenance=[closed])
    whole = planned.between(start, start + 70 * DAY)
    refused = [fire for fire in whole if fire.refusal]
    assert {fire.refusal for fire in refused} == {"the portal does not open within 31 days"}
    assert [len(refused), len(whole)] == [14, 5 + 14 + 1 + 20]
    assert [fire.local for fire in whole if fire.at == start + 50 * DAY] == ["2026-03-20T12:00:00-03:00"]
    for hours in range(0, 70 * 24, 7):
        cut = start + dt.timedelta(hours=hours)
        assert planned.between(start, cut) + planned.between(cut, start + 70 * DAY) == whole
    skipping = trigger("every day at 12:00", portal="portal", maintenance=[closed], closed="skip").between(start, start + 70 * DAY)
    assert {fire.refusal for fire in skipping} == {"", "the portal is closed for maintenance: notice 12"}


@pytest.mark.parametrize("zone", ["America/St_Johns", "America/Sao_Paulo", "Australia/Lord_Howe", "Europe/Lisbon"])
def test_minute_by_minute_across_a_turn(zone: str) -> None:
    """St. John's turned its clocks a minute after midnight, back into the day before."""
    newfoundland = [dt.datetime(2010, 3, 14, 3, 31, tzinfo=dt.UTC), dt.datetime(2010, 11, 7, 2, 31, tzinfo=dt.UTC)]
    for turn in newfoundland if zone == "America/St_Johns" else [at for at in turns(zone) if at.year == 2017]:
        after, until = turn - dt.timedelta(hours=3), turn + dt.timedelta(hours=3)
        seen = walk(ZoneInfo(zone), after - dt.timedelta(hours=4), until + dt.timedelta(hours=4), MINUTE)
        for gap, fold in itertools.product(GAPS, FOLDS):
            planned = trigger("cron * * * * *", zone, gap=gap, fold=fold)
            assert list(split(planned.between(after, until))) == expected_of(seen, lambda _: True, after, until, gap, fold)
            cut = turn + dt.timedelta(minutes=1)
            assert planned.between(after, cut) + planned.between(cut, until) == planned.between(after, until)


def test_a_fire_tells_the_wall_time_that_was_meant() -> None:
    (moved,) = trigger("every day at 00:30").between(dt.datetime(2018, 11, 4, tzinfo=dt.UTC), dt.datetime(2018, 11, 4, 12, tzinfo=dt.UTC))
    assert (moved.at, moved.local) == (dt.datetime(2018, 11, 4, 3, tzinfo=dt.UTC), "2018-11-04T00:30:00-02:00")
    skipped = trigger("every day at 00:30", gap="skip").between(moved.at - DAY, moved.at)[-1]
    assert skipped.refusal == "00:30 of 2018-11-04 does not exist: clocks are put forward"
    twice = trigger("every day at 23:30", fold="both").between(
        dt.datetime(2019, 2, 17, tzinfo=dt.UTC), dt.datetime(2019, 2, 17, 12, tzinfo=dt.UTC)
    )
    assert [fire.local for fire in twice] == ["2019-02-16T23:30:00-02:00", "2019-02-16T23:30:00-03:00"]


def test_what_passes_by_the_clock_goes_on_in_an_hour_that_is_shown_twice() -> None:
    """`every 30 minutes` is about time that passes; a rule with an hour is about the wall clock."""
    night = dt.datetime(2019, 2, 17, tzinfo=dt.UTC), dt.datetime(2019, 2, 17, 6, tzinfo=dt.UTC)
    assert len(trigger("every 30 minutes").between(*night)) == 12
    assert len(trigger("cron */30 * * * *").between(*night)) == 10


def test_offsets_of_odd_seconds_are_kept() -> None:
    """São Paulo went by the sun until 1914: 3 h 6 min 28 s."""
    noon = dt.datetime.fromisoformat("1910-01-01T12:00")
    assert moments(noon, ZoneInfo("America/Sao_Paulo"))[0].at == dt.datetime(1910, 1, 1, 15, 6, 28, tzinfo=dt.UTC)
