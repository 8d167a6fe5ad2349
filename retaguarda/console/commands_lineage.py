"""`retaguarda lineage`: the way of a contract's money."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retaguarda.console.wiring import open_house

app = typer.Typer(no_args_is_help=True)


@app.callback()
def lineage() -> None:
    """The way of a contract's money: ERP contract, invoice, bank line, release, CCEE receipt, ERP settlement."""


@app.command()
def show(
    reference: Annotated[str, typer.Argument(help="A contract, invoice, bank line, decision, receipt number or settlement.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Everything that hangs together with a reference, in the order of its way."""
    open_house()
    from retaguarda.decisions.lineage import walk

    found = walk(reference)
    if as_json:
        from retaguarda.model.reconciliation import as_dict

        typer.echo(json.dumps(as_dict(found), ensure_ascii=False, indent=1))
    else:
        from retaguarda.console.break_screens import tell_way

        tell_way(found)
