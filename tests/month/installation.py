"""An installation of the product in a folder, driven by its command line as an operator would."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.month import Month, build
from tests.sandbox_fixtures import ROOT, SandboxProcess

COLUMNS = (
    "Número",
    "Direção",
    "Contraparte",
    "CNPJ",
    "Perfil vendedor",
    "Perfil comprador",
    "Submercado",
    "Tipo de energia",
    "Mês",
    "MWh",
    "Preço",
    "Modulação",
)
DIRECTIONS = {"sale": "Venda", "purchase": "Compra"}


@dataclass
class Installation:
    """State, output and settings of one installation, pointed at a running sandbox."""

    folder: Path
    sandbox: SandboxProcess
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = {
            "RETAGUARDA_HOME": str(self.folder / "state"),
            "RETAGUARDA_OUTPUT": str(self.folder / "output"),
            "RETAGUARDA_CONFIG": str(self.sandbox.state / "portals.toml"),
            "RETAGUARDA_VAULT__KEY_FILE": str(self.folder / "vault.key"),
            "RETAGUARDA_CLOCK__BUSINESS_DATE": "2026-11-11",
            **self.settings,
        }
        done = self.command("vault", "import", str(self.sandbox.state / "credentials.json"))
        assert done.returncode == 0, done.stderr

    def start_process(self, *arguments: str, stdin: bool = False) -> subprocess.Popen[str]:
        """The command line as a process of its own."""
        command = [sys.executable, "-m", "retaguarda", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | ({"stdin": subprocess.PIPE} if stdin else {})
        return subprocess.Popen(command, cwd=ROOT, env=os.environ | self.settings, text=True, **pipes)  # type: ignore[call-overload, no-any-return]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with self.start_process(*arguments) as process:
            out, err = process.communicate(timeout=600)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, process: str, **params: str) -> Told:
        """Launch a process and read what `--json` tells."""
        given = [f"--param={name}={value}" for name, value in params.items()]
        return Told.of(self.command("run", "start", process, *given, "--json"))

    def resume(self, run_id: str) -> Told:
        return Told.of(self.command("run", "resume", run_id, "--json"))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the store from outside."""
        path = self.folder / "state" / "retaguarda.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as store:
            return store.execute(sql).fetchall()


@dataclass(frozen=True)
class Told:
    """The end of a command: its exit code and the runs it printed, the root first."""

    exit_code: int
    runs: list[dict[str, Any]]

    @classmethod
    def of(cls, done: subprocess.CompletedProcess[str]) -> Told:
        assert done.stdout.startswith("["), f"exit {done.returncode}: {done.stdout}{done.stderr}"
        return cls(done.returncode, json.loads(done.stdout))

    @property
    def root(self) -> dict[str, Any]:
        return self.runs[0]

    def step(self, process: str) -> dict[str, Any]:
        return next(run for run in self.runs if run["process"] == process)

    def items(self, process: str) -> dict[str, dict[str, Any]]:
        return {item["reference"]: item for item in self.step(process)["items"]}


def write_sheet(path: Path, count: int = 6, month: Month | None = None) -> list[str]:
    """A sheet of the first `count` sale contracts that add up to one registration each; returns their references."""
    chosen: list[str] = []
    contracts = [c for c in (month or build()).contracts if c.direction == "sale" and c.seller and c.buyer]
    keys = [(c.seller, c.buyer, c.submarket) for c in contracts]
    single = [c for c, key in zip(contracts, keys, strict=True) if keys.count(key) == 1 and c.number != "BOL-2610-0004"]
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(COLUMNS)
        for c in single[:count]:
            assert c.seller is not None
            assert c.buyer is not None
            amounts = (str(c.mwh).replace(".", ","), str(c.price).replace(".", ","))
            who = (c.counterparty.name, c.counterparty.cnpj, c.seller.code, c.buyer.code)
            sheet.writerow([c.number, DIRECTIONS[c.direction], *who, c.submarket, c.energy, "01/10/2026", *amounts, c.modulation])
            chosen.append(c.number)
    return chosen
