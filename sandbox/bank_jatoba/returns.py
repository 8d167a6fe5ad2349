"""Banco Jatobá's retorno de cobrança: one CNAB 240 file per credit date, segments T and U (FEBRABAN layout 060).

Besides the liquidations the files carry what real ones do: a freshly registered title (02) and the monthly fee of the
collection service (28), whose amount is the TAR/CUSTAS COBRANCA line of the statement of the same day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sandbox.cnab import Line, encode, file_trailer
from sandbox.companies import Company
from sandbox.ledger import Account
from sandbox.month import Invoice, Month

LOT = 1
FIRST_NSA = 1183
READY = dt.time(7)
"""Files of a credit date appear at this time of that day."""
CONFIRMED, LIQUIDATED, FEES = "02", "06", "28"
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


def files(month: Month) -> tuple[ReturnFile, ...]:
    """The month's files in the order of their dates, NSA consecutive."""
    days = sorted({title.credit_date for title in month.titles})
    return tuple(ReturnFile(day, FIRST_NSA + n, tuple(_movements(month, day, first=n == 0))) for n, day in enumerate(days))


def available(month: Month, start: dt.date, end: dt.date, now: dt.datetime) -> tuple[ReturnFile, ...]:
    """The files of the period that the bank has put out by `now`."""
    ready = now.date() if now.time() >= READY else now.date() - dt.timedelta(days=1)
    return tuple(file for file in files(month) if start <= file.day <= min(end, ready))


def _movements(month: Month, day: dt.date, *, first: bool) -> Iterator[Movement]:
    for t in month.titles:
        if t.credit_date == day:
            yield Movement(LIQUIDATED, t.our_number, t.document, t.company, t.due_date, t.face, t.occurrence_date, day, t.paid, t.fee)
    if first:
        yield from (_confirmation(invoice, day) for invoice in _open_boletos(month)[:1])
    yield from _fees(month, day)


def _open_boletos(month: Month) -> list[Invoice]:
    """Invoices collected by boleto that nobody has paid: their registration is still news."""
    paid = {title.document for title in month.titles}
    return [i for i in month.invoices if i.method == "boleto" and str(i.number) not in paid]


def _confirmation(invoice: Invoice, day: dt.date) -> Movement:
    our_number, document = f"{10_000_000 + invoice.number}", str(invoice.number)
    return Movement(CONFIRMED, our_number, document, invoice.company, invoice.due_date, invoice.amount, occurred=day, credited=None)


def _fees(month: Month, day: dt.date) -> Iterator[Movement]:
    """Movement 28 on the day's last title: the first collection fee that the statement shows for the day."""
    charged = [e for e in month.entries if e.account == "A" and e.date == day and e.text == "TAR/CUSTAS COBRANCA"]
    titles = [t for t in month.titles if t.credit_date == day]
    if charged and titles:
        last = titles[-1]
        yield Movement(FEES, last.our_number, last.document, last.company, last.due_date, last.face, day, day, fee=-charged[0].amount)


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
    line.digits(100, 104, account.branch).text(105, 105, account.branch_digit).text(106, 130, f"NF{movement.document}")
    line.text(131, 132, "09").number(133, 133, 2).digits(134, 148, movement.payer.cnpj).text(149, 188, movement.payer.name)
    return line.number(189, 198, 0).money(199, 213, movement.fee).text(214, 223, "")


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
