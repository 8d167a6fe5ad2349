"""The CNAB 240 reader: what is cut off is refused, what is odd is quarantined, what is right is read to the cent."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload, RetaguardaError
from retaguarda.formats import Format, cnab240_file, cnab240_statement, identify, read_return, read_returns, read_statement, read_statements
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from sandbox.bank_cedro.statement import cnab240 as cedro_file
from sandbox.bank_jatoba.returns import files as return_files
from sandbox.collection.retorno import cnab240 as return_file
from sandbox.companies import US
from sandbox.ledger import Account, Extract, Ledger
from sandbox.month import PERIOD, Month, build

DATA = Path(__file__).parent / "data"
NOW = dt.datetime(2026, 11, 11, 10, tzinfo=dt.UTC)
MONTH = build()


def extract(month: Month = MONTH) -> Extract:
    account = Account("B", "Conta", 774, "BANCO CEDRO", "4417", "0", "9045512", "X", "1", US)
    return Ledger(account, month.entries, month.opening["B"]).extract(*PERIOD, NOW)


STATEMENT = cedro_file(extract(), 7, NOW)
RETURN = return_file(return_files(MONTH)[0], Account("A", "Conta", 773, "JATOBA", "4417", "0", "38215", "6", "1", US))


def lines(data: bytes) -> list[bytes]:
    return data.split(b"\r\n")


def test_a_statement_is_read_to_the_cent() -> None:
    read, told = read_statement(STATEMENT), extract()
    assert identify(STATEMENT) is Format.CNAB240_STATEMENT
    assert [(e.date, e.amount, e.type) for e in read.entries] == [(p.entry.date, p.entry.amount, p.entry.category) for p in told.posted]
    assert (read.opening_balance, read.closing_balance, read.quarantine) == (told.opening, told.closing, ())
    assert (read.account, read.branch, read.bank) == ("9045512-X", "4417-0", "774")


def test_a_return_is_read_to_the_cent() -> None:
    told = return_files(MONTH)[0]
    read = read_return(RETURN)
    assert identify(RETURN) is Format.CNAB240_RETURN
    assert [(t.movement, t.document, t.paid_value, t.net_value) for t in read.titles] == [
        (m.code, m.document, m.paid, m.net) for m in told.movements
    ]
    assert (read.file_sequence, read.account, read.quarantine) == (1183, "38215-6", ())
    assert sum(t.net_value for t in read.titles if t.settles) == told.credited


@pytest.mark.parametrize("cut", [1, 2, 3, 10, 40])
def test_a_file_that_lost_its_end_is_refused(cut: int) -> None:
    data = b"\r\n".join(lines(STATEMENT)[: -1 - cut])
    with pytest.raises(IncompleteDownload, match="not whole"):
        read_statements(data)


@pytest.mark.parametrize("place", [2, 5, -4])
def test_a_file_that_lost_a_line_in_the_middle_is_refused(place: int) -> None:
    kept = lines(STATEMENT)
    del kept[place]
    with pytest.raises(IncompleteDownload, match="states"):
        read_statements(b"\r\n".join(kept))


def test_a_repeated_line_is_refused() -> None:
    kept = lines(STATEMENT)
    kept.insert(3, kept[3])
    with pytest.raises(IncompleteDownload, match="states"):
        read_statements(b"\r\n".join(kept))


def test_an_altered_amount_is_refused_by_the_stated_sums() -> None:
    kept = lines(STATEMENT)
    kept[4] = kept[4][:167] + (b"1" if kept[4][167:168] != b"1" else b"2") + kept[4][168:]
    with pytest.raises(IncompleteDownload, match="add up to"):
        read_statements(b"\r\n".join(kept))


@pytest.mark.parametrize(
    "mangle",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data + b"\x1a",
        lambda data: b"\r\n".join(line.rstrip() for line in lines(data)),
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"\r\n", b"\r"),
        lambda data: data.replace(b"\r\n", b" \r\n"),
        lambda data: data.replace(b"\r\n", b"\r\n\r\n"),
        lambda data: data.replace(b"\r\n", b""),
    ],
    ids=["bom", "0x1a", "stripped", "lf", "cr", "241 columns", "blank lines", "no line ends"],
)
def test_what_mail_and_editors_do_to_a_file_changes_nothing(mangle: object) -> None:
    assert callable(mangle)
    mangled = read_statement(mangle(STATEMENT))
    plain = read_statement(STATEMENT)
    assert [(e.date, e.amount, e.description, e.document) for e in mangled.entries] == [
        (e.date, e.amount, e.description, e.document) for e in plain.entries
    ]
    assert mangled.closing_balance == plain.closing_balance


def test_two_files_in_one_download_continue_each_other() -> None:
    month = build()
    account = extract().account
    ledger = Ledger(account, month.entries, month.opening["B"])
    first = cedro_file(ledger.extract(dt.date(2026, 11, 1), dt.date(2026, 11, 5), NOW), 7, NOW)
    then = cedro_file(ledger.extract(dt.date(2026, 11, 6), dt.date(2026, 11, 10), NOW), 8, NOW)
    joined, whole = read_statement(first + then), read_statement(STATEMENT)
    assert [e.amount for e in joined.entries] == [e.amount for e in whole.entries]
    assert (joined.opening_balance, joined.closing_balance) == (whole.opening_balance, whole.closing_balance)
    assert len(read_statements(then + first)) == 2  # in the wrong order they are two statements, not a false one


def test_santander_shifts_its_titles() -> None:
    title = read_return((DATA / "retorno_santander.ret").read_bytes()).titles[0]
    assert title.face_value == Decimal("43.50")


def with_y(record: str) -> bytes:
    """The golden retorno, its segment Y replaced from column 16 on."""
    text = (DATA / "retorno.ret").read_text("latin-1")
    at = text.index("Y 0603CHAVE PIX") - 13
    return (text[:at] + (text[at : at + 15] + record).ljust(240) + text[at + 240 :]).encode("latin-1")


def test_the_pix_of_a_boleto_is_told_by_segment_y() -> None:
    key = "00020101021226BR.GOV.BCB.PIX"
    y = "0603".ljust(80 - 15) + "5" + key.ljust(77) + "RTG7f3c2d91e5b84a06bb14cc2290de71a8"
    titles = read_return(with_y(y)).titles
    assert [title.txid for title in titles if title.movement == "06"] == ["RTG7f3c2d91e5b84a06bb14cc2290de71a8"]
    assert not any(title.txid for title in titles if title.movement != "06")


@pytest.mark.parametrize(
    "y", ["0601" + "1".rjust(16) + "GARANTIDORA SA", "0203".ljust(80 - 15) + "5" + "chave".ljust(77) + "OUTROMOVIMENTO", "0603"]
)
def test_a_segment_y_of_something_else_leaves_the_title_as_it_is(y: str) -> None:
    assert read_return(with_y(y)).titles == read_return((DATA / "retorno.ret").read_bytes()).titles


def test_a_return_is_no_statement_and_the_other_way_round() -> None:
    with pytest.raises(IncompleteDownload, match="not a bank statement: cnab240-retorno"):
        read_statement(RETURN)
    with pytest.raises(IncompleteDownload, match="not a retorno"):
        read_return(STATEMENT)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 6), st.sampled_from([STATEMENT, RETURN]))
def test_bytes_turned_at_random_are_read_or_refused(seed: int, count: int, data: bytes) -> None:
    """Whatever happens to single bytes: a known error, or every detail line is an entry, a title or in quarantine."""
    rnd, turned = random.Random(seed), bytearray(data)
    for _ in range(count):
        turned[rnd.randrange(len(turned))] = rnd.randrange(256)
    try:
        records = list(cnab240_file.records(Source.of(bytes(turned))))
        details = sum(isinstance(record, tuple) for record in records)
        if data is STATEMENT:
            statements = read_statements(bytes(turned))
            assert sum(len(s.entries) + len(s.quarantine) for s in statements) >= details
        else:
            titles = read_returns(bytes(turned))
            assert sum(2 * len(r.titles) + 2 * len(r.quarantine) for r in titles) >= details
    except RetaguardaError:
        return


@given(st.binary(max_size=700))
def test_junk_is_refused(junk: bytes) -> None:
    for data in (junk, b"77400000" + junk, lines(STATEMENT)[0] + b"\r\n" + junk):
        with pytest.raises(RetaguardaError):
            collected(cnab240_statement.parts(Source.of(data)))
