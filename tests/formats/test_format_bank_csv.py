"""Text tables of Bradesco, Banco do Brasil and Caixa: a changed row is seen, and no bytes make the reader fail otherwise."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import bank_csv
from retaguarda.formats.bank_table import amount
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from retaguarda.model.values import Period
from retaguarda.reconcile.proof import prove
from tests.formats.streamed import CHANGES, adds_up, changed, read, survives

BRADESCO = "\ufeffExtrato de: Ag: 367 | Conta: 50883-7;;;;;\r\nData;Histórico;Docto.;Crédito (R$);Débito (R$);Saldo (R$)\r\n"
BRASIL = '"Data","Dependencia Origem","Histórico","Data do Balancete","Número do documento","Valor",\r\n'


def br(value: int) -> str:
    return f"{value // 100:,}".replace(",", ".") + f",{value % 100:02d}"


def bradesco(*rows: str, total: str = "") -> bytes:
    return (BRADESCO + "\r\n".join([*rows, total, ""])).encode()


def rows_of(cents: list[int], day: int = 1) -> tuple[list[str], str]:
    """Bradesco rows of these movements from a balance of a million on, and their total."""
    balance, rows = 100_000_000, []
    for number, value in enumerate(cents):
        balance += value
        sides = f"{br(value)};" if value > 0 else f";{br(-value)}"
        rows.append(f"{day + number // 2:02d}/04/2026;PIX;{number};{sides};{br(balance)}")
    credit, debit = sum(c for c in cents if c > 0), -sum(c for c in cents if c < 0)
    return rows, f";;Total;{br(credit)};{br(debit)};{br(balance)}"


CENTS = st.lists(st.integers(-50_000_00, 50_000_00).filter(bool), min_size=3, max_size=9, unique=True)


@given(CENTS, st.data())
def test_a_changed_row_of_bradesco_is_seen(cents: list[int], data: st.DataObject) -> None:
    rows, total = rows_of(cents)
    [whole] = read(bank_csv, bradesco(*rows, total=total))
    assert adds_up(whole)
    assert (whole.opening_balance, whole.movement) == (Decimal(1_000_000), Decimal(sum(cents)).scaleb(-2))
    place = data.draw(st.integers(0, len(rows) - 1))
    other = changed(rows, place, data.draw(st.sampled_from(CHANGES)), "02/04/2026;PIX;9;60.000,00;;1,00")
    [read_again] = read(bank_csv, bradesco(*other, total=total))
    assert not adds_up(read_again)


def test_a_missing_row_is_told_by_its_day() -> None:
    rows, total = rows_of([100, 200, -300, 400, 500])
    [statement] = read(bank_csv, bradesco(*rows[:2], *rows[3:], total=total))
    proof = prove(statement, Period(dt.date(2026, 4, 1), dt.date(2026, 4, 3)))
    assert proof.gap == dt.date(2026, 4, 2)


def test_a_list_whose_days_fall_is_read_the_other_way_round() -> None:
    rows, _ = rows_of([100, 200, -300, 400, 500, 600])
    [rising], [falling] = read(bank_csv, bradesco(*rows)), read(bank_csv, bradesco(*reversed(rows)))
    assert (falling.opening_balance, falling.closing_balance) == (rising.opening_balance, rising.closing_balance)
    printed = [sorted((e.date, e.amount) for e in statement.entries if e.checkpoint) for statement in (rising, falling)]
    assert printed[0] == printed[1]


def test_a_bradesco_table_without_its_total_is_odd() -> None:
    rows, total = rows_of([100, 200, 300])
    [statement] = read(bank_csv, bradesco(*rows[:2]))
    assert ["cut off" in odd.reason for odd in statement.quarantine] == [True]
    [statement] = read(bank_csv, bradesco(*rows[:2], total=total))
    assert any("the total states credit" in odd.reason for odd in statement.quarantine)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("01/04/2026;PIX;1;1,00;1,00;1,00", "a credit and a debit"),
        ("31/02/2026;PIX;1;1,00;;1,00", "not a date"),
        ("01/04/2026;PIX;1;1,5;;1,00", "not an amount"),
        ("01/04/2026;PIX;1", "fewer columns"),
        ("01/04/2026;PIX;1;;;1,00", "no amount"),
        (";PIX;1;1,00;;1,00", "no date"),
        ('01/04/2026;"PIX;1;1,00;;1,00', "quotes"),
        (";só um texto;;;;", "no date"),
    ],
)
def test_an_odd_row_is_kept_aside_with_its_reason(row: str, says: str) -> None:
    rows, _ = rows_of([100, 200])
    [statement] = read(bank_csv, bradesco(row, *rows, total=";;Total;;;"))
    assert [(odd.line, says in odd.reason) for odd in statement.quarantine] == [(3, True)]
    assert statement.movement == Decimal("3.00")


def brasil(*rows: str) -> bytes:
    return (BRASIL + "\r\n".join(rows)).encode("latin-1")


@given(CENTS, st.data())
def test_a_changed_row_of_banco_do_brasil_is_seen(cents: list[int], data: st.DataObject) -> None:
    rows = [f'"0{n // 3 + 1}/04/2026","","Pix - Recebido","","{n}","{value / 100:.2f}",' for n, value in enumerate(cents)]
    first = '"31/03/2026","","Saldo Anterior","","0","10.00",'
    last = f'"30/04/2026","","S A L D O","","0","{10 + sum(cents) / 100:.2f}",'
    [whole] = read(bank_csv, brasil(first, *rows, last))
    assert adds_up(whole)
    place = data.draw(st.integers(0, len(rows) - 1))
    other = changed(rows, place, data.draw(st.sampled_from(CHANGES)), '"01/04/2026","","Pix - Recebido","","9","60000.00",')
    [read_again] = read(bank_csv, brasil(first, *other, last))
    assert not adds_up(read_again)


def caixa(*rows: str) -> bytes:
    return "\r\n".join(rows).encode("latin-1")


@given(CENTS, st.data())
def test_a_changed_row_of_caixa_is_seen(cents: list[int], data: st.DataObject) -> None:
    rows = [f'"0417";"2026040{n + 1}";"{n}";"COB COMPE";"{abs(v) / 100:.2f}";"{"C" if v > 0 else "D"}"' for n, v in enumerate(cents)]
    end = sum(cents)
    first = '"0417";"20260331";"0";"SALDO ANTERIOR";"0.00";"C"'
    last = f'"0417";"20260410";"0";"SALDO DIA";"{abs(end) / 100:.2f}";"{"C" if end >= 0 else "D"}"'
    [whole] = read(bank_csv, caixa(first, *rows, last))
    assert adds_up(whole)
    place = data.draw(st.integers(0, len(rows) - 1))
    other = changed(rows, place, data.draw(st.sampled_from(CHANGES)), '"0417";"20260401";"9";"COB";"60000.00";"C"')
    [read_again] = read(bank_csv, caixa(first, *other, last))
    assert not adds_up(read_again)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a bank statement"),
        (b"<html>", "not a bank statement"),
        (b"Extrato de: Ag: 367 | Conta: 1-9;;\r\n" * 99, "header row"),
        (b'"Conta";"Data_Mov";"Nr_Doc"\r\n', "no row"),
        (b'"Conta";"Data_Mov"\r\n"1";"x"\r\n', "first row"),
    ],
)
def test_what_is_no_statement_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(IncompleteDownload, match=says):
        collected(bank_csv.parts(Source.of(data)))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.234,56", "1234.56"), ("-1,00", "-1.00"), ("1,00-", "-1.00"), ("(1,00)", "-1.00"), ("R$ 1,00 D", "-1.00"), ("1,00 C", "1.00")],
)
def test_amounts_of_tables(text: str, value: str) -> None:
    assert amount(text, ",", exact=True) == Decimal(value)


@pytest.mark.parametrize("text", ["1", "1,0", "1,000", "1.00", "--1,00", "x", "1,00DD", "NaN", "1.23.4,00", "-(1,00)"])
def test_amounts_that_no_table_prints_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        amount(text, ",", exact=True)


@given(st.binary(max_size=300), st.integers(0, 600))
def test_junk_raises_nothing_unknown(junk: bytes, cut: int) -> None:
    rows, total = rows_of([100, 200, -300])
    survives(bank_csv, junk)
    for data in (bradesco(*rows, total=total), brasil('"01/04/2026","","X","","1","1.00",'), caixa('"1";"20260401";"0";"X";"1.00";"C"')):
        survives(bank_csv, data + junk)
        survives(bank_csv, data[:cut])
        survives(bank_csv, data[:200] + junk + data[200:])


@given(st.text(alphabet='0123456789/;,."\r\n-CDTotalSALDO ', max_size=300))
def test_soup_raises_nothing_unknown(soup: str) -> None:
    for begin in (BRADESCO, BRASIL, '"1234";"20260401";"0";"X";"1.00";"C"\n'):
        survives(bank_csv, (begin + soup).encode())
