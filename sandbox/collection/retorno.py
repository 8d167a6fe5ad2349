"""The retorno de cobrança as a file: CNAB 240, one lot, a segment T and a segment U for each title (FEBRABAN layout 060)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sandbox.cnab import Line, encode, file_trailer
from sandbox.companies import Company
from sandbox.ledger import Account

LOT = 1
CONFIRMED, REJECTED, LIQUIDATED, FEES = "02", "03", "06", "28"
FILE_LAYOUT, LOT_LAYOUT = 103, 60
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Movement:
    """One title of the file: becomes a segment T and a segment U."""

    code: str
    our_number: str
    document: str
    payer: Company
    due: dt.date
    face: Decimal
    occurred: dt.date
    credited: dt.date | None
    paid: Decimal = ZERO
    fee: Decimal = ZERO
    reference: str = ""  # uso da empresa, as the remessa gave it
    reasons: str = ""  # codes of two characters (FEBRABAN C047)

    @property
    def net(self) -> Decimal:
        return self.paid - self.fee if self.paid else ZERO


@dataclass(frozen=True)
class ReturnFile:
    """The retorno of one credit date; `sequence` is its NSA."""

    day: dt.date
    sequence: int
    movements: tuple[Movement, ...]

    @property
    def credited(self) -> Decimal:
        return sum((m.net for m in self.movements), ZERO)


def cnab240(file: ReturnFile, account: Account) -> bytes:
    """The whole file: header, one lot of T and U pairs, trailers."""
    details: list[Line] = []
    for movement in file.movements:
        details += [_segment_t(account, movement, len(details) + 1), _segment_u(account, movement, len(details) + 2)]
    lot = [_lot_header(file, account), *details, _lot_trailer(file, account, len(details) + 2)]
    return encode([_file_header(file, account), *lot, file_trailer(account.bank, lots=1, records=len(lot) + 2)])


def _file_header(file: ReturnFile, account: Account) -> Line:
    line = Line(account.bank, 0, 0).number(18, 18, 2).digits(19, 32, account.holder.cnpj).text(33, 52, account.agreement)
    line.digits(53, 57, account.branch).text(58, 58, account.branch_digit).digits(59, 70, account.number).text(71, 71, account.digit)
    line.text(73, 102, account.holder.name).text(103, 132, account.bank_name).number(143, 143, 2).day(144, file.day)
    return line.text(152, 157, "064500").number(158, 163, file.sequence).number(164, 166, FILE_LAYOUT).number(167, 171, 0)


def _lot_header(file: ReturnFile, account: Account) -> Line:
    line = Line(account.bank, LOT, 1).text(9, 9, "T").text(10, 11, "01").number(14, 16, LOT_LAYOUT)
    line.number(18, 18, 2).digits(19, 33, account.holder.cnpj).text(34, 53, account.agreement)
    line.digits(54, 58, account.branch).text(59, 59, account.branch_digit).digits(60, 71, account.number).text(72, 72, account.digit)
    return line.text(74, 103, account.holder.name).number(184, 191, file.sequence).day(192, file.day).day(200, file.day)


def _detail(account: Account, segment: str, movement: Movement, number: int) -> Line:
    return Line(account.bank, LOT, 3).number(9, 13, number).text(14, 14, segment).text(16, 17, movement.code)


def _segment_t(account: Account, movement: Movement, number: int) -> Line:
    line = _detail(account, "T", movement, number).digits(18, 22, account.branch).text(23, 23, account.branch_digit)
    line.digits(24, 35, account.number).text(36, 36, account.digit).text(38, 57, movement.our_number).text(58, 58, "1")
    line.text(59, 73, movement.document).day(74, movement.due).money(82, 96, movement.face).number(97, 99, account.bank)
    line.digits(100, 104, account.branch).text(105, 105, account.branch_digit).text(
        106, 130, movement.reference or f"NF{movement.document}"
    )
    kind = 1 if len(movement.payer.cnpj) == 11 else 2
    line.text(131, 132, "09").number(133, 133, kind).digits(134, 148, movement.payer.cnpj).text(149, 188, movement.payer.name)
    return line.number(189, 198, 0).money(199, 213, movement.fee).text(214, 223, movement.reasons)


def _segment_u(account: Account, movement: Movement, number: int) -> Line:
    line = _detail(account, "U", movement, number)
    for start in (18, 33, 48, 63, 108, 123):
        line.money(start, start + 14, ZERO)  # additions, discount, rebate, IOF, other expenses, other credits
    line.money(78, 92, movement.paid).money(93, 107, movement.net).day(138, movement.occurred).day(146, movement.credited)
    return line.day(158, None).money(166, 180, ZERO)


def _lot_trailer(file: ReturnFile, account: Account, records: int) -> Line:
    line = Line(account.bank, LOT, 5).number(18, 23, records).number(24, 29, len(file.movements))
    line.money(30, 46, sum((m.face for m in file.movements), ZERO))
    for start in (47, 70, 93):
        line.number(start, start + 5, 0).money(start + 6, start + 22, ZERO)  # vinculada, caucionada, descontada
    return line
