"""The remessa: column by column as the manuals print them, read back to the byte, and refused with every flaw at once."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.formats import Format, cnab240_file, identify, read_returns
from retaguarda.formats.cnab240_remessa import read_back, write
from retaguarda.formats.cnab240_remessa_fields import printable
from retaguarda.formats.cnab240_remessa_layout import FEBRABAN, LAYOUTS, Layout
from retaguarda.formats.source import Source
from retaguarda.model.boleto import mod10
from retaguarda.model.charges import Charge, Discount, Instruction, Late, Payer, Protest, Rate, Remittance, Species
from retaguarda.model.our_numbers import our_number
from retaguarda.model.values import Cnpj
from tests.formats.remessa_samples import BENEFICIARIES, BETA, DATA, DUE, GAMA, ISSUED, charges, remittance

BANKS = sorted(BENEFICIARIES)
PLAIN = charges(BENEFICIARIES["itau"])[0]

# Line (1 the file header, 2 the lot's, 3 P and 4 Q of the plain title, 5 P, 6 Q and 7 R of the rich one), columns, what stands there.
EVERYWHERE = [
    (2, 4, 11, "00011R01"), (3, 4, 17, "0001300001P 01"), (4, 4, 17, "0001300002Q 01"), (5, 9, 17, "00003P 01"),
    (6, 9, 17, "00004Q 01"), (7, 9, 17, "00005R 01"), (8, 9, 17, "00006P 02"), (10, 9, 17, "00008P 06"),
    (1, 4, 8, "00000"), (1, 73, 102, "COMERCIALIZADORA ALFA LTDA    "), (1, 143, 151, "126112026"), (1, 158, 163, "000042"),
    (2, 18, 33, "2011222333000181"), (2, 74, 103, "COMERCIALIZADORA ALFA LTDA    "), (2, 184, 199, "0000004226112026"),
    (3, 78, 100, "10122026000000000100000"), (3, 109, 117, "N25112026"), (3, 119, 141, "0" * 23), (3, 143, 195, "0" * 53),
    (5, 86, 100, "000000015234007"), (5, 109, 109, "A"), (5, 119, 126, "11122026"), (5, 143, 165, "01122026000000000000350"),
    (5, 181, 220, "000000000001001FAT-2026-11-1002         "), (5, 222, 223, "15"),
    (4, 18, 33, "2011444777000161"), (4, 34, 53, "INDUSTRIA GAMA S.A. "), (4, 74, 90, "ROD BR 116 KM 12 "), (4, 114, 128, " " * 15),
    (4, 129, 153, "06800123EMBU           SP"), (6, 18, 33, "2012ABC34501DE35"), (6, 154, 169, "0" * 16),
    (7, 19, 41, "05122026000000000010000"), (7, 66, 89, "211122026000000000000200"),
    (-2, 4, 8, "00015"), (-2, 18, 23, "000011"), (-1, 4, 29, "99999         000001000013"),
]  # fmt: skip
SUMS = [(-2, 24, 46, "00000400000000015350537")]
OF_BANK = {
    "febraban": [
        (1, 1, 3, "773"), (1, 18, 32, "211222333000181"), (1, 33, 72, "ALFA-0001           0441700000000382156 "), (1, 152, 157, "143005"),
        (2, 34, 73, "ALFA-0001           0441700000000382156 "), (3, 18, 37, "0441700000000382156 "),
        (3, 38, 62, "0000000000000000000111122"), (3, 63, 77, "NF 1001        "), (3, 107, 108, "02"), (5, 107, 108, "04"),
        (3, 118, 118, "3"), (5, 118, 118, "2"), (5, 127, 141, "000000000000100"), (3, 142, 142, "0"), (5, 142, 142, "2"), (7, 18, 18, "1"),
        (3, 221, 229, "300200009"), (5, 221, 229, "215106009"), *SUMS,
    ],
    "itau": [
        (1, 1, 3, "341"), (1, 18, 72, "211222333000181" + " " * 20 + "01248 000000002124 6"), (1, 103, 115, "BANCO ITAU SA"),
        (1, 164, 171, "04000000"),
        (2, 12, 16, "00030"), (2, 34, 73, " " * 20 + "01248 000000002124 6"), (3, 18, 40, "01248 000000002124 6109"),
        (3, 41, 62, "000000018" + " " * 8 + "00000"), (3, 63, 77, "NF 1001        "), (3, 107, 108, "01"), (5, 107, 108, "08"),
        (5, 118, 118, "0"), (5, 127, 142, "0000000000050780"), (3, 221, 240, "0000" + "0" * 15 + " "), (5, 221, 226, "215160"),
        (7, 18, 18, "0"), (4, 64, 73, " " * 10), *SUMS,
    ],
    "bradesco": [
        (1, 1, 3, "237"), (1, 33, 72, "000000000000048123450117230000004030052 "), (1, 164, 171, "08401600"), (2, 14, 16, "042"),
        (3, 18, 37, "0117230000004030052 "), (3, 38, 62, "0090000000000000001" + "1" + "11122"), (3, 221, 229, "300200009"), *SUMS,
    ],
    "bb": [
        (1, 1, 3, "001"), (1, 33, 72, "001238798001417019  0404280000000619000 "), (2, 34, 73, "001238798001417019  0404280000000619000 "),
        (1, 164, 171, "08401600"), (3, 38, 62, "12387980000000001   7    "), (3, 221, 227, "3000000"), (5, 221, 227, "1151060"),
        (-2, 24, 240, " " * 217),
    ],
    "santander": [
        (1, 1, 3, "033"), (1, 9, 16, " " * 8), (1, 17, 47, "2011222333000181005900001899775"), (1, 48, 72, " " * 25),
        (1, 152, 157, " " * 6),
        (1, 164, 171, "040     "), (2, 54, 68, "005900001899775"), (2, 200, 207, " " * 8),
        (3, 18, 44, "00591" + "0130001234" * 2 + "  "), (3, 45, 57, "0000000000019"), (3, 58, 62, "512  "),
        (3, 221, 230, "000200000 "), (5, 221, 230, "2151060" + "00 "), (4, 210, 221, "0" * 12), (-2, 24, 240, " " * 217),
    ],
    "caixa": [
        (1, 1, 3, "104"), (1, 33, 72, "0" * 20 + "018252" + "0245274" + "0000000"), (1, 164, 171, "10100000"),
        (1, 192, 211, "REMESSA-PRODUCAO    "),
        (2, 12, 16, "00060"), (2, 34, 73, "0245274" + "0" * 13 + "018252" + "245274" + "00000000"),
        (3, 18, 62, "018252" + "0245274" + "0" * 10 + "14000000000000001" + "11220"), (3, 63, 77, "NF 1001        "),
        (5, 221, 229, "115106009"), *SUMS,
    ],
}  # fmt: skip


def lines(data: bytes) -> list[str]:
    *whole, rest = data.decode("ascii").split("\r\n")
    assert rest == ""
    return whole


@pytest.mark.parametrize("bank", BANKS)
def test_golden_columns(bank: str) -> None:
    found = lines((DATA / f"remessa_{bank}.rem").read_bytes())
    expected = EVERYWHERE + OF_BANK[bank]
    told = [found[at - 1 if at > 0 else at][first - 1 : last] for at, first, last, _ in expected]
    assert [(*one, got) for one, got in zip(expected, told, strict=True) if one[3] != got] == []
    assert all(last - first + 1 == len(what) for _, first, last, what in expected)


@pytest.mark.parametrize("bank", BANKS)
def test_golden_files(bank: str) -> None:
    data = (DATA / f"remessa_{bank}.rem").read_bytes()
    assert write(remittance(bank)) == data
    assert read_back(data) == remittance(bank)
    assert {len(line) for line in lines(data)} == {240}
    assert identify(data) is Format.CNAB240_REMITTANCE
    details = [one for one in cnab240_file.records(Source.of(data)) if isinstance(one, tuple)]
    assert len(details) == 9
    assert {text[7] for _, text in details} == {"3"}


@pytest.mark.parametrize("layout", [FEBRABAN, *LAYOUTS.values()])
def test_no_two_fields_of_a_layout_share_a_column(layout: Layout) -> None:
    for record in (layout.file_header, layout.lot_header, layout.p, layout.q, layout.r, layout.lot_trailer, layout.file_trailer):
        taken = [column for place in record.values() for column in range(place.start, place.end + 1)]
        assert len(taken) == len(set(taken))
        assert set(taken) <= set(range(1, 241))


def test_check_digits_of_the_golden_files_by_hand() -> None:
    assert mod10("1248" + "02124" + "109" + "00000001") == 8
    assert mod10("1248" + "02124") == 6


days = st.dates(dt.date(2026, 1, 1), dt.date(2030, 12, 31))
reais = st.integers(1, 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
small = st.integers(1, 9999).map(lambda cents: Decimal(cents).scaleb(-2))
codes = st.from_regex(r"[A-Z0-9]([A-Z0-9./-]{0,8}[A-Z0-9])?", fullmatch=True)
words = st.text(st.characters(codec="latin-1"), max_size=60).filter(printable)


@st.composite
def titles(draw: st.DrawFn, bank: str) -> Charge:
    owner, issued = BENEFICIARIES[bank], draw(days)
    due, rates = issued + dt.timedelta(draw(st.integers(0, 90))), [Rate.AMOUNT] if bank == "itau" else list(Rate)
    late, face = st.builds(Late, st.sampled_from(rates), small), Decimal(100) + draw(reais)
    cut = st.builds(Discount, st.dates(issued, due), st.sampled_from(rates), small.filter(lambda value: value < 100))
    return Charge(
        our_number(owner, draw(st.integers(1, 99_999_999))), draw(codes), issued, due, face, draw(st.sampled_from([BETA, GAMA])),
        draw(st.sampled_from(Instruction)), draw(st.sampled_from(Species)), draw(st.booleans()), draw(codes | st.just("")),
        draw(st.none() | late), draw(st.none() | st.builds(Late, st.sampled_from(Rate), small)),
        draw(st.lists(cut, max_size=2).map(tuple)), draw(small.filter(lambda value: value < 100) | st.just(Decimal("0.00"))),
        draw(st.none() | st.builds(Protest, st.integers(1, 99), st.just(False) if bank == "caixa" else st.booleans())),
        draw(st.none() | st.integers(1, 99)),
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from(BANKS))
def test_what_is_written_is_read_back(data: st.DataObject, bank: str) -> None:
    found = data.draw(st.lists(titles(bank), min_size=1, max_size=4, unique_by=lambda charge: charge.our_number))
    sent = replace(remittance(bank, *found), sequence=data.draw(st.integers(1, 999_999)))
    assert read_back(write(sent)) == sent


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BANKS), words, words, words, words)
def test_no_text_breaks_a_line(bank: str, name: str, address: str, district: str, city: str) -> None:
    owner = BENEFICIARIES[bank]
    payer = replace(GAMA, name=name, address=address, district=district, city=city)
    sent = Remittance(
        replace(owner, name=name), 1, remittance(bank).created, tuple(replace(charge, payer=payer) for charge in charges(owner))
    )
    data = write(sent)
    assert {len(line) for line in lines(data)} == {240}
    read = read_back(data)
    width = 30 if bank == "itau" else 40
    assert read.charges[0].payer.name == printable(name)[:width].rstrip()
    assert read.beneficiary.name == printable(name)[:30].rstrip()
    assert read.charges[0].payer.city == printable(city)[:15].rstrip()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(BANKS))
def test_a_turned_byte_is_refused_or_read_as_it_stands(seed: int, bank: str) -> None:
    """Never an error of another kind, never a reading that would write other bytes."""
    rnd, turned = random.Random(seed), bytearray((DATA / f"remessa_{bank}.rem").read_bytes())
    turned[rnd.randrange(len(turned))] = rnd.choice([rnd.randrange(256), ord("0") + rnd.randrange(10), 32])
    try:
        read = read_back(bytes(turned))
    except InvalidItem:
        return
    assert write(read) == bytes(turned)


Mangle = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("mangle", "said"),
    [
        (lambda data: data[:-2], "line 13 of the remessa has not 240 characters"),
        (lambda data: data.replace(b"\r\n", b"\n"), "line 1 of the remessa has not"),
        (lambda data: data[:1000], "line 5 of the remessa has not"),
        (lambda data: data[: 242 * 12], "not one file header, one lot and one file trailer"),
        (lambda data: data.replace(b"BETA", "BÉTA".encode("latin-1")), "outside ASCII"),
        (lambda data: data.replace(b"000011", b"000012"), "line 12, column 23 of the remessa is not what the layout asks for"),
        (lambda data: data.replace(b"15350537", b"15350538"), "line 12, column 46"),
        (lambda data: data.replace(b"Q 01", b"Z 01"), "segment 'Z' stands where none may"),
        (lambda data: data.replace(b"P 01", b"P 99"), "cannot be read"),
        (lambda _: b"", "not one file header"),
        (lambda _: b"hello", "line 1 of the remessa"),
        (lambda data: data + data, "not one file header"),
    ],
)
def test_a_damaged_remessa_is_refused(mangle: Mangle, said: str) -> None:
    with pytest.raises(InvalidItem, match=said):
        read_back(mangle((DATA / "remessa_itau.rem").read_bytes()))


def refused(bank: str, *titles: Charge) -> str:
    with pytest.raises(InvalidItem) as caught:
        write(remittance(bank, *titles))
    assert caught.value.remedy
    return caught.value.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"document": "NF 12345678"}, "NF 12345678: document: the field is longer than the layout's 10 columns"),
        ({"document": ""}, "00000001: document: the field is missing"),
        ({"document": "nf é"}, "nf é: document: the field may hold upper-case letters"),
        ({"reference": "X" * 26}, "reference: the field is longer than the layout's 25 columns"),
        ({"our_number": "123"}, "our_number: the nosso número has not the bank's form"),
        ({"our_number": "1234567X"}, "our_number: the field may hold digits only"),
        ({"face_value": Decimal(0)}, "face: the face value must be above zero"),
        ({"face_value": Decimal("-1.00")}, "face: the amount is negative"),
        ({"face_value": Decimal("1.005")}, "face: the amount is negative, too large or has more than two decimals"),
        ({"face_value": Decimal("NaN")}, "face: the amount is negative"),
        ({"face_value": Decimal(10) ** 13}, "face: the amount is negative, too large"),
        ({"due_date": dt.date(2026, 11, 24)}, "due: the due date lies before the issue date"),
        ({"due_date": dt.date(2100, 1, 1)}, "due: the year lies outside 2000 to 2099"),
        ({"interest": Late(Rate.PERCENT, Decimal(1))}, "interest: the bank takes interest in reais a day only"),
        ({"interest": Late(Rate.AMOUNT, Decimal(0))}, "interest: interest must be above zero"),
        ({"fine": Late(Rate.PERCENT, Decimal("100.01"))}, "fine: a fine must be above zero, a rate at most 100"),
        ({"discounts": (Discount(DUE, Rate.PERCENT, Decimal(5)),)}, "discounts: the bank takes discounts in reais only"),
        ({"discounts": (Discount(DUE, Rate.AMOUNT, Decimal(5)),) * 3}, "discounts: at most two discounts"),
        ({"discounts": (Discount(DUE, Rate.AMOUNT, Decimal(1000)),)}, "discounts: a discount must be above zero, less than the title"),
        ({"discounts": (Discount(dt.date(2027, 1, 1), Rate.AMOUNT, Decimal(1)),)}, "end by the due date"),
        ({"rebate": Decimal(1000)}, "rebate: the rebate is negative or not less than the title"),
        ({"protest": Protest(0)}, "protest: a protest comes after 1 to 99 days"),
        ({"cancel_after": 100}, "cancel_days: the field is longer than the layout's 2 columns"),
        ({"cancel_after": 0}, "cancel_after: a title is written off after one day or more"),
    ],
)
def test_what_does_not_fit_a_title_is_told(changes: dict[str, object], said: str) -> None:
    assert said in refused("itau", replace(PLAIN, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"document": "11444777000162"}, "payer: the payer's CNPJ or CPF is not valid"),
        ({"document": "12abc34501de35"}, "payer: the payer's CNPJ or CPF is not valid"),
        ({"document": "11111111111"}, "payer: the payer's CNPJ or CPF is not valid"),
        ({"name": " "}, "payer_name: the field is missing"),
        ({"name": "電力"}, "payer_name: the field is missing"),
        ({"address": ""}, "address: the field is missing"),
        ({"city": ""}, "city: the field is missing"),
        ({"postcode": "1001000"}, "postcode: the CEP must have eight digits"),
        ({"postcode": "01001-00"}, "postcode: the field may hold digits only"),
        ({"state": "XX"}, "state: the state is none of the 27"),
    ],
)
def test_what_does_not_fit_a_payer_is_told(changes: dict[str, str], said: str) -> None:
    assert f"NF 1001: {said}" in refused("itau", replace(PLAIN, payer=replace(GAMA, **changes)))


@pytest.mark.parametrize(
    ("bank", "changes", "said"),
    [
        ("itau", {"account": "123456"}, "account: the field is longer than the layout's 5 columns"),
        ("itau", {"account_digit": ""}, "account_digit: the field is missing"),
        ("itau", {"cnpj": Cnpj("11222333000182")}, "cnpj: the CNPJ is not valid"),
        ("itau", {"name": ""}, "name: the field is missing"),
        ("bb", {"agreement": "123456789X"}, "agreement: the field may hold digits only"),
        ("bb", {"wallet": "31"}, "wallet_code: the field is missing"),
        ("bb", {"agreement": "7654321"}, "our_number: the nosso número has not the bank's form"),
        ("santander", {"wallet": "999"}, "wallet_code: the field is missing"),
        ("febraban", {"bank": "77"}, "bank: a bank's code has three digits"),
        ("febraban", {"agreement": "X" * 21}, "agreement: the field is longer than the layout's 20 columns"),
    ],
)
def test_what_does_not_fit_a_beneficiary_is_told(bank: str, changes: dict[str, str], said: str) -> None:
    owner = replace(BENEFICIARIES[bank], **changes)  # type: ignore[arg-type]
    with pytest.raises(InvalidItem) as caught:
        write(replace(remittance(bank), beneficiary=owner))
    assert said in caught.value.text


def test_santander_may_give_a_code_of_transmission_of_its_own() -> None:
    sent = remittance("santander")
    sent = replace(sent, beneficiary=replace(sent.beneficiary, transmission="005912345678901"))
    data = write(sent)
    assert lines(data)[0][32:47] == lines(data)[1][53:68] == "005912345678901"
    assert read_back(data) == replace(sent, beneficiary=replace(sent.beneficiary, agreement=""))


def test_a_remessa_is_no_retorno() -> None:
    with pytest.raises(IncompleteDownload, match="not a retorno de cobrança: cnab240-remessa"):
        read_returns((DATA / "remessa_bb.rem").read_bytes())


def test_caixa_counts_no_business_days() -> None:
    first = charges(BENEFICIARIES["caixa"])[0]
    assert "protest: the bank counts a protest's days in all days only" in refused(
        "caixa", replace(first, protest=Protest(5, business=True))
    )


def test_all_flaws_are_told_at_once() -> None:
    wrong = Payer("1", "", "", "", "x", "", "")
    with pytest.raises(InvalidItem) as caught:
        write(remittance("itau", replace(PLAIN, payer=wrong), replace(PLAIN, document="NF 2"), replace(PLAIN, our_number="9")))
    flaws = caught.value.facts["flaws"]
    assert isinstance(flaws, tuple)
    assert {(flaw.title, flaw.field) for flaw in flaws} == {
        *(("NF 1001", field) for field in ("payer", "payer_name", "address", "postcode", "city", "state", "our_number")),
        ("NF 2", "our_number"),
    }
    assert {flaw.remedy for flaw in flaws if flaw.title == "NF 1001" and flaw.field != "our_number"} == {
        "Complete the party's register in the ERP."
    }


def test_an_empty_remessa_and_a_missing_sequence_are_refused() -> None:
    with pytest.raises(InvalidItem, match="charges: a remessa holds 1 to 30000 titles; sequence: the sequence number begins at 1"):
        write(replace(remittance("itau"), charges=(), sequence=0))
    with pytest.raises(InvalidItem, match="sequence: the field is longer than the layout's 6 columns"):
        write(replace(remittance("itau"), sequence=1_000_000))


def test_a_payer_may_be_a_person() -> None:
    person = replace(GAMA, document="11144477735")
    data = write(remittance("itau", replace(PLAIN, payer=person)))
    assert lines(data)[3][17:33] == "1000011144477735"
    assert read_back(data).charges[0].payer == person


def test_the_issue_day_is_as_given() -> None:
    assert read_back(write(remittance("bb"))).charges[0].issue_date == ISSUED
