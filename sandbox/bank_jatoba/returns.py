"""What Banco Jatobá's retornos tell of the month, before any remessa of ours: one file a credit date.

Besides the liquidations the files carry what real ones do: a freshly registered title (02) and the monthly fee of the
collection service (28), whose amount is the TAR/CUSTAS COBRANCA line of the statement of the same day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sandbox.collection.retorno import CONFIRMED, FEES, LIQUIDATED, Movement, ReturnFile
from sandbox.month import Invoice, Month

FIRST_NSA = 1183


def files(month: Month) -> tuple[ReturnFile, ...]:
    """The month's files in the order of their dates, NSA consecutive."""
    days = sorted({title.credit_date for title in month.titles})
    return tuple(ReturnFile(day, FIRST_NSA + n, tuple(_movements(month, day, first=n == 0))) for n, day in enumerate(days))


def told(month: Month) -> tuple[tuple[Movement, dt.date], ...]:
    """The month's movements, each with the day whose retorno tells it."""
    return tuple((movement, file.day) for file in files(month) for movement in file.movements)


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
