"""Statements as PDF: rows are found by where letters stand; what cannot be read is refused and never guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import bank_pdf, pdf_letters, pdf_text
from retaguarda.formats.parts import collected
from retaguarda.formats.pdf_letters import Letter
from retaguarda.formats.source import Source
from retaguarda.model.statements import Statement
from tests.formats.pdf_files import Line, assembled, bomb, nameless_letters, pdf
from tests.formats.streamed import CHANGES, adds_up, changed, read

CAIXA_HEAD = [
    "CAIXA ECONÔMICA FEDERAL",
    "Conta: 0417 / 003 / 00038215-6",
    "Período: 01/04/2026 a 30/04/2026",
    "Data Mov. Nr. Doc. Histórico Valor",
]
ITAU_HEAD = [
    "Banco Itaú S.A.",
    "Agência 1234 Conta 99999-9",
    "Período: 20/12/2026 até 10/01/2027",
    "data lançamentos valor (R$) saldo (R$)",
]


def caixa(day: str, document: str, text: str, value: str) -> Line:
    return [(15, day), (40, document), (60, text), (150, value[:-2]), (175, value[-1])]


def itau(day: str, text: str, value: str, balance: str = "") -> Line:
    return [(15, day), (40, text), (140, value), (170, balance)] if balance else [(15, day), (40, text), (140, value)]


def words(*texts: str) -> list[Line]:
    return [[(15, text)] for text in texts]


CAIXA = [
    [
        *words(*CAIXA_HEAD),
        caixa("01/04/2026", "000000", "SALDO ANTERIOR", "34.494,27 C"),
        caixa("01/04/2026", "310326", "COB COMPE", "3.046,64 C"),
        *words("Saldo 37.540,91 C"),
        caixa("02/04/2026", "020426", "DEB PIX CH", "540,91 D"),
        *words("GERADORA BETA SA"),
        *words("Saldo 37.000,00 C", "SAC CAIXA: 0800 726 0101"),
    ],
    [
        *words("03/04/2026 08:15 Página 2"),
        caixa("06/04/2026", "060426", "CRED PIX", "1.2x4,00 C"),
        caixa("06/04/2026", "060426", "CRED PIX", "1.000,00 C"),
        caixa("06/04/2026", "000000", "SALDO DIA", "0,00 C"),
        *words("Saldo 38.000,00 C"),
    ],
]
ITAU = [
    [
        *words(*ITAU_HEAD),
        itau("19/12", "SALDO ANTERIOR", "1.000,00"),
        itau("30/12", "PIX TRANSF ALFA 30/12", "1.234,56"),
        itau("31/12", "SISPAG FORNECEDORES", "300,00-", "1.934,56"),
        itau("04/01", "BOLETOS RECEBIDOS 04/01S", "65,44", "2.000,00"),
        [(40, "sem data"), (140, "7,00")],
        itau("05/01", "SALDO DO DIA", "2.000,00"),
        *words("Lançamentos futuros"),
        itau("15/01", "BOLETO AGENDADO", "10,00-"),
    ]
]


def test_caixa_prints_balances_between_its_rows() -> None:
    [statement] = read(bank_pdf, pdf(*CAIXA))
    assert statement.account_key == "104/0417/00038215-6"
    moves = [(e.date.day, e.amount, e.description, e.document) for e in statement.entries if not e.checkpoint]
    assert moves == [
        (1, Decimal("3046.64"), "COB COMPE", "310326"),
        (2, Decimal("-540.91"), "DEB PIX CH GERADORA BETA SA", "020426"),
        (6, Decimal("1000.00"), "CRED PIX", "060426"),
    ]
    assert [odd.raw for odd in statement.quarantine] == ["06/04/2026 060426 CRED PIX 1.2x4,00 C"]
    assert (statement.opening_balance, statement.closing_balance) == (Decimal("34494.27"), Decimal("38000.00"))
    assert adds_up(replace(statement, quarantine=()))


def test_itau_takes_the_year_from_its_period() -> None:
    [statement] = read(bank_pdf, pdf(*ITAU))
    assert statement.account_key == "341/1234/99999-9"
    moves = [(e.date, e.amount) for e in statement.entries if not e.checkpoint]
    assert moves == [
        (dt.date(2026, 12, 30), Decimal("1234.56")),
        (dt.date(2026, 12, 31), Decimal("-300.00")),
        (dt.date(2027, 1, 4), Decimal("65.44")),
    ]
    assert [odd.reason for odd in statement.quarantine] == ["the row has no date"]
    assert (statement.opening_balance, statement.closing_balance) == (Decimal("1000.00"), Decimal("2000.00"))
    assert statement.entries[-1].blank


def test_letters_become_lines_by_where_they_stand() -> None:
    letters = [Letter(100.2, 10 + 5 * n, 14.9 + 5 * n, 9, letter) for n, letter in enumerate("abc")]
    drawn_twice = [letter._replace(x=letter.x + 0.3) for letter in letters]
    apart = [Letter(99.8, 60, 64, 9, "d"), Letter(50, 10, 14, 9, "e")]
    assert pdf_letters.lines([*apart, *letters, *drawn_twice]) == ["abc d", "e"]


def told(*lines: str) -> list[Statement]:
    return collected(bank_pdf.told([list(lines)]))


def br(cents: int) -> str:
    return f"{abs(cents) // 100:,}".replace(",", ".") + f",{abs(cents) % 100:02d}"


@given(st.lists(st.integers(-50_000_00, 50_000_00).filter(bool), min_size=3, max_size=6, unique=True), st.booleans(), st.data())
def test_a_changed_row_is_seen(cents: list[int], is_caixa: bool, data: st.DataObject) -> None:
    def row(day: str, text: str, value: int) -> str:
        return (
            f"{day}/2026 010426 {text} {br(value)} {'C' if value >= 0 else 'D'}"
            if is_caixa
            else f"{day} {text} {br(value)}{'' if value >= 0 else '-'}"
        )

    head = CAIXA_HEAD if is_caixa else [*ITAU_HEAD[:2], "01/04/2026 a 30/04/2026"]
    first, last = row("01/04", "SALDO ANTERIOR", 1000), row("09/04", "SALDO DO DIA", 1000 + sum(cents) or 1)
    rows = [row("02/04", "PIX", value) for value in cents]
    if 1000 + sum(cents):
        assert adds_up(told(*head, first, *rows, last)[0])
    place, change = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(CHANGES))
    assert not adds_up(told(*head, first, *changed(rows, place, change, row("02/04", "PIX", 60_000_00)), last)[0])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("31/02 PIX 1,00", "not a date"),
        ("02/04 PIX 1.00", "no amount"),
        ("02/04 PIX 1,00 C", "not an amount"),
        ("02/04 P\ufffdX 1,00", "cannot be read"),
        ("02/04 PIX", "no amount"),
        ("PIX 1,00", "no date"),
    ],
)
def test_an_odd_line_is_kept_aside_with_its_reason(line: str, says: str) -> None:
    [statement] = told(*ITAU_HEAD[:2], "01/04/2026 a 30/04/2026", "01/04 PIX 1,00", line, "03/04 PIX 1,00")
    assert [(odd.line, says in odd.reason) for odd in statement.quarantine] == [(5, True)]
    assert statement.movement == Decimal("2.00")


def test_days_without_a_year_need_a_period() -> None:
    [statement] = told("Itaú", "01/04 PIX 1,00")
    assert ["states no period" in odd.reason for odd in statement.quarantine] == [True]
    [statement] = told("Itaú", "01/04/2026 a 30/04/2027", "01/04 PIX 1,00")
    assert ["not a date" in odd.reason for odd in statement.quarantine] == [True]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a PDF"),
        (b"%PDF-1.4\n" + b"\0" * 100 + b"%%EOF", "damaged"),
        (pdf(*CAIXA)[:-20], "ends in the middle"),
        (pdf(*CAIXA)[:1200] + b"\nstartxref\n0\n%%EOF", "damaged"),
        (pdf(*CAIXA, password="x"), "password"),
        (pdf(words("Relatório de vendas")), "no statement"),
        (pdf([]), "cannot be read"),
        (nameless_letters("01/04/2026 310326 COB COMPE 3.046,64 C"), "fonts do not name"),
        (bomb(), "damaged"),
        (b"%PDF-1.4\n" + b" " * pdf_text.MAX_BYTES + b"%%EOF", "bytes"),
        (assembled(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"), "cannot be read"),
    ],
    ids=["empty", "damaged", "cut", "mended", "locked", "other", "no text", "nameless letters", "bomb", "huge", "circle"],
)
def test_what_is_no_statement_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(IncompleteDownload, match=says):
        collected(bank_pdf.parts(Source.of(data)))


def test_a_pdf_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_text, "SECONDS", 0.01)
    with pytest.raises(IncompleteDownload, match="damaged, or larger"):
        collected(bank_pdf.parts(Source.of(pdf(*CAIXA))))


PIECES = st.sampled_from(
    ["01/04/2026", "01/04", " ", "Saldo", "1,00", "-", "C", "D", "x", "\ufffd", "SALDO DIA", "Itaú", "CAIXA", "310326"]
)


@given(st.lists(st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=8), max_size=3))
def test_any_lines_raise_nothing_unknown(pages: Sequence[list[str]]) -> None:
    try:
        found = collected(bank_pdf.told(pages))
    except IncompleteDownload:
        return
    assert all(odd.reason and odd.line for statement in found for odd in statement.quarantine)
