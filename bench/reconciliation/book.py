"""What happens in the generated months: open items, statement lines, return rows, and which line settles what."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

from bench.reconciliation import vocabulary as words
from bench.reconciliation.draw import Draw, business_days
from bench.reconciliation.register import Partner, Register

_WIDTH = re.compile(r"\{name:(\d+)\}")
_OWN = re.compile(r"\{own:(\d+)\}")


@dataclass(slots=True, eq=False)
class Item:
    """A receivable or payable; amounts in cents."""

    kind: str
    doc_type: str
    partner: Partner
    number: int
    parcel: str
    due: dt.date
    issue: dt.date
    gross: int
    open: int
    withheld: dict[str, int] | None = None
    nosso: str = ""
    seu: str = ""
    account: int = -1
    contract: str = ""
    id: str = ""


@dataclass(slots=True, eq=False)
class Line:
    """A statement line; `edges` are what it settles, `difference` the rest of it."""

    account: int
    day: dt.date
    cents: int
    code: str
    text: str
    scenario: str
    kind: str = "match"
    doc: str = ""
    edges: list[tuple[Item, int]] = field(default_factory=list)
    difference: int = 0
    difference_type: str = ""
    pair: Line | None = None
    source: Line | None = None  # the line that this one repeats
    free: bool = False  # nothing in it tells equal items apart
    file: str = ""
    fitid: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One of our own accounts."""

    id: str
    bank: words.Bank
    pix: tuple[tuple[str, int], ...]
    ted: tuple[str, int]
    out: dict[str, tuple[str, int]]


def _template(text: str) -> tuple[str, int]:
    """A template and the width that it cuts names to."""
    found = _WIDTH.search(text)
    return _WIDTH.sub("{name}", text), int(found[1]) if found else 30


class Book:
    """Everything generated so far, and the verbs that add to it."""

    def __init__(self, draw: Draw, lines: int, months: int, first: dt.date) -> None:
        self.draw, self.months, self.first = draw, months, first
        self.register = Register(draw, lines)
        self.days = business_days(first, months)
        self.owner = f"{draw.pick(words.WORDS)} {words.COMMERCIALISER}"
        self.owner_doc = "".join(draw.pick("123456789") for _ in range(8)) + "0001" + draw.digits(2)
        self.accounts = self._accounts()
        self._turns = [n for n, percent in enumerate(words.SHARES) for _ in range(percent)]
        self.items: list[Item] = []
        self.lines: list[Line] = []
        self.returns: list[str] = []
        self._number = draw.between(15_000, 60_000)
        self._nosso = [draw.between(20_000, 80_000) for _ in self.accounts]
        self._nsa = [draw.between(50, 300) for _ in self.accounts]

    def _accounts(self) -> list[Account]:
        banks = list(words.BANKS[:5])
        for other in words.BANKS[5:]:
            if self.draw.chance(0.5):
                banks[self.draw.between(1, 4)] = other
        return [
            Account(
                f"A{n + 1}",
                bank,
                tuple(_template(t) for t in bank.pix),
                _template(bank.ted),
                {"pix_out": _template(bank.pix_out), "ted_out": _template(bank.ted_out), "boleto_out": _template(bank.boleto_out)},
            )
            for n, bank in enumerate(banks)
        ]

    def turn(self) -> int:
        """An account, the big ones more often."""
        return self.draw.pick(self._turns)

    def day(self) -> dt.date:
        return self.draw.pick(self.days)

    def later(self, day: dt.date, low: int, high: int) -> dt.date:
        """A business day some calendar days later, inside the months."""
        wanted = day + dt.timedelta(self.draw.between(low, high))
        while wanted.weekday() > 4:
            wanted += dt.timedelta(1)
        return min(wanted, self.days[-1])

    def due(self, day: dt.date) -> dt.date:
        """When something paid on `day` was due: mostly that day, sometimes earlier, now and then weeks ago."""
        draw = self.draw
        roll = draw.random()
        if roll < 0.60:
            return day - dt.timedelta(draw.between(0, 2) if day.weekday() == 0 else 0)
        if roll < 0.78:
            return day + dt.timedelta(draw.between(1, 5))
        return day - dt.timedelta(draw.between(1, 12) if roll < 0.93 else draw.between(12, 58))

    def number(self) -> int:
        """The next number of our own invoices."""
        self._number += 1
        return self._number

    def nosso(self, account: int) -> str:
        """The next boleto of an account, in the width of its bank."""
        self._nosso[account] += 1
        width = {"341": 8, "001": 17, "104": 17, "237": 11}.get(self.accounts[account].bank.code, 12)
        head = "14" if self.accounts[account].bank.code == "104" else ""
        return head + f"{self._nosso[account]:0{width - len(head)}d}"

    def nsa(self, account: int) -> int:
        self._nsa[account] += 1
        return self._nsa[account]

    def price(self, partner: Partner) -> int:
        """What an invoice of the partner comes to: a plan, its own flat price, or anything."""
        draw = self.draw
        roll = draw.random()
        if partner.kind == "varejo" and roll < 0.14:
            return draw.pick(words.PLANS)
        if partner.kind in {"varejo", "grande", "governo"} and roll < 0.40:
            return draw.pick(partner.prices)
        return draw.cents({"varejo": 230_000, "fornecedor": 550_000, "governo": 5_000_000}.get(partner.kind, 20_000_000), 1.0)

    def item(self, partner: Partner, due: dt.date, doc_type: str, kind: str = "AR", cents: int = 0, parcel: str = "1/1") -> Item:
        """Add an item."""
        draw = self.draw
        if kind == "AR":
            number = self.number()
        else:
            partner.serial += 1
            number = partner.serial
        gross = cents or self.price(partner)
        item = Item(kind, doc_type, partner, number, parcel, due, due - dt.timedelta(draw.between(8, 35)), gross, gross)
        item.contract = partner.contract if doc_type in {"NFE", "CCEE"} else ""
        if draw.chance(0.5):
            item.seu = f"{number}-{parcel[0]}"
        self.items.append(item)
        return item

    def line(self, account: int, day: dt.date, cents: int, code: str, text: str, scenario: str, **more: object) -> Line:
        """Add a line; its document number is the bank's own unless one is given."""
        line = Line(account, day, cents, code, " ".join(text.split()), scenario, **more)  # type: ignore[arg-type]
        if not line.doc:
            line.doc = self.document(account)
        self.lines.append(line)
        return line

    def document(self, account: int) -> str:
        bank = self.accounts[account].bank
        if bank.code == "104":
            return "000000" if self.draw.chance(0.3) else f"1{self.draw.digits(5)}"
        return f"01{self.draw.digits(4)}" if bank.six_digits else f"0001{self.draw.digits(5)}"

    def _hour(self) -> str:
        return f"{self.draw.between(7, 20):02d}:{self.draw.between(0, 59):02d}"

    # -- how banks write

    def name(self, partner: Partner, width: int) -> str:
        """The partner's name (or trade name) as a bank cuts it."""
        whole = partner.trade or self.draw.pick(partner.spoken)
        return whole[: width - self.draw.between(0, 8)].rstrip()

    def doc(self, doc: str) -> str:
        """A CNPJ or CPF, plain or masked, as likely."""
        if self.draw.chance(0.55) or len(doc) not in {11, 14}:
            return doc
        return f"{doc[:2]}.{doc[2:5]}.{doc[5:8]}/{doc[8:12]}-{doc[12:]}" if len(doc) == 14 else f"{doc[:3]}.{doc[3:6]}.{doc[6:9]}-{doc[9:]}"

    def reference(self, item: Item) -> str:
        return self.draw.pick(words.REFERENCES).format(n=item.number, p=item.parcel[0])

    def pix(self, account: int, day: dt.date, name: str, doc: str, ref: str = "") -> str:
        """The text of a PIX that came in."""
        template, width = self.draw.pick(self.accounts[account].pix)
        if "{name}" not in template and not doc:
            template, width = self.accounts[account].pix[0]
        return template.format(name=name[:width], doc=doc, day=f"{day:%d/%m}", time=self._hour(), ref=ref)

    def ted(self, account: int, name: str, doc: str = "", ref: str = "") -> str:
        """The text of a TED that came in: the name is cut harder, sometimes without spaces."""
        draw = self.draw
        template, width = self.accounts[account].ted
        cut = name.replace(" ", "") if draw.chance(0.12) else name
        cut = cut[: width - draw.between(0, 6)].rstrip()
        bank = draw.pick(("001", "033", "077", "104", "208", "237", "336", "341", "422", "748"))
        return template.format(name=cut, doc=doc, bank=bank, agency=draw.digits(4), ref=ref)

    def going_out(self, account: int, how: str, partner: Partner, day: dt.date) -> str:
        """The text of a payment to a supplier."""
        template, width = self.accounts[account].out[how]
        name = self.draw.pick(partner.spoken)[: width - self.draw.between(0, 9)].rstrip()
        return template.format(name=name, day=f"{day:%d/%m}", time=self._hour())

    def own(self, template: str) -> str:
        """The text of a movement between our own accounts."""
        name = self.owner.upper()
        text = _OWN.sub(lambda found: name[: int(found[1]) - self.draw.between(0, 3)], template)
        return text.format(owndoc=self.owner_doc if self.draw.chance(0.5) else "")
