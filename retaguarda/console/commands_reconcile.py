"""`retaguarda reconcile`: bank lines against receivables and payables, from files to decisions."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.console.ending import keep

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from retaguarda.calendars.calendar import Calendar
    from retaguarda.reconcile.matching.result import Result
    from retaguarda.reconcile.matching.tables import Inputs

app = typer.Typer(no_args_is_help=True)


@app.command()
def receipts(
    open_items: Annotated[Path, typer.Option("--open-items", help="Open receivables and payables, open_items.csv.")],
    partners: Annotated[Path, typer.Option(help="Register of partners, partners.csv.")],
    accounts: Annotated[Path, typer.Option(help="Our own accounts, bank_accounts.csv.")],
    statement: Annotated[list[Path], typer.Option(help="Statement: statement_lines.csv or a bank's file; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder for matches.csv, lines.csv and result.json.")],
    returns: Annotated[list[Path] | None, typer.Option(help="Boleto return: retorno.csv or a bank's file; may be repeated.")] = None,
    history: Annotated[Path | None, typer.Option(help="Lines matched before, history.csv: trade names are learned from it.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules; config/matching.toml when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Match bank lines with receivables and payables; exits 1 when rows were rejected."""
    os.environ["_RJEM_MALLOC_CONF"] = _memory()
    from retaguarda.reconcile.matching.collecting import not_collecting
    from retaguarda.reconcile.matching.loading import load

    with not_collecting():  # until the process ends
        result = _reconciled(lambda: load(open_items, partners, accounts, statement, returns or (), history), rules)
        from retaguarda.reconcile.matching.outputs import write

        paths = write(result, out)
        keep(result)
        if as_json:
            typer.echo((out / "result.json").read_text(encoding="utf-8"), nl=False)
        else:
            _tell(result, paths)
    if result.rejections:
        raise typer.Exit(1)


def _memory() -> str:
    """How polars' allocator hoards less memory, at no cost in time: few arenas, and what is free for half a second is given back.

    To be set before polars is loaded, which sets it otherwise for itself and for the processes below it.
    """
    return f"narenas:{os.cpu_count() or 1},dirty_decay_ms:500,muzzy_decay_ms:0"


def _reconciled(load: Callable[[], Inputs], rules: Path | None) -> Result:
    """The result; polars reads the files on one core, while Python loads what decides on the other."""
    with ThreadPoolExecutor(1) as aside:
        loading = aside.submit(load)
        decided = _matcher(rules)
        inputs = loading.result()
        del loading  # nothing holds the inputs when their result is written
    return decided(inputs)


def _matcher(rules: Path | None) -> Callable[[Inputs], Result]:
    """What decides, with its rules and its calendar."""
    from retaguarda.calendars.calendar import calendar_of, load_calendars
    from retaguarda.configuration import configuration_folder
    from retaguarda.reconcile.matching.engine import reconcile
    from retaguarda.reconcile.matching.rules import read_matching_rules

    chosen = read_matching_rules(rules or configuration_folder() / "matching.toml")
    calendar = calendar_of(chosen.calendar, load_calendars())
    return lambda inputs: reconcile(inputs, chosen, _holidays(inputs, calendar))


def _holidays(inputs: Inputs, calendar: Calendar) -> Sequence[dt.date]:
    """The holidays of the years that lines and items are of."""
    days = [inputs.lines["date"], inputs.items["due_date"]]
    years = {year for column in days for year in column.dt.year().unique().to_list()}
    return sorted(day for year in years if calendar.knows(year) for day in calendar.holidays(year))


def _tell(result: Result, paths: list[Path]) -> None:
    from retaguarda.console.screen import listing, screen
    from retaguarda.language import say
    from retaguarda.report.retell import retell
    from retaguarda.report.show import number

    counted, tie = result.summary(), result.tie_out()
    settling_nothing = {
        "noise": say("bank fees, investments, payroll"),
        "balance": say("balances"),
        "transfer": say("between our own accounts"),
        "reversed": say("payments that came back"),
        "reversal": say("returns of payments"),
        "duplicate_payment": say("payments made twice"),
        "duplicate_import": say("told by another file already"),
    }
    table = listing(say("Lines"), say("Quantity"), whole=(0, 1))
    table.add_row(say("matched, may be booked"), str(counted.auto))
    table.add_row(say("matched, wait for a person"), str(counted.proposals))
    table.add_row(say("explained by nothing"), str(counted.unmatched))
    for name, text in settling_nothing.items():
        table.add_row(text, str(counted.classes.get(name, 0)))
    console = screen()
    console.print(table)
    console.print(say("Difference of the tie-out: {value}", value=number(tie.difference, 2)))
    console.print(say("Rows rejected: {count}", count=len(result.rejections)))
    for one in result.rejections[:10]:
        console.print(f"{one.file}:{one.line} {one.field} {one.value!r} – {retell(one.remedy)}", markup=False)
    console.print(say("Written: {value}", value=", ".join(map(str, paths))), markup=False)
