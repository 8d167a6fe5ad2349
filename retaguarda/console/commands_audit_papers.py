"""`retaguarda audit sample|coverage|export|access-review|erase`: what auditors take along, and erasure of personal data."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.commands_audit import Json, Since, Unmask, Until, asked_for, day, note_reading, ready_index, seen
from retaguarda.console.commands_dossier import dossier
from retaguarda.console.wiring import House, open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say
from retaguarda.redaction import visible

if TYPE_CHECKING:
    from retaguarda.audit.index import Asked, Hit
    from retaguarda.operations.reviews import Coverage

FORMATS = ("xlsx", "csv", "jsonl", "tiles")
Row = list[str | int | dt.datetime | None]
Out = Annotated[Path | None, typer.Option("--out", help="File to write.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `retaguarda audit`."""
    commands: dict[str, Callable[..., None]] = {"sample": sample, "coverage": coverage, "export": export, "access-review": access_review}
    for name, command in (commands | {"dossier": dossier, "erase": erase}).items():
        app.command(name)(command)


def sample(
    seed: Annotated[int, typer.Option("--seed", help="The same seed draws the same events from the same log.")],
    size: Annotated[int, typer.Option("--size", min=1, help="How many events.")] = 25,
    since: Since = "",
    until: Until = "",
    action: Annotated[str, typer.Option("--action", help="Only of this action, or of those that begin so.")] = "",
    out: Out = None,
    unmask: Unmask = "",
    as_json: Json = False,
) -> None:
    """Draw a random sample of events as a working paper in xlsx, with columns for the auditor."""
    house = open_house()
    index, asked = ready_index(house), asked_for([], "", "", action, since, until)
    from retaguarda.operations import sampling

    drawn = sampling.draw(index, asked, seed, size)
    drawn = replace(drawn, hits=list(seen(house, drawn.hits, unmask, "audit sample")))
    note_reading("audit.exported", asked, len(drawn.hits), sample={"seed": seed, "size": size, "population": drawn.population})
    if as_json:
        told = {"seed": seed, "population": drawn.population, "events": [hit.seq for hit in drawn.hits]}
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    path = out or Path(f"audit-sample-{seed}.xlsx")
    path.write_bytes(sampling.paper(drawn, _facts(house, asked)))
    typer.echo(say("✓ {count} of {all} events drawn: {path}", count=len(drawn.hits), all=drawn.population, path=path))


def export(
    since: Since = "",
    until: Until = "",
    run: Annotated[str, typer.Option("--run", help="Only a run and its steps.")] = "",
    action: Annotated[str, typer.Option("--action", help="Only of this action, or of those that begin so.")] = "",
    kind: Annotated[str, typer.Option("--format", help="xlsx, csv, jsonl (raw lines), tiles (the whole log as tlog-tiles).")] = "xlsx",
    out: Out = None,
    unmask: Unmask = "",
) -> None:
    """Write the events of a period to a file, personal data masked; texts that a spreadsheet would take for formulas stay texts."""
    if kind not in FORMATS:
        raise typer.BadParameter(say("{text} is none of {kinds}", text=kind, kinds=", ".join(FORMATS)), param_hint="--format")
    house = open_house()
    index, asked = ready_index(house), asked_for([], run, "", action, since, until)
    from retaguarda.people import privacy

    path = out or Path("audit-tiles" if kind == "tiles" else f"audit-{since or 'begin'}-{until or 'end'}.{kind}")
    if kind == "tiles":
        privacy.unmask(unmask, "audit export --format tiles")
        from retaguarda.audit.tiles import write_tiles

        count = write_tiles(house.audit(), path)
    else:
        count = index.found(asked).count()
        with _progress(seen(house, index.read(index.found(asked)), unmask, f"audit export --format {kind}"), count) as hits:
            path.write_bytes(_written(house, asked, kind, hits))
    note_reading("audit.exported", asked, count, format=kind)
    typer.echo(say("✓ {count} events: {path}", count=count, path=path))


def _written(house: House, asked: Asked, kind: str, hits: Iterable[Hit]) -> bytes:
    from retaguarda.report.papers import as_csv, workbook

    if kind == "jsonl":
        return b"".join(hit.shown + b"\n" for hit in hits)
    rows = map(_row, hits)
    return as_csv(_headings(), rows) if kind == "csv" else workbook(say("Audit log"), _facts(house, asked), _headings(), rows)


def _progress(hits: Iterator[Hit], count: int) -> Any:
    """A bar on the terminal's error stream for long exports."""
    return typer.progressbar(hits, length=count, label=say("Exporting"), file=typer.get_text_stream("stderr"))


def coverage(since: Since, until: Until, out: Out = None, as_json: Json = False) -> None:
    """Planned against executed: every planned run of a period, and each that did not end as planned. Exit 1 when there is one."""
    house = open_house()
    ready_index(house)
    first, last = day(since, "--from"), day(until, "--to")
    if first is None or last is None or last < first:
        raise typer.BadParameter(say("the period ends before it begins"), param_hint="--to")
    from retaguarda.operations import reviews

    found = reviews.coverage(first, last + dt.timedelta(days=1), house.clock.now())
    if out:
        out.write_bytes(_coverage_paper(found, f"{since} – {until}"))
    if as_json:
        told = {"planned": found.planned, "by_trigger": found.by_trigger, "by_hand": found.by_hand, "complete": found.complete}
        typer.echo(json.dumps(told | {"deviations": [asdict(one) for one in found.deviations]}, ensure_ascii=False, indent=1))
    else:
        _tell_coverage(found)
    raise typer.Exit(0 if found.complete else 1)


def _coverage_rows(found: Coverage) -> Iterator[Row]:
    from retaguarda.report.labels import label
    from retaguarda.report.retell import retell
    from retaguarda.report.vocabulary import FIRES

    for one in found.deviations:
        yield [one.trigger, one.local[:16].replace("T", " "), label(FIRES, one.state).text, retell(one.reason), one.run]


def _coverage_paper(found: Coverage, period: str) -> bytes:
    from retaguarda.report.papers import workbook

    facts = {say("Period"): period, say("Planned"): str(found.planned), say("Deviations"): str(len(found.deviations))}
    headings = [say("Trigger"), say("When"), say("State"), say("Reason"), say("Run")]
    return workbook(say("Coverage"), facts, headings, _coverage_rows(found), [say("Explained by"), say("Conclusion")])


def _tell_coverage(found: Coverage) -> None:
    from retaguarda.console.screen import listing, screen
    from retaguarda.report.labels import label
    from retaguarda.report.vocabulary import FIRES

    console, states = screen(), ["RUN", "SKIPPED", "MISSED", "PLANNED"]
    table = listing(say("Trigger"), say("Planned"), *(label(FIRES, state).text for state in states))
    for trigger, counts in sorted(found.by_trigger.items()):
        table.add_row(trigger, str(counts.total()), *(str(counts[state]) for state in states))
    console.print(table)
    console.print(say("{count} runs were launched by hand.", count=found.by_hand))
    if found.complete:
        console.print(say("✓ Everything that was planned was executed."), style="green")
        return
    deviations = listing(say("Trigger"), say("When"), say("State"), say("Reason"), say("Run"))
    for row in _coverage_rows(found):
        deviations.add_row(*map(str, row))
    console.print(say("✗ {count} planned runs were not executed as planned:", count=len(found.deviations)), style="bold red")
    console.print(deviations)


def access_review(since: Since = "", until: Until = "", out: Out = None, as_json: Json = False) -> None:
    """Who acted in a period and what he did, which credentials there are, when each was set and used, and the console's users."""
    house = open_house()
    ready_index(house)
    from retaguarda.operations import reviews

    last = day(until, "--to")
    until_moment = last + dt.timedelta(days=1) if last else house.clock.now() + dt.timedelta(days=1)
    first = day(since, "--from") or until_moment - dt.timedelta(days=92)
    actors, accesses, people = reviews.actors(first, until_moment), list(reviews.accesses(house.settings, house.vault())), reviews.people()
    note_reading("audit.exported", asked_for([], "", "", "", since, until), len(actors), review="access")
    if as_json:
        told = {
            "actors": [asdict(one) for one in actors],
            "credentials": [asdict(one) for one in accesses],
            "people": [asdict(one) for one in people],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=lambda moment: moment.isoformat()))
        return
    from retaguarda.console.screen import listing, moment, screen
    from retaguarda.report.papers import workbook

    rows: list[Row] = [
        *([say("Person or process"), one.name, one.first, one.last, one.events, one.did] for one in actors),
        *([say("Credential"), one.credential, one.set_at, one.used_at, one.uses, ", ".join(one.portals)] for one in accesses),
        *([say("User of the console"), one.name, None, one.last_sign_in, 0, ", ".join(one.groups)] for one in people),
    ]
    headings = [say("Kind"), say("Name"), say("First, or set"), say("Last"), say("Times"), say("What, or where")]
    if out:
        facts = {say("Period"): f"{first:%d/%m/%Y} – {until_moment:%d/%m/%Y}"}
        out.write_bytes(workbook(say("Access review"), facts, headings, rows, [say("Still needed?"), say("Reviewed by")]))
    table = listing(*headings, whole=(1,))
    for row in rows:
        table.add_row(*(moment(cell) if isinstance(cell, dt.datetime) else visible(str("" if cell is None else cell)) for cell in row))
    screen().print(table)


def erase(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of the events whose content is to go.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: the request, the legal ground.")],
    approver: Annotated[str, typer.Option("--approver", help="Who approved it; another person than the one who does it.")],
    sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase personal data (LGPD) from events: their hashes stay, the log keeps its root, and each erasure is told with its approver."""
    house = open_house()
    index = ready_index(house)
    from retaguarda.audit.erasure import erase as erase_events
    from retaguarda.audit.events import actor

    if approver.strip().casefold() == actor().strip().casefold():
        raise ConfigurationError("whoever erases does not approve it himself", remedy="name the person who approved it")
    if not sure:
        typer.confirm(say("Erase the content of {count} events for good?", count=len(numbers)), abort=True)
    erase_events(house.audit(), numbers, reason=reason, approver=approver)
    index.rebuild()
    typer.echo(say("✓ {count} events erased; the log keeps its root.", count=len(numbers)))


# --- rows -----------------------------------------------------------------------------------------------------------------


def _headings() -> list[str]:
    from retaguarda.operations.sampling import headings

    return headings()


def _row(hit: Hit) -> Row:
    from retaguarda.operations.sampling import row_of

    return row_of(hit)


def _facts(house: House, asked: Asked) -> dict[str, str]:
    """What stands above a paper: which log it is of, and what was asked for."""
    from retaguarda.operations.sampling import facts_of

    return facts_of(house.audit(), house.settings.company, asked)
