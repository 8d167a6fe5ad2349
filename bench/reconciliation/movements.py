"""What settles nothing: fees, own transfers, reversals, payments that came twice, balances, lines of overlapping files."""

from __future__ import annotations

import datetime as dt

from bench.reconciliation import vocabulary as words
from bench.reconciliation.book import Book, Line
from bench.reconciliation.draw import Draw


class Movements:
    """Adds them to a book whose payments are all there."""

    def __init__(self, book: Book) -> None:
        self.book, self.draw = book, book.draw

    def all(self, lines: int) -> None:
        """About a sixth of `lines`."""
        for name, (per, sign, amounts) in words.OTHER_MOVEMENTS.items():
            for _ in range(max(1, lines * per // 10_350)):
                self._other(name, sign, amounts)
        settled = [
            line for line in self.book.lines if line.kind == "match" and line.code == "820" and line.cents > 0 and len(line.edges) == 1
        ]
        for _ in range(max(1, lines * 65 // 10_350)):
            self._transfer()
        for _ in range(max(1, lines * 47 // 10_350)):
            self._reversal(self.draw.pick(settled))
        for _ in range(max(1, lines * 30 // 10_350)):
            self._paid_twice(self.draw.pick(settled))

    def _other(self, name: str, sign: str, amounts: tuple[int, ...] | None) -> None:
        book, draw = self.book, self.draw
        account = book.turn()
        cents = draw.pick(amounts) if amounts else draw.cents(120_000, 1.0)
        if name == "deposito_nao_identificado":
            text = draw.pick(words.UNIDENTIFIED).format(digits=draw.digits(4))
            cents = draw.pick(words.DEPOSITS) if draw.chance(0.3) else cents
        elif name == "tarifa":
            text = draw.pick(book.accounts[account].bank.charges)
        else:
            text = draw.pick(words.MOVEMENT_TEXTS[name])
            cents = cents * 250 if name in {"resgate", "aplicacao"} else cents
        book.line(account, book.day(), cents if sign == "+" else -cents, "105", text, name, kind="noise")

    def _transfer(self) -> None:
        book, draw = self.book, self.draw
        source = book.turn()
        target = next(n for n in iter(book.turn, -1) if n != source)
        day = book.day()
        cents = draw.between(15, 400) * 1_000_000 if draw.chance(0.6) else draw.cents(40_000_000, 0.7)
        out = book.line(source, day, -cents, "117", book.own(book.accounts[source].bank.own_out), "own_transfer", kind="transfer")
        back = book.line(target, day, cents, "732", book.own(book.accounts[target].bank.own_in), "own_transfer", kind="transfer")
        out.pair, back.pair = back, out

    def _reversal(self, like: Line) -> None:
        """A credit that goes back the same day or soon: the amount is that of an invoice that stays open or is paid later."""
        book, draw = self.book, self.draw
        item = like.edges[0][0]
        account, day, partner = book.turn(), book.day(), item.partner
        number = f"0001{draw.between(10_000, 99_998):05d}"
        doc = number if not book.accounts[account].bank.six_digits else number[-6:]
        text = book.pix(account, day, book.name(partner, 32), book.doc(partner.doc))
        first = book.line(account, day, item.open, "820", text, "reversal", kind="reversed", doc=doc)
        told = draw.pick(words.RETURNED)
        width = int(told.split(":")[1].rstrip("}"))
        told = told.split("{")[0] + (partner.trade or draw.pick(partner.spoken))[:width]
        after = f"{int(doc) + 1:0{len(doc)}d}"
        back = book.line(account, book.later(day, 0, 4), -item.open, "820", told, "reversal", kind="reversal", doc=after)
        first.pair, back.pair = back, first

    def _paid_twice(self, line: Line) -> None:
        """The same amount again some days later, mostly into the same account; three in ten tell the payer's name alone."""
        book, draw = self.book, self.draw
        item = line.edges[0][0]
        account = line.account if draw.chance(0.9) else book.turn()
        day = book.later(line.day, 1, 9)
        ref = book.reference(item) if draw.chance(0.3) else ""
        doc = book.doc(item.partner.doc) if draw.chance(0.7) else ""
        name = book.name(item.partner, 32)
        text = book.pix(account, day, name, doc, ref) if draw.chance(0.8) else book.ted(account, name, doc, ref)
        book.line(account, day, line.cents, "820", text, "duplicate_payment", kind="duplicate_payment", pair=line)


def number_files(draw: Draw, book: Book) -> list[Line]:
    """Lines in the order of accounts and days, with files, numbers and balances; overlapping files repeat a day."""
    out: list[Line] = []
    for n, account in enumerate(book.accounts):
        by_day: dict[dt.date, list[Line]] = {}
        for line in book.lines:
            if line.account == n:
                by_day.setdefault(line.day, []).append(line)
        balance, serial = draw.cents(800_000_000, 0.4), draw.between(14_000, 16_000)
        before: list[Line] = []
        month = ""
        for day in sorted(by_day):
            held = by_day[day]
            draw.shuffle(held)
            if f"{day:%Y%m}" != month:
                month = f"{day:%Y%m}"
                out.extend(_repeated(line, f"{account.id}_{month}", n) for line in before if account.bank.overlaps)
            balance += sum(line.cents for line in held)
            if draw.chance(0.30):
                held.append(Line(n, day, balance, "", draw.pick(account.bank.balances), "balance", "balance", doc="-"))
            for place, line in enumerate(held, 1):
                serial += 1
                line.file = f"{account.id}_{month}"
                line.fitid = _fitid(account.bank.fitid, day, place, serial, line.doc)
            out.extend(held)
            before = [line for line in held if line.kind != "balance"]
    return out


def _repeated(line: Line, file: str, account: int) -> Line:
    return Line(
        account,
        line.day,
        line.cents,
        line.code,
        line.text,
        line.scenario,
        "duplicate_import",
        line.doc,
        source=line,
        file=file,
        fitid=line.fitid,
    )


def _fitid(style: str, day: dt.date, place: int, serial: int, doc: str) -> str:
    number = "0" if doc == "-" else doc
    if style == "day-sequence":
        return f"{day:%Y%m%d}{place:05d}"
    if style == "day-document":
        return f"{day:%Y%m%d}{number}"
    return f"N{serial:05X}:{day:%d}" if style == "hex-day" else number
