"""The house stands as docs/architecture.md draws it."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox_fixtures import ROOT

LONGEST_FILE = 400
ROBOT_FILES = ("robot.toml", "robot.py", "pages.py", "README.md")
NAMELESS = {"utils", "util", "helpers", "helper", "common", "core", "misc"}


def python_files() -> list[Path]:
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [ROOT / name for name in tracked if (ROOT / name).exists()]


def test_import_contracts_hold() -> None:
    done = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("room", "contract"), [("robots", "robots-apart"), ("tasks", "tasks-apart")])
def test_contracts_name_every_robot_and_task(room: str, contract: str) -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    named = set(parser[f"importlinter:contract:{contract}"]["modules"].split())
    there = {f"{room}.{path.stem}" for path in (ROOT / room).iterdir() if not path.name.startswith(("_", "."))} - {"robots.platforms"}
    assert named == there


ROOMS = {path.stem for path in (ROOT / "retaguarda").glob("*") if path.suffix == ".py" or (path / "__init__.py").exists()} - {
    "__init__",
    "__main__",
}


@pytest.mark.parametrize(("contract", "but"), [("playwright", {"portal"}), ("machinery-knows-no-portal", {"console"})])
def test_contracts_leave_no_room_out(contract: str, but: set[str]) -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    sources = set(parser[f"importlinter:contract:{contract}"]["source_modules"].split())
    assert {name.removeprefix("retaguarda.") for name in sources if name.startswith("retaguarda.")} == ROOMS - but


def test_every_robot_has_its_four_files() -> None:
    robots = [path.parent for path in (ROOT / "robots").glob("*/robot.toml")]
    assert len(robots) >= 6
    assert [f"{robot.name}/{name}" for robot in robots for name in ROBOT_FILES if not (robot / name).exists()] == []


def test_rooms_have_names_and_files_an_end() -> None:
    built = [path for path in python_files() if path.relative_to(ROOT).parts[0] != "tests"]
    long = {str(path.relative_to(ROOT)) for path in built if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE}
    assert long == set()
    assert [
        path for path in python_files() if path.stem in NAMELESS or (set(path.parts[len(ROOT.parts) : -1]) & (NAMELESS - {"core"}))
    ] == []


def test_nothing_sleeps_and_little_catches_all() -> None:
    """Waiting belongs to the clock alone; catching everything to the worker loop alone (and later the web handler)."""
    product = [path for path in python_files() if path.relative_to(ROOT).parts[0] in {"retaguarda", "robots", "tasks"}]
    sleeping = [path.name for path in product if re.search(r"time\.sleep\(|wait_for_timeout\(", path.read_text("utf-8"))]
    assert sleeping == ["clock.py"]
    catching = [path.name for path in product if re.search(r"except( Exception| BaseException)?:$", path.read_text("utf-8"), re.MULTILINE)]
    assert set(catching) <= {"runner.py", "session.py"}


def test_robots_and_tasks_raise_only_our_errors() -> None:
    """What a robot or task raises must say what happens next."""
    builtin = re.compile(r"raise (ValueError|KeyError|RuntimeError|TypeError|AssertionError|Exception|OSError)\b")
    for path in python_files():
        if path.relative_to(ROOT).parts[0] in {"robots", "tasks"}:
            assert not builtin.search(path.read_text("utf-8")), path
