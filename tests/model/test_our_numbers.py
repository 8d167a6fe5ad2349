"""Nosso número and free field of each bank, by public examples."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.model.boleto import Boleto
from retaguarda.model.charges import Beneficiary, Charge, Payer
from retaguarda.model.our_numbers import boleto_of, check_digit, free_field, itau_account_digit, our_number
from retaguarda.model.values import Cnpj


def beneficiary(bank: str, branch: str = "1248", account: str = "2124", agreement: str = "", wallet: str = "") -> Beneficiary:
    cnpj = Cnpj.parse("11222333000181")
    return Beneficiary(bank, "COMERCIALIZADORA ALFA LTDA", cnpj, branch, account=account, agreement=agreement, wallet=wallet)


ITAU = beneficiary("341", wallet="109")
SANTANDER = beneficiary("033", agreement="1899775", wallet="102")
BRASIL = beneficiary("001", agreement="1238798", wallet="18")
CAIXA = beneficiary("104", agreement="245274")


@pytest.mark.parametrize(
    ("owner", "number", "digit"),
    [
        (beneficiary("341", "0607", "15255", wallet="175"), "12345678", "4"),
        (beneficiary("341", "0607", "15255", wallet="143"), "12345678", "2"),
        (beneficiary("341", "0810", "53678", wallet="175"), "00015448", "6"),
        (beneficiary("341", "0810", "53678", wallet="175"), "00258281", "7"),
        (beneficiary("341", "0810", "53678", wallet="168"), "00258281", "0"),  # carteira and number alone
        (beneficiary("237", wallet="06"), "00000000525", "P"),
        (beneficiary("237", wallet="09"), "00000000001", "1"),
        (beneficiary("237", wallet="19"), "00000000001", "P"),
        (beneficiary("237", wallet="19"), "00000000002", "8"),
        (beneficiary("237", wallet="19"), "00000000006", "0"),
        (SANTANDER, "566612457800", "2"),
        (SANTANDER, "000090002720", "7"),
        (SANTANDER, "000001961005", "0"),
        (CAIXA, "14000000000000001", "4"),
        (BRASIL, "12387980000000001", ""),
        (beneficiary("208"), "123", ""),
    ],
)
def test_check_digits(owner: Beneficiary, number: str, digit: str) -> None:
    assert check_digit(owner, number) == digit


@pytest.mark.parametrize(
    ("branch", "account", "digit"), [("0607", "15255", "0"), ("1547", "85547", "6"), ("1547", "10207", "7"), ("0811", "53678", "8")]
)
def test_itau_account_digit(branch: str, account: str, digit: str) -> None:
    assert itau_account_digit(branch, account) == digit


@pytest.mark.parametrize(
    ("owner", "number", "field"),
    [
        (ITAU, "00010152", "1090001015271248021246000"),
        (beneficiary("341", "0810", "53678", wallet="175"), "00258281", "1750025828170810536789000"),
        (beneficiary("237", "1172", "0403005", wallet="06"), "00075896452", "1172060007589645204030050"),
        (beneficiary("237", "4042", "61900", wallet="03"), "00777700168", "4042030077770016800619000"),
        (SANTANDER, "000090000267", "9189977500009000026700102"),
        (BRASIL, "12387987777700168", "0000001238798777770016818"),
        (CAIXA, "14000000000000001", "2452740000100040000000017"),
    ],
)
def test_free_fields(owner: Beneficiary, number: str, field: str) -> None:
    assert free_field(owner, number) == field


def test_caixa_codes_of_seven_digits_have_no_check_digit_of_their_own() -> None:
    assert free_field(beneficiary("104", agreement="1234567"), "14000000000000001").startswith("1234567000")


@pytest.mark.parametrize(
    ("owner", "ordinal", "number"),
    [
        (ITAU, 10152, "00010152"),
        (beneficiary("237"), 7, "00000000007"),
        (SANTANDER, 7, "000000000007"),
        (BRASIL, 7, "12387980000000007"),
        (CAIXA, 7, "14000000000000007"),
        (beneficiary("208"), 7, "00000000000000000007"),
    ],
)
def test_our_numbers_in_full_width(owner: Beneficiary, ordinal: int, number: str) -> None:
    assert our_number(owner, ordinal) == number


@pytest.mark.parametrize(("owner", "ordinal"), [(ITAU, 10**8), (ITAU, 0), (BRASIL, 10**10), (CAIXA, 10**15)])
def test_an_ordinal_that_does_not_fit_is_refused(owner: Beneficiary, ordinal: int) -> None:
    with pytest.raises(ValueError, match="does not fit a nosso número"):
        our_number(owner, ordinal)


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        (beneficiary("341", account="123456", wallet="109"), "the conta 123456 is longer than 5 digits"),
        (beneficiary("341", wallet="I"), "the carteira must be a number, not 'I'"),
        (beneficiary("341", wallet="198"), "the free field of Itaú's carteira 198 is not known"),
        (beneficiary("237", branch="12345", wallet="09"), "the agência 12345 is longer"),
        (beneficiary("208"), "the free field of bank 208 is not known"),
    ],
)
def test_what_does_not_fit_is_refused(owner: Beneficiary, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        free_field(owner, "7")


PAYER = Payer("11222333000181", "COMERCIALIZADORA BETA LTDA", "AV CENTRAL 100", "CENTRO", "01001000", "SAO PAULO", "SP")


@given(
    st.sampled_from([ITAU, beneficiary("237", wallet="09"), SANTANDER, BRASIL, CAIXA]), st.integers(1, 10**7), st.integers(1, 10**10 - 1)
)
def test_every_charge_has_a_boleto_that_is_read_back(owner: Beneficiary, ordinal: int, cents: int) -> None:
    day = dt.date(2026, 12, 10)
    charge = Charge(our_number(owner, ordinal), "NF 1", day, day, Decimal(cents).scaleb(-2), PAYER)
    boleto = boleto_of(owner, charge)
    assert Boleto.parse(boleto.line) == boleto
    assert (boleto.bank, boleto.amount, boleto.due(day)) == (owner.bank, charge.face_value, day)
