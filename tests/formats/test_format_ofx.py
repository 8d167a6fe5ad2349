"""The OFX reader: every movement ends as an entry or in quarantine, and no bytes make it fail in an unknown way."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload, RetaguardaError
from retaguarda.formats import identify, ofx, read_statement
from retaguarda.formats.text import MAX_BYTES, day, money
from retaguarda.model.statements import entry_ids

HEAD = "OFXHEADER:100\nDATA:OFXSGML\nCHARSET:1252\n\n<OFX><STMTRS><CURDEF>BRL<BANKACCTFROM><BANKID>1<ACCTID>12345-6</BANKACCTFROM>"


def movement(posted: str, amount: str, memo: str, kind: str = "OTHER", fitid: str = "1") -> str:
    return f"<STMTTRN><TRNTYPE>{kind}<DTPOSTED>{posted}<TRNAMT>{amount}<FITID>{fitid}<MEMO>{memo}</STMTTRN>\n"


def file(*movements: str, tail: str = "<LEDGERBAL><BALAMT>1.00</LEDGERBAL>") -> bytes:
    return f"{HEAD}<BANKTRANLIST>{''.join(movements)}</BANKTRANLIST>{tail}</STMTRS></OFX>".encode()


def test_a_repeated_identifier_hides_no_movement() -> None:
    read = read_statement(file(movement("20261103", "-1.00", "TARIFA", fitid="0"), movement("20261103", "-1.00", "TARIFA", fitid="0")))
    assert len(read.entries) == 2
    assert len(set(entry_ids("a", read.entries))) == 2


def test_the_day_is_the_one_written_whatever_the_time_zone() -> None:
    read = read_statement(file(movement("20260115235959[-03:EST]", "1.00", "X")))
    assert read.entries[0].date == dt.date(2026, 1, 15)


def test_movements_of_both_signs_are_believed_whatever_their_type() -> None:
    read = read_statement(file(movement("20261103", "1.00", "ESTORNO", "DEBIT"), movement("20261103", "-2.00", "X", "DEBIT")))
    assert [e.amount for e in read.entries] == [Decimal("1.00"), Decimal("-2.00")]


def test_a_movement_that_is_called_saldo_but_is_none_stays_a_movement() -> None:
    read = read_statement(file(movement("20261103", "7.00", "SALDO DEVEDOR COBRADO")))
    assert read.movement == Decimal("7.00")


def test_an_opening_balance_after_movements_is_none() -> None:
    read = read_statement(file(movement("20261102", "7.00", "PIX"), movement("20261103", "9.00", "SALDO ANTERIOR")))
    assert read.opening_balance is None
    assert read.movement == Decimal("7.00")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not an OFX"),
        (b"<html>Sess\xc3\xa3o encerrada</html>", "not an OFX"),
        (file(movement("20261103", "1.00", "X"))[:-40], "ends in the middle"),
        (b"OFXHEADER:100\n<OFX><SONRS><STATUS><CODE>15500<MESSAGE>Acesso negado</STATUS></SONRS></OFX>", "no account statement"),
        (b"<OFX>" + b" " * MAX_BYTES + b"</OFX>", "bytes"),
    ],
)
def test_what_is_no_whole_statement_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(IncompleteDownload, match=says):
        ofx.read(data)


def test_entities_are_decoded_once_and_never_expanded() -> None:
    read = read_statement(file(movement("20261103", "1.00", "A &amp;lt; B &b; &#0; &#65; &#x110000; M&LTDA")))
    assert read.entries[0].description == "A &lt; B &b; &#0; A &#x110000; M&LTDA"


AMOUNTS = st.sampled_from(
    ["1.00", "-530,86", "1.234,56", "            .  ", "abc", "1.234", "", "R$ 7,1 D", "(5,00)", "9" * 30, "1e9", "١٢"]
)
DATES = st.sampled_from(["20261103", "20261103100000[-03:EST]", "00000000", "2026-11-03T10:00:00", "20261399", "", "x", "19000101"])
MEMOS = st.text(st.characters(exclude_characters="<>", codec="utf-8"), max_size=30) | st.sampled_from(["SALDO DIA", "<b>x"])


@given(st.lists(st.tuples(DATES, AMOUNTS, MEMOS), max_size=12))
def test_entries_and_quarantine_account_for_every_movement(rows: list[tuple[str, str, str]]) -> None:
    read = read_statement(file(*(movement(posted, amount, memo) for posted, amount, memo in rows)))
    assert len(read.entries) + len(read.quarantine) == len(rows)
    assert all(quarantined.reason and quarantined.line for quarantined in read.quarantine)


@given(st.binary(max_size=400))
def test_junk_between_the_tags_raises_nothing_unknown(junk: bytes) -> None:
    for data in (junk, b"<OFX>" + junk + b"</OFX>", b"<OFX><STMTRS><STMTTRN>" + junk + b"<LEDGERBAL>" + junk + b"</OFX>"):
        identify(data)
        try:
            ofx.read(data)
        except RetaguardaError:
            continue


@given(st.text(alphabet="<>/ADEFGILMNOPRSTUXY:;&#\n 0123456789.,-", max_size=300))
def test_tag_soup_raises_nothing_unknown(soup: str) -> None:
    try:
        ofx.read(f"<OFX><STMTRS>{soup}</OFX>".encode())
    except RetaguardaError:
        return


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(-500, 500).filter(bool), st.sampled_from(["PIX", "TED", "TARIFA"])), max_size=25))
def test_overlapping_files_give_the_same_identities(moves: list[tuple[int, int, str]]) -> None:
    """Two downloads that share whole days tell the shared movements by the same ids; nothing is lost, nothing doubled."""
    moves = sorted(moves, key=lambda move: move[0])

    def ids(first: int, last: int) -> list[str]:
        chosen = [m for m in moves if first <= m[0] <= last]
        rows = (movement(f"202611{d:02d}", f"{c / 100:.2f}", text, "CREDIT", str(n)) for n, (d, c, text) in enumerate(chosen))
        read = read_statement(file(*rows))
        return entry_ids(read.account_key, read.entries)

    everything = ids(1, 9)
    assert set(ids(1, 6)) | set(ids(4, 9)) == set(everything)
    assert len(set(everything)) == len(moves)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("-530,86", "-530.86"), ("            -11,76", "-11.76"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("1234.5", "1234.50"),
        ("R$ 7,10 D", "-7.10"), ("7,10C", "7.10"), ("(5,00)", "-5.00"), ("5,00-", "-5.00"), ("+5.00", "5.00"), ("100", "100.00"),
        ("1.234.567", "1234567.00"),
    ],
)  # fmt: skip
def test_amounts_of_all_banks(text: str, amount: str) -> None:
    assert money(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["1.234", "1,234", "", ".", "1.2.3", "12.34.567", "0x1", "1 2a", "NaN", "1_0"])
def test_amounts_that_read_in_two_ways_or_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        money(text)


def test_days_of_all_banks() -> None:
    assert day("20261103100000[-03:EST]") == day("2026-11-03T10:00:00") == day("20261103") == dt.date(2026, 11, 3)
    assert day("00000000000000") is None
    with pytest.raises(ValueError, match=re.escape("0203")):
        day("02032026")


CLEAN = st.lists(
    st.tuples(
        st.sampled_from(["MEMO", "NAME", "TRNAMT", "FITID", "CHECKNUM"]),
        st.sampled_from(["", " 1,00 ", "a  b", "P&amp;D", "x\n"]),
        st.booleans(),
    ),
    max_size=10,
)


@given(CLEAN)
def test_the_short_way_through_clean_tags_reads_as_the_long_one(tags: list[tuple[str, str, bool]]) -> None:
    text = "".join(f"<{name}>{value}" + (f"</{name}>" if closed else "\n") for name, value, closed in tags)
    filled = {name: value for name, value in ofx._soup(text).items() if value}
    assert {name: value for name, value in ofx._leaves(text).items() if value} == filled
