"""`retaguarda witness`: a witness of audit logs, to be run on a machine of another administrator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retaguarda.errors import ConfigurationError
from retaguarda.language import say

app = typer.Typer(no_args_is_help=True)
Folder = Annotated[Path, typer.Option("--folder", help="Where the witness keeps its key and what it saw.")]
Name = Annotated[str, typer.Option("--name", help="Its name, as an address without https://.")]


@app.callback()
def _witness() -> None:
    """A witness of audit logs."""


@app.command()
def serve(
    log: Annotated[list[Path], typer.Option("--log", help="The log.vkey of a log that it knows; may be repeated.")],
    folder: Folder = Path("witness"),
    name: Name = "witness.local/w1",
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen at.")] = 7380,
) -> None:
    """Sign checkpoints of logs that only grow, until stopped. It refuses a log that was cut, rewritten or set back."""
    from retaguarda.audit.checkpoints import VerifierKey
    from retaguarda.audit.witness import Witness, WitnessServer, serve
    from retaguarda.clock import Clock
    from retaguarda.interrupts import Interrupts

    try:
        keys = [VerifierKey.parse(path.read_text(encoding="utf-8")) for path in log]
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the key of a log cannot be read: {error}", remedy="copy log.vkey from the log's folder") from error
    if any(character.isspace() or character == "+" for character in name) or not name:
        raise ConfigurationError(f"{name!r} is no name for a witness", remedy="write it like testemunha.example/w1")
    witness = Witness(folder, name, keys, Clock())
    try:
        server = WitnessServer(witness, host, port)
    except OSError as error:
        raise ConfigurationError(f"the witness cannot listen at {host}:{port}: {error}", remedy="choose another --port") from error
    typer.echo(say("Witness {name} listens at {url}; its key: {key}", name=name, url=server.url, key=witness.vkey.text()))
    interrupts = Interrupts()
    with interrupts.listening():
        serve(server, interrupts.asked)
    typer.echo(say("The witness has ended."))
