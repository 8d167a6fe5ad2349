"""`retaguarda sandbox`: the sandbox portals, started as a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)
DEFAULT_STATE = Path("output/sandbox")
State = Annotated[Path, typer.Option("--state", help="Folder of the portals' ground truth.")]


def sandbox_command(*arguments: str) -> list[str]:
    """The command line of the sandbox, which shares no code with the product."""
    return [sys.executable, "-m", "sandbox", *arguments]


@app.command()
def up(
    portals: Annotated[str, typer.Option(help="Which portals, separated by commas; those of the demo when left out.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the month.")] = 42,
    faults: Annotated[Path | None, typer.Option(help="TOML file with faults to inject.")] = None,
    port_base: Annotated[int, typer.Option(help="First port.")] = 18700,
    state: State = DEFAULT_STATE,
) -> None:
    """Start the portals and stay in the foreground until interrupted."""
    arguments = ["up", "--state", str(state), "--seed", str(seed), "--port-base", str(port_base)]
    arguments += ["--portals", portals] if portals else []
    arguments += ["--faults", str(faults)] if faults else []
    raise typer.Exit(subprocess.run(sandbox_command(*arguments), check=False).returncode)  # noqa: S603  # our own module


@app.command()
def truth(
    as_json: Annotated[bool, typer.Option("--json", help="JSON is the only form there is.")] = True,  # noqa: ARG001
    state: State = DEFAULT_STATE,
) -> None:
    """What the portals hold: the ground truth that robots are judged by."""
    raise typer.Exit(subprocess.run(sandbox_command("truth", "--state", str(state)), check=False).returncode)  # noqa: S603
