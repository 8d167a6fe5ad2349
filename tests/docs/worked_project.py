"""A developer's folder to follow the documents in: the robots, tasks and configuration of this project, copied."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.sandbox_fixtures import ROOT

BLOCK = re.compile(r"^`((?:robots|tasks|tests)/\S+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """A document of this project: its commands, and the files that it gives whole."""

    text: str

    @classmethod
    def named(cls, path: str) -> Document:
        return cls((ROOT / path).read_text("utf-8"))

    @property
    def files(self) -> dict[str, str]:
        """Path → text of every fenced block that stands under a path."""
        return dict(BLOCK.findall(self.text))

    @property
    def commands(self) -> list[str]:
        """What stands behind a `$` in console blocks."""
        return COMMAND.findall(self.text)


@dataclass
class Project:
    """A copy to work in, driven by the command line."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def copied_to(cls, folder: Path) -> Project:
        for part in ("robots", "tasks", "config"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        settings = {
            "RETAGUARDA_HOME": str(folder / "state"),
            "RETAGUARDA_OUTPUT": str(folder / "output"),
            "RETAGUARDA_VAULT__KEY_FILE": str(folder / "vault.key"),
        }
        return cls(folder, settings)

    def retaguarda(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`retaguarda ...` in this folder."""
        return self.python("-m", "retaguarda", *arguments)

    def python(self, *arguments: str, timeout: float = 150) -> subprocess.CompletedProcess[str]:
        """The interpreter with this folder's robots and tasks before those of the project."""
        return self._run([sys.executable, *arguments], timeout)

    def _run(self, command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join((str(self.folder), str(ROOT)))
        settings = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"} | self.settings
        return subprocess.run(command, cwd=self.folder, env=settings, capture_output=True, text=True, timeout=timeout, check=False)

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Commands as one types them; after each `retaguarda ...` its exit code is printed as `[exit N]`."""
        command = f'retaguarda() {{ {shlex.quote(sys.executable)} -m retaguarda "$@"; echo "[exit $?]"; }}\n{script}'
        return self._run(["bash", "-c", command], 150)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What a command printed, for the message of a failed assertion."""
    return f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"


def assert_clean(project: Project, *paths: str) -> None:
    """Files of the project are styled and typed as strictly as everything else."""
    for check in (["check"], ["format", "--check"]):
        done = project.python("-m", "ruff", *check, "--no-cache", "--config", f"src = ['.', '{ROOT}']", *paths)
        assert done.returncode == 0, told(done)
    typed = [path for path in paths if not path.startswith("tests")]
    done = project.python("-m", "mypy", "--strict", "--config-file=", "--cache-dir=.mypy_cache", *typed)
    assert done.returncode == 0, told(done)
