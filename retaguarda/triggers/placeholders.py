"""Places in a trigger's parameters that each fire fills: `{date-1du}`, `{supply}`, `{month.first}..{date}`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from retaguarda.calendars.calendar import Calendar
from retaguarda.model.values import Month

_PLACE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"(date|month|supply)((?:\.(?:first|last|month)|[+-]\d{1,3}(?:du|d|m)?)*)")
_STEP = re.compile(r"\.(?P<part>first|last|month)|(?P<count>[+-]\d{1,3})(?P<unit>du|d|m)?")


@dataclass(frozen=True, slots=True)
class About:
    """What a fire is about: the day that its rule meant, and the month of supply."""

    date: dt.date
    supply: Month
    calendar: Calendar


def filled(text: str, about: About) -> str:
    """`text` with its places filled."""
    return _PLACE.sub(lambda place: str(_value(place[1], about)), text)


def place_problem(text: str) -> str:
    """What is wrong with the places of a text; "" when nothing is."""
    for place in _PLACE.findall(text):
        found = _NAME.fullmatch(place)
        if not found:
            return f"the placeholder {place!r} is unknown"
        kind = "date" if found[1] == "date" else "month"
        for step in _STEP.finditer(found[2]):
            if not _fits(step, kind):
                return f"in the placeholder {place!r} the part {step[0]!r} does not fit a {kind}"
            kind = {"first": "date", "last": "date", "month": "month"}.get(step["part"] or "", kind)
    return "a brace stands alone" if re.search(r"[{}]", _PLACE.sub("", text)) else ""


def _fits(step: re.Match[str], kind: str) -> bool:
    if step["part"]:
        return (step["part"] == "month") == (kind == "date")
    return step["unit"] is None or (step["unit"] == "m") == (kind == "month")


def _value(place: str, about: About) -> dt.date | Month:
    found = _NAME.fullmatch(place)
    if not found:
        raise ValueError(f"the placeholder {place!r} is unknown")
    starts: dict[str, dt.date | Month] = {
        "date": about.date,
        "month": Month(about.date.year, about.date.month),
        "supply": about.supply,
    }
    value = starts[found[1]]
    for step in _steps(found[2]):
        value = _stepped(value, step, about.calendar)
    return value


def _steps(text: str) -> Iterator[re.Match[str]]:
    return _STEP.finditer(text)


def _stepped(value: dt.date | Month, step: re.Match[str], calendar: Calendar) -> dt.date | Month:
    """A value after one step: a part of it, or so many days, business days or months on."""
    if isinstance(value, Month):
        parts: dict[str | None, dt.date] = {"first": value.first, "last": value.last}
        return parts.get(step["part"]) or value.shifted(int(step["count"]))
    if step["part"]:
        return Month(value.year, value.month)
    count = int(step["count"])
    return calendar.shifted(value, count) if step["unit"] == "du" else value + dt.timedelta(days=count)
