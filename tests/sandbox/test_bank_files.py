"""The banks' files, read again by hand: positions, counts, sums and balances do not come from the code that wrote them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from sandbox.bank_cedro import portal as cedro
from sandbox.bank_cedro import statement as extrato
from sandbox.bank_jatoba import portal as jatoba
from sandbox.bank_jatoba import returns, statement
from sandbox.cnab import Line
from sandbox.collection.retorno import cnab240
from sandbox.ledger import Extract, of_month
from sandbox.month import BankEntry, Month, build

MONTH = build(42)
START, END = dt.date(2026, 11, 1), dt.date(2026, 11, 10)
NOW = dt.datetime(2026, 11, 11, 9, 30, tzinfo=ZoneInfo("America/Sao_Paulo"))


def entries(account: str, start: dt.date = START, end: dt.date = END) -> list[BankEntry]:
    return [e for e in MONTH.entries if e.account == account and start <= e.date <= end]


def jatoba_extract(start: dt.date = START, end: dt.date = END, now: dt.datetime = NOW) -> Extract:
    return of_month(jatoba.accounts(MONTH.us), MONTH)[-1].extract(start, end, now)


def cedro_extract(start: dt.date = START, end: dt.date = END, now: dt.datetime = NOW) -> Extract:
    return of_month(cedro.accounts(MONTH.us), MONTH)[-1].extract(start, end, now)


def day_of(text: str) -> dt.date:
    """A day in DDMMAAAA."""
    return dt.date(int(text[4:]), int(text[2:4]), int(text[:2]))


def cents(line: str, start: int, end: int) -> Decimal:
    return Decimal(line[start - 1 : end]) / 100


# --- OFX -----------------------------------------------------------------------------------------------------------------


def ofx_movements(text: str) -> list[dict[str, str]]:
    return [dict(re.findall(r"<(\w+)>([^\r\n<]*)\r\n", block)) for block in re.findall(r"<STMTTRN>(.*?)</STMTTRN>", text, re.DOTALL)]


def test_the_ofx_carries_every_movement_of_the_account_and_ties_out() -> None:
    text = statement.ofx(jatoba_extract(), NOW).decode("cp1252")
    balance_row, *movements = ofx_movements(text)
    assert balance_row["MEMO"] == "SALDO ANTERIOR"
    assert [(m["DTPOSTED"][:8], Decimal(m["TRNAMT"]), m["MEMO"]) for m in movements] == [
        (f"{e.date:%Y%m%d}", e.amount, e.text) for e in entries("A")
    ]
    total = sum(Decimal(m["TRNAMT"]) for m in movements)
    assert Decimal(balance_row["TRNAMT"]) + total == Decimal(re.findall(r"<BALAMT>(.*)\r", text)[0])


def test_the_ofx_speaks_the_dialect() -> None:
    body = statement.ofx(jatoba_extract(), NOW)
    assert body.startswith(b"OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\n")
    assert b"ENCODING:USASCII\r\nCHARSET:1252\r\n" in body
    assert "<ORG>Banco Jatobá S.A.".encode("cp1252") in body  # cp1252 bytes under a header that says USASCII
    assert b"<DTPOSTED>20261105100000[-03:EST]\r\n" in body
    assert b"</TRNAMT>" not in body
    assert b"<BANKID>0988\r\n<ACCTID>4417 38215-6\r\n" in body


def test_fitid_is_the_day_and_the_place_in_it() -> None:
    movements = ofx_movements(statement.ofx(jatoba_extract(), NOW).decode("cp1252"))[1:]
    places: dict[str, int] = {}
    for movement in movements:
        day = movement["DTPOSTED"][:8]
        places[day] = places.get(day, 0) + 1
        assert movement["FITID"] == movement["CHECKNUM"] == f"{day}{places[day]:03d}"


def test_the_period_is_obeyed_and_its_balance_follows() -> None:
    part = jatoba_extract(dt.date(2026, 11, 5), dt.date(2026, 11, 6))
    before = sum((e.amount for e in entries("A", end=dt.date(2026, 11, 4))), MONTH.opening["A"])
    assert part.opening == before
    assert [p.entry for p in part.posted] == entries("A", dt.date(2026, 11, 5), dt.date(2026, 11, 6))
    assert part.closing == before + sum(e.amount for e in part_entries(part))


def part_entries(extract: Extract) -> list[BankEntry]:
    return [p.entry for p in extract.posted]


def test_today_is_provisional_and_its_numbers_change() -> None:
    """At half past twelve only a part of the day is there, and the evening numbers it anew."""
    day = dt.date(2026, 11, 10)
    noon = jatoba_extract(day, day, NOW.replace(day=10, hour=12, minute=30))
    evening = jatoba_extract(day, day, NOW)
    assert noon.provisional
    assert not evening.provisional
    assert 0 < len(noon.posted) < len(evening.posted)
    numbers = {id(p.entry): p.sequence for p in evening.posted}
    assert any(numbers[id(p.entry)] != p.sequence for p in noon.posted)


def test_an_account_without_movement_gives_a_statement_without_movement() -> None:
    empty = jatoba_extract(dt.date(2026, 11, 7), dt.date(2026, 11, 8))
    text = statement.ofx(empty, NOW).decode("cp1252")
    assert [m["MEMO"] for m in ofx_movements(text)] == ["SALDO ANTERIOR"]
    assert text.endswith("</OFX>\r\n")


# --- CNAB 240 ------------------------------------------------------------------------------------------------------------


def lines_of(body: bytes, bank: str) -> list[str]:
    text = body.decode("latin-1")
    assert text.endswith("\r\n")
    lines = text.split("\r\n")[:-1]
    assert {len(line) for line in lines} == {240}
    assert {line[:3] for line in lines} == {bank}
    return lines


def test_the_extrato_counts_and_sums_what_it_carries() -> None:
    lines = lines_of(extrato.cnab240(cedro_extract(), 301, NOW), "989")
    header, lot, *details, lot_end, end = lines
    assert [line[7] for line in lines] == ["0", "1", *"3" * len(details), "5", "9"]
    assert lot[8:13] == "E0440"
    assert header[142] == "2"
    assert header[157:163] == "000301"
    assert [int(line[8:13]) for line in details] == list(range(1, len(details) + 1))
    debits = sum(cents(line, 151, 168) for line in details if line[168] == "D")
    credits_ = sum(cents(line, 151, 168) for line in details if line[168] == "C")
    assert (debits, credits_) == (cents(lot_end, 177, 194), cents(lot_end, 195, 212))
    assert cents(lot, 151, 168) == MONTH.opening["B"]
    assert cents(lot, 151, 168) + credits_ - debits == cents(lot_end, 151, 168)
    assert int(lot_end[170:176]) == len(details) + 2
    assert (int(end[17:23]), int(end[23:29])) == (1, len(lines))


def test_the_extrato_carries_every_movement_of_the_account() -> None:
    details = lines_of(extrato.cnab240(cedro_extract(), 301, NOW), "989")[2:-2]
    read = [
        (line[142:150], cents(line, 151, 168) * (1 if line[168] == "C" else -1), line[169:172], line[176:201].strip(), line[201:].strip())
        for line in details
    ]
    assert read == [(f"{e.date:%d%m%Y}", e.amount, e.category, e.text, e.document) for e in entries("B")]
    assert any("12ABC34501DE35" in line[201:] for line in details)  # an alphanumeric CNPJ travels whole


def test_the_extrato_of_today_is_marked_partial() -> None:
    today = NOW.date()
    partial = lines_of(extrato.cnab240(cedro_extract(START, today), 301, NOW), "989")
    final = lines_of(extrato.cnab240(cedro_extract(), 302, NOW), "989")
    assert (partial[1][169], partial[-2][169]) == ("P", "P")
    assert (final[1][169], final[-2][169]) == ("F", "F")


def return_lines(month: Month = MONTH) -> list[list[str]]:
    account = jatoba.accounts(month.us)[-1]
    return [lines_of(cnab240(file, account), "988") for file in returns.files(month)]


def test_returns_are_numbered_without_gaps_one_a_credit_date() -> None:
    files = return_lines()
    numbers = [int(lines[0][157:163]) for lines in files]
    assert numbers == list(range(returns.FIRST_NSA, returns.FIRST_NSA + len(files)))
    assert [lines[0][143:151] for lines in files] == [f"{day:%d%m%Y}" for day in sorted({t.credit_date for t in MONTH.titles})]


def test_every_liquidated_title_stands_once_in_t_and_u() -> None:
    read = []
    for lines in return_lines():
        pairs = zip(lines[2:-2:2], lines[3:-2:2], strict=True)
        for t, u in pairs:
            assert (t[13], u[13]) == ("T", "U")
            assert t[15:17] == u[15:17]
            if t[15:17] == "06":
                assert cents(u, 78, 92) - cents(u, 93, 107) == cents(t, 199, 213)
                read.append((t[37:57].strip(), t[58:73].strip(), t[133:148].lstrip("0"), cents(t, 82, 96), cents(u, 93, 107), u[145:153]))
    expected = [
        (t.our_number, t.document, t.company.cnpj.lstrip("0"), t.face, t.net, f"{t.credit_date:%d%m%Y}")
        for t in sorted(MONTH.titles, key=lambda t: t.credit_date)
    ]
    assert read == expected


def test_what_a_return_credits_is_the_lump_of_the_statement() -> None:
    lumps = {e.date: e.amount for e in MONTH.entries if e.category == "202"}
    for lines in return_lines():
        credited = sum(cents(u, 93, 107) for u in lines if u[7] == "3" and u[13] == "U" and u[15:17] == "06")
        day = day_of(lines[0][143:151])
        assert credited == lumps[day]


def test_returns_carry_the_noise_of_real_ones() -> None:
    codes = [line[15:17] for lines in return_lines() for line in lines if line[7] == "3" and line[13] == "T"]
    assert codes.count("02") == 1
    assert codes.count("28") >= 1
    fees = {(e.date, -e.amount) for e in MONTH.entries if e.text == "TAR/CUSTAS COBRANCA"}
    for lines in return_lines():
        day = day_of(lines[0][143:151])
        charged = {(day, cents(t, 199, 213)) for t in lines if t[7] == "3" and t[13] == "T" and t[15:17] == "28"}
        assert charged <= fees


def test_the_lot_of_a_return_counts_its_records() -> None:
    for lines in return_lines():
        titles = sum(line[7] == "3" and line[13] == "T" for line in lines)
        assert int(lines[-2][17:23]) == len(lines) - 2
        assert int(lines[-2][23:29]) == titles
        assert cents(lines[-2], 30, 46) == sum(cents(t, 82, 96) for t in lines if t[7] == "3" and t[13] == "T")
        assert (int(lines[-1][17:23]), int(lines[-1][23:29])) == (1, len(lines))


@pytest.mark.parametrize("put", [lambda line: line.number(10, 12, 1000), lambda line: line.number(10, 12, 1).number(12, 14, 2)])
def test_a_field_that_does_not_fit_or_overlaps_is_a_defect(put: object) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        put(Line(988, 1, 3))  # type: ignore[operator]
