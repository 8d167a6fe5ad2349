"""Rules as people say them, in English or Portuguese: `every business day at 07:30`, `todo dia útil às 07:30`.

Plain repetitions (`every monday at 07:30`, `every 2 hours`) are read with the words of the `schedule` package; only its
reading is used, since its next run depends on when it was asked. What could be meant in two ways is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import schedule

from retaguarda.calendars.calendar import Calendar
from retaguarda.calendars.deadlines import Deadlines, Event
from retaguarda.calendars.files import WEEKDAYS
from retaguarda.errors import ConfigurationError
from retaguarda.triggers.rules import (
    EVERY_DAY,
    BusinessDays,
    DayOfMonth,
    Interval,
    LastBusinessDay,
    NthBusinessDay,
    Obligation,
    Rule,
    Times,
    Weekly,
)

LONGEST = 200
EXAMPLES = "every business day at 07:30; every monday at 07:30; MS+7du at 18:00; registered by MS+7du 18:00; every 2 hours"
_NAMES = {
    **{name: number for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))},
    **{name: number for number, name in enumerate(("segunda", "terca", "quarta", "quinta", "sexta", "sabado", "domingo"))},
}
_TIME = r"\d{1,2}[:h]\d{2}|\d{1,2}h"
_TIMES = rf"(?:(?:at|as|a) )?(?P<times>(?:{_TIME})(?:(?:,? (?:and|e) |, ?)(?:{_TIME}))*)"
_DAY = rf"(?:{'|'.join(_NAMES)})(?:-feira|s-feiras|s)?"
_AND_DAYS = r"(?:, ?|,? (?:and|e) | (?:to|a|ate) )"
_UNIT = r"(?P<unit>minutes?|hours?|minutos?|horas?)"
_OF_MONTH = r"(?:(?:of|do|de)(?: the| cada)? (?:month|mes)|of every month)"
_BUSINESS_DAY = r"(?:business day|dia util)"
_ORDINAL = r"(?P<ordinal>first|primeiro|\d{1,2}(?:st|nd|rd|th|o)?)"
_LAST = r"(?P<last>last|ultimo|penultimate|penultimo|(?:\d{1,2}(?:st|nd|rd|th|o)?|second) (?:last|ultimo))"
_ROLLED = r"(?:next|previous) business day|(?:proximo )?dia util(?: (?:seguinte|anterior))?"
_ROLL = rf"(?P<roll>,? (?:or|ou)(?: on)?(?: the| o| no)? (?:{_ROLLED}))?"


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a phrase may speak of besides days and hours: the trigger's calendar, the deadlines, and the event it is about."""

    calendar: Calendar
    deadlines: Deadlines
    event: str = ""

    def rule(self, phrase: str) -> Rule:
        """The rule of a phrase; ConfigurationError says why it is none, with a remedy."""
        text = _plain(phrase) if len(phrase) <= LONGEST else ""
        for pattern, make in _PATTERNS:
            if found := pattern.fullmatch(text):
                return make(self, found)
        why, remedy = next((told for sign, told in _REFUSED if sign.search(text)), refusal("it is not understood", ""))
        raise ConfigurationError(
            f"the rule {phrase[:LONGEST]!r} cannot be taken: {why}", remedy=remedy or f"write it like one of these: {EXAMPLES}"
        )

    def business_days(self, found: re.Match[str]) -> Rule:
        return BusinessDays(self.calendar, _times(found))

    def nth_business_day(self, found: re.Match[str]) -> Rule:
        return NthBusinessDay(self.calendar, _bounded(found["ordinal"], 60), _times(found))

    def last_business_day(self, found: re.Match[str]) -> Rule:
        return LastBusinessDay(self.calendar, _from_end(found["last"]), _times(found))

    def day_of_month(self, found: re.Match[str]) -> Rule:
        day = _bounded(found["day"], 31) if found["day"] else 0
        if day > 28:
            raise ConfigurationError(f"not every month has a day {day}", remedy="write a day up to 28, or: last day of the month")
        return DayOfMonth(self.calendar, day, _times(found), _roll(found["roll"]))

    def by_formula(self, found: re.Match[str]) -> Rule:
        """An obligation with its own formula; dates published for the trigger's event go before it."""
        times = _times(found)
        if len(times) > 1:
            raise ConfigurationError("a deadline has one hour", remedy="write two triggers")
        name, day = self.event or "obligation", _bounded(found["ordinal"], 60)
        event = Event(name, name, day, times[0], self.calendar, "", "low")
        published = {key: row for key, row in self.deadlines.published.items() if key[0] == name}
        return Obligation(Deadlines({name: event}, published), name)

    def by_event(self, found: re.Match[str]) -> Rule:
        """An obligation whose event, formula and published dates stand among the deadlines."""
        event = self.deadlines.event(found["event"])
        return Obligation(self.deadlines, event.name, event.title)

    def weekly(self, found: re.Match[str]) -> Rule:
        """Days of the week, each read as `schedule` reads `every().monday.at("07:30")`."""
        jobs = [_job(name, time) for name in _days(found["days"]) for time in _time_texts(found)]
        days = frozenset(WEEKDAYS.index(job.start_day[:3]) for job in jobs if job.start_day) or EVERY_DAY
        return Weekly(days, _times(found))

    def interval(self, found: re.Match[str]) -> Rule:
        """So many minutes or hours, read as `schedule` reads `every(2).hours`; they must divide the day."""
        unit = "hours" if found["unit"].startswith("h") else "minutes"
        job = getattr(schedule.Scheduler().every(int(found["count"] or "1")), unit)
        whole = {"hours": 24, "minutes": 60}[job.unit]
        if not 0 < job.interval <= whole or whole % job.interval:
            raise ConfigurationError(
                f"{job.interval} {unit} do not divide the day evenly: from when on they count is not said",
                remedy="write minutes that divide the hour, hours that divide 24, or the hours themselves",
            )
        offset = int(found["minute"] or 0)
        if unit == "minutes" and offset:
            raise ConfigurationError("minutes have no minute to begin at", remedy="leave it out, or write cron")
        return Interval(job.interval * (60 if unit == "hours" else 1), offset)


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[Grammar, re.Match[str]], Rule]], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (rf"(?:every business day|todo dia util|todos os dias uteis) {_TIMES}", Grammar.business_days),
        (rf"ms ?\+ ?(?P<ordinal>\d+) ?(?:du|bd) {_TIMES}", Grammar.nth_business_day),
        (rf"(?:on the |no )?{_ORDINAL} {_BUSINESS_DAY} {_OF_MONTH} {_TIMES}", Grammar.nth_business_day),
        (rf"(?:on the |no )?{_LAST} {_BUSINESS_DAY} {_OF_MONTH} {_TIMES}", Grammar.last_business_day),
        (rf"(?:on |no )?(?:day|dia) (?P<day>\d+) {_OF_MONTH}{_ROLL},? {_TIMES}", Grammar.day_of_month),
        (rf"(?:on the |no )?(?:last day|ultimo dia)(?P<day>) {_OF_MONTH}{_ROLL},? {_TIMES}", Grammar.day_of_month),
        (rf"(?:\w+ )?(?:by|ate) ms ?\+ ?(?P<ordinal>\d+) ?(?:du|bd) {_TIMES}", Grammar.by_formula),
        (r"(?:\w+ )?(?:by|ate) (?:the |its |o )?(?:deadline|prazo)(?: of| de| do| da)? (?P<event>[a-z0-9-]+)", Grammar.by_event),
        (rf"(?:every|tod[oa]|tod[oa]s [oa]s) (?P<days>days?|dias?|{_DAY}(?:{_AND_DAYS}{_DAY})*) {_TIMES}", Grammar.weekly),
        (rf"(?:every|a cada|tod[oa]) (?:(?P<count>\d+) )?{_UNIT}(?: (?:at|no minuto) :?(?P<minute>[0-5]?\d))?", Grammar.interval),
    )
)


def refusal(why: str, remedy: str) -> tuple[str, str]:
    """Why a phrase cannot be taken, and what to write instead."""
    return why, remedy


_REFUSED = tuple(
    (re.compile(sign), told)
    for sign, told in (
        (r"\d ?(am|pm)\b", refusal("an hour of 12 can be meant in two ways", "write the hour of 24: 19:30")),
        (
            r"weekday|dia de semana",
            refusal("a weekday may be a holiday", "write every monday to friday at …, or every business day at …"),
        ),
        (
            r"(every|a cada) (\d+ )?(weeks?|days|semanas?|dias|months?|mes(es)?|fortnight)\b|quinzena",
            refusal("from when on it counts is not said", "state the days: every monday at …, day 10 of the month at …"),
        ),
        (r"second|segundos", refusal("seconds are not planned", "write minutes or hours")),
        (r"random|aleator|\bto \d", refusal("chance is not planned", "state the hour")),
    )
)


def _plain(phrase: str) -> str:
    """Small letters without accents and ordinal marks, one space between words."""
    spread = unicodedata.normalize("NFKD", phrase.lower().replace("º", "o").replace("ª", "a"))
    return " ".join("".join(letter for letter in spread if not unicodedata.combining(letter)).split())


def _time_texts(found: re.Match[str]) -> list[str]:
    """The hours of a phrase as `schedule` takes them: HH:MM."""
    parts = (re.split(r"[:h]", one) for one in re.findall(_TIME, found["times"]))
    return [f"{int(hour):02}:{minute or '00'}" for hour, minute in parts]


def _times(found: re.Match[str]) -> Times:
    return tuple(sorted({time for text in _time_texts(found) if (time := _job("day", text).at_time)}))


def _job(day: str, time: str) -> schedule.Job:
    """What `schedule` understands of a day and an hour; ConfigurationError when it is no hour."""
    try:
        job: schedule.Job = getattr(schedule.Scheduler().every(), day).at(time)
    except schedule.ScheduleValueError as error:
        raise ConfigurationError(f"{time} is no hour of the day", remedy="write hours from 00:00 to 23:59") from error
    return job


def _days(text: str) -> Iterator[str]:
    """The days of the week of a phrase, ranges filled in, as `schedule` names them; `day` for every day."""
    if text.startswith(("day", "dia")):
        yield "day"
        return
    names = list(_NAMES)
    words = [(_NAMES[re.sub(r"-feira|s-feiras|s$", "", name) if name not in _NAMES else name], end) for name, end in _day_words(text)]
    for place, (number, _) in enumerate(words):
        start = words[place - 1][0] if place and words[place - 1][1] else number
        for step in range(((number - start) % 7) + 1):
            yield names[(start + step) % 7]


def _day_words(text: str) -> Iterator[tuple[str, bool]]:
    """Each day's name, and whether a range begins at it."""
    for found in re.finditer(rf"({'|'.join(_NAMES)})(?:-feira|s-feiras|s)?(?: (to|a|ate) )?", text):
        yield found[1], bool(found[2])


def _roll(text: str | None) -> Literal["", "previous", "next"]:
    if not text:
        return ""
    return "previous" if "previous" in text or "anterior" in text else "next"


def _from_end(text: str) -> int:
    """`last` is 1, `penultimate` 2, `3rd last` 3."""
    word = text.split(maxsplit=1)[0]
    known = {"last": 1, "ultimo": 1, "penultimate": 2, "penultimo": 2, "second": 2}
    return known.get(word) or _bounded(word, 15)


def _bounded(text: str, most: int) -> int:
    number = 1 if text in {"first", "primeiro"} else int(re.sub(r"\D", "", text))
    if not 1 <= number <= most:
        raise ConfigurationError(f"the number {number} is out of range", remedy=f"write a number from 1 to {most}")
    return number
