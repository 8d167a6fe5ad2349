"""`retaguarda statement`: bank files read and shown, whatever their bank and format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.errors import InvalidItem, RetaguardaError

if TYPE_CHECKING:
    from retaguarda.console.statement_json import Telling
    from retaguarda.console.statement_screens import Summaries

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `parse` a subcommand."""


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
