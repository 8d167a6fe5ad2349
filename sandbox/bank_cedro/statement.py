"""Banco Cedro's extrato para conciliação bancária: CNAB 240, service 04, form 40, segment E (FEBRABAN layout 033)."""

from __future__ import annotations

import datetime as dt

from sandbox.cnab import Line, encode, file_trailer
from sandbox.ledger import Account, Extract, Posted

LOT = 1
FILE_LAYOUT, LOT_LAYOUT = 103, 33


def cnab240(extract: Extract, sequence: int, now: dt.datetime) -> bytes:
    """The whole file; `sequence` is both the file's NSA and the number of the extrato."""
    details = [_detail(extract.account, posted, number) for number, posted in enumerate(extract.posted, 1)]
    lot = [_lot_header(extract, sequence), *details, _lot_trailer(extract, len(details) + 2)]
    header = _file_header(extract.account, sequence, now)
    return encode([header, *lot, file_trailer(extract.account.bank, lots=1, records=len(lot) + 2)])


def _holder(line: Line, account: Account) -> Line:
    """Positions 18 to 72, the same in every record that names the account."""
    line.number(18, 18, 2).digits(19, 32, account.holder.cnpj).text(33, 52, account.agreement)
    line.digits(53, 57, account.branch).text(58, 58, account.branch_digit)
    return line.digits(59, 70, account.number).text(71, 71, account.digit).text(72, 72, "")


def _file_header(account: Account, sequence: int, now: dt.datetime) -> Line:
    line = _holder(Line(account.bank, 0, 0), account).text(73, 102, account.holder.name).text(103, 132, account.bank_name)
    line.number(143, 143, 2).day(144, now.date()).text(152, 157, f"{now:%H%M%S}")
    return line.number(158, 163, sequence).number(164, 166, FILE_LAYOUT).number(167, 171, 1600)


def _lot_header(extract: Extract, sequence: int) -> Line:
    account = extract.account
    line = Line(account.bank, LOT, 1).text(9, 9, "E").text(10, 11, "04").text(12, 13, "40").number(14, 16, LOT_LAYOUT)
    _holder(line, account).text(73, 102, account.holder.name)
    line.day(143, extract.start - dt.timedelta(days=1)).money(151, 168, extract.opening).side(169, extract.opening)
    return line.text(170, 170, _position(extract)).text(171, 173, "BRL").number(174, 178, sequence)


def _detail(account: Account, posted: Posted, number: int) -> Line:
    entry = posted.entry
    line = _holder(Line(account.bank, LOT, 3).number(9, 13, number).text(14, 14, "E"), account).text(73, 102, account.holder.name)
    line.text(109, 111, "DPV").text(112, 113, "00").text(134, 134, "N").day(135, entry.date).day(143, entry.date)
    line.money(151, 168, entry.amount).side(169, entry.amount).text(170, 172, entry.category)
    return line.digits(173, 176, "0" + entry.category).text(177, 201, entry.text).text(202, 240, entry.document)


def _lot_trailer(extract: Extract, records: int) -> Line:
    line = _holder(Line(extract.account.bank, LOT, 5), extract.account)
    line.number(89, 106, 0).number(107, 124, 0).number(125, 142, 0)
    line.day(143, extract.end).money(151, 168, extract.closing).side(169, extract.closing).text(170, 170, _position(extract))
    return line.number(171, 176, records).money(177, 194, extract.total(-1)).money(195, 212, extract.total(1))


def _position(extract: Extract) -> str:
    """P parcial while the period reaches today, else F final."""
    return "P" if extract.provisional else "F"
