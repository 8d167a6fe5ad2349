"""docs/worked-example.md is followed to the letter: its commands, its code, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.example_portal import NAME, open_portal
from tests.docs.worked_project import Document, Project, assert_clean, told
from tests.sandbox_fixtures import SandboxProcess

DOCUMENT = Document.named("docs/worked-example.md")
PROMISED_LINES = 60
SUITE = "tests/robots/test_bank_exemplo.py"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder in which somebody followed steps 1 to 7."""
    project = Project.copied_to(tmp_path_factory.mktemp("project"))
    done = project.retaguarda(*arguments_of("retaguarda new robot"))
    assert done.returncode == 0, told(done)
    unknown = [path for path in DOCUMENT.files if path.startswith("robots/") and not (project.folder / path).exists()]
    assert unknown == [], "the document fills in files that the scaffold does not have"
    project.write(DOCUMENT.files)
    return project


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[SandboxProcess]:
    with open_portal(tmp_path / "bank") as bank:
        yield bank


def arguments_of(beginning: str) -> list[str]:
    """The arguments of the document's command that begins so."""
    found = [command for command in DOCUMENT.commands if command.startswith(beginning)]
    assert found, f"the document has no command {beginning!r}"
    return found[0].split()[1:]


def test_the_whole_robot_is_shorter_than_promised(project: Project) -> None:
    files = [path for path in (project.folder / "robots" / NAME).iterdir() if path.suffix in {".py", ".toml"}]
    lines = [line for path in files for line in path.read_text("utf-8").splitlines() if line.strip()]
    assert {path.name for path in files} == {"robot.toml", "robot.py", "pages.py", "__init__.py"}
    assert len(lines) < PROMISED_LINES
    assert f"less than {PROMISED_LINES} lines" in " ".join(DOCUMENT.text.split())


def test_its_code_is_as_clean_as_the_rest(project: Project) -> None:
    assert_clean(project, f"robots/{NAME}", SUITE)


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_its_robot_passes_the_suite_of_its_capability(project: Project) -> None:
    wanted = arguments_of(".venv/bin/python -m pytest")
    assert wanted[-1] == SUITE
    done = project.python(*wanted, "-p", "no:cacheprovider", timeout=540)
    assert done.returncode == 0, told(done)
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.thorough
@pytest.mark.browser
def test_its_robot_is_fit_for_work_and_works(project: Project, bank: SandboxProcess, tmp_path: Path) -> None:
    project.settings |= {"RETAGUARDA_CONFIG": str(bank.state / "portals.toml"), "RETAGUARDA_HOME": str(tmp_path / "state")}
    assert project.retaguarda("robot", "check", NAME).returncode == 3, "there is no credential yet"
    imported = arguments_of("retaguarda vault import")
    done = project.retaguarda(*imported[:-1], str(bank.state / "credentials.json"))
    assert done.returncode == 0, told(done)
    for command in (arguments_of(f"retaguarda robot check {NAME}"), arguments_of(f"retaguarda robot check {NAME} --sign-in")):
        done = project.retaguarda(*command)
        assert done.returncode == 0, told(done)
    assert [row["outcome"] for row in bank.truth(NAME)["sign_ins"]] == ["ok"]
    assert bank.truth(NAME)["sessions"] == []

    done = project.retaguarda(*arguments_of("retaguarda run start"), "--json")
    assert done.returncode == 0, told(done)
    [run] = json.loads(done.stdout)
    assert [item["state"] for item in run["items"]] == ["SUCCESSFUL"]
    [given] = bank.truth(NAME)["downloads"]
    assert [statement["sha256"] for statement in run["result"]["statements"]] == [given["sha256"]]
