"""`retaguarda audit dossier`: everything of one run in a zip that stands without us."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from retaguarda.console.commands_audit import Json, ready_index
from retaguarda.console.wiring import open_house
from retaguarda.language import say


def dossier(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `retaguarda run list` shows it.")],
    out: Annotated[Path | None, typer.Option("--out", help="File to write; dossier-RUN.zip when left out.")] = None,
    masked: Annotated[bool, typer.Option("--masked", help="Without personal data: for whoever does not need it.")] = False,
    as_json: Json = False,
) -> None:
    """Make one zip of a run: a page to read, its events, evidence and proofs, a verifier, and how to verify with public tools."""
    house = open_house()
    run = house.runs().get(run_id)
    ready_index(house)
    from django.db import transaction

    from retaguarda.audit import events
    from retaguarda.people.privacy import Mask

    made = house.dossiers().make(run, out or Path(f"dossier-{run.pk}.zip"), Mask.of(house.settings) if masked else None)
    with transaction.atomic():
        facts = {"events": made.events, "files": made.files, "sha256": made.sha256, "withheld": made.withheld, "masked": masked}
        events.record("dossier.made", run=run.pk, data=facts)
    house.audit().seal()
    if as_json:
        typer.echo(json.dumps(asdict(made) | {"path": str(made.path)}, ensure_ascii=False, indent=1))
    else:
        told = {"events": made.events, "files": made.files, "path": made.path, "size": made.path.stat().st_size / 1e6}
        typer.echo(say("✓ {events} events and {files} files of evidence: {path} ({size:.1f} MB)", **told))
        if masked:
            typer.echo(say("Without personal data: {count} files are in it by their hash alone.", count=made.withheld))
        typer.echo(say("To verify it anywhere: unzip it, then python3 verificar.py --extrato trilha"))
