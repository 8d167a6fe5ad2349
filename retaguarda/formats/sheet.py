"""Spreadsheets and CSV files as rows of text with their line numbers; the header row is found by its names.

Numbers of xlsx cells become Brazilian text without thousands (`1234,5`), days become `2026-10-01`: after this module a
row looks the same whether Excel or the ERP wrote it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal

from python_calamine import CalamineError, CalamineWorkbook

from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.formats import archive
from retaguarda.formats.text import decode
from retaguarda.model.values import plain

MAX_ROWS = 1_000_000
MAX_CELLS = 5_000_000
MAX_TEXT = 512 * 2**20
HEADER_WITHIN = 60
"""The header row is looked for in this many first rows: reports put up to 41 lines of preamble above it."""
_DELIMITERS = (",", ";", "\t", "|")
_PLACE = re.compile(rb"""<(?:[A-Za-z0-9_.-]+:)?(?:c|row)\b[^<>]*?\br\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
_SHARED = re.compile(rb"""\bt\s*=\s*["']s["'][^<>]*>(?:\s|<f[^<>]*/>)*<(?:[A-Za-z0-9_.-]+:)?v>\s*([0-9]{1,7})""")
_STRING = re.compile(rb"<(?:[A-Za-z0-9_.-]+:)?si\b")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its line (or sheet row) and its cells, trimmed."""

    line: int
    cells: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return not any(self.cells)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows under a header, empty ones left out; `mark` is the decimal mark where the file's kind settles it."""

    file: str
    header: Row
    rows: tuple[Row, ...]
    mark: str = ""


def table(data: bytes, file: str, names: Collection[str]) -> Table:
    """The table whose header row holds most of `names` (spelled by `plain`), at least two of them.

    In a workbook every sheet is looked at. Raises InvalidItem when no row looks like the header or the file is no
    spreadsheet, IncompleteDownload when it is damaged or would unpack to an absurd size.
    """
    best: tuple[int, list[Row], int] = (1, [], 0)
    for rows in sheets(data, file, names):
        for index, row in enumerate(rows[:HEADER_WITHIN]):
            score = sum(plain(cell) in names for cell in row.cells)
            best = max(best, (score, rows, index), key=lambda found: found[0])
    _, rows, index = best
    if not rows:
        seen = " | ".join(next(_first_lines(data, file, names), ()))[:300]
        raise InvalidItem(
            "No row of the file holds the expected column names.",
            remedy="Export the file again with its header row, or rename its columns.",
            file=file,
            first_row=seen,
            expected=", ".join(sorted(names)[:40]),
        )
    mark = "," if data.startswith(b"PK") else ""
    return Table(file, rows[index], tuple(row for row in rows[index + 1 :] if not row.empty), mark)


def _first_lines(data: bytes, file: str, names: Collection[str]) -> Iterator[tuple[str, ...]]:
    return (row.cells for rows in sheets(data, file, names) for row in rows if not row.empty)


def sheets(data: bytes, file: str, names: Collection[str] = ()) -> Iterator[list[Row]]:
    """The rows of every sheet; a CSV file has one."""
    if data.startswith(b"PK"):
        yield from _workbook(data, file)
    elif data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InvalidItem("The file is an old .xls or a protected workbook.", remedy="Save it as .xlsx without a password.", file=file)
    else:
        yield _csv(decode(data), file, names)


def _workbook(data: bytes, file: str) -> Iterator[list[Row]]:
    _judge(data, file)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            yield [Row(number, tuple(_text(cell) for cell in row)) for number, row in enumerate(rows, 1)]
    except CalamineError as error:
        raise IncompleteDownload(f"{file} cannot be read as a workbook: {error}", remedy="Save it again as .xlsx.") from error


def _judge(data: bytes, file: str) -> None:
    """Refuse what would burst once unpacked: cells far apart (the reader allots every cell between) or one long text many times."""
    with archive.opened(data, file) as book:
        names = {name.lower() for name in book.namelist()}
        if "xl/workbook.xml" not in names:
            raise InvalidItem("The file is a ZIP archive, not an .xlsx workbook.", remedy="Save it as .xlsx.", file=file)
        strings = next((text for _, text in archive.members(book, lambda name: name.endswith("sharedstrings.xml"))), b"")
        lengths = [b - a for a, b in _pairs([m.start() for m in _STRING.finditer(strings)], len(strings))]
        for _, xml in archive.members(book, lambda name: name.startswith("xl/worksheets/") and name.endswith(".xml")):
            _judge_sheet(xml, lengths, file)


def _judge_sheet(xml: bytes, lengths: list[int], file: str) -> None:
    columns: set[bytes] = set()
    count = height = 0
    for place in _PLACE.finditer(xml):
        columns.add(place[1])
        height = max(height, int(place[2]))
        count += 1
        if count > 2 * MAX_CELLS:
            break
    width = max(map(_column, columns), default=0)
    text = sum(lengths[int(m[1])] for m in _SHARED.finditer(xml) if int(m[1]) < len(lengths))
    if height > MAX_ROWS or max(width * height, count // 2) > MAX_CELLS or text > MAX_TEXT:
        raise IncompleteDownload(
            f"{file} spans {height} rows and {width} columns, more than is read.", remedy="Delete what lies far from the table."
        )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _pairs(starts: list[int], end: int) -> Iterator[tuple[int, int]]:
    return zip(starts, [*starts[1:], end], strict=False)


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "sim" if cell else "não"
    if isinstance(cell, int | float):
        return format(Decimal(f"{cell:.15g}"), "f").replace(".", ",")  # 15 digits, as Excel itself shows them
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell).strip()


def _csv(text: str, file: str, names: Collection[str]) -> list[Row]:
    text = text.lstrip("\ufeff")
    head = text[:50_000]
    delimiter = max(_DELIMITERS, key=lambda mark: _likeness(head, mark, names))
    try:
        return list(_rows(text, delimiter))
    except csv.Error as error:
        raise InvalidItem(f"The file is not a readable CSV file: {error}.", remedy="Export it again.", file=file) from error


def _likeness(head: str, delimiter: str, names: Collection[str]) -> tuple[int, int]:
    """How well a delimiter cuts the first rows: header names found, then cells in the widest row."""
    score = width = 0
    try:
        for row, _ in zip(_rows(head, delimiter, strict=False), range(HEADER_WITHIN), strict=False):
            score = max(score, sum(plain(cell) in names for cell in row.cells))
            width = max(width, len(row.cells))
    except csv.Error:
        pass
    return (score, width)


def _rows(text: str, delimiter: str, *, strict: bool = True) -> Iterator[Row]:
    """Rows with the number of their first line; strict, so that a quote left open is an error and not a swallowed file."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    line = 1
    for cells in reader:
        yield Row(line, tuple(cell.strip() for cell in cells))
        line = reader.line_num + 1
