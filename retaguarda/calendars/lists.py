"""Lists of days and of deadlines as people publish them: CSV with `;` or `,`, in ISO or dd/mm/yyyy, with every line accounted for."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from retaguarda.calendars.deadlines import Event, PublishedDate, row_problem
from retaguarda.calendars.files import Holiday
from retaguarda.formats.text import decode
from retaguarda.model.values import Month, plain

MAX_LINES = 20_000
_WEEKDAYS = ("SEGUNDA", "TERCA", "QUARTA", "QUINTA", "SEXTA", "SABADO", "DOMINGO")
_HEADINGS = {"DATA", "DATE", "DIA", "FERIADO"}
_DEADLINE_COLUMNS = {
    "supply": ("SUPPLY", "MES", "SUPRIMENTO", "MES DE SUPRIMENTO"),
    "event": ("EVENT", "EVENTO"),
    "date": ("DATE", "DATA"),
    "hour": ("HOUR", "HORA"),
    "source": ("SOURCE", "FONTE"),
    "confidence": ("CONFIDENCE", "CONFIANCA"),
}
_CONFIDENCE = {"ALTA": "high", "MEDIA": "medium", "BAIXA": "low"}


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that could not be taken, and what to do about it."""

    line: int
    text: str
    reason: str
    remedy: str


def _rejected(line: int, cells: list[str], reason: str, remedy: str) -> RejectedLine:
    return RejectedLine(line, ";".join(cells)[:120], reason, remedy)


def read_days(raw: bytes) -> tuple[list[Holiday], list[RejectedLine]]:
    """The days of a list (`date;name` or `date;weekday;name`) in order, and the lines that are none."""
    found: dict[dt.date, tuple[int, Holiday]] = {}
    rejected: list[RejectedLine] = []
    for number, cells in _rows(raw):
        if number == 1 and plain(cells[0]).strip() in _HEADINGS:
            continue
        day = read_date(cells[0])
        if day is None:
            remedy = "write 2026-12-25 or 25/12/2026, then ; and the name"
            rejected.append(_rejected(number, cells, "the line does not begin with a date", remedy))
        elif problem := _day_problem(day, cells):
            rejected.append(_rejected(number, cells, *problem))
        elif day in found:
            rejected.append(_rejected(number, cells, f"the day stands in line {found[day][0]} already", "leave one of both out"))
        else:
            found[day] = number, Holiday(date=day, name=cells[-1] if len(cells) > 1 else "")
    return [found[day][1] for day in sorted(found)], rejected


def read_deadlines(raw: bytes, events: Mapping[str, Event]) -> tuple[list[PublishedDate], list[RejectedLine]]:
    """The deadlines of a list with the headings supply;event;date;hour;source;confidence, and the lines that are none."""
    rows = list(_rows(raw))
    names = {name: place for place, cell in enumerate(rows[0][1] if rows else []) for name in _DEADLINE_COLUMNS if _names(cell, name)}
    missing = [name for name in ("supply", "event", "date", "hour", "source") if name not in names]
    if missing:
        told = f"the first line has no column {missing[0]!r}"
        return [], [_rejected(1, rows[0][1] if rows else [], told, "begin with: supply;event;date;hour;source;confidence")]
    found: dict[tuple[str, Month], PublishedDate] = {}
    rejected: list[RejectedLine] = []
    for number, cells in rows[1:]:
        row = _deadline({name: cells[place] if place < len(cells) else "" for name, place in names.items()}, events)
        if isinstance(row, str):
            rejected.append(_rejected(number, cells, row, "correct the line"))
        elif (row.event, row.month) in found:
            rejected.append(_rejected(number, cells, f"{row.event} for {row.supply} stands there twice", "leave one of both out"))
        else:
            found[row.event, row.month] = row
    return list(found.values()), rejected


def read_date(text: str) -> dt.date | None:
    """A day as 2026-12-25 or 25/12/2026; None for anything else, and for a day that does not exist."""
    iso, brazilian = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text), re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    parts = iso.groups() if iso else brazilian.groups()[::-1] if brazilian else None
    try:
        return dt.date(*map(int, parts)) if parts else None
    except ValueError:
        return None


def _day_problem(day: dt.date, cells: list[str]) -> tuple[str, str] | None:
    """What is wrong with a line that begins with a day, and what to do; None when nothing is."""
    if not 1900 <= day.year <= 2200:
        return f"the year {day.year} lies outside of 1900 to 2200", "correct the year"
    if len(cells) > 3:
        return f"the line has {len(cells)} columns", "write date;name, or date;weekday;name"
    if len(cells) == 3 and _weekday_told(cells[1]) not in {None, day.weekday()}:
        return f"{cells[0]} is no {cells[1]}", "correct the date or the day of the week"
    return None


def _weekday_told(text: str) -> int | None:
    word = plain(text).strip().split("-", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    return _WEEKDAYS.index(word) if word in _WEEKDAYS else None


def _names(cell: str, column: str) -> bool:
    return plain(cell).strip() in _DEADLINE_COLUMNS[column]


def _deadline(cells: Mapping[str, str], events: Mapping[str, Event]) -> PublishedDate | str:
    """A row of the list, or what is wrong with it."""
    day = read_date(cells["date"])
    if day is None:
        return f"{cells['date']!r} is no date"
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", cells["hour"]):
        return f"{cells['hour']!r} is no hour"
    told = cells.get("confidence") or "high"
    try:
        row = PublishedDate.model_validate({**cells, "date": day, "confidence": _CONFIDENCE.get(plain(told), told)})
    except ValidationError as error:
        first = error.errors()[0]
        return f"{first['loc'][0]}: {first['msg']}"
    return row_problem(row, events) or row


def _rows(raw: bytes) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers, cut at `;` if the first has one, else at `,`; empty last cells left out."""
    text = decode(raw)
    first = next((line for line in text.splitlines() if line.strip()), "")
    sign = next((one for one in (";", "\t", ",") if one in first), ";")
    reader = csv.reader(text.splitlines()[:MAX_LINES], delimiter=sign)
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        while len(stripped) > 1 and not stripped[-1]:
            stripped.pop()
        if any(stripped):
            yield reader.line_num, stripped
