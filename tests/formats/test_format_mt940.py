"""MT940: pages, sides, years of booking days; a changed movement is seen and a file without its end is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import iban, mt940
from tests.formats.streamed import CHANGES, adds_up, changed, read, survives

SAMPLE = (Path(__file__).parent / "data" / "mt940.sta").read_bytes()


def money(cents: int) -> str:
    return f"{abs(cents) // 100},{abs(cents) % 100:02d}"


def balance(tag: str, cents: int, day: str) -> str:
    return f":{tag}:{'C' if cents >= 0 else 'D'}{day}BRL{money(cents)}"


def message(*fields: str, account: str = "341/1234/99999-9") -> str:
    return "\r\n".join([":20:X", f":25:{account}", ":28C:1/1", *fields, "-", ""])


def one(*fields: str) -> bytes:
    return message(balance("60F", 1000, "261102"), *fields, balance("62F", 1000, "261106")).encode()


def test_pages_of_one_account_are_one_statement() -> None:
    first = message(balance("60F", 0, "261102"), ":61:261103C1,NTRFNONREF", balance("62M", 100, "261103"))
    second = message(balance("60M", 100, "261103"), ":61:261104C2,NTRFNONREF", balance("62F", 300, "261104"))
    other = message(balance("60F", 7, "261103"), balance("62F", 7, "261104"), account="237/450/1-2")
    one, two = read(mt940, (first + second + other).encode())
    assert adds_up(one)
    assert (one.movement, two.account_key) == (Decimal("3.00"), "237/450/1-2")
    [statement] = read(mt940, (first + second.replace("1,00", "9,00")).encode())
    assert ["the page begins with" in odd.reason for odd in statement.quarantine] == [True]


@pytest.mark.parametrize("pages", [0, 1])
def test_a_file_without_its_closing_balance_is_refused(pages: int) -> None:
    last = balance("62M", 100, "261103") if pages else ":61:261103C1,NTRFNONREF"
    whole = message(balance("60F", 0, "261102"), balance("62F", 0, "261102")) * pages
    with pytest.raises(IncompleteDownload, match="ends in the middle"):
        read(mt940, (whole + message(balance("60F", 0, "261102"), last)).encode())


def test_a_statement_without_its_last_page_has_no_closing_balance() -> None:
    first = message(balance("60F", 0, "261102"), balance("62M", 100, "261103"))
    other = message(balance("60F", 7, "261103"), balance("62F", 7, "261104"))
    assert [s.closing_balance for s in read(mt940, (first + other).encode())] == [None, Decimal("0.07")]


@pytest.mark.parametrize(
    ("field", "day", "amount"),
    [
        ("2611031103C1,5NTRFNONREF", dt.date(2026, 11, 3), "1.50"),
        ("261103D1,NTRFNONREF", dt.date(2026, 11, 3), "-1.00"),
        ("2611031103RC1,00NTRFNONREF", dt.date(2026, 11, 3), "-1.00"),
        ("2611031103RDR1,00NTRFNONREF", dt.date(2026, 11, 3), "1.00"),
        ("2701021231C1,00NTRFNONREF", dt.date(2026, 12, 31), "1.00"),
        ("2612310102C1,00NTRFNONREF", dt.date(2027, 1, 2), "1.00"),
        ("2802290229C1,00NTRFNONREF", dt.date(2028, 2, 29), "1.00"),
    ],
)
def test_sides_and_booking_days(field: str, day: dt.date, amount: str) -> None:
    [statement] = read(mt940, one(f":61:{field}"))
    assert [(e.date, e.amount) for e in statement.entries if not e.checkpoint] == [(day, Decimal(amount))]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        (":61:261131C1,00NTRFNONREF", "not a date"),
        (":61:2611030230C1,00NTRFNONREF", "not a date"),
        (":61:261103C1.00NTRFNONREF", "not a movement"),
        (":61:261103C1,005NTRFNONREF", "not a movement"),
        (":77X:y", "unknown field"),
        (":86:" + "\r\n".join(["x"] * 100), "longer"),
        (":86:" + "x" * 70_000, "longer"),
    ],
)
def test_an_odd_field_is_kept_aside_with_its_reason(field: str, says: str) -> None:
    [statement] = read(mt940, one(":61:261103C1,00NTRFNONREF", field, ":61:261103D1,00NTRFNONREF"))
    assert [(odd.line, says in odd.reason) for odd in statement.quarantine] == [(6, True)]
    assert [e.amount for e in statement.entries if not e.checkpoint] == [Decimal("1.00"), Decimal("-1.00")]


@given(st.lists(st.integers(-50_000_00, 50_000_00).filter(bool), min_size=3, max_size=6, unique=True), st.data())
def test_a_changed_movement_is_seen(cents: list[int], data: st.DataObject) -> None:
    rows = [f":61:261103{'C' if value > 0 else 'D'}{money(value)}NTRFNONREF" for value in cents]
    first, last = balance("60F", 1000, "261102"), balance("62F", 1000 + sum(cents), "261104")
    assert adds_up(read(mt940, message(first, *rows, last).encode())[0])
    place, change = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(CHANGES))
    other = changed(rows, place, change, ":61:261103C60000,00NTRFNONREF")
    assert not adds_up(read(mt940, message(first, *other, last).encode())[0])


def test_ibans_of_brazil() -> None:
    assert iban.brazilian("BR12 6070 1190 0123 4000 0999 999C 1") == ("341", "1234", "999999")
    assert iban.brazilian("DE89370400440532013000") is None


@given(st.binary(max_size=300), st.integers(0, len(SAMPLE)))
def test_junk_raises_nothing_unknown(junk: bytes, place: int) -> None:
    survives(mt940, junk)
    survives(mt940, SAMPLE[:place])
    survives(mt940, SAMPLE[:place] + junk + SAMPLE[place:])


FIELDS = st.sampled_from(
    [":20:", ":25:", ":60F:", ":60M:", ":61:", ":86:", ":62F:", ":62M:", "-}", "{4:", "\r\n", "?20", "0", "26", "C", ",", "BRL"]
)


@given(st.lists(FIELDS, max_size=40))
def test_soup_raises_nothing_unknown(soup: list[str]) -> None:
    survives(mt940, (":20:X\n:25:1\n:60F:C261102BRL0,\n" + "".join(soup)).encode())
