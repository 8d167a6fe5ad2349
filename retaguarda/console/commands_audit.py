"""`retaguarda audit`: verify the log."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from retaguarda.console.wiring import open_house
from retaguarda.language import say

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _audit() -> None:
    """The audit log."""


@app.command()
def verify(
    path: Annotated[Path | None, typer.Argument(help="Folder of the log; this installation's when left out.")] = None,
    evidence: Annotated[bool, typer.Option(help="Also recompute the hash of every evidence file.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Recompute the log from its raw bytes: sequence, Merkle root, signatures, evidence. Exit 1 names what is wrong."""
    from retaguarda.audit import verify as verifier

    house = open_house()
    folder = path or house.audit_folder
    files = folder.parent / "evidence"
    verdict = verifier.verify(folder, files if evidence and files.exists() else None)
    if as_json:
        typer.echo(json.dumps(asdict(verdict), ensure_ascii=False, indent=1))
    else:
        told = {"events": verdict.events, "checkpoints": verdict.checkpoints, "files": verdict.files}
        typer.echo(say("{events} events, {checkpoints} signed checkpoints, {files} files of evidence", **told))
        typer.echo(say("The log holds.") if verdict.holds else "\n".join(f"✗ {problem}" for problem in verdict.problems))
    raise typer.Exit(0 if verdict.holds else 1)
