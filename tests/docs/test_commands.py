"""`retaguarda new robot` and `new task`: what they refuse, and that what they make can be worked with as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retaguarda.console import commands_new
from retaguarda.errors import ConfigurationError
from tests.docs.worked_project import Project, assert_clean, told

PLACEHOLDERS = ("template_name", "TemplateName", "Template Title")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.copied_to(tmp_path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with nothing in it but the rooms, and this process in it."""
    for room in ("robots", "tasks"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments: str) -> None:
    """`retaguarda new ...` in this process; raises what the command raises."""
    CliRunner().invoke(commands_new.app, arguments, catch_exceptions=False)


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("kind", ["robot", "task"])
@pytest.mark.parametrize(
    "name", ["", "Bank", "bank-exemplo", "bank exemplo", "2banks", "_template", "bank__a", "bank_", "../bank", "a/b", "a.b", "ção", "class"]
)
def test_a_name_that_is_none_is_refused_and_makes_nothing(here: Path, kind: str, name: str) -> None:
    before = contents(here)
    with pytest.raises(ConfigurationError, match="no name for it") as refusal:
        new(kind, "--", name)
    assert "snake_case" in refusal.value.remedy
    assert contents(here) == before


@pytest.mark.parametrize("kind", ["robot", "task"])
def test_what_exists_is_left_as_it_is(here: Path, kind: str) -> None:
    new(kind, "first_thing")
    written = next(here.glob("robots/first_thing/robot.py" if kind == "robot" else "tasks/first_thing.py"))
    written.write_text("mine", encoding="utf-8")
    before = contents(here)
    with pytest.raises(ConfigurationError, match="exists already"):
        new(kind, "first_thing")
    assert written.read_text("utf-8") == "mine"
    assert contents(here) == before


@pytest.mark.parametrize("kind", ["robot", "task"])
def test_elsewhere_than_in_the_project_it_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="there is no"):
        new(kind, "first_thing")
    assert contents(tmp_path) == []


def test_a_new_robot_has_its_files_and_its_names_everywhere(here: Path) -> None:
    new("robot", "bank_do_vale")
    made = here / "robots" / "bank_do_vale"
    assert contents(made) == ["README.md", "__init__.py", "pages.py", "robot.py", "robot.toml"]
    texts = {path.name: path.read_text("utf-8") for path in made.iterdir()}
    assert not [(name, held) for name, text in texts.items() for held in PLACEHOLDERS if held in text]
    assert "class BankDoValeRobot(Robot):" in texts["robot.py"]
    assert "from robots.bank_do_vale.pages import" in texts["robot.py"]
    assert 'robot = "BankDoValeRobot"' in texts["robot.toml"]
    assert texts["README.md"].startswith("# Bank do vale\n")


@pytest.mark.thorough
def test_a_new_robot_is_known_and_lacks_only_its_configuration(project: Project) -> None:
    assert project.retaguarda("new", "robot", "bank_do_vale").returncode == 0
    listed = project.retaguarda("robot", "list", "--json")
    [manifest] = [m for m in json.loads(listed.stdout) if m["name"] == "bank_do_vale"]
    assert (manifest["maturity"], manifest["capabilities"]) == ("draft", ["ListsStatements"])
    checked = project.retaguarda("robot", "check", "bank_do_vale", "--json")
    [problem] = json.loads(checked.stdout)["bank_do_vale"]
    assert "[portals.bank_do_vale]" in problem, told(checked)
    assert checked.returncode == 3
    assert_clean(project, "robots/bank_do_vale")


@pytest.mark.thorough
def test_a_new_task_is_found_as_a_process(project: Project) -> None:
    made = project.retaguarda("new", "task", "fetch_statement")
    assert made.returncode == 0, told(made)
    shown = project.retaguarda("process", "show", "fetch_statement", "--json")
    assert shown.returncode == 0, told(shown)
    described = json.loads(shown.stdout)
    assert (described["name"], described["composed"]) == ("fetch_statement", False)
    assert {p["name"]: (p["type"], p["required"]) for p in described["parameters"]} == {
        "period": ("Period", True),
        "credential": ("str", True),
    }
    assert described["summary"]
    assert_clean(project, "tasks/fetch_statement.py")


def test_an_unknown_process_is_told_with_what_to_do(project: Project) -> None:
    shown = project.retaguarda("process", "show", "fetch_statement")
    assert shown.returncode == 3
    assert "retaguarda process list" in shown.stderr
