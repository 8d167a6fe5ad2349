"""`retaguarda reconcile report`: the accountants' workbook of a reconciliation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="What `reconcile receipts --out` wrote: matches.csv, lines.csv, result.json.")],
    open_items: Annotated[Path, typer.Option(help="The open items that were reconciled.")],
    statement: Annotated[list[Path], typer.Option(help="The statements that were reconciled; may be given several times.")],
    accounts: Annotated[Path | None, typer.Option(help="Our accounts, for their banks' names.")] = None,
    contracts: Annotated[Path | None, typer.Option(help="What `reconcile ccee --out` wrote: contracts.csv.")] = None,
    company: Annotated[str, typer.Option(help="Whose books these are.")] = "",
    out: Annotated[Path | None, typer.Option(help="The workbook; reconciliation.xlsx in the folder when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Write the workbook: tie-out, matches, proposals to answer, breaks by age, what is to be posted, charts."""
    from retaguarda.language import say
    from retaguarda.report.receipts_tables import Sources
    from retaguarda.report.receipts_workbook import write_receipts_workbook

    path = out or folder / "reconciliation.xlsx"
    books = write_receipts_workbook(Sources(folder, open_items, tuple(statement), accounts, contracts), path, company)
    if as_json:
        told = {"workbook": str(path), "lines": books.lines.height, "matches": books.edges.height, "hash": books.result["hash"]}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        typer.echo(say("{count} lines in {path}", count=books.lines.height, path=path))
