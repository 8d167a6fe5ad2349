"""`retaguarda robot` and `retaguarda process`: what there is and whether it is fit for work."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from retaguarda.console.wiring import open_house, processes, robot_class, robot_names
from retaguarda.errors import RetaguardaError
from retaguarda.language import say
from retaguarda.process import Process

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
    table = Table(header_style="bold")
    for title in ("robot", "portal", "maturity", "capabilities"):
        table.add_column(say(title))
    for manifest in manifests:
        table.add_row(manifest.name, manifest.title, say(manifest.maturity), ", ".join(manifest.capabilities))
    Console().print(table)


@robots.command("check")
def check(
    name: Annotated[str, typer.Argument(help="Robot to check; all when left out.")] = "",
    sign_in: Annotated[bool, typer.Option("--sign-in", help="Also sign in at the portal and out again.")] = False,
    as_json: Json = False,
) -> None:
    """Check manifests, capabilities, configuration and credential of robots; with --sign-in, at the portal itself."""
    from retaguarda.console.robot_check import check_robot

    house = open_house()
    found = {one: check_robot(house, one, sign_in=sign_in) for one in ([name] if name else robot_names())}
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for one, problems in found.items():
            typer.echo(f"{one}: {say('fit for work') if not problems else ''}")
            for problem in problems:
                typer.echo(f"  ✗ {problem}")
    raise typer.Exit(3 if any(found.values()) else 0)


@processes_app.command("list")
def list_processes(as_json: Json = False) -> None:
    """The processes that can be launched."""
    if as_json:
        typer.echo(json.dumps([_described(p) for p in processes().values()], ensure_ascii=False, indent=1))
        return
    table = Table(header_style="bold")
    for title in ("process", "what it does"):
        table.add_column(say(title))
    for process in processes().values():
        table.add_row(process.name, say(process.summary))
    Console().print(table)


@processes_app.command("show")
def show_process(name: Annotated[str, typer.Argument(help="Name of the process.")], as_json: Json = False) -> None:
    """One process: what it does and its parameters."""
    found = processes().get(name)
    if found is None:
        raise RetaguardaError(say("no process {name}", name=name), remedy=say("see: retaguarda process list"))
    if as_json:
        typer.echo(json.dumps(_described(found), ensure_ascii=False, indent=1))
        return
    typer.echo(f"{found.name}: {say(found.summary)}")
    for parameter in found.parameters:
        default = "" if parameter.required else f" [{parameter.default}]"
        typer.echo(f"  --param {parameter.name}={getattr(parameter.annotation, '__name__', parameter.annotation)}{default}")


def _described(process: Process) -> dict[str, object]:
    parameters = [
        {"name": p.name, "type": str(getattr(p.annotation, "__name__", p.annotation)), "required": p.required} for p in process.parameters
    ]
    return {"name": process.name, "summary": process.summary, "composed": process.composed, "parameters": parameters}
