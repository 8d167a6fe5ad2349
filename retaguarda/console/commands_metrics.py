"""`retaguarda metrics`: the installation in figures, for Prometheus."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from retaguarda.console.wiring import open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say


def metrics(
    serve: Annotated[bool, typer.Option("--serve", help="Serve them over HTTP until stopped, instead of printing them once.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve at; 0 takes a free one.")] = 9477,
    address: Annotated[
        str, typer.Option(help="Address to serve at; they tell no secret, but name processes and credentials.")
    ] = "127.0.0.1",
) -> None:
    """Runs, queues, fires, alerts, workers and the audit log in Prometheus' text format, counted in the store."""
    house = open_house()
    from retaguarda.operations.metrics import served, text

    if not serve:
        typer.echo(text(house.installation()), nl=False)
        return
    ended = threading.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: ended.set())
    try:
        with served(house.installation(), address, port) as taken:
            typer.echo(say("Metrics at {address}", address=f"http://{address}:{taken}/metrics"))
            ended.wait()
    except OSError as error:
        place = f"{address}:{port}"
        raise ConfigurationError(f"cannot serve at {place}: {error.strerror}", remedy="choose another --port or --address") from error
