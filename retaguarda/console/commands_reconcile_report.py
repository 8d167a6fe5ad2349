"""`retaguarda reconcile report`: the accountants' workbook of a reconciliation."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.console.wiring import open_house

if TYPE_CHECKING:
    from retaguarda.report.receipts_tables import Sources


def report(
    folder: Annotated[
        Path | None, typer.Argument(help="What `reconcile receipts --out` wrote: matches.csv, lines.csv, result.json.")
    ] = None,
    open_items: Annotated[Path | None, typer.Option(help="The open items that were reconciled.")] = None,
    statement: Annotated[list[Path] | None, typer.Option(help="The statements that were reconciled; may be given several times.")] = None,
    accounts: Annotated[Path | None, typer.Option(help="Our accounts, for their banks' names.")] = None,
    contracts: Annotated[Path | None, typer.Option(help="What `reconcile ccee --out` wrote: contracts.csv.")] = None,
    run: Annotated[str, typer.Option(help="In place of all files: a run of `reconcile run`, from its evidence.")] = "",
    company: Annotated[str, typer.Option(help="Whose books these are.")] = "",
    out: Annotated[Path | None, typer.Option(help="The workbook; reconciliation.xlsx in the folder when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Write the workbook: tie-out, matches, proposals to answer, breaks by age, what is to be posted, charts."""
    from retaguarda.errors import ConfigurationError
    from retaguarda.language import say
    from retaguarda.report.receipts_tables import Sources
    from retaguarda.report.receipts_workbook import write_receipts_workbook

    with tempfile.TemporaryDirectory() as scratch:
        if run:
            where = Path(scratch)
            sources = _of_run(run, where, contracts)
        elif folder is not None and open_items is not None and statement:
            where = folder
            sources = Sources(folder, open_items, tuple(statement), accounts, contracts)
        else:
            remedy = "name FOLDER, --open-items and --statement, or --run"
            raise ConfigurationError("it is not said which reconciliation the workbook is of", remedy=remedy)
        path = out or (Path("reconciliation.xlsx") if run else where / "reconciliation.xlsx")
        books = write_receipts_workbook(sources, path, company)
    if as_json:
        told = {"workbook": str(path), "lines": books.lines.height, "matches": books.edges.height, "hash": books.result["hash"]}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        typer.echo(say("{count} lines in {path}", count=books.lines.height, path=path))


def _of_run(run: str, folder: Path, contracts: Path | None) -> Sources:
    """The files of a run's evidence, laid into a folder."""
    house = open_house()
    from retaguarda.audit.evidence import EvidenceStore
    from retaguarda.decisions.reperform import evidence_of
    from retaguarda.report.receipts_tables import Sources

    for name, path in evidence_of(house.runs().get(run), EvidenceStore(house.evidence_folder, house.clock)).items():
        shutil.copyfile(path, folder / name)
    return Sources(folder, folder / "open_items.csv", (folder / "statement_lines.csv",), folder / "bank_accounts.csv", contracts)
