"""What rules mean, and what is refused: the MS+N table of 2026, both languages, policies, placeholders, hostile texts."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.calendars.calendar import load_calendars
from retaguarda.errors import ConfigurationError
from retaguarda.language import set_language
from retaguarda.model.values import Month, Period
from retaguarda.process import Process
from retaguarda.settings import DeadlineSettings, Settings
from retaguarda.triggers.file import Fire, Trigger, load_triggers, parse_triggers, require_process

CALENDARS = load_calendars(Path("config/calendars"))
ORDINALS = (1, 5, 6, 7, 8, 9, 10, 15, 21, 26, 27)
TABLE = """
2026-01 02/01 08/01 09/01 12/01 13/01 14/01 15/01 22/01 30/01 06/02 09/02
2026-02 02/02 06/02 09/02 10/02 11/02 12/02 13/02 24/02 04/03 11/03 12/03
2026-03 02/03 06/03 09/03 10/03 11/03 12/03 13/03 20/03 30/03 07/04 08/04
2026-04 01/04 08/04 09/04 10/04 13/04 14/04 15/04 23/04 04/05 11/05 12/05
2026-05 04/05 08/05 11/05 12/05 13/05 14/05 15/05 22/05 01/06 09/06 10/06
2026-06 01/06 08/06 09/06 10/06 11/06 12/06 15/06 22/06 30/06 07/07 08/07
2026-07 01/07 07/07 08/07 09/07 10/07 13/07 14/07 21/07 29/07 05/08 06/08
2026-08 03/08 07/08 10/08 11/08 12/08 13/08 14/08 21/08 31/08 08/09 09/09
2026-09 01/09 08/09 09/09 10/09 11/09 14/09 15/09 22/09 30/09 07/10 08/10
2026-10 01/10 07/10 08/10 09/10 13/10 14/10 15/10 22/10 30/10 09/11 10/11
2026-11 03/11 09/11 10/11 11/11 12/11 13/11 16/11 24/11 02/12 09/12 10/12
2026-12 01/12 07/12 08/12 09/12 10/12 11/12 14/12 21/12 30/12 07/01 08/01
"""
ROWS = {row[0]: row[1:] for row in (line.split() for line in TABLE.split("\n") if line)}
AUTUMN = dt.datetime(2026, 10, 1, tzinfo=dt.UTC), dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


def trigger(rule: str = "", settings: Settings | None = None, **keys: Any) -> Trigger:
    entry = {"name": "one", "process": "work", **({"rule": rule} if rule else {}), **keys}
    tables = {"schema": 1, "portal": [{"name": "ccee", "windows": ["mon-fri 07:00-22:00"]}], "trigger": [entry]}
    return parse_triggers(tables, settings or Settings(), CALENDARS)["one"]


def days(planned: Trigger, first: str = "2026-10-01", last: str = "2026-12-01") -> list[str]:
    return [fire.local[:16] for fire in planned.between(utc(first), utc(last))]


def utc(day: str) -> dt.datetime:
    return dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize("rule", ["MS+{}du at 18:00", "{}th business day of the month at 18:00", "registered by MS+{}du 18:00"])
def test_the_nth_business_days_of_2026_are_those_of_the_table(rule: str) -> None:
    """ANBIMA, the whole table, by each rule that counts business days; the month of supply is the one before the row's."""
    for column, ordinal in enumerate(ORDINALS):
        planned = trigger(rule.format(ordinal))
        fires = {str(planned.plan.supply(fire.wall).next): fire for fire in planned.between(utc("2025-12-30"), utc("2027-03-01"))}
        assert {month: fires[month].wall.strftime("%d/%m") for month in ROWS} == {month: row[column] for month, row in ROWS.items()}
        assert all(fire.at == fire.due for fire in fires.values()) == rule.startswith("registered")


SAME = (
    ("every business day at 07:30", "todo dia útil às 07:30", "Todos os dias úteis às 7h30"),
    ("every monday and thursday at 07:30", "toda segunda e quinta às 07:30", "todas as segundas-feiras, quintas-feiras às 7:30"),
    ("every monday to friday at 18:00", "toda segunda a sexta às 18h", "TODA SEGUNDA-FEIRA ATÉ SEXTA-FEIRA ÀS 18:00"),
    ("every day at 06:00 and 18:30", "todos os dias às 06:00 e 18:30", "todo dia às 6h, 18h30"),
    ("every saturday at 08:00", "todo sábado às 08:00", "todos os sábados às 8h"),
    ("every 2 hours", "a cada 2 horas", "every 2 hours at :00"),
    ("every 15 minutes", "a cada 15 minutos", "every  15   MINUTES"),
    ("MS+7du at 18:00", "7º dia útil do mês às 18:00", "ms + 7 du 18h"),
    ("last business day of the month at 17:00", "no último dia útil do mês às 17h", "1st last business day of the month at 17:00"),
    ("penultimate business day of the month at 17:00", "penúltimo dia útil do mês às 17:00", "2º último dia útil do mês às 17:00"),
    ("day 10 of the month at 09:00", "dia 10 do mês às 9h", "on day 10 of every month at 09:00"),
    (
        "day 10 of the month, or the next business day, at 09:00",
        "dia 10 do mês ou próximo dia útil às 09:00",
        "dia 10 de cada mês, ou no dia útil seguinte, às 09:00",
    ),
    (
        "last day of the month or the previous business day at 09:00",
        "último dia do mês ou dia útil anterior às 09:00",
        "last business day of the month at 09:00",
    ),
    ("registered by MS+7du 18:00", "registrado até MS+7du às 18:00", "by ms+7bd 18h"),
    ("validated by deadline validate", "validado até o prazo validate", "até o prazo de validate"),
)


@pytest.mark.parametrize("rules", SAME, ids=lambda rules: rules[0])
def test_one_rule_in_both_languages(rules: tuple[str, ...]) -> None:
    planned = [trigger(rule).between(*AUTUMN) for rule in rules]
    assert planned[0]
    assert all(fires == planned[0] for fires in planned)


@pytest.mark.parametrize(
    "rule", ["MS+26du at 12:00", "MS+60du at 12:00", "by MS+27du 18:00", *(rules[0] for rules in SAME if "minutes" not in rules[0])]
)
def test_asked_day_by_day_a_rule_gives_what_it_gives_for_months(rule: str) -> None:
    planned, first = trigger(rule), utc("2026-10-01")
    cuts = [first + dt.timedelta(days=n, hours=10) for n in range(120)]
    assert [fire for one, other in itertools.pairwise(cuts) for fire in planned.between(one, other)] == planned.between(cuts[0], cuts[-1])


def test_what_rules_mean() -> None:
    assert days(trigger("every business day at 07:30"))[20:24] == [f"2026-{day}T07:30" for day in ("10-30", "11-03", "11-04", "11-05")]
    assert days(trigger("last business day of the month at 17:00")) == ["2026-10-30T17:00", "2026-11-30T17:00"]
    assert days(trigger("3rd last business day of the month at 17:00")) == ["2026-10-28T17:00", "2026-11-26T17:00"]
    assert days(trigger("day 10 of the month at 09:00")) == ["2026-10-10T09:00", "2026-11-10T09:00"]
    assert days(trigger("day 10 of the month, or the next business day, at 09:00")) == ["2026-10-13T09:00", "2026-11-10T09:00"]
    assert days(trigger("day 10 of the month or the previous business day at 09:00")) == ["2026-10-09T09:00", "2026-11-10T09:00"]
    assert days(trigger("last day of the month, or the next business day, at 09:00")) == ["2026-11-03T09:00", "2026-11-30T09:00"]
    assert days(trigger("every hour at :15"), "2026-11-02", "2026-11-03")[:2] == ["2026-11-01T21:15", "2026-11-01T22:15"]
    assert days(trigger("every 6 hours"), "2026-11-02", "2026-11-03") == [
        "2026-11-02T00:00", "2026-11-02T06:00", "2026-11-02T12:00", "2026-11-02T18:00"
    ]  # fmt: skip
    assert days(trigger(cron="0 9 L * *")) == ["2026-10-31T09:00", "2026-11-30T09:00"]
    assert days(trigger(cron="15 10 * * MON#1")) == ["2026-10-05T10:15", "2026-11-02T10:15"]
    assert days(trigger("registered by MS+7du 18:00", calendar="ccee"), "2026-07-01", "2026-08-01") == ["2026-07-10T18:00"]
    assert days(trigger("every business day at 07:30", zone="Asia/Kolkata"), "2026-11-02", "2026-11-04") == ["2026-11-03T07:30"]


def test_a_published_date_goes_before_the_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(tmp_path))
    (tmp_path / "deadlines.toml").write_text(
        'schema = 1\n[[deadline]]\nsupply = "2026-10"\nevent = "register"\ndate = 2026-11-10\nhour = "17:00"\nsource = "CCEE"\n', "utf-8"
    )
    published = trigger("registered by MS+7du 18:00", event="register")
    assert days(published) == ["2026-10-09T18:00", "2026-11-10T17:00"]
    assert days(trigger("by deadline register")) == ["2026-10-09T18:00", "2026-11-10T17:00"]
    assert days(trigger("registered by MS+7du 18:00")) == ["2026-10-09T18:00", "2026-11-11T18:00"]
    assert [str(published.plan.supply(fire.wall)) for fire in published.between(*AUTUMN)] == ["2026-09", "2026-10"]
    assert published.digest != trigger("registered by MS+7du 18:00").digest


def test_a_day_that_ends_early_ends_what_is_due_by_formula(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'schema = 1\ntitle = "x"\nversion = 1\nsource = "s"\nconfidence = "high"\nextends = ["anbima"]\n'
        '[[early]]\ndate = 2026-11-11\ncloses = "12:00"\nname = "half a day"\n',
        "utf-8",
    )
    tables = {"schema": 1, "trigger": [{"name": "one", "process": "p", "rule": "by MS+7du 18:00", "calendar": "own"}]}
    planned = parse_triggers(tables, Settings(), load_calendars(tmp_path))["one"]
    assert days(planned) == ["2026-10-09T18:00", "2026-11-11T12:00"]


REFUSED = {
    "": "either a rule or a cron expression",
    "every weekday at 07:30": "a weekday may be a holiday",
    "every monday at 7:30 pm": "an hour of 12 can be meant in two ways",
    "every monday at 7": "it is not understood",
    "every business day": "it is not understood",
    "every 5 hours": "5 hours do not divide the day evenly",
    "every 45 minutes": "45 minutes do not divide the day evenly",
    "every 0 minutes": "0 minutes do not divide the day evenly",
    "every 99999999999999999999 hours": "99999999999999999999 hours do not divide the day evenly",
    "every 15 minutes at :05": "minutes have no minute to begin at",
    "every 2 weeks": "from when on it counts is not said",
    "every 3 days at 10:00": "from when on it counts is not said",
    "a cada 10 segundos": "seconds are not planned",
    "every 5 to 10 minutes": "chance is not planned",
    "every day at 24:00": "24:00 is no hour of the day",
    "every day at 12:60": "12:60 is no hour of the day",
    "every day at 99:99": "99:99 is no hour of the day",
    "day 31 of the month at 10:00": "not every month has a day 31",
    "day 0 of the month at 10:00": "the number 0 is out of range",
    "MS+0du at 10:00": "the number 0 is out of range",
    "MS+99du at 10:00": "the number 99 is out of range",
    "20th last business day of the month at 10:00": "the number 20 is out of range",
    "registered by MS+7du 17:00 and 18:00": "a deadline has one hour",
    "by deadline lunch": "there is no event 'lunch' with a deadline",
    "every day at 06:00; rm -rf /": "it is not understood",
    "every day at 06:00" + " " * 300: "it is not understood",
    "{date}": "it is not understood",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_what_could_be_meant_in_two_ways_is_refused_with_a_remedy(rule: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_triggers({"schema": 1, "trigger": [{"name": "one", "process": "p", "rule": rule}]}, Settings(), CALENDARS)
    assert raised.value.text.startswith("triggers.toml: trigger one: ")
    assert REFUSED[rule] in raised.value.text
    assert raised.value.remedy


def taken(**keys: Any) -> Trigger | ConfigurationError:
    """The trigger, or why there is none."""
    try:
        return trigger(**keys)
    except ConfigurationError as error:
        return error


@settings(deadline=None)
@given(st.one_of(st.text(max_size=260), st.from_regex(r"(every|todo|MS\+|by|day) [a-z0-9:+, ]{0,40}", fullmatch=True)))
def test_any_text_is_a_rule_or_a_named_error(rule: str) -> None:
    found = taken(rule=rule)
    if isinstance(found, Trigger):
        assert found.describe()
        assert len(found.between(*AUTUMN)) <= 61 * 1440
    else:
        assert "trigger one" in found.text
        assert found.remedy


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.from_regex(r"([0-9*,/L#-]{1,6} ){4}[0-9*,/L#-]{1,6}", fullmatch=True)))
def test_any_text_is_a_cron_expression_or_a_named_error(text: str) -> None:
    found = taken(cron=text)
    if isinstance(found, Trigger):
        found.between(utc("2026-11-01"), utc("2026-11-02"))
    else:
        assert "trigger one" in found.text
        assert found.remedy


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 9 1 * 1", "states a day of the month and a day of the week"),
        ("0 9 1-7 * MON", "states a day of the month and a day of the week"),
        ("* * * * * *", "has 6 fields"),
        ("@daily", "has 1 fields"),
        ("61 9 * * *", "cannot be taken: Bad minute"),
        ("0 0 31 2 *", "cannot be taken: Bad day-of-month"),
        ("0 9 * * FUN", "cannot be taken: Bad day-of-week"),
    ],
)
def test_cron_that_is_wrong_or_ambiguous(cron: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as raised:
        trigger(cron=cron)
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"zone": "Brazil/Nowhere"}, "zone: Value error, there is no time zone 'Brazil/Nowhere'"),
        ({"zone": "../../etc/passwd"}, "there is no time zone"),
        ({"zone": "America"}, "there is no time zone"),
        ({"zone": 3}, "zone: "),
        ({"calendar": "moon"}, "there is no calendar 'moon'"),
        ({"portal": "moon"}, "there is no portal 'moon' among the portals' hours"),
        ({"missed": "some"}, "missed: Input should be 'all', 'latest' or 'skip'"),
        ({"fold": "third"}, "fold: Input should be"),
        ({"gap": "before"}, "gap: Input should be"),
        ({"look_back": "two days"}, "'two days' is no length of time"),
        ({"look_back": "-1d"}, "'-1d' is no length of time"),
        ({"windows": ["mon-fri"]}, "'mon-fri' is no window"),
        ({"windows": ["mon-fri 22:00-06:00"]}, "ends before it begins"),
        ({"windows": ["mon-fun 07:00-22:00"]}, "'mon-fun' is no day of a window"),
        ({"windows": ["daily 07:00-25:00"]}, "windows.0"),
        ({"priority": -1}, "priority: "),
        ({"enabld": True}, "enabld: Extra inputs are not permitted"),
        ({"params": {"month": "{moon}"}}, "the placeholder 'moon' is unknown"),
        ({"params": {"month": "{date.first}"}}, "the part '.first' does not fit a date"),
        ({"params": {"month": "{month+1du}"}}, "the part '+1du' does not fit a month"),
        ({"params": {"month": "{date"}}, "a brace stands alone"),
        ({"params": {"month": 10}}, "params.month"),
        ({"cron": "0 9 * * *"}, "either a rule or a cron expression"),
        ({"event": "register"}, "event belongs to an obligation"),
        ({"rule": "by MS+7du 18:00", "event": "lunch"}, "there is no event 'lunch'"),
        ({"rule": "by MS+7du 18:00", "gap": "skip"}, "an obligation is neither skipped nor doubled"),
        ({"rule": "by MS+7du 18:00", "fold": "both"}, "an obligation is neither skipped nor doubled"),
        ({"rule": "by deadline register", "zone": "Europe/Lisbon"}, "published deadlines are in the time of America/Sao_Paulo"),
        ({"retries": 11}, "retries: "),
    ],
)
def test_a_wrong_key_is_named_with_its_trigger(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        trigger(**{"rule": "every day at 06:00", **keys})
    assert raised.value.text.startswith("triggers.toml: trigger one: ")
    assert told in raised.value.text
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"schema": 2}, "triggers.toml: schema"),
        ({"schema": 1, "triger": []}, "triggers.toml: triger: Extra inputs"),
        ({"schema": 1, "trigger": [{"name": "One", "process": "p", "rule": "every day at 06:00"}]}, "trigger One: name"),
        ({"schema": 1, "trigger": [{"process": "p", "rule": "every day at 06:00"}]}, "trigger ?: name: Field required"),
        ({"schema": 1, "trigger": 2 * [{"name": "one", "process": "p", "rule": "every day at 06:00"}]}, "'one' stands there twice"),
        ({"schema": 1, "portal": 2 * [{"name": "a"}]}, "'a' stands there twice"),
        (
            {"schema": 1, "maintenance": [{"portal": "a", "from": utc("2026-11-01"), "until": utc("2026-11-02"), "source": "s"}]},
            "maintenance of 'a', which is no portal there",
        ),
        (
            {
                "schema": 1,
                "portal": [{"name": "a"}],
                "maintenance": [{"portal": "a", "from": utc("2026-11-02"), "until": utc("2026-11-02"), "source": "s"}],
            },
            "maintenance of a ends before it begins",
        ),
    ],
)
def test_a_wrong_file_is_named(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_triggers(tables, Settings(), CALENDARS)
    assert told in raised.value.text
    assert raised.value.remedy


def test_a_year_that_the_calendar_does_not_know_is_an_error_and_told_beforehand(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'schema = 1\ntitle = "x"\nversion = 1\nsource = "s"\nconfidence = "high"\n'
        'listed = [{ year = 2026, source = "s", confidence = "high" }]\n',
        "utf-8",
    )
    tables = {"schema": 1, "trigger": [{"name": "one", "process": "p", "rule": "every business day at 07:30", "calendar": "own"}]}
    planned = parse_triggers(tables, Settings(), load_calendars(tmp_path))["one"]
    known = planned.known_until(utc("2026-11-01"))
    assert known == dt.datetime(2027, 1, 1, 2, 59, 59, tzinfo=dt.UTC)
    assert planned.between(utc("2026-12-30"), known)[-1].local == "2026-12-31T07:30:00-03:00"
    with pytest.raises(ConfigurationError, match="calendar own knows no days of 2027"):
        planned.between(utc("2026-12-30"), utc("2027-01-02"))


@pytest.fixture
def portuguese() -> Iterator[None]:
    set_language("pt-BR")
    yield
    set_language("pt-BR")


def test_a_trigger_is_one_sentence_in_the_operators_language(portuguese: None) -> None:
    planned = trigger("every monday and friday at 07:30 and 18:00", portal="ccee", missed="all", look_back="36h")
    assert planned.describe() == (
        "toda semana, segunda-feira e sexta-feira, às 07:30 e 18:00 (hora de America/Sao_Paulo); "
        "com o portal fechado: na próxima abertura; todos os disparos perdidos até 36 h atrás são repostos"
    )
    assert trigger("registered by MS+7du 18:00").describe() == "cumprido até MS+7du 18:00 (hora de America/Sao_Paulo)"
    set_language("en")
    assert trigger("penúltimo dia útil do mês às 17:00", missed="skip").describe() == (
        "on business day 2 counted back from the end of the month at 17:00 (calendar Bancos (ANBIMA), time of America/Sao_Paulo); "
        "missed fires are not made up for"
    )


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{date}", "2026-11-11"),
        ("{date-1}", "2026-11-10"),
        ("{date-1du}", "2026-11-10"),
        ("{date-7du}..{date+1du}", "2026-10-30..2026-11-12"),
        ("{month}", "2026-11"),
        ("{month-11}", "2025-12"),
        ("{supply}", "2026-10"),
        ("{supply+1.first}..{date-1du}", "2026-11-01..2026-11-10"),
        ("{supply.last}", "2026-10-31"),
        ("{month.first+4du}", "2026-11-06"),
        ("{date.month-1.last}", "2026-10-31"),
        ("sem marcador", "sem marcador"),
        ("", ""),
    ],
)
def test_placeholders_are_filled_by_the_day_that_was_meant(text: str, filled: str) -> None:
    planned = trigger("registered by MS+7du 18:00", params={"value": text})
    fire = next(fire for fire in planned.between(*AUTUMN) if fire.local.startswith("2026-11"))
    assert planned.inputs(fire) == {"value": filled}


def test_a_fire_that_was_moved_is_about_the_day_that_was_meant() -> None:
    planned = trigger("every saturday at 09:00", portal="ccee", params={"period": "{date}..{date}"})
    (fire, *_) = planned.between(*AUTUMN)
    assert (fire.at, fire.local) == (dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC), "2026-10-03T09:00:00-03:00")
    assert planned.inputs(fire) == {"period": "2026-10-03..2026-10-03"}


def test_supply_follows_the_month_in_which_days_are_counted_however_far_they_fall() -> None:
    """MS+26du of November falls in December, and is still about October."""
    planned = trigger("MS+26du at 12:00", params={"month": "{supply}"})
    (december,) = planned.between(utc("2026-12-01"), utc("2026-12-31"))
    assert december.local == "2026-12-09T12:00:00-03:00"
    assert planned.inputs(december) == {"month": "2026-10"}
    rolled = trigger("last day of the month, or the next business day, at 09:00", params={"month": "{supply}"})
    november = rolled.between(utc("2026-11-01"), utc("2026-11-30"))[0]
    assert (november.local, rolled.inputs(november)) == ("2026-11-03T09:00:00-03:00", {"month": "2026-09"})


DIGESTS: list[dict[str, Any]] = [
    {},
    {"rule": "every business day at 07:31"},
    {"zone": "Europe/Lisbon"},
    {"calendar": "ccee"},
    {"gap": "skip"},
    {"fold": "second"},
    {"portal": "ccee"},
    {"windows": ["daily 06:00-23:00"]},
    {"windows": ["daily 06:00-23:00"], "closed": "skip"},
]


def test_the_digest_changes_with_all_that_fires_follow_from_and_with_nothing_else() -> None:
    base: dict[str, Any] = {"rule": "every business day at 07:30"}
    digests = [trigger(**{**base, **keys}).digest for keys in DIGESTS]
    assert len(set(digests)) == len(DIGESTS)
    same: dict[str, Any] = {"params": {"a": "b"}, "queue": "slow", "priority": 1, "missed": "all", "overlap": "queue", "enabled": False}
    assert trigger(**{**base, **same}).digest == digests[0]
    assert trigger(**base).digest == digests[0]


def work(run: object, month: Month, period: Period | None = None) -> None:
    """Work on a month."""


def test_a_trigger_is_tried_with_its_process() -> None:
    processes = {"work": Process("work", work)}
    good = trigger("MS+7du at 18:00", params={"month": "{supply}", "period": "{date-5}..{date}"})
    require_process(good, processes, utc("2026-11-01"))
    with pytest.raises(ConfigurationError, match="trigger one: no process 'work'"):
        require_process(good, {}, utc("2026-11-01"))
    with pytest.raises(ConfigurationError, match="trigger one: work needs month"):
        require_process(trigger("every day at 06:00"), processes, utc("2026-11-01"))
    with pytest.raises(ConfigurationError, match="trigger one: parameter month: "):
        require_process(trigger("every day at 06:00", params={"month": "{date}..{date}"}), processes, utc("2026-11-01"))


def test_the_shipped_triggers_are_off_and_every_one_of_them_would_work() -> None:
    from retaguarda.console.wiring import processes

    found = load_triggers(Settings(), CALENDARS)
    assert len(found) >= 6
    for planned in found.values():
        assert not planned.enabled
        assert planned.between(*AUTUMN)
        require_process(planned, processes(), utc("2026-11-02"))


def test_without_a_file_there_are_no_triggers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(tmp_path))
    assert load_triggers(Settings()) == {}
    (tmp_path / "triggers.toml").write_text("schema = ", "utf-8")
    with pytest.raises(ConfigurationError, match="configuration cannot be read"):
        load_triggers(Settings())


def test_settings_set_what_a_trigger_leaves_out() -> None:
    planned = trigger("by MS+7du 18:00", Settings(deadlines=DeadlineSettings(expected_minutes=45, reserve_minutes=10)))
    assert (planned.expected, planned.safety.reserve) == (dt.timedelta(minutes=45), dt.timedelta(minutes=10))
    own = trigger("by MS+7du 18:00", expected="1h30m", reserve="2h", retries=0, time_limit="4h")
    assert (own.expected, own.safety.reserve, own.safety.waits, own.time_limit) == (
        dt.timedelta(minutes=90), dt.timedelta(hours=2), dt.timedelta(0), 14_400
    )  # fmt: skip


def test_fires_are_whole_seconds_in_utc() -> None:
    fires = trigger("every 15 minutes").between(utc("2026-11-01"), utc("2026-11-02"))
    assert all(isinstance(fire, Fire) and fire.at.tzinfo is dt.UTC and fire.at.microsecond == 0 for fire in fires)
    assert trigger("every 15 minutes").between(utc("2026-11-02"), utc("2026-11-01")) == []


def test_every_rule_of_the_documentation_is_one_and_both_languages_agree() -> None:
    table = Path("docs/scheduling.md").read_text("utf-8").split("### Rules")[1].split("### Placeholders")[0]
    lines = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    assert len(lines) == 13
    for english, portuguese in (map(rules_of, line) for line in lines):
        fires = [trigger(rule).between(*AUTUMN) for rule in english]
        assert all(fires)
        assert all(trigger(rule).between(*AUTUMN) in fires for rule in portuguese)
    (cron,) = re.findall(r"`cron = \"([^\"]+)\"`", table)
    assert trigger(cron=cron).between(*AUTUMN)


def rules_of(cell: str) -> list[str]:
    """The rules between backquotes."""
    return re.findall(r"`([^`]+)`", cell)
