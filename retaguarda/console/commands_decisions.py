"""`retaguarda reconcile proposals|show|confirm|reject|answer|undo|match|breaks|close|work`: what people decide about matches and breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import open_house
from retaguarda.errors import ConfigurationError, RetaguardaError
from retaguarda.language import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from retaguarda.store.models import BreakRecord, MatchDecision

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Keys = Annotated[list[str], typer.Argument(help="Keys, or their first letters; see `reconcile proposals`.")]
Key = Annotated[str, typer.Argument(help="Key, or its first letters.")]
Why = Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="How many are shown.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `retaguarda reconcile`."""
    for name, command in (
        ("run", run),
        ("reperform", reperform),
        ("proposals", proposals),
        ("show", show),
        ("confirm", confirm),
        ("reject", reject),
        ("answer", answer),
        ("undo", undo),
        ("match", match),
        ("breaks", breaks),
        ("close", close),
        ("work", work),
    ):
        app.command(name)(command)


def run(
    period: Annotated[str, typer.Argument(help="YYYY-MM, or first and last day: 2026-11-01..2026-11-10.")],
    open_items: Annotated[Path | None, typer.Option(help="Canonical open_items.csv; the ERP's latest export when left out.")] = None,
    partners: Annotated[Path | None, typer.Option(help="Canonical partners.csv; the items' own partners when left out.")] = None,
    accounts: Annotated[Path | None, typer.Option(help="Canonical bank_accounts.csv; the book of accounts when left out.")] = None,
    history: Annotated[Path | None, typer.Option(help="Canonical history.csv; what stands in the store when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Match what the store holds of a period: proved lines against open items; decisions and breaks are recorded."""
    house = open_house()
    from retaguarda.console.commands_run import execute
    from retaguarda.model.values import Month, Period

    month = Month.parse(period) if period.count("-") == 1 else None
    whole = Period(month.first, month.last) if month else Period.parse(period)
    given = {"partners": partners, "accounts": accounts, "history": history, "open_items": open_items}
    texts = {name: str(path.resolve()) for name, path in given.items() if path is not None}
    texts |= {"period": str(whole)} | ({} if open_items else {"receivables": _latest_export()})
    execute(house, lambda runner: runner.start("reconcile_period", texts), as_json=as_json)


def _latest_export() -> str:
    from retaguarda.store.models import RunRecord, RunState

    done = RunRecord.objects.filter(process="export_erp", state=RunState.SUCCESSFUL).order_by("-ended_at").first()
    if done is None or not done.result:
        raise ConfigurationError(
            "the ERP was never exported", remedy="give --open-items FILE, or: retaguarda run start export_erp -p month=…"
        )
    held = done.result["receivables"]
    return f"sha256:{held['sha256']}/{held['name']}"


def reperform(
    run_id: Annotated[str, typer.Argument(help="Id of the reconciliation's run, or the end of it.")], as_json: Json = False
) -> None:
    """Make a reconciliation again from its evidence and compare bit by bit. Exit 1 when a file differs."""
    house = open_house()
    from retaguarda.audit import versions
    from retaguarda.audit.evidence import EvidenceStore
    from retaguarda.decisions import reperform as again

    run = house.runs().get(run_id)
    found = again.reperform(run, EvidenceStore(house.evidence_folder, house.clock))
    if as_json:
        typer.echo(json.dumps([{"file": one.name, "kept": one.kept, "now": one.now, "same": one.same} for one in found], indent=1))
    else:
        for one in found:
            typer.echo(f"{'✓' if one.same else '✗'} {one.name} {one.kept[:16]}" + ("" if one.same else f" ≠ {one.now[:16]}"))
    if not all(one.same for one in found):
        then, now = again.program_of(run, house.audit()), versions.code().short
        if then not in {"", now}:
            text = "The run was made by the program {then}, this is {now}: what differs may be the program's. Make it again with that one."
            typer.echo(say(text, then=then, now=now), err=True)
        raise typer.Exit(1)


def proposals(
    account: Annotated[str, typer.Option(help="Part of the account's name; all accounts when left out.")] = "",
    limit: Most = 50,
    as_json: Json = False,
) -> None:
    """Matches that wait for a person, the largest first. Exit 7 when something waits."""
    open_house()
    from retaguarda.store.models import DecisionState, MatchDecision

    rows = MatchDecision.objects.filter(state=DecisionState.PROPOSED, account__contains=account)
    waiting, shown = rows.count(), list(rows.order_by("-amount", "date", "key").prefetch_related("allocations")[:limit])
    if as_json:
        typer.echo(json.dumps([_decision(row) for row in shown], ensure_ascii=False, indent=1))
    else:
        _tell_proposals(shown, waiting)
    raise typer.Exit(7 if waiting else 0)


def show(key: Key, as_json: Json = False) -> None:
    """A decision: its line, its items, what it rests on, and everything that happened to it."""
    open_house()
    from retaguarda.console.screen import bullet, moment, screen
    from retaguarda.decisions.register import find
    from retaguarda.report.labels import label
    from retaguarda.report.show import amounts, shown
    from retaguarda.report.vocabulary import DIFFERENCES

    row = find(key)
    if as_json:
        typer.echo(json.dumps(_decision(row) | {"events": _events(row)}, ensure_ascii=False, indent=1))
        return
    console = screen()
    bullet(console, say("decision"), f"{row.key[:12]} · {say(row.state.lower())} · {row.rule} · {row.confidence:.1%}")
    bullet(console, say("line"), f"{row.account} · {shown(row.date)} · {shown(row.amount)} · {row.description}")
    for part in row.allocations.order_by("item"):
        bullet(console, f"  {part.kind}", f"{part.item} · {shown(part.amount)}")
    if row.difference:
        told = row.difference
        parts = [label(DIFFERENCES, told["kind"]).text, amounts(told["amount"]), told["account"], amounts(told["formula"])]
        bullet(console, say("difference"), " · ".join(filter(None, parts)))
    bullet(console, say("evidence"), " · ".join([*row.evidence.get("words", ()), *map(amounts, row.evidence.get("numbers", ()))]))
    for event in row.events.order_by("id"):
        bullet(console, moment(event.at), " · ".join(filter(None, [say(event.action), event.by, event.reason])))


def confirm(keys: Keys, reason: Why = "") -> None:
    """Let proposals stand; who made a match cannot confirm it. Exit 1 when one could not be confirmed."""
    open_house()
    from retaguarda.decisions.register import confirm as decide

    _each(keys, lambda row, who, at: decide(row, who, at, reason), "confirmed")


def reject(keys: Keys, reason: Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]) -> None:
    """Decline proposals for good: they are not made again."""
    open_house()
    from retaguarda.decisions.register import reject as decide

    _each(keys, lambda row, who, at: decide(row, who, at, reason), "rejected")


def answer(
    workbook: Annotated[Path, typer.Argument(help="The accountants' workbook with S or N, and reasons, in its sheet of proposals.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be decided; change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Carry out what people answered in the workbook: S confirms, N rejects. Exit 1 when an answer could not be carried out."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.decisions.answering import Outcome, carry_out
    from retaguarda.reconcile.answers import read_answers
    from retaguarda.report.retell import retell

    read = read_answers(workbook)
    failed = [(f"{odd.file}:{odd.line}", f"{odd.field}: {odd.reason}", odd.remedy) for odd in read.rejections]
    done = dict.fromkeys(Outcome, 0)
    for one in read.items:
        try:
            done[carry_out(one, actor(), house.clock.now(), dry_run=dry_run)] += 1
        except RetaguardaError as error:
            failed.append((one.line_id, error.text, error.remedy or ""))
    if as_json:
        told = [dict(zip(("where", "reason", "remedy"), one, strict=True)) for one in failed]
        typer.echo(json.dumps({"dry_run": dry_run, "done": done, "failed": told}, ensure_ascii=False, indent=1))
    else:
        if dry_run:
            typer.echo(say("Nothing was changed; this is what would be decided:"))
        for outcome, count in done.items():
            typer.echo(f"{say(outcome.value)}: {count}")
        for where, reason, remedy in failed:
            typer.echo(f"✗ {where}: {retell(reason)} ({retell(remedy)})", err=True)
    if failed:
        raise typer.Exit(1)


def undo(keys: Keys, reason: Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]) -> None:
    """Take back what stands: its lines and items are open again. Refused once the ERP has booked it."""
    open_house()
    from retaguarda.decisions.register import undo as decide

    _each(keys, lambda row, who, at: decide(row, who, at, reason), "undone")


def match(
    line: Annotated[str, typer.Argument(help="The line of the statement; see `reconcile breaks`.")],
    items: Annotated[list[str], typer.Argument(help="Open items, each with the amount that the line settles: ITEM=123.45.")],
) -> None:
    """Match a line by hand; another person confirms it."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.decisions.by_hand import matched
    from retaguarda.decisions.register import SHORT

    row = matched(line, [_part(text) for text in items], actor(), house.clock.now())
    typer.echo(say("Match {key} waits for another person: retaguarda reconcile confirm {key}", key=row.key[:SHORT]))


def breaks(
    kind: Annotated[str, typer.Option(help="Only breaks of this kind; see config/breaks.toml.")] = "",
    limit: Most = 50,
    as_json: Json = False,
) -> None:
    """What does not match, most urgent first: age, owner, next step. Exit 1 when something is open."""
    house = open_house()
    from retaguarda.decisions.breaks import open_breaks
    from retaguarda.reconcile.break_rules import read_break_rules

    rules, found = read_break_rules(), open_breaks(kind)
    if kind and kind not in rules:
        raise ConfigurationError(f"no kind of break {kind}", remedy=f"known are: {', '.join(rules)}")
    today = house.clock.today()
    if as_json:
        told = [_break(row) | {"age_days": (today - row.opened_at.date()).days, "next": rules[row.kind].next} for row in found[:limit]]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        from retaguarda.console.break_screens import tell

        tell(found, rules, today, limit)
    raise typer.Exit(1 if found else 0)


def close(key: Key, reason: Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]) -> None:
    """Close a break; it opens again when the next reconciliation still finds it."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.decisions import breaks as book

    row = book.find(key)
    book.close(row, actor(), house.clock.now(), reason)
    typer.echo(say("Break {key} is closed.", key=row.key[:12]))


def work(key: Key, queue: Annotated[str, typer.Option(help="The queue whose workers carry it out.")] = "default") -> None:
    """Start what is done about a break of this kind (config/breaks.toml), by the workers of a queue."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.console.wiring import process_named
    from retaguarda.decisions import breaks as book
    from retaguarda.reconcile.break_rules import read_break_rules

    row = book.find(key)
    rule = read_break_rules()[row.kind]
    given = book.params(row, rule, house.clock.today())
    process_named(rule.process).bind(given)
    run = house.runs().create(rule.process, given, queue=queue)
    book.started(row, run, actor())
    typer.echo(say("Run {run} waits in queue {queue}.", run=run.pk, queue=run.queue))


def _each(keys: list[str], decide: Callable[[MatchDecision, str, Any], None], done: str) -> None:
    """Decide on one after the other; what cannot be decided is told, and the rest goes on."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.console.screen import screen
    from retaguarda.decisions.register import SHORT, find
    from retaguarda.report.retell import retell

    failed = 0
    for key in keys:
        try:
            row = find(key)
            decide(row, actor(), house.clock.now())
            typer.echo(f"{row.key[:SHORT]} {say(done)}")
        except RetaguardaError as error:
            failed += 1
            text = f"✗ {key}: {retell(error.text)}" + (f" ({retell(error.remedy)})" if error.remedy else "")
            screen(errors=True).print(text, style="red", markup=False)
    if failed:
        raise typer.Exit(1)


def _part(text: str) -> tuple[str, Decimal]:
    from retaguarda.formats.text import money

    item, mark, amount = text.rpartition("=")
    try:
        return (item, money(amount)) if mark else (text, money(""))
    except ValueError:
        raise ConfigurationError(f"{text} is no ITEM=AMOUNT", remedy="write for example NF-4203=1234.56") from None


def _tell_proposals(rows: list[MatchDecision], waiting: int) -> None:
    from retaguarda.console.screen import listing, screen
    from retaguarda.report.show import shown

    table = listing(say("key"), say("date"), say("amount"), say("items"), say("rule"), say("confidence"), say("text"), whole=(0, 1, 2, 5))
    for row in rows:
        parts = [part.item for part in row.allocations.all()]
        items = ", ".join(parts[:3]) + (f" +{len(parts) - 3}" if len(parts) > 3 else "")
        table.add_row(row.key[:12], shown(row.date), shown(row.amount), items, row.rule, f"{row.confidence:.1%}", row.description)
    screen().print(table if rows else say("Nothing waits to be confirmed."))
    if waiting > len(rows):
        typer.echo(say("{count} more; show them with --limit", count=waiting - len(rows)))


def _decision(row: MatchDecision) -> dict[str, Any]:
    return {
        "key": row.key,
        "state": row.state,
        "account": row.account,
        "line": row.line,
        "date": row.date.isoformat(),
        "amount": f"{row.amount:.2f}",
        "description": row.description,
        "items": [{"item": part.item, "kind": part.kind, "amount": f"{part.amount:.2f}"} for part in row.allocations.all()],
        "difference": row.difference,
        "rule": row.rule,
        "rules": row.rules,
        "confidence": row.confidence,
        "alternatives": row.alternatives,
        "evidence": row.evidence,
        "maker": row.maker,
        "run": row.run_id,
    }


def _events(row: MatchDecision) -> list[dict[str, str]]:
    return [{"action": e.action, "by": e.by, "at": e.at.isoformat(), "reason": e.reason} for e in row.events.order_by("id")]


def _break(row: BreakRecord) -> dict[str, Any]:
    return {
        "key": row.key,
        "kind": row.kind,
        "account": row.account or None,
        "line": row.line or None,
        "item": row.item or None,
        "date": row.date.isoformat(),
        "amount": f"{row.amount:.2f}",
        "text": row.text,
        "owner": row.owner,
        "opened_at": row.opened_at.isoformat(),
        "due_on": row.due_on.isoformat(),
        "work": row.work_id,
    }
