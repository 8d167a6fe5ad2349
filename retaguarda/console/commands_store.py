"""`retaguarda store`: the database itself. Check it, migrate it, move it to a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house, unopened_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.copy import Proof

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def check(as_json: Json = False) -> None:
    """Where the store is, and whether it keeps its promises: commits, tables, integrity, locks, audit log. Exit 3 otherwise."""
    from retaguarda.console.store_findings import findings

    house = open_house()
    found = findings(house)
    if as_json:
        typer.echo(json.dumps([{"name": name, "well": well, "seen": seen} for name, well, seen in found], ensure_ascii=False, indent=1))
    else:
        _show(found)
    raise typer.Exit(0 if all(well for _, well, _ in found) else 3)


def _show(found: list[tuple[str, bool, str]]) -> None:
    from retaguarda.console.screen import listing, screen

    table = listing("", say("what"), say("found"), whole=(0, 1))
    for name, well, seen in found:
        table.add_row("[green]✓[/green]" if well else "[bold red]✗[/bold red]", say(name), seen)
    screen().print(table)


@app.command()
def migrate() -> None:
    """Bring the tables up to this version. Every start does so too; here it is done before anything else starts."""
    from retaguarda.store.connection import connect, pending, point_at, set_up

    house = unopened_house()
    set_up()
    point_at(house.store_url)
    lacking = pending()
    connect(house.store_url)
    for name in lacking:
        typer.echo(f"✓ {name}")
    typer.echo(say("The store is up to date; migrations made: {count}.", count=len(lacking)))


@app.command()
def copy(
    to: Annotated[str, typer.Option("--to", help="Address of an empty database: postgresql://user:password@host:5432/name")],
    as_json: Json = False,
) -> None:
    """Copy the whole store from its file to a PostgreSQL server, prove it, and leave the file: see docs/postgresql.md."""
    house = open_house()
    from django.db import transaction

    from retaguarda.audit import events
    from retaguarda.store import copy as copying
    from retaguarda.store.connection import point_at
    from retaguarda.store.databases import shown

    house.bury_dead()
    _must_be_at_rest(house, to)
    house.audit().seal()
    copying.prepare(to, house.store_url)
    with transaction.atomic():  # takes the file's write lock: nothing changes meanwhile
        events.record("store.copied", target=shown(to))
        written = _with_bar(to, quiet=as_json)
        copying.leave()
    point_at(to)
    with transaction.atomic():
        told = {one.table: {"rows": one.rows, "sha256": one.digest} for one in written}
        events.record("store.arrived", target=shown(house.store_url), data=told)
    _tell(written, to, as_json=as_json)


def _must_be_at_rest(house: House, to: str) -> None:
    """ConfigurationError unless the store is a file, the target a server, and nobody works on anything."""
    from retaguarda.store.models import RunRecord, RunState, Worker

    if not house.store_url.startswith("sqlite://") or to.startswith("sqlite://"):
        raise ConfigurationError(
            "a store is copied from its file to a server", remedy="give --to postgresql://user:password@host:5432/name"
        )
    workers = house.workers()
    if living := [worker.name for worker in Worker.objects.filter(stopped_at=None) if workers.living(worker)]:
        raise ConfigurationError(f"{living[0]} is at work", remedy="stop it: retaguarda worker drain, or end the process")
    if running := RunRecord.objects.filter(state=RunState.RUNNING).first():
        raise ConfigurationError(f"run {running.pk} is at work", remedy=f"wait for its end, or: retaguarda run stop {running.pk}")


def _with_bar(to: str, *, quiet: bool) -> list[Proof]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from retaguarda.console.screen import screen
    from retaguarda.store.copy import copy_to, tables

    total = sum(model._default_manager.count() for model in tables())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen(), transient=True, disable=quiet) as progress:
        bar = progress.add_task("", total=total)
        return copy_to(to, lambda table, rows: progress.update(bar, description=table, advance=rows))


def _tell(written: list[Proof], to: str, *, as_json: bool) -> None:
    from retaguarda.console.screen import listing, screen
    from retaguarda.store.databases import shown

    if as_json:
        told: dict[str, Any] = {"to": shown(to), "tables": {one.table: {"rows": one.rows, "sha256": one.digest} for one in written}}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    table = listing(say("table"), say("rows"), say("digest, the same on both sides"), whole=(0, 1))
    for one in written:
        table.add_row(one.table, f"{one.rows}", f"{one.digest[:16]}…" if one.rows else "")
    screen().print(table)
    typer.echo(say("✓ Every row is at {address}. From now on: store.url = that address, with its password.", address=shown(to)))
    typer.echo(say("This file is left: nothing opens it any more. Keep it with the backups."))
