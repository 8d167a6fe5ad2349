"""Calendars as files: combined, valid for their years alone, strict, and odd things told."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.calendars.calendar import BANKS, banks, calendar_of, is_business_day, load_calendars, union
from retaguarda.calendars.check import checked, differing, known_years, remarks
from retaguarda.calendars.deadlines import load_deadlines
from retaguarda.calendars.files import CalendarFile, Holiday, ListedYear, calendar_text, read_calendar, read_calendars
from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month
from retaguarda.settings import Settings

HEAD = 'schema = 1\ntitle = "x"\nversion = 1\nsource = "s"\nconfidence = "medium"\n'
CALENDARS = load_calendars(Path("config/calendars"))
JULY_9, JANUARY_25 = dt.date(2026, 7, 9), dt.date(2027, 1, 25)


def write(folder: Path, **files: str) -> Path:
    """Calendars with these texts under their heads; `@2026` states that 2026 is a published list."""
    for name, text in files.items():
        stated = re.sub(r"@(\d{4})", r'[[listed]]\nyear = \1\nsource = "list"\nconfidence = "high"', text)
        (folder / f"{name}.toml").write_text(HEAD + stated, encoding="utf-8")
    return folder


def test_what_is_built_in_is_what_the_shipped_file_states() -> None:
    assert read_calendar(Path("config/calendars/anbima.toml")) == BANKS
    assert banks().name == "anbima"


def test_a_file_replaces_the_banks_calendar_that_is_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strike = dt.date(2026, 8, 5)
    (tmp_path / "calendars").mkdir()
    write(
        tmp_path / "calendars",
        anbima=f'library = "BVMF"\nvalid = {{ from = 2001, until = 2099 }}\n[[holiday]]\ndate = {strike}\nname = "Luto"\n',
    )
    assert is_business_day(strike)
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(tmp_path))
    assert not is_business_day(strike)


def test_ccee_counts_a_day_only_where_banks_and_offices_of_sao_paulo_both_work() -> None:
    ccee, anbima = CALENDARS["ccee"], CALENDARS["anbima"]
    for day in (JULY_9, JANUARY_25):
        assert anbima.is_business(day)
        assert not ccee.is_business(day)
    assert differing(anbima, ccee, 2026) == [(JULY_9, "Revolução Constitucionalista")]
    assert (ccee.nth(Month(2026, 7), 7), anbima.nth(Month(2026, 7), 7)) == (dt.date(2026, 7, 10), JULY_9)
    assert ccee.confidence == "low"
    assert not ccee.is_business(dt.date(2026, 2, 16)), "carnival stops the banks alone"


@settings(deadline=None)
@given(st.dates(dt.date(2022, 1, 1), dt.date(2050, 12, 31)))
def test_a_union_is_a_business_day_where_all_of_it_is(day: dt.date) -> None:
    both = union(CALENDARS["anbima"], CALENDARS["sao-paulo"])
    assert both.is_business(day) == (CALENDARS["anbima"].is_business(day) and CALENDARS["sao-paulo"].is_business(day))
    assert both.is_business(day) == CALENDARS["ccee"].is_business(day)


@settings(deadline=None)
@given(st.dates(dt.date(2003, 1, 1), dt.date(2090, 12, 31)), st.integers(-40, 40))
def test_business_days_are_counted_there_and_back(day: dt.date, count: int) -> None:
    anbima = CALENDARS["anbima"]
    there = anbima.shifted(day, count)
    between = range(min(there, day).toordinal(), max(there, day).toordinal() + 1)
    passed = sum(anbima.is_business(dt.date.fromordinal(n)) for n in between if dt.date.fromordinal(n) != day)
    assert passed == abs(count)
    assert count == 0 or anbima.is_business(there)


def test_several_are_named_together_and_an_unknown_one_is_told() -> None:
    assert not calendar_of("anbima+sao-paulo", CALENDARS).is_business(JULY_9)
    assert calendar_of("anbima", CALENDARS) is CALENDARS["anbima"]
    with pytest.raises(ConfigurationError, match="there is no calendar 'moon'") as raised:
        calendar_of("anbima+moon", CALENDARS)
    assert raised.value.remedy == "known: anbima, ccee, sao-paulo"


@pytest.mark.parametrize(
    ("name", "day"), [("ccee", dt.date(2021, 12, 31)), ("sao-paulo", dt.date(2051, 1, 2)), ("anbima", dt.date(2000, 12, 31))]
)
def test_a_day_of_an_unknown_year_is_an_error_be_it_a_sunday(name: str, day: dt.date) -> None:
    for asked in (day, day - dt.timedelta(days=(day.weekday() + 1) % 7)):
        with pytest.raises(ConfigurationError, match=f"calendar {name} knows no days of {asked.year}") as raised:
            CALENDARS[name].is_business(asked)
        assert f"calendar import {name} FILE.csv" in raised.value.remedy


def test_a_listed_year_is_the_list_alone_and_every_other_by_rule(tmp_path: Path) -> None:
    folder = write(tmp_path, own='extends = ["anbima"]\n@2027\n[[holiday]]\ndate = 2027-03-10\nname = "Dia próprio"\n')
    own = load_calendars(folder)["own"]
    assert list(own.holidays(2027)) == [dt.date(2027, 3, 10)]
    assert own.is_business(dt.date(2027, 2, 8)), "carnival is not in the list"
    assert (own.confidence_in(2027), own.confidence_in(2026)) == ("high", "medium")
    assert not own.is_business(dt.date(2026, 2, 16))
    assert ("note", "2027-02-08 Carnaval is off by rule and not in the list") in {
        (one.severity, one.text) for one in remarks(load_calendars(folder), load_deadlines(Settings()), dt.date(2026, 11, 1))
    }


def test_yearly_days_removed_days_weekends_and_early_closings(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        own='valid = { from = 2024, until = 2030 }\nweekend = ["fri", "sat"]\n'
        '[[annual]]\nday = "02-29"\nname = "Leap"\n[[annual]]\neaster = 60\nname = "Corpus"\nfrom = 2026\n'
        '[[removed]]\ndate = 2026-06-04\nreason = "moved"\n'
        '[[early]]\nday = "12-24"\ncloses = "12:00"\nname = "Eve"\n[[early]]\ndate = 2026-12-24\ncloses = "11:00"\nname = "Eve"\n',
        over='extends = ["own", "anbima"]\n',
    )
    own, over = (load_calendars(folder)[name] for name in ("own", "over"))
    assert own.holidays(2024) == {dt.date(2024, 2, 29): "Leap"}
    assert own.holidays(2025) == {}
    assert own.holidays(2026) == {}
    assert own.holidays(2027) == {dt.date(2027, 5, 27): "Corpus"}
    assert own.is_business(dt.date(2026, 11, 1)), "a Sunday"
    assert not own.is_business(dt.date(2026, 10, 30))
    assert over.weekend == frozenset({4, 5, 6})
    assert (own.closes(dt.date(2026, 12, 24)), over.closes(dt.date(2027, 12, 24))) == (dt.time(11), dt.time(12))
    assert own.closes(dt.date(2026, 12, 23)) is None
    assert over.confidence == "medium"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a calendar that extends no other states the years"),
        ('library = "BVMF"\n@2026', "a calendar by rules states the years"),
        ("valid = { from = 2030, until = 2026 }", "the last year lies before the first"),
        ("valid = { from = 2026, until = 2027 }\nholliday = []", "own.toml: holliday: Extra inputs"),
        ("@2026\n[[holiday]]\ndate = 2026-02-30", "configuration cannot be read"),
        ('@2026\n[[holiday]]\ndate = "2026-02-30"', "own.toml: holiday.0.date"),
        ('@2026\n[[annual]]\nname = "x"', "either a day or its distance from Easter"),
        ('@2026\n[[annual]]\nname = "x"\nday = "02-30"', "own.toml: annual.0"),
        ('weekend = ["sunday"]\n@2026', "own.toml: weekend.0"),
        ('@2026\n[[early]]\nname = "x"\ncloses = "12:00"', "either a date or a day of every year"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_calendars(write(tmp_path, own=text))
    assert told in raised.value.text
    assert raised.value.text.startswith("configuration cannot be read") or str(tmp_path / "own.toml") in raised.value.remedy


def test_rings_and_strangers_among_those_extended(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="calendar one extends itself: one → two → one"):
        load_calendars(write(tmp_path, one='extends = ["two"]', two='extends = ["one"]'))
    with pytest.raises(ConfigurationError, match="calendar one extends 'three', which does not exist"):
        load_calendars(write(tmp_path, one='extends = ["three"]'))


def test_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'My Calendar' is no name"):
        read_calendars(write(tmp_path, **{"My Calendar": "@2026"}))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)), st.text(max_size=40)), max_size=6),
    st.text(max_size=60),
    st.sampled_from(["high", "medium", "low"]),
)
def test_a_calendar_that_is_written_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, days: list[tuple[dt.date, str]], source: str, sure: str
) -> None:
    stated = CalendarFile(
        schema_=1, title=source, version=3, source=source, confidence=sure,
        listed=(ListedYear(year=2026, source=source, confidence="low"),),
        holiday=tuple(Holiday(date=day, name=name) for day, name in days),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("calendar") / "own.toml"
    path.write_text(calendar_text(stated), encoding="utf-8")
    assert read_calendar(path) == stated


def test_every_shipped_calendar_is_written_and_read_back_equal(tmp_path: Path) -> None:
    for name, stated in read_calendars(Path("config/calendars")).items():
        path = tmp_path / f"{name}.toml"
        path.write_text(calendar_text(stated), encoding="utf-8")
        assert read_calendar(path) == stated


def test_the_digest_follows_what_the_days_follow_from(tmp_path: Path) -> None:
    before = load_calendars(write(tmp_path, one="@2026", two='extends = ["one"]\nvalid = { from = 2026, until = 2026 }'))
    after = load_calendars(write(tmp_path, one="@2026\n[[holiday]]\ndate = 2026-05-05"))
    assert before["two"].digest != after["two"].digest
    assert before["anbima"].digest == after["anbima"].digest


def test_what_is_odd_is_told(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        own="@2026\n"
        '[[holiday]]\ndate = 2026-12-25\n[[holiday]]\ndate = 2026-12-25\n[[holiday]]\ndate = 2026-12-26\nname = "Sat"\n'
        '[[removed]]\ndate = 2026-12-01\nreason = "r"\n[[early]]\ndate = 2026-12-26\ncloses = "12:00"\nname = "e"\n',
        past="@2025",
    )
    calendars = load_calendars(folder)
    found = [(one.where, one.severity, one.text) for one in remarks(calendars, load_deadlines(Settings()), dt.date(2026, 11, 1))]
    assert found == [
        ("own", "problem", "no days after 2026-12-31 are known: import the next year"),
        ("own", "problem", "2026-12-25 stands there 2 times"),
        ("past", "problem", "no days of 2026 are known"),
        ("own", "note", "2026-12-26 Sat falls on a weekend"),
        ("own", "note", "2026-12-01 is removed, and no holiday anyway"),
        ("own", "note", "2026-12-26 ends early, and is no business day anyway"),
    ]
    assert checked(calendars, load_deadlines(Settings()), Month(2026, 10), dt.date(2026, 11, 1)).problems == 3
    assert known_years(calendars["own"]) == [(2026, 2026)]


def test_the_shipped_calendars_and_deadlines_have_no_problem() -> None:
    found = checked(CALENDARS, load_deadlines(Settings(), CALENDARS), Month(2026, 10), dt.date(2026, 11, 1))
    assert (found.remarks, found.problems) == ((), 0)
    assert found.dates["anbima"][7] == dt.date(2026, 11, 11)
    assert known_years(CALENDARS["ccee"]) == [(2022, 2050)]


def test_the_example_of_the_documentation_is_a_calendar(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", Path("docs/scheduling.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "mesa.toml").write_text(example, "utf-8")
    mesa = load_calendars(tmp_path)["mesa"]
    assert not mesa.is_business(dt.date(2026, 12, 24))
    assert not mesa.is_business(dt.date(2027, 12, 31))
    assert mesa.is_business(dt.date(2026, 11, 20))
    assert mesa.closes(dt.date(2026, 12, 30)) == dt.time(12)
