"""`retaguarda worker`: processes that carry queued runs out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house
from retaguarda.interrupts import Interrupts
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.models import Worker

app = typer.Typer(no_args_is_help=True)
EXECUTOR = [sys.executable, "-m", "retaguarda.console.executor"]


@app.command()
def start(
    queues: Annotated[str, typer.Option(help="Queues to serve, set apart by commas.")] = "",
    concurrency: Annotated[int, typer.Option(min=0, help="Runs at a time; the setting jobs.concurrency when 0.")] = 0,
) -> None:
    """Carry queued runs out until stopped: on a signal, runs at work stop at their next safe point and go back to their queue."""
    house = open_house()
    interrupts = Interrupts()
    served = [name.strip() for name in queues.split(",") if name.strip()] or list(house.settings.jobs.queues)
    with interrupts.listening(), house.workers().slot("worker") as name:
        typer.echo(say("Worker {name} serves {queues}.", name=name, queues=", ".join(served)))
        house.worker_loop(served, concurrency or house.settings.jobs.concurrency, EXECUTOR).run(name, interrupts.asked)
    typer.echo(say("Worker {name} has ended.", name=name))


@app.command("list")
def list_workers(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Workers and schedulers: those at work, and those that ended or died in the last day."""
    house = open_house()
    found = house.workers().recent()
    if as_json:
        typer.echo(json.dumps([_told(house, worker) for worker in found], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import listing, screen, short_moment

    table = listing("", say("name"), say("kind"), say("queues"), say("runs at a time"), say("since"), say("last beat"), whole=(1,))
    for worker in found:
        told = _told(house, worker)
        sign = "[green]✓[/green]" if told["alive"] else "[dim]·[/dim]" if worker.stopped_at else "[bold red]✗[/bold red]"
        doing = f" ({say('draining')})" if worker.draining and told["alive"] else ""
        shown = (f"{worker.name}{doing}", say(worker.kind), ", ".join(worker.queues), str(worker.concurrency))
        table.add_row(sign, *shown, short_moment(worker.started_at), short_moment(worker.beat_at))
    screen().print(table if found else say("No worker. To start one: retaguarda worker start"))


@app.command()
def drain(name: Annotated[str, typer.Argument(help="Name of the worker; see `worker list`.")]) -> None:
    """Ask a worker to take nothing more and to end: its runs go on elsewhere from their next safe point."""
    open_house().workers().drain(name)
    typer.echo(say("Worker {name} was asked to end.", name=name))


def _told(house: House, worker: Worker) -> dict[str, Any]:
    from retaguarda.console.screen import iso

    return {
        "name": worker.name,
        "kind": worker.kind,
        "alive": house.workers().living(worker),
        "draining": worker.draining,
        "host": worker.host,
        "pid": worker.pid,
        "queues": worker.queues,
        "concurrency": worker.concurrency,
        "version": worker.version,
        "started_at": iso(worker.started_at),
        "beat_at": iso(worker.beat_at),
        "stopped_at": iso(worker.stopped_at),
    }
