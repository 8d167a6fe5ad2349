"""`retaguarda evidence quarantine`: files in which a secret was found; opening one takes a reason and a second person."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.console.wiring import open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.operations.quarantine import QuarantineRoom

app = typer.Typer(no_args_is_help=True)
quarantine = typer.Typer(no_args_is_help=True)
app.add_typer(quarantine, name="quarantine", help="Files that were locked up, since a secret stands in them.")
Sha = Annotated[str, typer.Argument(metavar="SHA256", help="Its SHA-256, or the beginning of it.")]


@app.callback()
def _evidence() -> None:
    """Files in which a secret was found: what there is, and opening one."""


@quarantine.command("list")
def list_files(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Each quarantined file: where it came from, and whether somebody asked to open it. Exit 1 when there is one."""
    files = _room().files()
    if as_json:
        names = ("sha256", "run", "kind", "label", "size", "at", "asked_by", "reason", "approved_by")
        told = [{name: getattr(one, name) for name in names} for one in files]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=lambda moment: moment.isoformat()))
        raise typer.Exit(1 if files else 0)
    from retaguarda.console.screen import listing, screen, short_moment

    table = listing(say("SHA-256"), say("When"), say("Run"), say("File"), say("Asked by"), say("Approved by"), whole=(0, 1))
    for one in files:
        table.add_row(one.sha256[:12], short_moment(one.at), one.run, one.label, one.asked_by, one.approved_by)
    screen().print(table if files else say("Nothing is in quarantine."))
    raise typer.Exit(1 if files else 0)


@quarantine.command()
def release(sha256: Sha, reason: Annotated[str, typer.Option("--reason", help="Why it must be seen.")]) -> None:
    """Ask for leave to open a file; a second person gives it."""
    room = _room()
    file = room.get(sha256)
    room.ask(file, reason)
    typer.echo(say("Asked for. A second person approves it: retaguarda evidence quarantine approve {sha256}", sha256=file.sha256[:12]))


@quarantine.command()
def approve(sha256: Sha) -> None:
    """Let whoever asked open a file, once; you are somebody else than he."""
    room = _room()
    file = room.get(sha256)
    room.approve(file)
    typer.echo(say("✓ {person} may open it, once: {reason}", person=file.asked_by, reason=file.reason))


@quarantine.command("open")
def open_file(sha256: Sha, out: Annotated[Path, typer.Option("--out", help="File to write, for you alone; delete it afterwards.")]) -> None:
    """Write an approved file for whoever asked for it; the log is told first."""
    room = _room()
    if out.exists():
        raise ConfigurationError(f"{out} is there already", remedy="choose another name")
    data = room.open(room.get(sha256))
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    typer.echo(say("✓ {path}: it holds a secret; delete it when you are done.", path=out))


def _room() -> QuarantineRoom:
    house = open_house()
    from retaguarda.audit.evidence import EvidenceStore
    from retaguarda.operations.quarantine import QuarantineRoom

    return QuarantineRoom(EvidenceStore(house.evidence_folder, house.clock), house.vault, house.clock)
