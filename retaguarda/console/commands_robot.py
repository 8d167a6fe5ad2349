"""`retaguarda robot` and `retaguarda process`: what there is and whether it is fit for work."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retaguarda.console.wiring import open_house, processes, robot_class, robot_names
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

robots = typer.Typer(no_args_is_help=True)
processes_app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@robots.command("list")
def list_robots(as_json: Json = False) -> None:
    """The robots of this installation and what they can do."""
    manifests = [robot_class(name).manifest() for name in robot_names()]
    if as_json:
        typer.echo(json.dumps([m.model_dump(mode="json") for m in manifests], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import listing, screen
    from retaguarda.report.labels import label
    from retaguarda.report.vocabulary import MATURITIES

    table = listing(say("robot"), say("portal"), say("maturity"), say("capabilities"), whole=(0, 2))
    for manifest in manifests:
        maturity = label(MATURITIES, manifest.maturity).text
        table.add_row(manifest.name, manifest.title, maturity, "\n".join(manifest.capabilities))
    screen().print(table)


@robots.command("check")
def check(
    name: Annotated[str, typer.Argument(help="Robot to check; all when left out.")] = "",
    sign_in: Annotated[bool, typer.Option("--sign-in", help="Also sign in at the portal and out again.")] = False,
    as_json: Json = False,
) -> None:
    """Check manifests, capabilities, configuration and credential of robots; with --sign-in, at the portal itself."""
    from retaguarda.console.robot_check import check_robot
    from retaguarda.report.retell import retell

    house = open_house()
    found = {one: check_robot(house, one, sign_in=sign_in) for one in ([name] if name else robot_names())}
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for one, problems in found.items():
            typer.echo(f"{'✗' if problems else '✓'} {one:<14} {say('fit for work') if not problems else ''}".rstrip())
            for problem in problems:
                typer.echo(f"  {retell(problem)}")
    raise typer.Exit(3 if any(found.values()) else 0)


@processes_app.command("list")
def list_processes(as_json: Json = False) -> None:
    """The processes that can be launched."""
    if as_json:
        from retaguarda.console.parameters import described

        typer.echo(json.dumps([described(p) for p in processes().values()], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import listing, screen

    table = listing(say("process"), say("what it does"))
    for process in processes().values():
        table.add_row(process.name, say(process.summary))
    screen().print(table)


@processes_app.command("show")
def show_process(name: Annotated[str, typer.Argument(help="Name of the process.")], as_json: Json = False) -> None:
    """One process: what it does and its parameters."""
    found = processes().get(name)
    if found is None:
        raise ConfigurationError(f"no process {name!r}", remedy="see: retaguarda process list")
    if as_json:
        from retaguarda.console.parameters import described

        typer.echo(json.dumps(described(found), ensure_ascii=False, indent=1))
        return
    from retaguarda.console.parameters import parameter_table
    from retaguarda.console.screen import process_label, screen

    console = screen()
    console.print(f"[bold]{process_label(found.name)}[/bold] · {found.name}")
    console.print(say(found.summary))
    console.print()
    console.print(parameter_table(found) if found.parameters else say("It takes no parameters."))
