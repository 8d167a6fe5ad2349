"""The catalogue is complete for what the code says, and what the program said is told again in Portuguese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from babel.messages.pofile import read_po

from retaguarda.console.cli import app
from retaguarda.console.help_texts import ARGUMENTS, HELP_OPTION, KINDS, METAVARS, PANELS, USAGE, texts_of
from retaguarda.language import CATALOGUE, catalogue, configured_language, say, set_language
from retaguarda.report import vocabulary
from retaguarda.report.labels import label
from retaguarda.report.retell import MIN_LITERAL, PATTERNS, retell
from tests.spoken import HOLE, Spoken, normal, spoken

UNTRANSLATED = (
    r"(retaguarda|chmod) [a-z0-9 {}-]+",  # a command to type
    r"portals\.\w+\.account = '[^']+'",  # a line of the configuration
)
"""Texts that are the same in every language."""
SAMPLES = {
    "count": "12",
    "seconds": "40",
    "act": "register",
    "code": "portal-changed",
    "outcome": "done",
    "comparison": "erp-larger",
    "process": "close_month",
    "day": "2026-11-10",
    "start": "2026-11-01",
    "end": "2026-11-10",
    "amount": "-1234.56",
    "opening": "0.10",
    "closing": "98765432.10",
    "open_amount": "7.00",
    "differences": "mw_average: 3.407296 ≠ 1.907296; seller: A ≠ B",
    "text": "O perfil 70408 não está ativo (CCEE).",
    "reason": "The date is missing.",
    "problem": "Permission denied",
    "stage": "signing in",
    "doing": "reading alerts",
}
RETOLD = {
    "act": "Registrar",
    "code": "Portal mudou",
    "outcome": "Feito",
    "comparison": "Maior no ERP",
    "process": "Fechar o mês",
    "day": "10/11/2026",
    "start": "01/11/2026",
    "end": "10/11/2026",
    "amount": "-1.234,56",
    "opening": "0,10",
    "closing": "98.765.432,10",
    "open_amount": "7,00",
    "differences": "MWmédio: 3,407296 ≠ 1,907296; Vendedor: A ≠ B",
    "reason": "Falta a data.",
    "problem": "permissão negada",
    "stage": "acesso ao portal",
    "doing": "ler os avisos",
}
"""How a value of SAMPLES is shown where it is not shown as it came."""
PLACE = re.compile(r"\{(\w+)(?::[^}]*)?\}")
SPOKEN = spoken()
ONLY_SAID = {found.text for found in SPOKEN} & {text for text in catalogue() if PLACE.search(text)}
"""Texts that say() fills in: nobody has to recognise them in a finished sentence."""


@pytest.fixture(autouse=True)
def portuguese() -> Iterator[None]:
    set_language("pt-BR")
    yield
    set_language("pt-BR")


def missing(texts: set[Spoken]) -> str:
    """The texts without a translation, a line each."""
    known = catalogue().keys() | {normal(text) for text in catalogue()}
    allowed = re.compile("|".join(UNTRANSLATED))
    gaps = [found for found in sorted(texts) if found.text not in known and not allowed.fullmatch(found.text)]
    return "\n".join(f"{gap.text!r} ({gap.place})" for gap in gaps)


def test_the_collector_reads_the_code() -> None:
    """Were it blind, the next test would hold for nothing."""
    texts = {found.text for found in SPOKEN}
    assert len(texts) > 500
    assert {
        "What to do: {remedy}",  # say
        "the portal holds {} {} times",  # an error's f-string
        "correct it at the portal or in the ERP",  # a remedy
        "signing in",  # a stage
        "filling the form of {}",  # what goes on inside another text
        "The portal refused the item.",  # an error's docstring
        "sent, outcome unknown; looked up again after {} s of quiet",  # an error's constructor
        "Sign in at the portal of a credential and out again.",  # a process
        "the file states no closing balance",  # a proof's reason
        "The CNPJ is missing.",  # a rejection
        "downloaded {} ({} bytes, sha256 {})",  # a line of the log
        "no run {}",  # a word of the code inside a text
    } <= texts


def test_everything_said_has_its_portuguese() -> None:
    assert missing(SPOKEN) == ""


def test_every_help_text_has_its_portuguese() -> None:
    command: Any = typer.main.get_command(app)
    texts = texts_of(command) | {HELP_OPTION, USAGE, *METAVARS, *PANELS.values(), *ARGUMENTS.values(), *KINDS.values()}
    assert len(texts) > 60
    assert missing({Spoken(text, "help") for text in texts}) == ""


def test_every_label_has_its_portuguese() -> None:
    tables = {name: table for name, table in vars(vocabulary).items() if name.isupper() and isinstance(table, dict)}
    assert len(tables) > 15
    texts = {
        Spoken(value if isinstance(value, str) else value[0], name)
        for name, table in tables.items()
        for value in table.values()
        if not isinstance(value, int)
    }
    assert missing(texts) == ""


def test_every_process_has_a_label() -> None:
    names = [path.stem for path in Path("tasks").glob("*.py") if path.stem != "__init__"]
    assert [name for name in names if label(vocabulary.PROCESSES, name).text == name.replace("_", " ")] == []


def test_the_reader_agrees_with_babel() -> None:
    """Every start reads the catalogue without babel, whose import costs more than the rest of the start."""
    with CATALOGUE.open("rb") as file:
        read = {str(message.id): str(message.string) for message in read_po(file, locale="pt_BR") if message.id and message.string}
    assert catalogue() == read


def recognised() -> list[str]:
    """The patterns that retell must know again in a finished sentence."""
    letters = {text: sum(c.isalpha() for c in PLACE.sub("", text)) for text in catalogue() if PLACE.search(text)}
    return sorted(text for text, count in letters.items() if (count >= MIN_LITERAL or text in PATTERNS) and text not in ONLY_SAID)


@pytest.mark.parametrize("pattern", recognised())
def test_a_finished_sentence_is_known_again(pattern: str) -> None:
    """Each pattern filled in as the code would: told in Portuguese, every value in its place."""
    names = PLACE.findall(pattern)
    values = {name: SAMPLES.get(name, f"«{name} (1/2)»") for name in names}
    shown = {name: RETOLD.get(name, value) for name, value in values.items()}
    sentence = PLACE.sub(lambda place: values[place[1]], pattern)
    expected = PLACE.sub(lambda place: shown[place[1]], catalogue()[pattern])
    assert retell(sentence) == expected


def test_a_sentence_inside_a_sentence() -> None:
    inner = "the portal holds CV-7 with other values: mw_average: 3.407296 ≠ 1.907296"
    told = "o portal tem CV-7 com outros valores: MWmédio: 3,407296 ≠ 1,907296"
    assert retell(f"pressed, but not proven: {inner}") == f"botão acionado, mas sem comprovação: {told}"
    assert retell(f"register_contracts: {inner}") == f"Registrar contratos na CCEE: {told}"
    assert retell(f"pressed, but not proven: {inner}; The date is missing.") != inner


def test_several_reasons_after_a_name() -> None:
    said = "extrato.ofx: the file states no closing balance; the file ends on 2026-11-09, before 2026-11-10"
    assert retell(said) == "extrato.ofx: o arquivo não informa o saldo final; o arquivo termina em 09/11/2026, antes de 10/11/2026"


@pytest.mark.parametrize(
    "said",
    [
        "O perfil comprador 70408 (SERRA AZUL CL) não está ativo na CCEE. Registro não permitido.",
        "Atenção: há 2 contratos; confira",
        "Sistema em manutenção",
        "O lançamento 12: done",
        "BOL-2610-0001",
        "",
    ],
)
def test_what_a_portal_said_stays(said: str) -> None:
    assert retell(said) == said


def test_english_is_told_as_it_was_said() -> None:
    set_language("en")
    for text in ("the portal holds BOL-1 2 times", "the file ends on 2026-11-09, before 2026-11-10", "no run 'x'"):
        assert retell(text) == text
    assert say("What to do: {remedy}", remedy="x") == "What to do: x"


def test_quotes_of_values_stay() -> None:
    assert retell("no process 'fechar'") == "não há o processo 'fechar'"
    assert retell('no process "d\'água"') == 'não há o processo "d\'água"'


def test_language_comes_from_the_environment_or_the_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("RETAGUARDA_LANGUAGE", raising=False)
    assert configured_language() == "pt-BR"
    (tmp_path / "a.toml").write_text('language = "en"\n', "utf-8")
    assert configured_language() == "en"
    monkeypatch.setenv("RETAGUARDA_LANGUAGE", "pt-BR")
    assert configured_language() == "pt-BR"
    monkeypatch.setenv("RETAGUARDA_LANGUAGE", "klingon")
    (tmp_path / "b.toml").write_text("language = ", "utf-8")
    assert configured_language() == "en", "what is wrong is told when the settings are read"


def test_holes_are_written_alike() -> None:
    assert normal("{events} events, {free:.0f} GB") == f"{HOLE} events, {HOLE} GB"
