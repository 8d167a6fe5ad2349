"""`retaguarda reconcile ccee` and `lfn`: contracts and settlement of CCEE against the ERP and the bank."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.commands_reconcile_report import report
from retaguarda.errors import ConfigurationError, InvalidItem

if TYPE_CHECKING:
    from retaguarda.formats.ccee_settlement import SettlementList
    from retaguarda.model.intake import Intake
    from retaguarda.model.statements import Entry
    from retaguarda.reconcile.registers import RegisterComparison
    from retaguarda.reconcile.settlement import SettlementComparison

_Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `retaguarda reconcile`."""
    app.command("ccee")(ccee)
    app.command("lfn")(lfn)
    app.command("report")(report)


def ccee(
    erp: Annotated[Path, typer.Option(help="Contracts of the ERP: erp_contracts.csv or a sheet with its columns.")],
    held: Annotated[Path, typer.Option("--ccee", help="Contracts at CCEE: ccee_contracts.csv or a sheet with its columns.")],
    out: Annotated[Path | None, typer.Option(help="Folder for contracts.csv and contracts.json.")] = None,
    as_json: _Json = False,
) -> None:
    """Compare the ERP's contracts with CCEE's register in MWh and MWmédio; exits 1 when something differs or a row cannot be used."""
    from retaguarda.reconcile.register_files import read_ccee, read_erp, write
    from retaguarda.reconcile.registers import compare

    ours, theirs = read_erp(_there(erp)), read_ccee(_there(held))
    compared = compare(ours.items, theirs.items)
    told = {"counts": _counts(compared), "rejections": _rejections(ours) + _rejections(theirs)}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write(out / "contracts.csv", compared)
        (out / "contracts.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _show_contracts(compared, ours, theirs)
    if told["rejections"] or any(c.outcome.is_break for c in compared):
        raise typer.Exit(1)


def lfn(
    settled: Annotated[Path, typer.Option("--lfn", help="CCEE's list LFN004 (or LFN001) as a sheet.")],
    agent: Annotated[list[str], typer.Option(help="Sigla of our agent at CCEE; may be given several times.")],
    month: Annotated[str, typer.Option(help="Month of supply, AAAA-MM.")],
    statement: Annotated[list[Path], typer.Option(help="Statements of the custody account, as the bank gave them.")],
    account: Annotated[str, typer.Option(help="Part of the account's name, for files that hold several accounts.")] = "",
    as_json: _Json = False,
) -> None:
    """Compare the settlement of the short-term market with the custody account; exits 1 when something differs."""
    from retaguarda.console.parameters import month_option
    from retaguarda.formats import ccee_settlement
    from retaguarda.model.reconciliation import as_dict
    from retaguarda.model.values import Month
    from retaguarda.reconcile.settlement import compare_settlement

    listed = ccee_settlement.read(_there(settled))
    entries = [entry for path in statement for entry in _entries(_there(path), account)]
    compared = compare_settlement(listed.agents, entries, agent, month_option(month, Month(2000, 1)))
    if as_json:
        odd = [{"line": q.line, "reason": q.reason} for q in listed.quarantine]
        typer.echo(json.dumps({"agents": as_dict(compared), "unread": odd}, ensure_ascii=False, indent=1))
    else:
        _show_settlement(compared, listed)
    if listed.quarantine or not compared or any(c.is_break for c in compared):
        raise typer.Exit(1)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise ConfigurationError(f"{path} is not there", remedy="check the path")
    return path


def _entries(path: Path, account: str) -> Iterator[Entry]:
    from retaguarda.formats import statement_parts
    from retaguarda.formats.parts import Begin
    from retaguarda.formats.source import Source
    from retaguarda.model.statements import Entry, Quarantined

    wanted = True
    with Source.at(path) as source:
        for part in statement_parts(source):
            if isinstance(part, Begin):
                wanted = account in f"{part.bank}/{part.branch}/{part.account}"
            elif isinstance(part, Quarantined):
                raise InvalidItem(f"{path.name}, line {part.line}: {part.reason}", remedy="ask the bank for the statement again")
            elif isinstance(part, Entry) and wanted:
                yield part


def _counts(compared: tuple[RegisterComparison, ...]) -> dict[str, int]:
    return dict(sorted(Counter(c.outcome.value for c in compared).items()))


def _rejections(read: Intake[Any]) -> list[dict[str, object]]:
    return [
        {"file": r.file, "line": r.line, "field": r.field, "value": r.value, "reason": r.reason, "remedy": r.remedy}
        for r in read.rejections
    ]


def _show_contracts(compared: tuple[RegisterComparison, ...], *read: Intake[Any]) -> None:
    from retaguarda.console.screen import MARKS, bullet, listing, screen
    from retaguarda.language import say
    from retaguarda.report.labels import label
    from retaguarda.report.show import number
    from retaguarda.report.vocabulary import CONTRACT_OUTCOMES

    console = screen()
    counted = listing(say("Outcome"), say("Contracts"))
    for outcome, count in _counts(compared).items():
        found = label(CONTRACT_OUTCOMES, outcome)
        counted.add_row(f"[{MARKS[found.tone][1]}]{found.text}[/]", number(count, 0))
    console.print(counted)
    table = listing(say("Month"), say("Contract"), say("Counterparty"), "MWh ERP", "MWh CCEE", say("Outcome"), whole=(0, 1, 3, 4))
    breaks = [c for c in compared if c.outcome.is_break]
    for c in breaks[:40]:
        mine = ", ".join(c.erp_ids) or c.ccee_id
        told = label(CONTRACT_OUTCOMES, c.outcome.value).text + (f" ({c.note})" if c.note else "")
        table.add_row(str(c.month), mine, c.counterparty, number(c.erp_mwh, 3), number(c.ccee_mwh, 3), told)
    if breaks:
        console.print(table)
    if len(breaks) > 40:
        console.print(say("… and {count} more; --out writes them all.", count=len(breaks) - 40))
    for one in (r for intake in read for r in intake.rejections):
        bullet(console, f"{one.file}:{one.line} {one.field}", f"{say(one.reason)} {say(one.remedy)}")


def _show_settlement(compared: tuple[SettlementComparison, ...], listed: SettlementList) -> None:
    from retaguarda.console.screen import bullet, listing, screen
    from retaguarda.language import say
    from retaguarda.report.labels import label
    from retaguarda.report.show import number, shown
    from retaguarda.report.vocabulary import SETTLEMENTS

    console = screen()
    table = listing(say("Agent"), say("Due"), say("Settled"), say("In default"), say("At the bank"), say("Day"), say("Outcome"))
    for c in compared:
        sums = [number(amount, 2) for amount in (c.due, c.settled, c.default, c.moved)]
        table.add_row(c.agent, *sums, shown(c.date, "date"), label(SETTLEMENTS, c.outcome.value).text)
    console.print(table if compared else say("The list does not name these agents, and the statement no settlement."))
    for odd in listed.quarantine:
        bullet(console, str(odd.line), odd.reason)
