"""Published lists: every line accounted for, a year replaced whole, the former version kept, the audit log told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.calendars.calendar import load_calendars
from retaguarda.calendars.deadlines import load_deadlines
from retaguarda.calendars.deadlines import read_deadlines as read_file
from retaguarda.calendars.importing import days_change, import_days, import_deadlines, with_days
from retaguarda.calendars.lists import read_date, read_days, read_deadlines
from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month
from retaguarda.settings import Settings
from retaguarda.store.models import OutboxEvent

LIST = """\
2027-01-01;Confraternização
2027-01-25;São Paulo
2027-02-08;Carnaval
2027-02-09;Carnaval
2027-03-26;Paixão
2027-04-21;Tiradentes
2027-05-27;Corpus Christi
2027-09-07;Independência
2027-10-12;Aparecida
2027-11-02;Finados
2027-11-15;República
"""
PAIRS = [tuple(line.split(";")) for line in LIST.splitlines()]


def brazilian(day: str) -> str:
    return f"{dt.date.fromisoformat(day):%d/%m/%Y}"


@pytest.mark.parametrize(
    "raw",
    [
        LIST.encode(),
        ("data;feriado\n" + LIST).encode("utf-8-sig"),
        ("Data;Feriado;\r\n" + LIST.replace("\n", ";\r\n")).encode("cp1252"),
        "".join(f"{brazilian(day)},{name}\n\n" for day, name in PAIRS).encode("latin-1"),
        "".join(f'"{day}","{name}"\n' for day, name in PAIRS).encode(),
        ("Data\tFeriado\n" + LIST.replace(";", "\t")).encode("utf-16"),
        "".join(reversed(LIST.splitlines(keepends=True))).encode(),
    ],
    ids=["plain", "bom-heading", "windows", "latin1-comma", "quoted", "utf16-tab", "reversed"],
)
def test_a_list_is_read_whoever_wrote_it(raw: bytes) -> None:
    days, rejected = read_days(raw)
    assert rejected == []
    assert [(f"{day.date}", day.name) for day in days] == PAIRS


def test_the_three_columns_of_the_banks_list_and_a_weekday_that_is_wrong() -> None:
    days, rejected = read_days("Data;Dia da Semana;Feriado\n01/01/2027;sexta-feira;Ano novo\n21/04/2027;terça-feira;Tiradentes\n".encode())
    assert [(day.date, day.name) for day in days] == [(dt.date(2027, 1, 1), "Ano novo")]
    assert [(one.line, one.reason) for one in rejected] == [(3, "21/04/2027 is no terça-feira")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("30/02/2027;x", "the line does not begin with a date"),
        ("01/01/27;x", "the line does not begin with a date"),
        ("46296;x", "the line does not begin with a date"),
        ("Fonte: ANBIMA", "the line does not begin with a date"),
        ("2027-01-01;again", "the day stands in line 1 already"),
        ("1776-07-04;x", "the year 1776 lies outside of 1900 to 2200"),
        ("2027-02-01;a;b;c", "the line has 4 columns"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_remedy(line: str, reason: str) -> None:
    days, (rejected,) = read_days(f"2027-01-01;Ano novo\n\n{line}\n".encode())
    assert len(days) == 1
    assert (rejected.line, rejected.reason) == (3, reason)
    assert rejected.remedy


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_are_lost_or_crash(raw: bytes) -> None:
    days, rejected = read_days(raw)
    assert all(day.date.year >= 1900 for day in days)
    assert all(one.reason and one.remedy for one in rejected)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_only_dates_that_exist_are_dates(text: str) -> None:
    found = read_date(text)
    assert found is None or text in {f"{found}", f"{found:%d/%m/%Y}"} or "/" in text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "calendars"
    folder.mkdir()
    for path in Path("config/calendars").glob("*.toml"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_year_is_replaced_the_former_version_kept_and_the_audit_log_told(store: Path, folder: Path) -> None:
    before, path = load_calendars(folder)["ccee"], folder / "ccee.toml"
    raw = path.read_bytes()
    days, _ = read_days(LIST.encode())
    stated = with_days("ccee", before, days, source="CCEE, 1/2027", confidence="high")
    assert days_change(path, before, stated, days).kept is None
    assert path.read_bytes() == raw
    done = import_days(path, before, stated, days)
    after = load_calendars(folder)["ccee"]
    assert done.kept == folder / "former" / "ccee-v1.toml"
    assert done.kept.read_bytes() == raw
    assert (after.stated.version, after.confidence_in(2027), after.confidence_in(2026)) == (2, "high", "low")
    assert [(one.year, one.source) for one in after.stated.listed] == [(2027, "CCEE, 1/2027")]
    assert list(after.holidays(2027).items()) == [(dt.date.fromisoformat(day), name) for day, name in PAIRS]
    assert after.holidays(2026) == before.holidays(2026)
    assert [day.name for day in done.gone] == [
        "Dia do Trabalhador", "Revolução Constitucionalista", "Dia Nacional de Zumbi e da Consciência Negra", "Natal"
    ]  # fmt: skip
    assert done.added == ()
    event = OutboxEvent.objects.get().line
    assert (event["action"], event["target"], event["data"]["version"]) == ("calendar.imported", "ccee", 2)
    assert "2027-07-09" in event["data"]["gone"]


def test_a_second_import_keeps_both_former_versions(store: Path, folder: Path) -> None:
    days, _ = read_days(LIST.encode())
    for number in (1, 2, 3):
        before = load_calendars(folder)["ccee"]
        import_days(folder / "ccee.toml", before, with_days("ccee", before, days, source=f"list {number}", confidence="high"), days)
    assert sorted(path.name for path in (folder / "former").iterdir()) == ["ccee-v1.toml", "ccee-v2.toml", "ccee-v3.toml"]
    assert load_calendars(folder)["ccee"].stated.version == 4
    assert "former" not in load_calendars(folder)


def test_a_calendar_that_is_new_knows_the_listed_years_alone(store: Path, folder: Path) -> None:
    days, _ = read_days(LIST.encode())
    import_days(folder / "own.toml", None, with_days("own", None, days, source="us", confidence="high"), days)
    own = load_calendars(folder)["own"]
    assert (own.stated.version, own.knows(2027), own.knows(2026), own.knows(2028)) == (1, True, False, False)
    assert own.is_business(dt.date(2027, 12, 24))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("ccee", "2027-01-01;Ano novo\n", "the list names 1 weekdays of 2027; 12 were expected"),
        ("own", "2027-01-01;a\n2027-01-04;b\n", "the list names 2 weekdays of 2027; 5 were expected"),
        ("own", "", "the list names no day"),
        ("../own", LIST, "'../own' is no name for a calendar"),
    ],
)
def test_a_list_that_cannot_be_a_whole_year_is_refused(folder: Path, name: str, text: str, told: str) -> None:
    days, _ = read_days(text.encode())
    with pytest.raises(ConfigurationError) as raised:
        with_days(name, load_calendars(folder).get(name), days, source="s", confidence="high")
    assert raised.value.text == told
    assert raised.value.remedy


DEADLINES = (
    "mês;evento;data;hora;fonte;confiança\n11/2026;register;08/12/2026;17:00;CCEE 99;alta\n2026-12;register;2027-01-13;18:00;CCEE 100;\n"
)


def test_published_deadlines_go_before_the_formula(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "deadlines.toml"
    path.write_bytes(Path("config/deadlines.toml").read_bytes())
    known = load_deadlines(Settings(), path=path)
    rows, rejected = read_deadlines(DEADLINES.encode("cp1252"), known.events)
    assert rejected == []
    done = import_deadlines(path, read_file(path), known, rows)
    after = load_deadlines(Settings(), path=path)
    november = after.of(Month(2026, 11), "register")
    assert (november.at.isoformat(), november.source, november.confidence, november.published) == (
        "2026-12-08T17:00:00-03:00", "CCEE 99", "high", True
    )  # fmt: skip
    october = after.of(Month(2026, 10), "register")
    assert (october.at.isoformat(), october.published) == ("2026-11-11T18:00:00-03:00", False)
    assert set(after.events) == set(known.events)
    assert (done.version, done.kept) == (2, tmp_path / "former" / "deadlines-v1.toml")
    assert [day.name for day in done.added] == ["register 2026-11 17:00", "register 2026-12 18:00"]
    assert OutboxEvent.objects.get().line["action"] == "deadlines.imported"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2026-11;register;08/12/26;17:00;CCEE", "'08/12/26' is no date"),
        ("2026-11;register;2026-12-08;25:00;CCEE", "'25:00' is no hour"),
        ("2026-11;register;2026-12-08;5 pm;CCEE", "'5 pm' is no hour"),
        ("2026-11;lunch;2026-12-08;17:00;CCEE", "unknown event 'lunch'"),
        ("2026-11;register;2026-11-08;17:00;CCEE", "the date 2026-11-08 is none for the month of supply 2026-11"),
        ("2026-11;register;2027-11-08;17:00;CCEE", "the date 2027-11-08 is none for the month of supply 2026-11"),
        ("13/2026;register;2026-12-08;17:00;CCEE", "supply: Value error, not a month: '13/2026' (use AAAA-MM)"),
        ("2026-11;register;2026-12-08;17:00;", "source: String should have at least 1 character"),
        ("2026-11;register;2026-12-08;17:00;CCEE;sure", "confidence: Input should be 'high', 'medium' or 'low'"),
    ],
)
def test_a_deadline_that_cannot_be_taken_is_named(line: str, reason: str) -> None:
    rows, (rejected,) = read_deadlines(f"supply;event;date;hour;source;confidence\n{line}\n".encode(), load_deadlines(Settings()).events)
    assert (rows, rejected.line, rejected.reason) == ([], 2, reason)


def test_a_list_of_deadlines_without_its_headings_is_told() -> None:
    rows, (rejected,) = read_deadlines(b"2026-11;register;2026-12-08;17:00\n", load_deadlines(Settings()).events)
    assert (rows, rejected.reason) == ([], "the first line has no column 'supply'")
    assert read_deadlines(b"", {})[1][0].reason == "the first line has no column 'supply'"


def test_two_months_cannot_share_a_deadline(tmp_path: Path) -> None:
    """One moment is one fire: the obligation of a month would be lost."""
    known = load_deadlines(Settings(), path=tmp_path / "none.toml")
    rows, _ = read_deadlines(b"supply;event;date;hour;source\n2026-10;register;2026-12-09;18:00;CCEE\n", known.events)
    with pytest.raises(ConfigurationError, match=r"deadline of register for 2026-10 .* does not lie between those of the months beside it"):
        import_deadlines(tmp_path / "deadlines.toml", read_file(tmp_path / "deadlines.toml"), known, rows)
    assert not (tmp_path / "deadlines.toml").exists()


def test_a_folder_that_cannot_be_written_is_told(store: Path, tmp_path: Path) -> None:
    (tmp_path / "calendars").write_text("a file", encoding="utf-8")
    days, _ = read_days(LIST.encode())
    stated = with_days("own", None, days, source="us", confidence="high")
    with pytest.raises(ConfigurationError, match="cannot write"):
        import_days(tmp_path / "calendars" / "own.toml", None, stated, days)
    assert not OutboxEvent.objects.exists()
