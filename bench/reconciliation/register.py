"""The people of the books: partners, what they are called at the bank, who pays for them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from bench.reconciliation import vocabulary as words
from bench.reconciliation.draw import Draw

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(slots=True)
class Partner:
    """Somebody we invoice or who invoices us."""

    id: str
    name: str
    doc: str
    kind: str
    group: str = ""
    trade: str = ""
    payer: str = ""  # a third party that pays for it
    payer_doc: str = ""
    payer_known: bool = False  # it paid before, so that it can be learnt
    prices: list[int] = field(default_factory=list)
    contract: str = ""
    serial: int = 0  # its own invoice numbers, when it invoices us
    spoken: list[str] = field(default_factory=list)  # how banks write its name
    plain_doc: str = ""
    masked_doc: str = ""
    members: list[Partner] = field(default_factory=list)


def bare(name: str) -> str:
    """Capitals without accents and signs, as banks write."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper()
    return " ".join(re.sub(r"[.\-]", "", text).split())


def _check(base: str, top: int) -> str:
    weights = [2 + n % (top - 1) for n in range(len(base))]
    rest = sum((ord(c) - 48) * w for c, w in zip(reversed(base), weights, strict=True)) % 11
    return "0" if rest < 2 else str(11 - rest)


def cnpj(root: str, branch: int) -> str:
    base = f"{root}{branch:04d}"
    base += _check(base, 9)
    return base + _check(base, 9)


def cpf(draw: Draw) -> str:
    base = draw.digits(9)
    base += _check(base, 12)
    return base + _check(base, 12)


def root(draw: Draw) -> str:
    if draw.chance(0.02):
        return "".join(draw.pick(_LETTERS) for _ in range(8))
    return f"{draw.between(1, 69):02d}{draw.digits(6)}"


def masked(doc: str) -> str:
    if len(doc) == 14:
        return f"{doc[:2]}.{doc[2:5]}.{doc[5:8]}/{doc[8:12]}-{doc[12:]}"
    return f"{doc[:3]}.{doc[3:6]}.{doc[6:9]}-{doc[9:]}"


def spoken(name: str) -> list[str]:
    """The ways a bank may write a name: whole, with short words, without small words."""
    whole = bare(name)
    short = " ".join(words.ABBREVIATIONS.get(w, w) for w in whole.split())
    fewer = " ".join(w for w in whole.split() if w not in words.SMALL_WORDS)
    return [whole, whole, whole, short, fewer]


class Register:
    """Partners by kind, as many as a trader with `lines` bank lines has."""

    def __init__(self, draw: Draw, lines: int) -> None:
        self.partners: list[Partner] = []
        self.customers: list[Partner] = []
        self.large: list[Partner] = []
        self.public: list[Partner] = []
        self.suppliers: list[Partner] = []
        self.plants: list[Partner] = []
        self.heads: list[Partner] = []
        self._draw = draw
        count = lines // 30 + 80
        self._groups(max(1, count // 400))
        for kept, kind, percent in (
            (self.customers, "varejo", 55),
            (self.large, "grande", 14),
            (self.public, "governo", 5),
            (self.suppliers, "fornecedor", 20),
            (self.plants, "gerador", 6),
        ):
            kept.extend(self._partner(kind) for _ in range(max(4, count * percent // 100)))
        self.tax = self._add("Receita Federal do Brasil", "00394460005887", "tributo")
        self.ccee = self._add("Câmara de Comercialização de Energia Elétrica - CCEE", "03034433000156", "ccee")
        draw.shuffle(self.partners)
        for n, partner in enumerate(self.partners):
            partner.id = f"P{n:06d}"

    def _groups(self, count: int) -> None:
        """Economic groups: branches of one company, and companies of their own under one name."""
        for n in range(count):
            word, held, first = self._draw.pick(words.WORDS), [], root(self._draw)
            title = f"{self._draw.pick(words.TRADE_NAMES)}luz {word} Energia"
            for branch in range(1, self._draw.between(4, 5) + 1):
                own = branch > 2 and n % 2 == 1
                doc = cnpj(root(self._draw), 1) if own else cnpj(first, branch)
                tail = "S.A." if branch == 1 else f"- Filial {branch} S.A." if not own else f"{self._draw.pick(words.TAILS[3:])} S.A."
                held.append(self._add(f"{title} {tail}", doc, "grande", f"G{n:04d}"))
            held[0].members = held
            self.heads.append(held[0])
            self.large.extend(held)

    def _partner(self, kind: str) -> Partner:
        draw = self._draw
        if kind == "varejo" and draw.chance(0.10):
            return self._customer(
                self._add(f"{draw.pick(words.FIRST_NAMES)} {draw.pick(words.WORDS)} {draw.pick(words.WORDS)}", cpf(draw), kind)
            )
        if kind == "governo":
            name = f"{draw.pick(words.PUBLIC)} {draw.pick(words.WORDS)} {draw.pick(words.TAILS)}"
        elif kind == "gerador":
            name = f"{draw.pick(words.PLANTS)} {draw.pick(words.WORDS)} {draw.pick(words.PLANT_TAILS)}"
        else:
            legal = draw.choices([w for w, _ in words.LEGAL], [n for _, n in words.LEGAL])[0]
            name = f"{draw.pick(words.SECTORS)} {draw.pick(words.WORDS)} {draw.pick(words.TAILS)} {legal}"
        partner = self._add(" ".join(name.split()), cnpj(root(draw), 1), kind)
        return self._customer(partner) if kind in {"varejo", "grande", "governo"} else partner

    def _customer(self, partner: Partner) -> Partner:
        draw = self._draw
        if partner.kind != "governo" and draw.chance(0.12):
            partner.trade = bare(f"{draw.pick(words.TRADE_NAMES)} {draw.pick(words.WORDS)}")
        if draw.chance(0.25):
            firm = draw.chance(0.3)
            partner.payer = (
                f"{draw.pick(words.WORDS)} {draw.pick(words.HOLDINGS)}"
                if firm
                else f"{draw.pick(words.FIRST_NAMES)} {draw.pick(words.WORDS)}"
            )
            partner.payer_known = draw.chance(0.82)
            partner.payer_doc = cnpj(root(draw), 1) if firm and draw.chance(0.5) else cpf(draw)
        return partner

    def _add(self, name: str, doc: str, kind: str, group: str = "") -> Partner:
        draw = self._draw
        partner = Partner("", name, doc, kind, group, plain_doc=doc, masked_doc=masked(doc), serial=draw.between(1000, 90000))
        partner.contract = f"CT-{draw.between(200000, 299999)}" if kind in {"grande", "gerador"} else ""
        median = {"varejo": 240_000, "fornecedor": 600_000, "governo": 6_000_000}.get(kind, 16_000_000)
        partner.prices = [draw.cents(median, 0.9) for _ in range(draw.between(1, 3))]
        partner.spoken = spoken(name)
        self.partners.append(partner)
        return partner
