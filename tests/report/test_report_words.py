"""Every word of the report has its Portuguese, and the program's own sentences are told in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import retaguarda.report
from retaguarda import errors
from retaguarda.act import OutcomeKind
from retaguarda.language import CATALOGUE, say
from retaguarda.model.contracts import ContractState
from retaguarda.model.reconciliation import BREAK_TEXTS, BreakKind, ContractOutcome
from retaguarda.report import vocabulary
from retaguarda.report.labels import Vocabulary, label
from retaguarda.report.retell import PATTERNS, retell
from retaguarda.report.show import amounts
from retaguarda.store.models import ItemState, RunState

REPORT = Path(retaguarda.report.__file__).parent
PLACES = re.compile(r"\{(\w+)")


def catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale="pt_BR") if message.id}


def words_of_the_code() -> Iterator[tuple[str, str]]:
    """Texts given to say() and headings of columns, with the file they stand in."""
    for path in sorted(REPORT.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in {"say", "Column"}:
                    yield path.name, node.args[0].value


def words_of_the_vocabulary() -> Iterator[tuple[str, str]]:
    for name, table in vars(vocabulary).items():
        if name.isupper() and isinstance(table, dict):
            for value in table.values():
                if not isinstance(value, int):
                    yield name, value if isinstance(value, str) else value[0]


@pytest.mark.parametrize("source", [words_of_the_code, words_of_the_vocabulary])
def test_every_word_has_its_portuguese(source: object) -> None:
    known = catalogue()
    assert callable(source)
    missing = {text: where for where, text in source() if text and not known.get(text)}
    assert not missing


def test_sentences_that_are_retold_have_their_portuguese() -> None:
    known = catalogue()
    texts = [*PATTERNS, *BREAK_TEXTS.values(), *(str(error.__doc__).splitlines()[0] for error in every_error())]
    assert not [text for text in texts if not known.get(text)]


def test_translations_keep_the_places_of_values() -> None:
    assert not {text: said for text, said in catalogue().items() if set(PLACES.findall(text)) != set(PLACES.findall(said))}


def test_no_text_is_translated_twice() -> None:
    ids = re.findall(r'^msgid "(.+)"$', CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE)
    assert not {text for text in ids if ids.count(text) > 1}


def every_error(base: type[errors.RetaguardaError] = errors.RetaguardaError) -> Iterator[type[errors.RetaguardaError]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from every_error(kind)


CONCRETE = [kind for kind in every_error() if not kind.__subclasses__()]


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (vocabulary.RUN_STATES, [state.value for state in RunState]),
        (vocabulary.ITEM_STATES, [state.value for state in ItemState]),
        (vocabulary.OUTCOMES, [kind.value for kind in OutcomeKind]),
        (vocabulary.RECEIPT_BREAKS, [kind.value for kind in BreakKind]),
        (vocabulary.CONTRACT_OUTCOMES, [kind.value for kind in ContractOutcome]),
        (vocabulary.CONTRACT_STATES, [state.value for state in ContractState]),
        (vocabulary.CODES, [kind().code for kind in CONCRETE]),
    ],
)
def test_every_code_of_the_model_has_a_label(table: Vocabulary, codes: list[str]) -> None:
    known = catalogue()
    assert codes
    for code in codes:
        assert label(table, code).text in known.values(), code


@pytest.mark.parametrize(
    ("told", "retold"),
    [
        ("register BOL-2610-0001: form before the button", "Registrar BOL-2610-0001: formulário antes do botão"),
        ("validate CV 33/1: receipt", "Validar CV 33/1: comprovante"),
        ("failure: portal-changed", "falha: Portal mudou"),
        ("sign-in failed: session-lost", "acesso falhou: Sessão perdida"),
        ("stage: signing in", "fase: acesso ao portal"),
        ("settle BX-1: done", "Baixar BX-1: Feito"),
        ("refused: O perfil não está ativo.", "Recusado pelo portal: O perfil não está ativo."),
        ("BOL-7: An invoice is not fully paid. (4201, 4202)", "BOL-7: há fatura não paga por inteiro (4201, 4202)"),
        ("not-validated: 18", "Igual, ainda não validado: 18"),
        (
            "pressed, but not proven: The portal is closed or answers with an error.",
            "botão acionado, mas sem comprovação: O portal está fechado ou responde com erro.",
        ),
        ("Perfil comprador: The buyer's CCEE profile code is missing.", "Perfil comprador: Falta o código do perfil CCEE do comprador."),
        ("the portal holds BOL-1 2 times", "o portal tem BOL-1 2 vezes"),
        ("the file begins on 2026-11-04, after 2026-11-01", "o arquivo começa em 04/11/2026, depois de 01/11/2026"),
    ],
)
def test_what_the_program_said_is_told_in_portuguese(told: str, retold: str) -> None:
    assert retell(told) == retold


@pytest.mark.parametrize(
    "text",
    [
        "O perfil de agente não está ativo: receipt",
        "Contrato 1692100: refused",
        "Erro 42: {text}",
        "{0.__class__}",
        "x" * 100_000,
        "a: " * 600,
        "a; " * 600,
        "a; b: " * 300,
        "the portal holds " * 100 + " with other values: ",
        "register ",
        "",
    ],
)
def test_what_a_portal_said_stays_as_it_is(text: str) -> None:
    assert retell(text) == text


@pytest.mark.usefixtures("english")
def test_in_english_the_program_is_quoted() -> None:
    assert retell("register BOL-1: receipt") == "Register BOL-1: receipt"
    assert say("Summary") == "Summary"


def test_amounts_of_evidence_are_written_as_the_reader_does() -> None:
    assert amounts("4203: 1234567.80, 10/11/2026") == "4203: 1.234.567,80, 10/11/2026"
    assert amounts("PCC 4,65 x 1000.00") == "PCC 4,65 x 1.000,00"
    assert amounts("109/00004203-7 3.1.2.01") == "109/00004203-7 3.1.2.01", "numbers and accounts are no amounts"
    told = retell("post 12.34 to 3.1.2.01 juros (4.10 + 8.24 (2%+1%/30 x 12))")
    assert told == "lançar 12,34 em 3.1.2.01 juros (4,10 + 8,24 (2%+1%/30 x 12))"


def test_what_a_portal_said_stays_its_own_words() -> None:
    told = retell("tried 3 times, and the portal never showed it; the portal said no: Nosso número já utilizado")
    assert told == "tentado 3 vezes, e o portal nunca o mostrou; o portal disse não: Nosso número já utilizado"
