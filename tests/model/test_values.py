"""Small values keep their promises, odd spellings and hostile text included."""

from __future__ import annotations

import datetime as dt
import string
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.model.contracts import modulation, submarket
from retaguarda.model.values import Cnpj, Month, date_br, decimal_br, plain


@pytest.mark.parametrize(
    "text",
    ["2026-10", "2026/10", "2026_10", "202610", "10/2026", "10-2026", "out/26", "OUT/2026", "01/10/2026", "01-10-2026", "2026-10-01"],
)
def test_a_month_is_read_in_every_spelling_of_the_trade(text: str) -> None:
    assert Month.parse(text) == Month(2026, 10)


@pytest.mark.parametrize("text", ["", "2026-13", "13/2026", "02/10/2026", "2026-10-02", "1/10", "outubro", "١٠/٢٠٢٦", "0000-01"])
def test_what_is_not_a_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a month"):
        Month.parse(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.234,56", "1234.56"), ("-1.234,56", "-1234.56"), ("1.234,56-", "-1234.56"), ("(1.234,56)", "-1234.56"),
        ("1234.56", "1234.56"), ("1,234.56", "1234.56"), ("1.234.567", "1234567"), ("R$ 0,01", "0.01"), ("1.234", "1.234"),
        ("\u00a07", "7"),
    ],
)  # fmt: skip
def test_brazilian_numbers(text: str, number: str) -> None:
    assert decimal_br(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", ".", ",", "abc", "1_000", "1e5", "NaN", "Infinity", "١٢", "12,34,56", "1.2.3"])
def test_what_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        decimal_br(text)


@given(st.text(max_size=40))
def test_number_date_and_month_raise_nothing_but_value_errors(text: str) -> None:
    for parse in (decimal_br, date_br, Month.parse, Cnpj.parse, submarket, modulation):
        try:
            parse(text)
        except ValueError:
            continue


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_a_number_printed_the_brazilian_way_is_read_back(number: Decimal) -> None:
    assert decimal_br(f"{number:,.2f}".translate(str.maketrans(",.", ".,"))) == number


def test_dates_of_screens_and_files() -> None:
    assert date_br("31/12/2026") == date_br("31-12-2026") == date_br("2026-12-31") == dt.date(2026, 12, 31)
    with pytest.raises(ValueError, match="date"):
        date_br("31.12.2026")


@given(st.text(max_size=60))
def test_plain_text_is_stable(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(st.text(alphabet=string.printable, max_size=60))
def test_plain_text_of_ascii_needs_no_normal_form(text: str) -> None:
    assert plain(text) == " ".join(text.upper().split())


@pytest.mark.parametrize(
    ("text", "name"),
    [("SE/CO", "SUDESTE"), ("Sudeste / Centro-Oeste", "SUDESTE"), ("1", "SUDESTE"), ("Sul", "SUL"), ("ne", "NORDESTE"), ("N", "NORTE")],
)
def test_submarkets_have_aliases(text: str, name: str) -> None:
    assert submarket(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("F - Flat", "Flat"), ("FLAT", "Flat"), ("declarado", "Declarada"), ("G - Geração", "Geração"), ("C - Carga", "Carga")],
)
def test_modulations_have_aliases(text: str, name: str) -> None:
    assert modulation(text) == name


@pytest.mark.parametrize("parse", [submarket, modulation])
def test_unknown_names_are_refused(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(ValueError, match="not one of"):
        parse("OESTE")
