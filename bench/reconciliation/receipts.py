"""Customers pay: by PIX and TED, one or many invoices, with and without tax, late, short, by others."""

from __future__ import annotations

import datetime as dt

from bench.reconciliation import vocabulary as words
from bench.reconciliation.book import Book, Item, Line
from bench.reconciliation.draw import interest, share
from bench.reconciliation.register import Partner, bare


class Receipts:
    """One method a scenario; each adds items and the lines that settle them, and tells how many lines."""

    def __init__(self, book: Book) -> None:
        self.book, self.draw = book, book.draw
        held = book.register
        self._by_type = (("FAT", held.customers), ("NFE", held.large), ("NFS", held.public), ("NFS", held.large))
        self.payers = [p for p in held.customers + held.large if p.payer]

    def _customer(self, retail: float = 0.60, public: float = 0.06) -> tuple[str, Partner]:
        roll = self.draw.random()
        if roll < retail:
            return "FAT", self.draw.pick(self.book.register.customers)
        if roll < retail + public:
            return "NFS", self.draw.pick(self.book.register.public)
        return ("NFS" if self.draw.chance(0.06) else "NFE"), self.draw.pick(self.book.register.large)

    def _settle(self, scenario: str, item: Item, day: dt.date, text: str, account: int, **more: object) -> Line:
        difference = int(str(more.get("difference", 0)))
        code = "732" if text.startswith(("TED", "CRED TED", "CRED.TED")) else "820"
        return self.book.line(account, day, item.open + difference, code, text, scenario, edges=[(item, item.open)], **more)

    def _any_text(self, account: int, day: dt.date, partner: Partner, item: Item | None) -> tuple[str, bool]:
        """A text that names the payer somehow; and whether equal items stay equal."""
        book, draw = self.book, self.draw
        ref = book.reference(item) if item and draw.chance(0.35) else ""
        roll = draw.random()
        if roll < 0.45:
            name = book.name(partner, 34) if draw.chance(0.6) else ""
            return book.pix(account, day, name, book.doc(partner.doc), ref), not ref
        if roll < 0.80:
            return book.pix(account, day, book.name(partner, 34), "", ref), not ref
        return book.ted(account, book.name(partner, 20), "", ref), not ref

    def pix_ref(self) -> int:
        book, draw = self.book, self.draw
        doc_type, partner = self._customer(0.74, 0.06)
        day, account = book.day(), book.turn()
        item = book.item(partner, book.due(day), doc_type)
        both = draw.random()
        name = book.name(partner, 34) if both < 0.7 else ""
        doc = book.doc(partner.doc) if both > 0.35 else ""
        self._settle("pix_ref", item, day, book.pix(account, day, name, doc, book.reference(item)), account)
        return 1

    def pix_doc(self) -> int:
        book, draw = self.book, self.draw
        doc_type, partner = self._customer()
        day, account = book.day(), book.turn()
        item = book.item(partner, book.due(day), doc_type)
        name = book.name(partner, 34) if draw.chance(0.4) else ""
        self._settle("pix_doc", item, day, book.pix(account, day, name, book.doc(partner.doc)), account, free=True)
        return 1

    def pix_name(self) -> int:
        book = self.book
        doc_type, partner = self._customer()
        day, account = book.day(), book.turn()
        item = book.item(partner, book.due(day), doc_type)
        self._settle("pix_name", item, day, book.pix(account, day, book.name(partner, 38), ""), account, free=True)
        return 1

    def ted_name(self) -> int:
        book, draw = self.book, self.draw
        doc_type, partner = self._customer(0.14, 0.08)
        day, account = book.day(), book.turn()
        item = book.item(partner, book.due(day), doc_type)
        ref = book.reference(item) if draw.chance(0.25) else ""
        self._settle("ted_name", item, day, book.ted(account, book.name(partner, 28), "", ref), account, free=not ref)
        return 1

    def twin(self) -> int:
        """Two equal payments of two equal invoices on one day, told apart by nothing."""
        book = self.book
        partner = self.draw.pick(book.register.customers)
        day, account = book.day(), book.turn()
        first = book.item(partner, day - dt.timedelta(self.draw.between(-2, 20)), "FAT")
        second = book.item(partner, first.due + dt.timedelta(self.draw.between(0, 5)), "FAT", cents=first.gross)
        name = book.name(partner, 34) if self.draw.chance(0.5) else ""
        text = book.pix(account, day, name, book.doc(partner.doc))
        line = self._settle("twin", first, day, text, account, free=True)
        self._settle("twin", second, day, text, account, doc=line.doc, free=True)
        return 2

    def _with_difference(self, scenario: str, name: str, difference: int, item: Item, day: dt.date, free: bool = True) -> int:
        account = self.book.turn()
        text, equal = self._any_text(account, day, item.partner, item)
        self._settle(scenario, item, day, text, account, difference=difference, difference_type=name, free=free and equal)
        return 1

    def _single(self, day: dt.date) -> Item:
        doc_type, partner = self._customer()
        return self.book.item(partner, self.book.due(day), doc_type)

    def tax_known(self) -> int:
        """The ERP knows what the payer withholds: the open amount is the net one."""
        book, day = self.book, self.book.day()
        item = self._taxed(day)
        item.withheld = self._withheld(item.gross)
        item.open = item.gross - sum(item.withheld.values())
        account = book.turn()
        text, equal = self._any_text(account, day, item.partner, item if self.draw.chance(0.3) else None)
        self._settle("tax_known", item, day, text, account, free=equal)
        return 1

    def tax_unknown(self) -> int:
        day = self.book.day()
        item = self._taxed(day)
        return self._with_difference("tax_unknown", "withholding", -sum(self._withheld(item.gross).values()), item, day, free=False)

    def _taxed(self, day: dt.date) -> Item:
        held = self.book.register
        partner = self.draw.pick(held.public if self.draw.chance(0.6) else held.large)
        return self.book.item(partner, self.book.due(day), "NFS")

    def _withheld(self, gross: int) -> dict[str, int]:
        return {tax: share(gross, rate) for tax, rate in self.draw.pick(words.WITHHOLDINGS)}

    def fee_short(self) -> int:
        day = self.book.day()
        return self._with_difference("fee_short", "bank_fee", -self.draw.pick(words.FEES), self._single(day), day)

    def interest(self) -> int:
        day = self.book.day()
        doc_type, partner = self._customer()
        late = self.draw.between(1, 45)
        item = self.book.item(partner, day - dt.timedelta(late), doc_type)
        return self._with_difference("interest", "interest", interest(item.open, late), item, day, free=False)

    def discount(self) -> int:
        day = self.book.day()
        item = self._single(day)
        return self._with_difference("discount", "discount", -share(item.open, self.draw.pick(words.DISCOUNTS)), item, day)

    def rounding(self) -> int:
        day = self.book.day()
        cents = self.draw.between(1, 5) * (1 if self.draw.chance(0.5) else -1)
        return self._with_difference("rounding", "rounding", cents, self._single(day), day)

    def divergent(self) -> int:
        """A named invoice paid with another amount: less stays open, more is left over."""
        book, draw, day = self.book, self.draw, self.book.day()
        partner = draw.pick(book.register.customers)
        item, account = book.item(partner, book.due(day), "FAT"), book.turn()
        text = book.pix(account, day, book.name(partner, 34), book.doc(partner.doc), book.reference(item))
        wrong = max(90, round(item.open * draw.uniform(0.002, 0.35)))
        if draw.chance(0.6):
            paid = item.open - wrong
            book.line(account, day, paid, "820", text, "divergent", edges=[(item, paid)], difference_type="divergent")
        else:
            self._settle("divergent", item, day, text, account, difference=wrong, difference_type="divergent")
        return 1

    def grouped(self) -> int:
        """One credit for several invoices of one customer."""
        book, draw, day = self.book, self.draw, self.book.day()
        doc_type, partner = self._customer(0.58, 0.08)
        count = min(8, 2 + int(draw.expovariate(1.05)))
        first, spread = draw.between(-3, 3), draw.pick((0, 5, 12, 20))
        items = [book.item(partner, day - dt.timedelta(first + draw.between(0, spread)), doc_type) for _ in range(count)]
        account = book.turn()
        text, _ = self._any_text(account, day, partner, None)
        if draw.chance(0.3):
            text += f" REF NFS {items[0].number}/{items[1].number}"
        book.line(account, day, sum(i.open for i in items), "820", text, "grouped", edges=[(i, i.open) for i in items])
        return 1

    def grouped_branch(self) -> int:
        """The head office pays invoices of its branches and of companies of its group."""
        book, draw, day = self.book, self.draw, self.book.day()
        head = draw.pick(book.register.heads)
        count = draw.pick((2, 2, 3, 3, 4))
        items = [book.item(draw.pick(head.members), book.due(day) - dt.timedelta(draw.between(0, 5)), "NFE") for _ in range(count)]
        account = book.turn()
        text = book.ted(account, head.spoken[0]) if draw.chance(0.3) else ""
        text = text or book.pix(account, day, book.name(head, 32) if draw.chance(0.6) else "", book.doc(head.doc))
        book.line(account, day, sum(i.open for i in items), "820", text, "grouped_branch", edges=[(i, i.open) for i in items])
        return 1

    def instalment(self) -> int:
        """Several credits for one invoice."""
        book, draw, day = self.book, self.draw, self.book.day()
        doc_type, partner = self._customer(0.62, 0.08)
        item = book.item(partner, book.due(day), doc_type)
        count = draw.pick((2, 2, 2, 3, 3, 4))
        cuts = sorted(draw.between(item.open // 20, item.open - 1) for _ in range(count - 1))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, item.open], strict=True)]
        if draw.chance(0.5):
            parts = [item.open // count] * (count - 1) + [item.open - item.open // count * (count - 1)]
        account, named, referred, lines = book.turn(), draw.random(), draw.chance(0.45), 0
        for cents in (p for p in parts if p > 0):
            name = book.name(partner, 34) if named < 0.55 else ""
            doc = book.doc(partner.doc) if named > 0.25 else ""
            text = book.pix(account, day, name, doc, book.reference(item) if referred else "")
            book.line(account, day, cents, "820", text, "instalment", edges=[(item, cents)], difference_type="partial")
            lines += 1
            day += dt.timedelta(draw.between(1, draw.pick((1, 7, 10, 30))))
            if day > book.days[-1]:  # the rest is paid after the months
                break
            day = book.later(day, 0, 0)
        return lines

    def _other_payer(self, scenario: str, referred: bool) -> int:
        book, draw, day = self.book, self.draw, self.book.day()
        partner = draw.pick(self.payers)
        item, account = book.item(partner, book.due(day), "FAT" if partner.kind == "varejo" else "NFE"), book.turn()
        roll, doc = draw.random(), ""
        if roll < 0.4:
            doc = partner.payer_doc
        elif roll < 0.65 and len(partner.payer_doc) == 11:
            doc = f"***{partner.payer_doc[3:8]}***"
        name = bare(partner.payer)[: draw.between(18, 34)].rstrip()
        text = book.pix(account, day, name, doc, book.reference(item) if referred else "")
        self._settle(scenario, item, day, text if name[:9] in text else f"{text} {name}", account, free=not referred)
        return 1

    def third_party(self) -> int:
        return self._other_payer("third_party", referred=True)

    def third_party_noref(self) -> int:
        return self._other_payer("third_party_noref", referred=False)

    def netting(self) -> int:
        """A credit or debit that is receivables minus payables of one partner."""
        book, draw, day = self.book, self.draw, self.book.day()
        partner = draw.pick(book.register.plants if draw.chance(0.5) else book.register.large)
        ours = [book.item(partner, day + dt.timedelta(draw.between(-3, 1)), "NFE") for _ in range(draw.pick((1, 1, 2, 2, 3)))]
        theirs = [book.item(partner, day + dt.timedelta(draw.between(-3, 1)), "NFE", "AP") for _ in range(draw.pick((1, 1, 1, 2)))]
        net = sum(i.open for i in ours) - sum(i.open for i in theirs)
        account = book.turn()
        if net > 0:
            text = book.pix(account, day, book.name(partner, 32), book.doc(partner.doc))
        elif net < 0:
            text = book.going_out(account, "ted_out", partner, day)
        else:
            return 0
        book.line(account, day, net, "820", text, "netting", edges=[(i, i.open) for i in ours + theirs], difference_type="netting")
        return 1
