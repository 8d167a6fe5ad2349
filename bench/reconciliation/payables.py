"""We pay: suppliers one by one and in batches, taxes, the settlement at CCEE."""

from __future__ import annotations

import datetime as dt

from bench.reconciliation import vocabulary as words
from bench.reconciliation.book import Book, Item
from bench.reconciliation.draw import interest, share
from bench.reconciliation.register import Partner


class Payables:
    """One method a scenario."""

    def __init__(self, book: Book) -> None:
        self.book, self.draw = book, book.draw

    def _owed(self, day: dt.date, plants: float, low: int = -2, high: int = 2) -> Item:
        book, draw = self.book, self.draw
        plant = draw.chance(plants)
        partner: Partner = draw.pick(book.register.plants if plant else book.register.suppliers)
        item = book.item(partner, day + dt.timedelta(draw.between(low, high)), "NFE" if plant else "NFS", "AP")
        if not plant and draw.chance(0.13):
            item.withheld = {tax: share(item.gross, rate) for tax, rate in draw.pick(words.WITHHOLDINGS)}
            item.open = item.gross - sum(item.withheld.values())
        return item

    def _pay(self, how: str, plants: float, late: float = 0.0) -> int:
        book, draw = self.book, self.draw
        account, day = book.turn(), book.day()
        item, more, kind = self._owed(day, plants), 0, ""
        if late and draw.chance(late):
            days = draw.between(1, 20)
            item.due, more, kind = day - dt.timedelta(days), interest(item.open, days), "interest"
            item.issue = item.due - dt.timedelta(20)
        text = book.going_out(account, how, item.partner, day)
        doc = str(item.number) if draw.chance(0.35) else ""
        book.line(
            account, day, -item.open - more, "144", text, how, doc=doc, edges=[(item, item.open)], difference=-more, difference_type=kind
        )
        return 1

    def pix_out(self) -> int:
        return self._pay("pix_out", 0.08)

    def ted_out(self) -> int:
        return self._pay("ted_out", 0.58)

    def boleto_out(self) -> int:
        return self._pay("boleto_out", 0.06, late=0.05)

    def sispag_batch(self) -> int:
        """One debit for many suppliers; three in four batches are numbered in the ERP as at the bank."""
        book, draw = self.book, self.draw
        account, day = book.turn(), book.day()
        items = [self._owed(day, 0.0, 0, 0) for _ in range(min(32, 3 + int(draw.expovariate(1 / 5.4))))]
        lot, known = draw.digits(6), draw.chance(0.75)
        for item in items:
            if known:
                item.seu = f"LOTE {lot}"
        doc = "000000" if book.accounts[account].bank.code == "104" and not known else lot
        text = book.accounts[account].bank.suppliers
        book.line(account, day, -sum(i.open for i in items), "144", text, "sispag_batch", doc=doc, edges=[(i, i.open) for i in items])
        return 1

    def darf(self) -> int:
        book, draw = self.book, self.draw
        account, day = book.turn(), book.day()
        item = book.item(book.register.tax, day, "DARF", "AP", cents=draw.cents(1_400_000, 0.8))
        text = draw.pick(words.TAX_TEXTS).format(code=draw.pick(words.TAX_CODES))
        book.line(account, day, -item.open, "161", text, "darf", edges=[(item, item.open)])
        return 1

    def ccee(self) -> int:
        """The month's result of the short-term market, to pay or to receive, at one account."""
        book, draw = self.book, self.draw
        for month in range(1, book.months + 1):
            day = draw.pick(book.days)
            owed = draw.chance(0.6)
            item = book.item(book.register.ccee, day, "CCEE", "AP" if owed else "AR", cents=draw.cents(90_000_000, 0.7))
            cents = -item.open if owed else item.open
            book.line(2, day, cents, "910", f"LIQ FINANCEIRA CCEE MCP {month:02d}", "ccee", edges=[(item, item.open)])
        return book.months
