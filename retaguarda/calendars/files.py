"""Calendars as files: config/calendars/NAME.toml, read strictly, written with a new version while the former is kept."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from retaguarda.configuration import configuration_folder
from retaguarda.errors import ConfigurationError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Confidence = Literal["high", "medium", "low"]
NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
Table = TypeVar("Table", bound=BaseModel)
FORMER = "former"
"""Folder beside the calendars in which their former versions are kept."""


class Strict(BaseModel):
    """A table of a configuration file: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Years(Strict):
    """The years that a calendar knows, both included."""

    first: int = Field(alias="from", ge=1900, le=2200)
    last: int = Field(alias="until", ge=1900, le=2200)

    @model_validator(mode="after")
    def _ordered(self) -> Years:
        if self.last < self.first:
            raise ValueError("the last year lies before the first")
        return self

    def __contains__(self, year: int) -> bool:
        return self.first <= year <= self.last

    def __str__(self) -> str:
        return f"{self.first}–{self.last}"


class Holiday(Strict):
    """One day on which nobody works."""

    date: dt.date
    name: str = ""


class ListedYear(Strict):
    """A year of which every day off was published: neither rules nor other calendars add to it."""

    year: int = Field(ge=1900, le=2200)
    source: str
    confidence: Confidence


class Annual(Strict):
    """A holiday of every year: on a day of a month (`01-25`), or so many days after Easter Sunday."""

    name: str
    day: str = Field(default="", pattern=r"^((0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))?$")
    easter: int | None = Field(default=None, ge=-70, le=100)
    first: int = Field(default=1900, alias="from")
    last: int = Field(default=2200, alias="until")

    @model_validator(mode="after")
    def _one_of_both(self) -> Annual:
        if bool(self.day) == (self.easter is not None):
            raise ValueError("a yearly holiday has either a day or its distance from Easter")
        if self.day:
            _on(self.day, 2024)  # a leap year: 02-29 is a day, 02-30 is none
        return self

    def of(self, year: int) -> Iterator[dt.date]:
        """Its date in a year, where it has one."""
        if not self.first <= year <= self.last or (self.day == "02-29" and year % 4):
            return
        yield _on(self.day, year) if self.day else easter_sunday(year) + dt.timedelta(days=self.easter or 0)


class Removed(Strict):
    """A day that counts as a business day although a rule or another calendar says otherwise."""

    date: dt.date
    reason: str


class Early(Strict):
    """A business day that ends early; what is due by formula on it is due when it ends."""

    closes: dt.time
    name: str
    date: dt.date | None = None
    day: str = Field(default="", pattern=r"^((0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))?$")

    @model_validator(mode="after")
    def _one_of_both(self) -> Early:
        if bool(self.day) == (self.date is not None):
            raise ValueError("an early closing has either a date or a day of every year")
        return self


class CalendarFile(Strict):
    """What a calendar's file states."""

    schema_: Literal[1] = Field(alias="schema")
    title: str
    version: int = Field(ge=1)
    source: str
    confidence: Confidence
    extends: tuple[str, ...] = ()
    library: Literal["", "BVMF", "BR", "BR-SP"] = Field(default="", description="rules of the `holidays` package")
    valid: Years | None = None
    weekend: tuple[Weekday, ...] = ("sat", "sun")
    listed: tuple[ListedYear, ...] = ()
    holiday: tuple[Holiday, ...] = ()
    annual: tuple[Annual, ...] = ()
    removed: tuple[Removed, ...] = ()
    early: tuple[Early, ...] = ()

    @model_validator(mode="after")
    def _knows_its_years(self) -> CalendarFile:
        if not (self.valid or self.extends or self.listed):
            raise ValueError("a calendar that extends no other states the years it is valid for")
        if self.library and not self.valid:
            raise ValueError("a calendar by rules states the years it is valid for")
        return self


def easter_sunday(year: int) -> dt.date:
    """Easter of the western churches."""
    from dateutil.easter import easter  # comes with `holidays`

    found: dt.date = easter(year)
    return found


def calendar_folder() -> Path:
    """Where the calendars' files lie."""
    return configuration_folder() / "calendars"


def read_calendars(folder: Path) -> dict[str, CalendarFile]:
    """Every calendar of a folder by name; ConfigurationError names the file, the key and what is wrong."""
    return {path.stem: read_calendar(path) for path in sorted(folder.glob("*.toml"))}


def read_calendar(path: Path) -> CalendarFile:
    """One calendar's file; its name is the calendar's."""
    if not NAME.fullmatch(path.stem):
        raise ConfigurationError(f"{path.stem!r} is no name for a calendar", remedy="use small letters, digits and hyphens")
    return checked(CalendarFile, read_toml(path), path)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file; ConfigurationError when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: no TOML, or no UTF-8
        raise ConfigurationError(f"configuration cannot be read: {path}: {error}") from error


def checked(kind: type[Table], table: Mapping[str, Any], path: Path, where: str = "") -> Table:
    """A table as the model it must be; ConfigurationError names the file, the key and what is wrong with it."""
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        place = ": ".join(part for part in (path.name, where, key) if part)
        raise ConfigurationError(f"{place}: {first['msg']}", remedy=f"correct it in {path}") from error


def write_calendar(path: Path, calendar: CalendarFile) -> Path | None:
    """Write a calendar's file in one step; where there was one, its former version is kept, and its path returned."""
    return write_version(path, calendar_text(calendar))


def write_version(path: Path, text: str) -> Path | None:
    """Write a file of the configuration in one step; where there was one, it is kept under `former`, and that path returned."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = _keep_former(path) if path.exists() else None
        _replace_text(path, text)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error}", remedy="check the path and its rights") from error
    return kept


def _keep_former(path: Path) -> Path:
    """A copy of the file as it stands, named by its version; an equal one is kept once."""
    folder, raw = path.parent / FORMER, path.read_bytes()
    folder.mkdir(exist_ok=True)
    version = read_toml(path).get("version", 0)
    names = [folder / f"{path.stem}-v{version}{mark}.toml" for mark in ("", *(f"-{n}" for n in range(2, 1000)))]
    kept = next(one for one in names if not one.exists() or one.read_bytes() == raw)
    kept.write_bytes(raw)
    return kept


def _replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part; it is on the disk afterwards."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def calendar_text(calendar: CalendarFile) -> str:
    """A calendar as TOML that reads back equal."""
    told = calendar.model_dump(by_alias=True, exclude_defaults=True)
    heads = [f"{key} = {toml(value)}" for key, value in told.items() if not _is_table_list(value)]
    tables = [f"\n[[{key}]]\n{_lines(row)}" for key, rows in told.items() if _is_table_list(rows) for row in rows]
    return "\n".join([*heads, *tables]) + "\n"


def _is_table_list(value: object) -> bool:
    return isinstance(value, tuple | list) and bool(value) and isinstance(value[0], dict)


def _lines(row: Mapping[str, object]) -> str:
    return "\n".join(f"{key} = {toml(value)}" for key, value in row.items())


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _on(day: str, year: int) -> dt.date:
    return dt.date.fromisoformat(f"{year}-{day}")
