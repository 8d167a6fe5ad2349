"""The documents are true: their commands exist, their links lead somewhere, what they quote is said, and rehearsals run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from retaguarda import settings
from retaguarda.console import cli
from retaguarda.report.retell import retell
from tests.docs.worked_project import Document, Project, told
from tests.sandbox_fixtures import ROOT, running_sandbox

DOCUMENTS = (
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/runbook.md",
    "docs/reconciliation.md",
    "docs/worked-example.md",
    "docs/audit.md",
    "docs/guia-do-auditor.md",
    "docs/console.md",
    "docs/guia-do-operador.md",
    "docs/rehearsal.md",
)
CODES = re.compile(r"`(retaguarda [^`\n]+)`")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"RETAGUARDA_[A-Z_]+")


def commands() -> Iterator[tuple[str, str]]:
    for path in DOCUMENTS:
        document = Document.named(path)
        written = [*document.commands, *CODES.findall(document.text)]
        yield from ((path, command) for command in dict.fromkeys(written) if command.startswith("retaguarda "))


def variables_of(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The environment variables of a settings model, those of a portal under `<PORTAL>`."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from variables_of(kind, f"{prefix}{name.upper()}__")
        elif name == "portals":
            yield from (f"RETAGUARDA_PORTALS__<PORTAL>__{key.upper()}" for key in settings.PortalSettings.model_fields)
        else:
            yield f"{prefix}{name.upper()}"


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_a_command_exists_with_its_options(path: str, command: str) -> None:
    known: Any = typer.main.get_command(cli.app)
    for word in shlex.split(command)[1:]:
        if word.startswith("-"):
            options = {option for parameter in known.params for option in (*parameter.opts, *parameter.secondary_opts)}
            assert word in options | {"--help"}, f"{path}: {command}"
        elif hasattr(known, "commands"):
            assert word in known.commands, f"{path}: {command}"
            known = known.commands[word]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    for target in LINK.findall(text):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        there = (ROOT / path).parent / file if file else ROOT / path
        assert there.exists(), f"{path}: {target}"
        assert not anchor or anchor in anchors(there.read_text("utf-8")), f"{path}: {target}"


def test_the_runbook_knows_every_variable_and_no_other() -> None:
    known = {*settings.VARIABLES, *variables_of(settings.Settings, "RETAGUARDA_")}
    text = (ROOT / "docs/runbook.md").read_text("utf-8")
    told_of: set[str] = set()
    for line in text.splitlines():
        for first in re.findall(r"RETAGUARDA_[A-Z_]+(?:<PORTAL>[A-Z_]+)?", line):
            told_of.add(first)
            told_of |= {first.rpartition("__")[0] + more for more in re.findall(r"`(__[A-Z_]+)`", line)}
    assert told_of == known


def test_the_runbook_explains_every_exit_code() -> None:
    codes = set(re.findall(r"\d+", (cli.__doc__ or "").partition("Exit codes:")[2].replace("outranks 1", "")))
    table = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "docs/runbook.md").read_text("utf-8"), re.MULTILINE)
    assert {code for cell in table for code in cell.split(", ")} == codes


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("run 20261120-x left a press unresolved", "deixou um acionamento sem desfecho"),
        ("unreadable 8 times: a person must decide", "ilegível 8 vezes: uma pessoa precisa decidir"),
        ("bank_jatoba/robo was refused by the portal on 2026-11-20 22:16 and is not tried again", "e não é usada de novo"),
        ("no code arrived in the mailbox within 60 s", "nenhum código chegou à caixa de correio em 60 s"),
        ("expected 'Contratos', found 'Consulta'", "esperado 'Contratos', encontrado 'Consulta"),
        ("unknown alert: Aviso", "aviso desconhecido: "),
        ("the portal holds BOL-2610-0001 with other values: mwh: 1 ≠ 2", "o portal tem BOL-2610-0001 com outros valores: "),
        ("the disk is nearly full: nothing is pressed without room for evidence", "o disco está quase cheio"),
        ("a secret stands in extrato.ofx: it is not kept", "há um segredo em extrato.ofx: o arquivo não é guardado"),
        ("the audit log was changed: its checkpoints are gone", "a trilha de auditoria foi alterada"),
    ],
)
def test_what_the_runbook_quotes_is_what_operators_read(said: str, quoted: str) -> None:
    assert quoted in retell(said)
    assert quoted in " ".join((ROOT / "docs/runbook.md").read_text("utf-8").split())


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.parametrize(
    ("path", "heading", "folder", "exits"),
    [
        ("docs/runbook.md", "## 10. Ensaiar sem risco", "output/ensaio", [0, 0, 75]),
        ("CONTRIBUTING.md", "## One robot", "output/try", [0, 0, 75, 1, 0]),
    ],
)
def test_a_rehearsal_runs_as_it_is_written(tmp_path: Path, path: str, heading: str, folder: str, exits: list[int]) -> None:
    section = Document(Document.named(path).text.partition(heading)[2].partition("\n## ")[0])
    start, *rest = section.commands
    names = re.search(r"--portals (\S+)", start)
    base = re.search(r"--port-base (\d+)", start)
    assert names
    assert base
    project = Project.copied_to(tmp_path / "project")
    with running_sandbox(tmp_path / "sandbox", names[1]) as sandbox:
        script = "\n".join(rest).replace(folder, str(sandbox.state))
        for offset, portal in enumerate(("ccee", "bank_jatoba")):
            script = script.replace(f"http://127.0.0.1:{int(base[1]) + offset}", sandbox.urls.get(portal, ""))
        done = project.shell(script)
        assert re.findall(r"\[exit (\d+)\]", done.stdout) == [str(code) for code in exits], told(done)
