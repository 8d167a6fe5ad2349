"""Customers pay by boleto: batches, singles, and the rows of the bank's return files."""

from __future__ import annotations

import datetime as dt

from bench.reconciliation.book import Book, Item
from bench.reconciliation.draw import interest, share


class Boletos:
    """Batches and singles; a return that the bank lost leaves no rows."""

    def __init__(self, book: Book) -> None:
        self.book, self.draw = book, book.draw

    def _boleto(self, account: int, day: dt.date) -> Item:
        book, draw = self.book, self.draw
        held = book.register
        doc_type, partner = ("FAT", draw.pick(held.customers)) if draw.chance(0.93) else ("NFE", draw.pick(held.large))
        count = draw.pick((1, 1, 2, 3))
        parcel = f"{draw.between(1, count)}/{count}"
        roll = draw.random()
        due = day - dt.timedelta(1 if roll < 0.55 else draw.between(2, 25) if roll < 0.85 else draw.between(-3, 0))
        item = book.item(partner, due, doc_type, parcel=parcel)
        item.account, item.nosso, item.seu = account, book.nosso(account), f"{item.number}-{parcel[0]}"
        return item

    def _paid(self, item: Item, day: dt.date) -> tuple[int, int]:
        """Interest and discount of a title that was paid the day before the credit."""
        late = (day - item.due).days - 1
        if late > 3 or (late > 0 and self.draw.chance(0.4)):
            return interest(item.open, max(1, late)), 0
        return 0, share(item.open, self.draw.pick((200, 300))) if self.draw.chance(0.02) else 0

    def _row(self, account: int, nsa: int, item: Item, day: dt.date, late: int, less: int) -> int:
        """Write a paid title into the return; tells what the bank credits for it."""
        bank = self.book.accounts[account].bank
        paid = item.open + late - less
        credited = paid - (bank.fee if bank.nets_fee else 0)
        self.row(account, nsa, "06", item, day, (paid, late, less, bank.fee, credited))
        return credited

    def row(
        self, account: int, nsa: int, occurrence: str, item: Item, day: dt.date, sums: tuple[int, int, int, int, int] = (0,) * 5
    ) -> None:
        told = ",".join([money(c) for c in (item.open, *sums)])
        happened = day - dt.timedelta(3 if day.weekday() == 0 else 1)
        self.book.returns.append(
            f"{self.book.accounts[account].id},{nsa},{occurrence},{item.nosso},{item.seu},"
            f"{happened},{day if occurrence == '06' else ''},{told},"
            f"{item.due},{item.partner.doc},{item.partner.spoken[0][:40]}\n"
        )

    def boleto_batch(self) -> int:
        """One credit for the titles of a return; a return in twenty never arrived."""
        book, draw = self.book, self.draw
        account, day = book.turn(), book.day()
        lost, nsa = draw.chance(0.045), book.nsa(account)
        items = [self._boleto(account, day) for _ in range(min(60, 2 + int(draw.expovariate(1 / 9.2))))]
        credited, kept = 0, len(book.returns)
        for item in items:
            late, less = self._paid(item, day)
            credited += self._row(account, nsa, item, day, late, less)
        if lost:
            del book.returns[kept:]
        else:
            self._others(account, nsa, day)
        bank, count = book.accounts[account].bank, len(items)
        number = f"000{draw.digits(3)}" if bank.code in {"341", "237", "033"} else ""
        difference = credited - sum(i.open for i in items)
        text = bank.batch.format(day=f"{day:%d/%m}", count=count)
        line = book.line(
            account, day, credited, "201", text, "boleto_batch_nr" if lost else "boleto_batch", doc=number,
            edges=[(i, i.open) for i in items], difference=difference, difference_type="retorno" if difference else "",
        )  # fmt: skip
        if not bank.nets_fee:
            told = f"TAR COBRANCA QTD {count} {day:%d/%m}"
            book.line(account, day, -count * bank.fee, "105", told, "tarifa", kind="noise", doc=line.doc)
        return 1

    def _others(self, account: int, nsa: int, day: dt.date) -> None:
        """Rows that are no payment: entries, refusals, changes, write-offs."""
        for occurrence, chance in (("02", 0.5), ("03", 0.2), ("09", 0.2), ("14", 0.2)):
            if self.draw.chance(chance):
                title = self._boleto(account, day)
                title.due = day + dt.timedelta(self.draw.between(5, 30))
                self.row(account, nsa, occurrence, title, day)

    def boleto_single(self) -> int:
        """A credit of one title; its number stands in the document or in the text, in some dialect."""
        book, draw = self.book, self.draw
        account, day = book.turn(), book.day()
        bank, item = book.accounts[account].bank, self._boleto(account, day)
        late, less = self._paid(item, day)
        kept = len(book.returns)
        credited = self._row(account, book.nsa(account), item, day, late, less)
        if draw.chance(0.09):
            del book.returns[kept:]
        told = item.nosso
        roll = draw.random()
        if roll < 0.25:
            told = item.nosso.lstrip("0")
        elif roll < 0.45:
            told = f"{item.nosso}{draw.between(0, 9)}"
        elif roll < 0.60:
            told = f"109/{item.nosso}-{draw.between(0, 9)}"
        in_document = not bank.six_digits and draw.chance(0.45)
        kind = "interest" if late else "discount" if less else ""
        book.line(
            account, day, credited, "201", bank.single.format(number="" if in_document else told), "boleto_single",
            doc=item.nosso if in_document else "", edges=[(item, item.open)], difference=credited - item.open, difference_type=kind,
        )  # fmt: skip
        return 1


def money(cents: int) -> str:
    """An amount with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}" if cents >= 0 else f"-{-cents // 100}.{-cents % 100:02d}"
