"""Units and container files: what they start exists, what they copy is there, and systemd takes them as they are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from retaguarda.console import cli
from retaguarda.settings import JobsSettings, load_settings
from tests.docs.worked_project import Document
from tests.sandbox_fixtures import ROOT

FOLDER = ROOT / "docs" / "operations"
UNITS = sorted((FOLDER / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
INSTRUCTIONS = {"FROM", "RUN", "WORKDIR", "ENV", "COPY", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
KNOWN: Any = typer.main.get_command(cli.app)
analyze = shutil.which("systemd-analyze")


def must_exist(words: list[str]) -> None:
    """A command line after `retaguarda`: each command and option is one."""
    command = KNOWN
    for word in words:
        if word.startswith("-"):
            options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            assert word in options, words
        elif hasattr(command, "commands"):
            assert word in command.commands, words
            command = command.commands[word]


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def told_by_systemd(folder: Path) -> str:
    done = subprocess.run([str(analyze), "verify", *map(str, sorted(folder.iterdir()))], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


# --- systemd --------------------------------------------------------------------------------------------------------------


def test_there_are_units() -> None:
    assert len(SERVICES) == 7
    assert {unit.name for unit in UNITS} >= {"retaguarda-scheduler.service", "retaguarda-worker@.service", "retaguarda-watchdog.timer"}


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_starts_a_command_that_exists_as_a_user_with_few_rights(unit: Path) -> None:
    [start] = values(unit, "ExecStart")
    program, *words = shlex.split(start)
    assert program == "/opt/retaguarda/.venv/bin/retaguarda"
    must_exist(words)
    assert (values(unit, "User"), values(unit, "NoNewPrivileges"), values(unit, "ProtectSystem")) == (["retaguarda"], ["yes"], ["strict"])
    assert "/var/lib/retaguarda" in values(unit, "ReadWritePaths")[0].split()


@pytest.mark.parametrize("unit", [unit for unit in SERVICES if values(unit, "Type") == ["exec"]], ids=lambda unit: unit.name)
def test_what_is_to_live_is_started_again_and_given_time_to_end(unit: Path) -> None:
    assert values(unit, "Restart") == ["always"]
    [patience] = values(unit, "TimeoutStopSec")
    if "worker" in unit.name:
        assert values(unit, "KillMode") == ["mixed"]
        assert int(patience) > JobsSettings().kill_grace + 30


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".timer"], ids=lambda unit: unit.name)
def test_a_timer_has_its_service(unit: Path) -> None:
    assert unit.with_suffix(".service") in SERVICES
    assert values(unit, "WantedBy") == ["timers.target"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_the_settings_that_units_give_are_ones(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in values(unit, "Environment"):
        for pair in line.split():
            monkeypatch.setenv(*pair.split("="))
    assert str(load_settings().home) == "/var/lib/retaguarda/state"


@pytest.mark.skipif(analyze is None, reason="systemd is not on this machine")
def test_systemd_takes_them(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/retaguarda/", f"{ROOT}/")
        (tmp_path / unit.name).write_text(text, "utf-8")
    assert told_by_systemd(tmp_path) == ""
    broken = tmp_path / "retaguarda-metrics.service"
    broken.write_text(broken.read_text("utf-8").replace("NoNewPrivileges", "NoNewPrivilege"), "utf-8")
    assert "NoNewPrivilege" in told_by_systemd(tmp_path), "were it blind, the line above would hold for nothing"


# --- container ------------------------------------------------------------------------------------------------------------


def instructions() -> Iterator[tuple[str, str]]:
    """Instruction and its words, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "container" / "Containerfile").read_text("utf-8"), flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            name, _, words = line.partition(" ")
            yield name, words


def test_the_containerfile_is_made_of_instructions_and_copies_what_is_there() -> None:
    found = list(instructions())
    assert {name for name, _ in found} == INSTRUCTIONS
    copied = [words.split() for name, words in found if name == "COPY" and not words.startswith("--from")]
    assert len(copied) == 6
    for *sources, _ in copied:
        assert [source for source in sources if not (ROOT / source).exists()] == []
    stages = [words.partition(" AS ")[2] for name, words in found if name == "FROM"]
    assert [words for name, words in found if name == "COPY" and "--from" in words] == [
        f"--from={stages[0]} /opt/retaguarda /opt/retaguarda"
    ]
    assert dict(found)["USER"] == "retaguarda"


def test_the_image_holds_what_the_package_is_made_of() -> None:
    """What pyproject.toml builds a wheel of is copied, and its packages' names are the distribution's."""
    copied = " ".join(words for name, words in instructions() if name == "COPY")
    wheel = re.search(r"packages = (\[.*\])", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert wheel
    assert [name for name in json.loads(wheel[1]) if f"{name} {name}" not in copied] == []
    for name, words in instructions():
        if name == "RUN":
            assert subprocess.run(["bash", "-n"], input=words, text=True, check=False).returncode == 0, words


def test_the_image_runs_commands_that_exist() -> None:
    found = dict(instructions())
    assert json.loads(found["ENTRYPOINT"]) == ["retaguarda"]
    must_exist(json.loads(found["CMD"]))
    program, *words = json.loads(found["HEALTHCHECK"].partition(" CMD ")[2])
    assert program == "retaguarda"
    must_exist(words)


def test_the_compose_file_is_whole() -> None:
    composed = yaml.safe_load((FOLDER / "container" / "compose.yaml").read_text("utf-8"))
    services = composed["services"]
    ours = {name: service for name, service in services.items() if service["image"] == "retaguarda"}
    assert {"scheduler", "worker", "console"} <= ours.keys()
    for service in ours.values():
        must_exist(service["command"])
        context = (FOLDER / "container" / service["build"]["context"]).resolve()
        assert context == ROOT
        assert (context / service["build"]["dockerfile"]).is_file()
        assert {secret["source"] for secret in service["secrets"]} <= composed["secrets"].keys()
        assert service["depends_on"].keys() <= services.keys()
        named = {volume.partition(":")[0] for volume in service["volumes"] if not volume.startswith(".")}
        assert named <= composed["volumes"].keys()
        for volume in service["volumes"]:
            assert not volume.startswith(".") or (FOLDER / "container" / volume.partition(":")[0]).resolve().exists()
    assert int(ours["worker"]["stop_grace_period"].removesuffix("s")) > JobsSettings().kill_grace + 30


def test_the_compose_file_gives_settings_that_are_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    composed = yaml.safe_load((FOLDER / "container" / "compose.yaml").read_text("utf-8"))
    for name, value in composed["services"]["worker"]["environment"].items():
        monkeypatch.setenv(name, value)
    assert load_settings().store.url.startswith("postgresql://")


# --- the page -------------------------------------------------------------------------------------------------------------


def test_the_page_names_commands_that_exist_and_files_that_are_there() -> None:
    document = Document.named("docs/operations/README.md")
    typed = [command for command in document.commands if command.startswith("retaguarda ")]
    assert len(typed) > 10
    for command in typed:
        must_exist(shlex.split(command)[1:])
    for unit in re.findall(r"`(retaguarda-[a-z]+(?:@[A-Z]+)?\.(?:service|timer))`", document.text):
        assert (FOLDER / "systemd" / re.sub(r"@[A-Z]+", "@", unit)).exists(), unit
    for target in re.findall(r"\]\(([^)\s#]+)\)", document.text):
        assert target.startswith("https://") or (FOLDER / target).exists(), target
