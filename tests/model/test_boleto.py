"""Bar codes and lines: known examples, both ways, and what a mistyped digit does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.model.boleto import Arrecadacao, Boleto, due_date, due_factor, mod10, parse_code, remainder11

TODAY = dt.date(2026, 11, 26)
KNOWN = [  # lines and bar codes of public examples, one a bank
    ("34191.09008 01015.271248 80212.460002 4 25480000675787", "34194254800006757871090001015271248021246000", "6757.87"),
    ("23791.17209 60007.589645 52040.300502 5 42230000295295", "23795422300002952951172060007589645204030050", "2952.95"),
    ("03399.18997 77500.009004 00267.001022 8 51150000002500", "03398511500000025009189977500009000026700102", "25.00"),
    ("00190.00009 01238.798779 77700.168188 5 37710000072356", "00195377100000723560000001238798777770016818", "723.56"),
    ("34191.75124 34567.840813 05367.890000 1 43290000000000", "34191432900000000001751234567840810536789000", "0.00"),
]
UTILITIES = [
    ("83640000001-1 33120138000-2 81288462711-6 08013618155-1", "3", "6", "133.12"),
    ("85890000460-9 52460179160-5 60759305086-5 83148300001-0", "5", "8", "46052.46"),
]
numerals = st.text("0123456789", min_size=1)
boletos = st.builds(
    Boleto,
    bank=st.from_regex(r"[0-7][0-9]{2}", fullmatch=True),
    factor=st.integers(1000, 9999).map(str) | st.just("0000"),
    amount=st.integers(0, 10**10 - 1).map(lambda cents: Decimal(cents).scaleb(-2)),
    free=st.from_regex(r"[0-9]{25}", fullmatch=True),
)
utilities = st.builds(
    Arrecadacao,
    segment=st.from_regex(r"[1-79]", fullmatch=True),
    kind=st.sampled_from("6789"),
    value=st.from_regex(r"[0-9]{11}", fullmatch=True),
    free=st.from_regex(r"[0-9]{29}", fullmatch=True),
)


def refusal(parse: Callable[[str], object], text: str) -> str:
    """Why a code is refused, empty when it is read."""
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return ""


def turned(text: str, at: int, by: int) -> str:
    """`text` with one digit replaced by another."""
    return f"{text[:at]}{(int(text[at]) + by) % 10}{text[at + 1 :]}"


@pytest.mark.parametrize(("line", "barcode", "amount"), KNOWN)
def test_known_lines(line: str, barcode: str, amount: str) -> None:
    read = Boleto.parse(line)
    assert (read.barcode, read.printed, read.amount) == (barcode, line, Decimal(amount))
    assert Boleto.parse(barcode) == read == parse_code(read.line)
    assert read.open is (amount == "0.00")


@pytest.mark.parametrize(("line", "segment", "kind", "amount"), UTILITIES)
def test_known_lines_of_arrecadacao(line: str, segment: str, kind: str, amount: str) -> None:
    read = Arrecadacao.parse(line)
    assert (read.segment, read.kind, read.amount) == (segment, kind, Decimal(amount))
    assert parse_code(read.barcode) == read
    assert read.line == line.replace("-", "").replace(" ", "")


def test_the_manuals_example_of_both_check_digits() -> None:
    """FEBRABAN's layout of arrecadação works through 01230067896: 3 by mod 10, and 0 by mod 11."""
    assert mod10("01230067896") == 3
    assert remainder11("01230067896") == 0


@pytest.mark.parametrize(
    ("day", "factor"),
    [
        ("2000-07-03", "1000"),
        ("2025-02-20", "9998"),
        ("2025-02-21", "9999"),
        ("2025-02-22", "1000"),
        ("2025-02-23", "1001"),
        ("2026-11-26", "1642"),
        ("2049-10-13", "9999"),
        ("2049-10-14", "1000"),
    ],
)
def test_factors_restart(day: str, factor: str) -> None:
    due = dt.date.fromisoformat(day)
    assert due_factor(due) == factor
    assert due_date(factor, due) == due


def test_a_factor_means_the_day_within_the_window() -> None:
    """9999 was yesterday for one who reads on 22/02/2025, 1000 is today; much later 1000 is 2049."""
    assert due_date("9999", dt.date(2025, 2, 22)) == dt.date(2025, 2, 21)
    assert due_date("1000", dt.date(2025, 2, 21)) == dt.date(2025, 2, 22)
    assert due_date("1000", dt.date(2045, 1, 1)) == dt.date(2049, 10, 14)
    assert due_date("0000", TODAY) is None
    assert due_factor(None) == "0000"


@given(st.dates(dt.date(2009, 1, 1), dt.date(2080, 1, 1)), st.integers(-3000, 5500))
def test_every_day_of_the_window_is_read_as_itself(reference: dt.date, away: int) -> None:
    due = reference + dt.timedelta(away)
    assert due_date(due_factor(due), reference) == due


@pytest.mark.parametrize("away", [-3001, 5501, 5999])
def test_a_factor_outside_the_window_is_refused(away: int) -> None:
    with pytest.raises(ValueError, match=r"the due factor \d{4} names no day around 2026-11-26"):
        due_date(due_factor(TODAY + dt.timedelta(away)), TODAY)


@pytest.mark.parametrize("factor", ["0001", "0999"])
def test_a_factor_before_its_beginning_is_refused(factor: str) -> None:
    with pytest.raises(ValueError, match="names no day"):
        due_date(factor, TODAY)
    with pytest.raises(ValueError, match="before 2000-07-03"):
        due_factor(dt.date(2000, 7, 2))


@given(boletos)
def test_bar_code_and_line_say_the_same(boleto: Boleto) -> None:
    assert (len(boleto.barcode), len(boleto.line)) == (44, 47)
    assert Boleto.parse(boleto.barcode) == Boleto.parse(boleto.line) == Boleto.parse(boleto.printed) == boleto


@given(utilities)
def test_bar_code_and_line_of_arrecadacao_say_the_same(slip: Arrecadacao) -> None:
    assert (len(slip.barcode), len(slip.line)) == (44, 48)
    assert Arrecadacao.parse(slip.barcode) == Arrecadacao.parse(slip.line) == slip
    assert (slip.amount is None) == (slip.kind in "79")


@given(boletos, st.integers(0, 46), st.integers(1, 9))
def test_a_mistyped_digit_of_a_line_is_noticed(boleto: Boleto, at: int, by: int) -> None:
    """Fields by mod 10, always; the last field by mod 11, whose check digit 1 stands for three remainders."""
    said = refusal(Boleto.parse, turned(boleto.line, at, by))
    assert "check digit" in said or "begins with 8" in said or (not said and at >= 33 and boleto.digit == "1")


@given(utilities.filter(lambda slip: slip.kind in "67"), st.integers(3, 47), st.integers(1, 9))
def test_mod_10_notices_every_mistyped_digit_of_arrecadacao(slip: Arrecadacao, at: int, by: int) -> None:
    with pytest.raises(ValueError, match="check digit"):
        Arrecadacao.parse(turned(slip.line, at, by))


@given(utilities.filter(lambda slip: slip.kind in "89"), st.integers(3, 47), st.integers(1, 9))
def test_mod_11_notices_a_mistyped_digit_but_for_zero(slip: Arrecadacao, at: int, by: int) -> None:
    """The check digit 0 stands for two remainders: only where block and code both have it can a digit slip through."""
    said = refusal(Arrecadacao.parse, turned(slip.line, at, by))
    assert "check digit" in said or (not said and slip.digit == slip.line[at // 12 * 12 + 11] == "0")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (6, "the check digit of field 1 is 8, its digits ask for"),
        (14, "the check digit of field 2 is 8, its digits ask for"),
        (24, "the check digit of field 3 is 2, its digits ask for"),
        (32, r"the general check digit \(DV\) is 5, its digits ask for 4: mistyped"),
        (45, r"the general check digit \(DV\) is 4, its digits ask for"),
    ],
)
def test_the_error_names_the_field(at: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Boleto.parse(turned(Boleto.parse(KNOWN[0][0]).line, at, 1))


def test_the_error_names_the_block() -> None:
    with pytest.raises(ValueError, match="the check digit of block 3 is 6, its digits ask for"):
        Arrecadacao.parse(turned(Arrecadacao.parse(UTILITIES[0][0]).line, 30, 1))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "more than digits"),
        ("3419", "44 digits .* not 4"),
        ("8" * 47, "begins with 8 and has 44"),
        ("3419x", "more than digits"),
        ("٣" * 44, "more than digits"),
        ("83" + "1" * 42, "third digit"),
    ],
)
def test_what_is_no_code_is_refused(code: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_code(code)


@pytest.mark.parametrize("amount", ["-0.01", "100000000.00", "1.001", "NaN"])
def test_an_amount_that_no_boleto_holds_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="a boleto holds"):
        Boleto("341", "1000", Decimal(amount), "0" * 25)


@pytest.mark.parametrize("part", [{"bank": "34"}, {"factor": "10"}, {"free": "1" * 26}, {"currency": "x"}])
def test_a_part_that_does_not_fit_is_refused(part: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(part))):
        Boleto(**{"bank": "341", "factor": "1000", "amount": Decimal(1), "free": "0" * 25} | part)  # type: ignore[arg-type]
