"""Rows of a sheet to typed items by a pydantic model and a table of header spellings; what fails becomes a rejection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from retaguarda.errors import InvalidItem
from retaguarda.formats import sheet
from retaguarda.formats.numbers import decimal_mark, number
from retaguarda.model.contracts import ContractKey
from retaguarda.model.intake import Intake, Problem, Rejection
from retaguarda.model.values import plain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of sheet: its columns (field to accepted headers, the usual one first), its model and what it becomes."""

    columns: Mapping[str, tuple[str, ...]]
    optional: frozenset[str]
    numbers: frozenset[str]
    model: type[BaseModel]
    make: Callable[[Any], T]
    key: Callable[[Mapping[str, str]], ContractKey | None] = lambda _: None


@dataclass(slots=True)
class _Reading(Generic[T]):
    kind: Kind[T]
    table: sheet.Table
    places: Mapping[str, int]
    mark: str
    items: list[T] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    rows: set[tuple[str, ...]] = field(default_factory=set)


def read(path: Path, name: str, kind: Kind[T]) -> Intake[T]:
    """The sheet as items and rejections, one for each row; raises InvalidItem when a mandatory column is missing."""
    names = {plain(header) for headers in kind.columns.values() for header in headers}
    table = sheet.table(path.read_bytes(), name, names)
    places = _places(table, kind)
    mark = table.mark or decimal_mark(cell for row in table.rows[:5000] for cell in row.cells)
    reading = _Reading(kind, table, places, mark)
    for row in table.rows:
        _read_row(row, reading)
    unread = tuple(cell for place, cell in enumerate(table.header.cells) if cell and place not in places.values())
    return Intake(name, tuple(reading.items), tuple(reading.rejections), unread)


def _places(table: sheet.Table, kind: Kind[Any]) -> dict[str, int]:
    headers = [plain(cell) for cell in table.header.cells]
    places = {
        name: next(headers.index(plain(known)) for known in spellings if plain(known) in headers)
        for name, spellings in kind.columns.items()
        if any(plain(known) in headers for known in spellings)
    }
    missing = [kind.columns[name][0] for name in kind.columns if name not in places and name not in kind.optional]
    twice = sorted({cell for cell in headers if cell and headers.count(cell) > 1 and headers.index(cell) in places.values()})
    if missing or twice:
        raise InvalidItem(
            f"{table.file} lacks the columns {', '.join(missing)}." if missing else f"{table.file} has columns twice: {', '.join(twice)}.",
            remedy="Export it again with these columns, or rename the ones it has: " + ", ".join(c for c in table.header.cells if c) + ".",
            file=table.file,
            found=tuple(table.header.cells),
        )
    return places


def _read_row(row: sheet.Row, reading: _Reading[T]) -> None:
    headers = reading.table.header.cells
    raw = {header or f"#{place + 1}": cell for place, (header, cell) in enumerate(zip(headers, row.cells, strict=False))}
    values = {name: row.cells[place] if place < len(row.cells) else "" for name, place in reading.places.items()}
    try:
        if any(row.cells[len(headers) :]):
            raise refusal("The row has more cells than the header.", "Quote the texts and amounts that hold the separator.")
        item = reading.kind.model.model_validate(_numbered(values, reading))
        if values["number"] in reading.seen:
            raise refusal("This number occurs a second time.", "Delete one of the two rows, or number them apart.")
    except ValidationError as error:
        problems = [_problem(found, values, reading) for found in error.errors(include_url=False)]
    except PydanticCustomError as error:
        problems = [Problem(headers[reading.places["number"]], values["number"], error.message(), (error.context or {})["remedy"])]
    else:
        reading.seen.add(values["number"])
        reading.rows.add(row.cells)
        reading.items.append(reading.kind.make(item))
        return
    first, where = problems[0], (reading.table.file, row.line)
    key = reading.kind.key(values) if row.cells not in reading.rows else None  # a mere copy of a row takes nothing away
    reading.rejections.append(Rejection(*where, first.field, first.value, first.reason, first.remedy, raw, tuple(problems[1:]), key))


def _numbered(values: Mapping[str, str], reading: _Reading[Any]) -> dict[str, object]:
    """The row with its numbers read by the table's decimal mark; what is no number stays text and is judged by the model."""
    numbered: dict[str, object] = dict(values)
    for name in reading.kind.numbers & values.keys():
        try:
            numbered[name] = number(values[name], reading.mark)
        except ValueError:
            continue
    return numbered


def _problem(found: Any, values: Mapping[str, str], reading: _Reading[Any]) -> Problem:
    name = str(found["loc"][0]) if found["loc"] else found.get("ctx", {}).get("field", "number")
    header = reading.table.header.cells[reading.places[name]] if name in reading.places else name
    return Problem(header, values.get(name, ""), found["msg"], found.get("ctx", {}).get("remedy", ""))


def refusal(reason: str, remedy: str, **context: str) -> PydanticCustomError:
    """What a validator raises: why, and what to do; `field` tells the column when the model as a whole is wrong."""
    return PydanticCustomError("intake", reason, {"remedy": remedy, **context})
