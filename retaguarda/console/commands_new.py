"""`retaguarda new`: a robot or a task from its template."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from retaguarda.errors import ConfigurationError
from retaguarda.language import say

app = typer.Typer(no_args_is_help=True)
TEMPLATES = Path(__file__).parents[2]


@app.command()
def robot(name: Annotated[str, typer.Argument(help="Name of the portal in snake_case, e.g. bank_cedro.")]) -> None:
    """Copy robots/_template to robots/NAME: four files, ready to be filled in."""
    _check_name(name)
    target = Path("robots") / name
    if target.exists():
        raise ConfigurationError(f"robots/{name} exists already", remedy="choose another name")
    shutil.copytree(TEMPLATES / "robots" / "_template", target, ignore=shutil.ignore_patterns("__pycache__"))
    _fill(target.glob("*"), name)
    typer.echo(say("Made {path}. Next: CONTRIBUTING.md, then retaguarda robot check {name}", path=target, name=name))


@app.command()
def task(name: Annotated[str, typer.Argument(help="verb_object in snake_case, e.g. register_contracts.")]) -> None:
    """Copy the task template to tasks/NAME.py."""
    _check_name(name)
    target = Path("tasks") / f"{name}.py"
    if target.exists():
        raise ConfigurationError(f"{target} exists already", remedy="choose another name")
    shutil.copy(TEMPLATES / "retaguarda" / "console" / "task_template.txt", target)
    _fill([target], name)
    typer.echo(say("Made {path}. Next: retaguarda process show {name}", path=target, name=name))


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ConfigurationError(f"{name!r} is no name for it", remedy="use snake_case: lower-case letters, digits and underscores")


def _fill(files: object, name: str) -> None:
    title = "".join(part.capitalize() for part in name.split("_"))
    for path in files:  # type: ignore[attr-defined]
        text = path.read_text(encoding="utf-8").replace("template_name", name).replace("TemplateName", title)
        path.write_text(text, encoding="utf-8")
