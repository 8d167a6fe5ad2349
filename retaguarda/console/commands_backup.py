"""`retaguarda backup`: copies of the installation that prove themselves, and the way back from one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house, robot_class, robot_names
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.operations.backup.create import Backups
    from retaguarda.operations.backup.files import Manifest

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Name = Annotated[str, typer.Argument(help="Folder of a backup, or its name, or the end of that.")]
Folder = Annotated[Path | None, typer.Option("--from", help="Folder of the backups; the setting backup.folder when left out.")]


@app.command()
def create(
    to: Annotated[Path | None, typer.Option("--to", help="Folder of the backups; the setting backup.folder when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Make a backup while the installation works. The vault is in it, encrypted; its master key is not. Exit 1 when evidence is missing."""
    with _progress(silent=as_json) as tell:
        backups = _backups(open_house(), to)
        manifest = backups.create(tell)
    if as_json:
        typer.echo(json.dumps(vars(manifest), ensure_ascii=False, indent=1))
    else:
        typer.echo(say("✓ Backup {name} is in {folder}.", name=manifest.name, folder=backups.folder))
        for sha256 in manifest.missing:
            typer.echo(say("✗ evidence {sha256} is missing or was changed: it is not in the backup", sha256=sha256))
        typer.echo(say("The vault's master key is not in it: keep it elsewhere, with another owner."))
    raise typer.Exit(1 if manifest.missing else 0)


@app.command("list")
def list_backups(folder: Folder = None, as_json: Json = False) -> None:
    """The backups of a folder, the newest first."""
    found = _backups(open_house(), folder).all()
    if as_json:
        typer.echo(json.dumps([_told(manifest) for manifest in found], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import listing, moment, screen

    table = listing("", say("backup"), say("made"), say("store"), say("runs"), say("files"), say("missing"), whole=(0, 1, 2))
    for manifest in found:
        told = _told(manifest)
        made = moment(dt.datetime.fromisoformat(manifest.made_at))
        counts = (told["runs"], str(told["files"]), str(told["missing"]) if told["missing"] else "")
        table.add_row("[bold red]✗[/bold red]" if told["missing"] else "[green]✓[/green]", manifest.name, made, manifest.kind, *counts)
    screen().print(table if found else say("No backup yet. To make one: retaguarda backup create"))


@app.command()
def verify(backup: Name, folder: Folder = None, as_json: Json = False) -> None:
    """Recompute all of a backup: hashes, the database's own checks, the audit log with its evidence. Exit 1 names what is wrong."""
    from retaguarda.store.connection import set_up

    set_up()
    from retaguarda.operations.backup.check import verify as check

    with _progress(silent=as_json) as tell:
        checked = check(_found(backup, folder), tell)
    if as_json:
        typer.echo(json.dumps(asdict(checked) | {"holds": checked.holds}, ensure_ascii=False, indent=1))
    else:
        from retaguarda.report.retell import retell

        counts = {"files": checked.files, "evidence": checked.evidence, "events": checked.events}
        typer.echo(say("{files} files, {evidence} files of evidence, {events} events of the audit log", **counts))
        typer.echo(say("✓ The backup holds.") if checked.holds else "\n".join(f"✗ {retell(problem)}" for problem in checked.problems))
    raise typer.Exit(0 if checked.holds else 1)


@app.command()
def restore(
    backup: Name,
    to: Annotated[Path, typer.Option("--to", help="New state folder (RETAGUARDA_HOME); it must not exist, or be empty.")],
    store: Annotated[str, typer.Option("--store", help="Address of an empty database, for a backup of PostgreSQL.")] = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty place. Nothing is pressed from there before `backup accept`."""
    from retaguarda.clock import Clock
    from retaguarda.store.connection import set_up

    set_up()
    from retaguarda.operations.backup.restore import restore as put_back

    with _progress(silent=as_json) as tell:
        manifest = put_back(_found(backup, folder), to, Clock(), store_url=store, tell=tell)
    if as_json:
        typer.echo(json.dumps({**_told(manifest), "home": str(to)}, ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import moment

    day = moment(dt.datetime.fromisoformat(manifest.made_at))
    typer.echo(say("✓ Backup {name} of {day} is restored to {folder}.", name=manifest.name, day=day, folder=to))
    typer.echo(say("The store does not know what was pressed since. Until it is accepted, nothing is pressed from there:"))
    for line in _next_steps():
        typer.echo(f"  {line}")


@app.command("accept")
def accept_restored(
    reason: Annotated[str, typer.Option("--reason", help="How it was compared with the portals; kept in the audit log.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Say that a restored store agrees with the portals: presses are free again. Only after simulations of what was done since."""
    house = open_house()
    from retaguarda.jobs.journal import RESTORED
    from retaguarda.operations.backup.restore import accept, simulations_since
    from retaguarda.store.models import Milestone

    restored = Milestone.objects.filter(name=RESTORED).first()
    if restored and not yes:
        typer.echo(say("Simulations since the restore: {count}", count=simulations_since(restored)))
        typer.confirm(say("Did they show as already there all that was pressed after the backup?"), abort=True)
    name = accept(house.clock, max((_quiet(house, portal) for portal in robot_names()), default=0), reason)
    typer.echo(say("✓ Backup {name} is accepted: presses are free again.", name=name))


def _quiet(house: House, portal: str) -> float:
    """The quiet period of a portal: the setting's, else its robot's."""
    site = house.settings.portals.get(portal)
    return site.quiet_seconds if site and site.quiet_seconds is not None else robot_class(portal).manifest().quiet_seconds


def _next_steps() -> list[str]:
    return [
        say("1. put the vault's master key in its place; compare config.restored with config/"),
        say("2. point RETAGUARDA_HOME (and store.url) there; retaguarda doctor"),
        say("3. retaguarda run start PROCESS --dry-run, for all that was done since: it must show as already there"),
        say("4. retaguarda backup accept --reason …; then retaguarda run list: what was at work is to be resumed"),
    ]


def _backups(house: House, folder: Path | None) -> Backups:
    from retaguarda.operations.backup.create import Backups

    return Backups(house.installation(), _folder(folder, house.settings.backup.folder))


def _folder(given: Path | None, configured: Path | None) -> Path:
    chosen = given or configured
    if chosen is None:
        raise ConfigurationError("no folder of backups is configured", remedy="write [backup] folder = … in config/, or give it here")
    return chosen


def _found(backup: str, folder: Path | None) -> Path:
    """The folder of a backup; by its path it is found without any installation."""
    path = Path(backup)
    if (path / "manifest.json").exists() or path.name == "manifest.json":
        return path.parent if path.name == "manifest.json" else path
    from retaguarda.operations.backup.create import find
    from retaguarda.settings import load_settings

    return find(_folder(folder, load_settings().backup.folder), backup)


def _told(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "made_at": manifest.made_at,
        "store": manifest.kind,
        "runs": manifest.facts.get("runs", ""),
        "files": len(manifest.files),
        "missing": len(manifest.missing),
        "host": manifest.host,
        "version": manifest.version,
    }


@contextmanager
def _progress(*, silent: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage on the terminal's error stream, so that the output stays clean; nothing when silent."""
    if silent:
        yield lambda *_: None
        return
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from retaguarda.console.screen import screen
    from retaguarda.report.retell import retell

    columns, console = (TextColumn("{task.description}"), BarColumn(24), TaskProgressColumn(), TimeElapsedColumn()), screen(errors=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        lines: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in lines:
                lines[stage] = bars.add_task(retell(stage))
            bars.update(lines[stage], completed=done, total=max(total, 1))

        yield tell
