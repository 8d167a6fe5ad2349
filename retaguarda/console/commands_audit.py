"""`retaguarda audit`: the log as it stands, what is in it, whether it holds, and its anchors."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.errors import ConfigurationError
from retaguarda.language import say
from retaguarda.redaction import visible

if TYPE_CHECKING:
    from rich.table import Table

    from retaguarda.audit.anchors import Anchored
    from retaguarda.audit.index import Asked, AuditIndex, Hit
    from retaguarda.audit.verify import Verdict
    from retaguarda.console.wiring import House

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Since = Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")]
Until = Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD.")]
Unmask = Annotated[str, typer.Option("--unmask", metavar="REASON", help="Show CPFs and accounts of others; why is recorded.")]
SHOWN = 200


@app.callback()
def _audit() -> None:
    """The audit log."""


@app.command()
def verify(
    path: Annotated[Path | None, typer.Argument(help="Folder of the log; this installation's when left out.")] = None,
    evidence: Annotated[bool, typer.Option(help="Also recompute the hash of every evidence file.")] = True,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="Folder with your own copies: witness's history, mails, stamps.")
    ] = None,
    key: Annotated[str, typer.Option("--key", help="The log's public key, as you keep it.")] = "",
    witness: Annotated[list[str] | None, typer.Option("--witness", help="Public key of a witness; may be repeated.")] = None,
    stamp_roots: Annotated[Path | None, typer.Option("--stamp-roots", help="Root certificates of the time-stamping authority.")] = None,
    as_json: Json = False,
) -> None:
    """Recompute the log from its raw bytes: sequence, Merkle root, signatures, anchors, evidence. Exit 1 names what is wrong."""
    from retaguarda.store.connection import set_up

    set_up()  # the log's room imports the tables; verifying reads no store
    from retaguarda.audit import verify as verifier

    folder = path or _own_log()
    if not (folder / "segments").is_dir():
        raise ConfigurationError(f"there is no audit log in {folder}", remedy="give the folder that holds segments/ and checkpoints")
    files = folder.parent / "evidence"
    trusted = verifier.Trusted(anchors, key, tuple(witness or ()), stamp_roots)
    verdict = verifier.verify(folder, files if evidence and files.exists() else None, trusted)
    if as_json:
        typer.echo(json.dumps(asdict(verdict) | {"holds": verdict.holds}, ensure_ascii=False, indent=1))
    else:
        _tell(verdict)
    raise typer.Exit(0 if verdict.holds else 1)


@app.command()
def status(as_json: Json = False) -> None:
    """How far the log is sealed, signed and anchored. Exit 1 while it has been without an anchor for too long."""
    from retaguarda.console.wiring import open_house

    house = open_house()
    from retaguarda.store.models import OutboxEvent

    anchors = house.anchors()
    exposure, standing = anchors.exposure(), anchors.standing()
    minutes, waiting = exposure.minutes(house.clock.now()), OutboxEvent.objects.filter(sealed=False).count()
    red = bool(standing) and minutes >= house.settings.audit.unanchored_minutes
    if as_json:
        told: dict[str, Any] = {
            "events": exposure.size,
            "waiting": waiting,
            "anchored": exposure.anchored,
            "unanchored_minutes": minutes,
            "red": red,
        }
        told["anchors"] = [asdict(one) | {"at": one.at.isoformat() if one.at else None} for one in standing]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _tell_status(exposure.size, waiting, exposure.anchored, minutes, red=red, standing=standing)
    raise typer.Exit(1 if red else 0)


def _tell_status(size: int, waiting: int, anchored: int, minutes: int, *, red: bool, standing: list[Anchored]) -> None:
    from retaguarda.console.screen import screen

    console = screen()
    console.print(say("{events} events sealed and signed, {waiting} wait to be sealed.", events=size, waiting=waiting))
    if not standing:
        console.print(say("! No anchor outside this machine: its administrator could rewrite the log. See docs/audit.md."), style="yellow")
        return
    if size > anchored:
        text = say("{count} events unanchored for {minutes} min.", count=size - anchored, minutes=minutes)
        console.print(f"{'✗' if red else '!'} {text}", style="bold red" if red else "yellow")
    else:
        console.print(say("✓ Everything that is signed is anchored."), style="green")
    console.print(_anchors_table(standing))


def _anchors_table(standing: list[Anchored]) -> Table:
    from retaguarda.console.screen import listing, moment
    from retaguarda.report.retell import retell

    table = listing(say("Anchor"), say("Events"), say("Since"), say("Trouble"))
    for one in standing:
        table.add_row(retell(one.name), str(one.size), moment(one.at), retell(one.trouble))
    return table


@app.command()
def seal(as_json: Json = False) -> None:
    """Seal and sign what waits, now."""
    from retaguarda.console.wiring import open_house

    log = open_house().audit()
    made = log.seal()
    note = log.last_note()[0] if made or (log.folder / "checkpoints").exists() else ""
    typer.echo(json.dumps({"sealed": bool(made), "note": note}, ensure_ascii=False) if as_json else note or say("Nothing to seal."))


@app.command()
def anchor(as_json: Json = False) -> None:
    """Seal, then make every anchor that the settings name, due or not. Exit 1 when one could not be made."""
    from retaguarda.console.wiring import open_house

    house = open_house()
    house.audit().seal()
    anchors = house.anchors()
    if not anchors.names():
        raise ConfigurationError("no anchor is set up", remedy="write [audit] in config/retaguarda.toml; see docs/audit.md")
    anchors.make(now=True)
    standing = anchors.standing()
    if as_json:
        typer.echo(
            json.dumps([asdict(one) | {"at": one.at.isoformat() if one.at else None} for one in standing], ensure_ascii=False, indent=1)
        )
    else:
        from retaguarda.console.screen import screen

        screen().print(_anchors_table(standing))
    raise typer.Exit(1 if any(one.trouble for one in standing) else 0)


@app.command("log")
def search(
    words: Annotated[list[str] | None, typer.Argument(help="Texts that stand in the event: contract, CNPJ, amount, day, anything.")] = None,
    run: Annotated[str, typer.Option("--run", help="Events of a run and of its steps.")] = "",
    actor: Annotated[str, typer.Option("--actor", help="Events of a person, or a part of a name.")] = "",
    action: Annotated[str, typer.Option("--action", help="An action, or its beginning: act, item.failed …")] = "",
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many at most, the newest.")] = SHOWN,
    unmask: Unmask = "",
    as_json: Json = False,
) -> None:
    """Find events by anything that stands in them. Reading the log is itself an event."""
    from retaguarda.console.wiring import open_house

    house = open_house()
    index, asked = ready_index(house), asked_for(words or [], run, actor, action, since, until)
    rows = index.found(asked)
    total = rows.count()
    hits = list(seen(house, index.read(rows.order_by("-seq")[:limit]), unmask, "audit log"))[::-1]
    note_reading("audit.read", asked, total)
    if as_json:
        typer.echo("\n".join(hit.shown.decode() for hit in hits))
    else:
        _tell_hits(hits, total)


def _tell_hits(hits: list[Hit], total: int) -> None:
    from rich.text import Text

    from retaguarda.console.screen import listing, screen
    from retaguarda.report.actions import action_text
    from retaguarda.report.retell import retell
    from retaguarda.report.versions import Legend

    table, legend = (
        listing(say("No."), say("When"), say("Who"), say("What"), say("Item"), say("Where"), say("Ver."), whole=(0, 1, 6)),
        Legend(),
    )
    for hit in hits:
        when = hit.value("local")[:19].replace("T", " ")
        what = Text(say("Content erased"), style="dim") if hit.hidden else Text(action_text(hit.value("action")))
        table.add_row(
            str(hit.seq),
            when,
            visible(hit.value("actor")),
            what,
            visible(hit.value("item")),
            visible(retell(hit.value("target"))),
            legend.number(hit.event),
        )
    console = screen()
    console.print(table, markup=False) if hits else console.print(say("No event is like that."))
    for number, text in legend.lines():
        console.print(say("Ver. {number}: {versions}", number=number, versions=text), markup=False, highlight=False, soft_wrap=True)
    if total > len(hits):
        console.print(say("The newest {shown} of {count}; narrow it down, or raise --limit.", shown=len(hits), count=total), style="yellow")


@app.command()
def reindex(as_json: Json = False) -> None:
    """Make the search index anew from the segments: they are what counts, the index only finds."""
    from retaguarda.console.wiring import open_house

    house = open_house()
    house.audit().seal()
    from retaguarda.audit.index import AuditIndex

    count = AuditIndex(house.audit()).rebuild()
    typer.echo(json.dumps({"events": count}) if as_json else say("{count} events are in the index.", count=count))


@app.command()
def adopt(sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Let this home's folder be the store's log from now on: the machine that had it is lost, and what it sealed with it."""
    from retaguarda.console.wiring import open_house

    log = open_house().audit()
    before = log.kept_elsewhere()
    if before is None:
        raise ConfigurationError("this home's folder is the store's log already", remedy="nothing is to be done")
    if not sure:
        where = f"{before.host}:{before.path}"
        typer.confirm(say("{where} holds {count} sealed events. Is it lost for good?", where=where, count=before.size), abort=True)
    log.adopt()
    log.seal()
    from retaguarda.audit.index import AuditIndex

    AuditIndex(log).rebuild()  # it was that of the other log
    typer.echo(say("✓ The log goes on in {folder}.", folder=log.folder))


# --- shared with the papers -----------------------------------------------------------------------------------------------


def ready_index(house: House) -> AuditIndex:
    """The index, up to the newest event."""
    house.audit().seal()
    from retaguarda.audit.index import AuditIndex

    index = AuditIndex(house.audit())
    index.catch_up()
    return index


def seen(house: House, hits: Iterable[Hit], reason: str, what: str) -> Iterator[Hit]:
    """The events as whoever asks may see them: without personal data, unless there is a reason, which is recorded."""
    from retaguarda.audit.index import Hit
    from retaguarda.people import privacy

    if reason:
        privacy.unmask(reason, what)
        return iter(hits)
    mask = privacy.Mask.of(house.settings)

    def masked(hit: Hit) -> Hit:
        event = mask.value(hit.event)
        return hit if event == hit.event else Hit(hit.seq, hit.raw, event | {"masked": True})

    return map(masked, hits)


def asked_for(words: list[str], run: str, actor: str, action: str, since: str, until: str) -> Asked:
    """What the options ask for; a day that is none is a wrong option."""
    from retaguarda.audit.index import Asked

    first, last = day(since, "--from"), day(until, "--to")
    return Asked(tuple(words), run, actor, action, first, last + dt.timedelta(days=1) if last else None)


def day(text: str, option: str) -> dt.datetime | None:
    """The beginning of a day in São Paulo; None when nothing was given."""
    from retaguarda.clock import SAO_PAULO

    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), SAO_PAULO) if text else None
    except ValueError:
        raise typer.BadParameter(say("{text} is no day; write it as 2026-11-30", text=text), param_hint=option) from None


def note_reading(action: str, asked: Asked, count: int, **more: Any) -> None:
    """Tell the log that it was read: what was asked for, and how much was found."""
    from django.db import transaction

    from retaguarda.audit import events

    query = {key: value.isoformat() if isinstance(value, dt.datetime) else value for key, value in asdict(asked).items() if value}
    with transaction.atomic():
        events.record(action, data={"asked": query, "events": count, **more})


def _own_log() -> Path:
    """The log of this installation."""
    from retaguarda.settings import load_settings

    return load_settings().home / "audit"


def _tell(verdict: Verdict) -> None:
    from retaguarda.report.retell import retell

    told = {"events": verdict.events, "checkpoints": verdict.checkpoints, "files": verdict.files}
    typer.echo(say("{events} events, {checkpoints} signed checkpoints, {files} files of evidence", **told))
    if verdict.events > verdict.anchored:
        typer.echo(say("! {count} events are covered by no anchor outside this machine.", count=verdict.events - verdict.anchored))
    for one in verdict.erased:
        typer.echo(say("· event {event} was erased; approved by {approver}: {reason}", **one))
    typer.echo(say("✓ The log holds.") if verdict.holds else "\n".join(f"✗ {retell(problem)}" for problem in verdict.problems))
