"""`retaguarda calendar`: which days count, from where they come, and what is odd about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.parameters import month_option
from retaguarda.console.wiring import House, open_house
from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month

if TYPE_CHECKING:
    from retaguarda.calendars.importing import Imported
    from retaguarda.calendars.lists import RejectedLine

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
DEADLINES = "deadlines"
"""The name under which lists of deadlines are imported; no calendar is called so."""
SURE = ("high", "medium", "low")


@app.command("list")
def list_calendars(as_json: Json = False) -> None:
    """The calendars, the years they know, and how sure they are."""
    from retaguarda.calendars.calendar import load_calendars
    from retaguarda.console import calendar_screens as screens

    open_house()
    calendars = list(load_calendars().values())
    if as_json:
        _print_json([screens.described(calendar) for calendar in calendars])
    else:
        screens.tell_list(calendars)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the calendar, or several joined by +.")],
    year: Annotated[int | None, typer.Option(help="Year; this one when left out.")] = None,
    as_json: Json = False,
) -> None:
    """The holidays of a year and the business days of its months."""
    from retaguarda.calendars.calendar import calendar_of, load_calendars
    from retaguarda.console import calendar_screens as screens

    house = open_house()
    calendar, chosen = calendar_of(name, load_calendars()), year or house.clock.today().year
    if as_json:
        _print_json(screens.described(calendar) | screens.year_of(calendar, chosen))
    else:
        screens.tell_calendar(calendar, chosen)


@app.command("import")
def import_list(
    name: Annotated[str, typer.Argument(help="Name of the calendar; `deadlines` for a list of deadlines.")],
    path: Annotated[Path, typer.Argument(help="CSV with date;name, or the deadlines' columns; see docs/scheduling.md.")],
    source: Annotated[str, typer.Option(help="Who published it; the file's name when left out.")] = "",
    confidence: Annotated[str, typer.Option(help="high, medium or low.")] = "high",
    partial: Annotated[bool, typer.Option("--partial", help="Leave out lines that cannot be read.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Take over a published list: its years are replaced, the former version is kept."""
    from retaguarda.console import calendar_screens as screens

    if confidence not in SURE:
        raise ConfigurationError(f"{confidence!r} is no confidence", remedy="write high, medium or low")
    house, raw = open_house(), _read(path)
    if name == DEADLINES:
        rejected, changed = _import_deadlines(house, raw, partial=partial, dry_run=dry_run)
    else:
        rejected, changed = _import_days(name, raw, source or path.name, confidence, partial=partial, dry_run=dry_run)
    if as_json:
        _print_json(screens.imported(rejected, changed, dry_run=dry_run))
    else:
        screens.tell_import(rejected, changed, dry_run=dry_run)
    if rejected:
        raise typer.Exit(1)


@app.command()
def check(
    month: Annotated[str, typer.Option(help="Month of supply, YYYY-MM; last month when left out.")] = "",
    as_json: Json = False,
) -> None:
    """What is odd about calendars and deadlines, MS+N dates of a month, and its deadlines beside their formulas."""
    from retaguarda.calendars.calendar import load_calendars
    from retaguarda.calendars.check import checked
    from retaguarda.calendars.deadlines import load_deadlines
    from retaguarda.console import calendar_screens as screens

    house = open_house()
    today, calendars = house.clock.today(), load_calendars()
    asked = month_option(month, Month(today.year, today.month).shifted(-1))
    found = checked(calendars, load_deadlines(house.settings, calendars), asked, today)
    if as_json:
        _print_json(screens.checked(found))
    else:
        screens.tell_check(found)
    if found.problems:
        raise typer.Exit(1)


def _import_days(
    name: str, raw: bytes, source: str, confidence: Any, *, partial: bool, dry_run: bool
) -> tuple[list[RejectedLine], Imported | None]:
    """Import a list of days; what changed is None when nothing could be imported."""
    from retaguarda.calendars.calendar import load_calendars
    from retaguarda.calendars.files import calendar_folder
    from retaguarda.calendars.importing import days_change, import_days, with_days
    from retaguarda.calendars.lists import read_days

    days, rejected = read_days(raw)
    if rejected and not partial:
        return rejected, None
    path, before = calendar_folder() / f"{name}.toml", load_calendars().get(name)
    stated = with_days(name, before, days, source=source, confidence=confidence)
    return rejected, (days_change if dry_run else import_days)(path, before, stated, days)


def _import_deadlines(house: House, raw: bytes, *, partial: bool, dry_run: bool) -> tuple[list[RejectedLine], Imported | None]:
    """Import a list of deadlines; each row states its own source and confidence."""
    from retaguarda.calendars.deadlines import deadlines_path, load_deadlines
    from retaguarda.calendars.deadlines import read_deadlines as read_file
    from retaguarda.calendars.importing import deadlines_change, import_deadlines
    from retaguarda.calendars.lists import read_deadlines

    known, path = load_deadlines(house.settings), deadlines_path()
    rows, rejected = read_deadlines(raw, known.events)
    if (rejected and not partial) or not rows:
        return rejected, None
    return rejected, (deadlines_change if dry_run else import_deadlines)(path, read_file(path), known, rows)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error}", remedy="check the path and its rights") from error


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
