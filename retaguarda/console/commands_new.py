"""`retaguarda new`: a robot or a task from its template."""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from retaguarda.errors import ConfigurationError
from retaguarda.language import say

app = typer.Typer(no_args_is_help=True)
ROOT = Path(__file__).parents[2]
ROBOT = ROOT / "robots" / "_template"
TASK = ROOT / "retaguarda" / "console" / "task_template.txt"


@app.command()
def robot(name: Annotated[str, typer.Argument(help="Name of the portal in snake_case, e.g. bank_cedro.")]) -> None:
    """Copy robots/_template to robots/NAME: four files, ready to be filled in."""
    target = _free(Path("robots"), name)
    shutil.copytree(ROBOT, target, ignore=shutil.ignore_patterns("__pycache__"))
    _fill(target.iterdir(), name)
    typer.echo(say("Made {path}. Next: CONTRIBUTING.md, then retaguarda robot check {name}", path=target, name=name))


@app.command()
def task(name: Annotated[str, typer.Argument(help="verb_object in snake_case, e.g. register_contracts.")]) -> None:
    """Copy the task template to tasks/NAME.py."""
    target = _free(Path("tasks"), name, ".py")
    shutil.copy(TASK, target)
    _fill([target], name)
    typer.echo(say("Made {path}. Next: retaguarda process show {name}", path=target, name=name))


def _free(folder: Path, name: str, suffix: str = "") -> Path:
    """Where the new thing goes; ConfigurationError when the name is none, is taken, or this is not the project's folder."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise ConfigurationError(f"{name!r} is no name for it", remedy="use snake_case: lower-case letters, digits and underscores")
    if not (folder / "__init__.py").exists():
        raise ConfigurationError(f"there is no {folder}/ here", remedy="run it in the project's folder")
    target = folder / f"{name}{suffix}"
    if target.exists():
        raise ConfigurationError(f"{target} exists already", remedy="choose another name")
    return target


def _fill(files: Iterable[Path], name: str) -> None:
    """Put the name in the place of the template's: as it is, as a class and as a title."""
    words = name.split("_")
    names = {"template_name": name, "TemplateName": "".join(map(str.capitalize, words)), "Template Title": " ".join(words).capitalize()}
    for path in files:
        text = path.read_text(encoding="utf-8")
        for placeholder, value in names.items():
            text = text.replace(placeholder, value)
        path.write_text(text, encoding="utf-8")
