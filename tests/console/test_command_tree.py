"""The tree of commands: all are there, and a start loads only what is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from retaguarda.console.cli import BRANCHES, app

ROOM = Path(__file__).parents[2] / "retaguarda" / "console"
HEAVY = {"django", "pandas", "polars", "playwright", "retaguarda.process"}


def test_every_module_of_commands_is_on_the_tree() -> None:
    root: Any = typer.main.get_command(app)
    assert all(root.commands[name].name == name for name in BRANCHES)
    named = {module for branch in BRANCHES.values() for module in (branch.module, *branch.joined)}
    taken_along = {"commands_dossier", "commands_reconcile_report"}
    """Modules whose commands another one registers."""
    assert {path.stem for path in ROOM.glob("commands_*.py")} == {name for name in named if name.startswith("commands_")} | taken_along


@pytest.mark.parametrize("words", [["--version"], ["reconcil"], ["reconcile", "receipts"]])
def test_a_start_loads_no_room_that_nobody_asked_for(words: list[str]) -> None:
    code = f"import sys; sys.argv = ['retaguarda', *{words!r}]\nfrom retaguarda.console.cli import app\nimport typer\n"
    code += "try:\n typer.main.get_command(app).main(standalone_mode=False)\nexcept Exception as error: print(error)\n"
    code += "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not HEAVY & set(done.stdout.split())


def test_a_wrong_word_is_answered_with_the_right_one() -> None:
    done = subprocess.run([sys.executable, "-m", "retaguarda", "reconcil"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "'reconcile'" in done.stderr
