"""`retaguarda audit`: verify the log, and let it go on elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.audit.verify import Verdict

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
    from retaguarda.store.connection import set_up

    set_up()  # the log's room imports the tables; verifying reads no store
    from retaguarda.audit import verify as verifier

    folder = path or _own_log()
    if not (folder / "segments").is_dir():
        raise ConfigurationError(f"there is no audit log in {folder}", remedy="give the folder that holds segments/ and checkpoints")
    files = folder.parent / "evidence"
    verdict = verifier.verify(folder, files if evidence and files.exists() else None)
    if as_json:
        typer.echo(json.dumps(asdict(verdict) | {"holds": verdict.holds}, ensure_ascii=False, indent=1))
    else:
        _tell(verdict)
    raise typer.Exit(0 if verdict.holds else 1)


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
    typer.echo(say("✓ The log goes on in {folder}.", folder=log.folder))


def _own_log() -> Path:
    """The log of this installation."""
    from retaguarda.settings import load_settings

    return load_settings().home / "audit"


def _tell(verdict: Verdict) -> None:
    from retaguarda.report.retell import retell

    told = {"events": verdict.events, "checkpoints": verdict.checkpoints, "files": verdict.files}
    typer.echo(say("{events} events, {checkpoints} signed checkpoints, {files} files of evidence", **told))
    typer.echo(say("✓ The log holds.") if verdict.holds else "\n".join(f"✗ {retell(problem)}" for problem in verdict.problems))
