"""`retaguarda statement`: bank files read and shown, whatever their bank and format."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.console.parameters import month_option
from retaguarda.errors import ConfigurationError, InvalidItem, RetaguardaError
from retaguarda.model.values import Month, Period

if TYPE_CHECKING:
    from retaguarda.console.statement_json import Telling
    from retaguarda.console.statement_screens import Summaries

app = typer.Typer(no_args_is_help=True)


@app.command()
def parse(
    files: Annotated[list[Path], typer.Argument(help="Statements and boleto returns as the bank gave them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Read bank files of any size: movements, balances, boleto titles, and every line that could not be read."""
    from retaguarda.console.statement_json import Telling
    from retaguarda.console.statement_screens import Summaries

    telling: Telling | Summaries = Telling() if as_json else Summaries()
    unread = 0
    for path in files:
        try:
            _read(path, telling)
        except RetaguardaError as error:
            unread += 1
            telling.unreadable(path, error)
    if isinstance(telling, Summaries):
        telling.show()
    else:
        telling.copy_to(sys.stdout.buffer)
    if unread:
        raise typer.Exit(1)


@app.command()
def status(
    account: Annotated[str, typer.Option(help="Part of the account's name; all accounts when left out.")] = "",
    month: Annotated[str, typer.Option(help="Month, YYYY-MM; this one when left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Account by day: proved, provisional, missing or broken, and boleto returns left out; exits 1 when something is missing."""
    from retaguarda.console.wiring import open_house

    house = open_house()
    from retaguarda.accounts import book, returns  # the tables want an open store
    from retaguarda.calendars.calendar import is_business_day
    from retaguarda.console.statement_status import as_values, is_well, tell

    today = house.clock.today()
    chosen = month_option(month, Month(today.year, today.month))
    last = min(chosen.last, today)
    if last < chosen.first:
        raise ConfigurationError(f"{chosen} has not begun", remedy="choose an earlier month")
    period = Period(chosen.first, last)
    found = {name: book.known(name, period, is_business_day) for name in book.accounts() if account in name}
    odd = {name: reasons for name, reasons in returns.findings().items() if account in name}
    if as_json:
        typer.echo(json.dumps(as_values(found, odd), ensure_ascii=False, indent=1))
    else:
        tell(found, odd, chosen)
    if not is_well(found, odd, today):
        raise typer.Exit(1)


def _read(path: Path, telling: Telling | Summaries) -> None:
    from retaguarda.formats import is_return, return_parts, statement_parts
    from retaguarda.formats.source import Source

    try:
        with Source.at(path) as source:
            if is_return(source):
                telling.return_file(path, return_parts(source))
            else:
                telling.statement_file(path, statement_parts(source))
    except OSError as error:
        raise InvalidItem(f"{path} cannot be read: {error.strerror}", remedy="check the path and its rights") from error
