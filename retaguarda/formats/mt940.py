"""SWIFT MT940 (customer statement message): fields `:NN:` of one or many messages, with or without their `{1:` blocks.

Pages of one statement (`:62M:` followed by `:60M:` of the same account and balance) are one statement. `RC` takes a credit
back and is a debit, `RD` a credit; `EC` and `ED` are expected only: blank checkpoints. Amounts have a decimal comma.
Source: SWIFT Standards MT, category 9, MT940; subfields `?20` of field 86 as DFÜ agreement annex 3 has them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import iban
from retaguarda.formats.parts import Begin, Part
from retaguarda.formats.running import Ledger
from retaguarda.formats.source import Source
from retaguarda.formats.text import day
from retaguarda.model.statements import Entry, Quarantined

MOST_LINES = 60
"""Lines of one field; field 86 has six."""
MAX_RAW = 2000
_TAG = re.compile(r":([0-9]{2}[A-Z]?):")
_ENVELOPE = re.compile(r"-(?:\}.*)?\s*|\{[1-5S]:.*")
_BEGINNING = tuple(re.compile(rb"(?:^|[\s}\xbf])" + name) for name in (rb":20:[^:]", rb":25P?:[^:]", rb":60[FM]:[^:]"))
_QUIET = {"20", "21", "28", "28C", "13", "13D", "64", "65", "90C", "90D"}
"""Fields that tell nothing which a statement keeps: numbers, available and forward balances."""
_MONEY = r"([0-9]{1,15},[0-9]{0,2})"
_BALANCE = re.compile(rf"([CD])([0-9]{{6}})([A-Z]{{3}}){_MONEY}")
_MOVEMENT = re.compile(rf"([0-9]{{6}})([0-9]{{4}})?(R[CD]|E[CD]|[CD])[A-Z]?{_MONEY}([NFS][A-Z0-9]{{3}})(.*)")
_CREDITS = {"C", "RD", "EC"}
_WIDTH = 27
"""A subfield of field 86 that is as long as this goes on in the next one."""


def recognises(head: bytes) -> bool:
    """Whether a file holds the fields that begin an MT940: `:20:`, `:25:`, then `:60F:` or `:60M:`."""
    at = 0
    for field_ in _BEGINNING:
        if not (found := field_.search(head, at)):
            return False
        at = found.end() - 1
    return True


def parts(source: Source) -> Iterator[Part]:
    """One statement for each account and its pages; raises IncompleteDownload when the last one has no end."""
    if not recognises(source.head):
        raise IncompleteDownload("The file is not an MT940 statement.", remedy="Check what the portal gave.")
    statement: _Statement | None = None
    page = _Page()
    for found in _fields(source):
        if found.tag == "20":
            page = _Page()
        elif found.tag in {"25", "25P"}:
            page.account = found.lines[0]
        elif page.opened and statement:
            yield from statement.take(found)
        elif found.tag not in _QUIET:
            page.opened = True
            if statement and not (found.tag != "60F" and statement.goes_on(page.account)):
                yield from statement.over()
                statement = None
            statement = statement or _Statement(page.account)
            yield from statement.take(found)
    if statement is None or not statement.ended:
        raise IncompleteDownload("The MT940 file ends in the middle: its closing balance is missing.", remedy="Download it again.")
    yield from statement.over()


class _Field(NamedTuple):
    tag: str
    line: int
    lines: list[str]
    cut: bool

    def quarantined(self, reason: str) -> Quarantined:
        return Quarantined(self.line, reason, f":{self.tag}:{' '.join(self.lines)}"[:MAX_RAW])


@dataclass(slots=True)
class _Page:
    """One message: whose it is, and whether its balance field was met."""

    account: str = ""
    opened: bool = False


def _fields(source: Source) -> Iterator[_Field]:
    """The fields from the first `:20:` on; lines without a tag go on with the field above."""
    held: _Field | None = None
    for line in source.lines():
        text = re.sub(r"^.*\{4:", "", line.text) if "{4:" in line.text[:400] else line.text
        tag = _TAG.match(text)
        if tag and (held or tag[1] == "20"):
            if held:
                yield held
            held = _Field(tag[1], line.number, [text[tag.end() :].strip()], line.cut)
        elif held and text.strip() and not _ENVELOPE.fullmatch(text):
            held = held._replace(cut=held.cut or line.cut or len(held.lines) >= MOST_LINES)
            held.lines.extend([text.strip()] if not held.cut else [])
    if held:
        yield held


@dataclass(slots=True)
class _Statement:
    """The statement of one account as its fields come in."""

    account: str
    _ledger: Ledger = field(default_factory=Ledger)
    _opening: Decimal | None = None
    _closing: Decimal | None = None
    _interim: Decimal | None = None
    _held: Entry | None = None
    _begun: bool = False
    ended: bool = False

    def goes_on(self, account: str) -> bool:
        """Whether a page of this account is this statement's next one."""
        return self._interim is not None and account == self.account

    def take(self, found: _Field) -> Iterator[Part]:
        """The parts that this field settles."""
        try:
            if found.cut:
                raise ValueError("the field is longer than any that a bank writes")
            yield from self._read(found)
        except ValueError as error:
            yield from self._flush()
            yield from self._begin("BRL")
            self.ended = self.ended or found.tag == "62F"
            yield found.quarantined(str(error))

    def over(self) -> Iterator[Part]:
        """What is left, and the end."""
        yield from self._begin("BRL")
        yield from self._flush()
        yield from self._ledger.over()
        yield replace(self._ledger.end(), opening_balance=self._opening, closing_balance=self._closing)

    def _read(self, found: _Field) -> Iterator[Part]:
        if found.tag == "86":
            self._held = _described(self._held, found.lines) if self._held else None
            return
        yield from self._flush()
        if found.tag in {"60F", "60M", "62F", "62M"}:
            yield from self._balance(found)
        elif found.tag == "61":
            self._held = _movement(found)
            yield from self._begin("BRL")
        elif found.tag not in _QUIET:
            raise ValueError(f"unknown field: {found.tag}")

    def _balance(self, found: _Field) -> Iterator[Part]:
        fits = _BALANCE.fullmatch(found.lines[0].replace(" ", ""))
        if not fits:
            raise ValueError(f"not a balance: {found.lines[0][:40]!r}")
        amount = _signed(fits[1], fits[4])
        yield from self._begin(fits[3])
        if found.tag == "60M" and self._interim is not None:
            before, self._interim = self._interim, None
            if before != amount:
                raise ValueError(f"the page begins with {amount}, the one before it ended with {before}")
            return
        opens = found.tag.startswith("60")
        self._opening = amount if opens and self._opening is None else self._opening
        self._closing = amount if found.tag == "62F" else self._closing
        self._interim = amount if found.tag == "62M" else None
        self.ended = found.tag == "62F"
        text = "SALDO INICIAL" if opens else "SALDO FINAL" if self.ended else "SALDO PARCIAL"
        yield from self._ledger.take(Entry(_day(fits[2]), amount, text, checkpoint=True, line=found.line))

    def _begin(self, currency: str) -> Iterator[Part]:
        if not self._begun:
            self._begun = True
            yield Begin(*_account(self.account), currency)

    def _flush(self) -> Iterator[Part]:
        held, self._held = self._held, None
        if held:
            yield from self._ledger.take(held)


def _account(text: str) -> tuple[str, str, str]:
    """Bank, branch and account of a Brazilian IBAN, of `341/1234/99999-9` or of its end."""
    if known := iban.brazilian(text):
        return known
    *bank, number = text.replace(" ", "").split("/", 2)
    return iban.compe(bank[0]) if bank else "", bank[1] if len(bank) > 1 else "", number


def _signed(side: str, amount: str) -> Decimal:
    value = Decimal(amount.replace(",", ".") + "0").quantize(Decimal("0.01"))
    return value if side in _CREDITS or not value else -value


def _day(digits: str) -> dt.date:
    try:
        found = day(f"{'19' if digits >= '9' else '20'}{digits}")
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"not a date: {digits!r}")
    return found


@lru_cache(maxsize=4096)
def _posted(value: str, booked: str | None) -> dt.date:
    """The booking day; it tells no year, which is the one that brings it nearest to the value day."""
    valued = _day(value)
    if not booked:
        return valued
    years = (valued.year - 1, valued.year, valued.year + 1)
    days = [dt.date(year, int(booked[:2]), int(booked[2:])) for year in years if _exists(year, booked)]
    if not days:
        raise ValueError(f"not a date: {booked!r}")
    return min(days, key=lambda known: abs(known - valued))


def _exists(year: int, booked: str) -> bool:
    try:
        dt.date(year, int(booked[:2]), int(booked[2:]))
    except ValueError:
        return False
    return True


def _movement(found: _Field) -> Entry:
    fits = _MOVEMENT.fullmatch(found.lines[0])
    if not fits:
        raise ValueError(f"not a movement: {found.lines[0][:60]!r}")
    value, booked, side, amount, code, references = fits.groups()
    document, _, reference = references.partition("//")
    signed = _signed(side, amount)
    moves = bool(signed) and not side.startswith("E")
    document = document.strip()
    return Entry(
        _posted(value, booked),
        signed,
        " ".join(" ".join(found.lines[1:]).split()) or code,
        "" if document == "NONREF" else document,
        reference.strip(),
        f"{code} {side}" if len(side) == 2 else code,
        checkpoint=not moves,
        blank=not moves,
        line=found.line,
    )


def _described(entry: Entry, lines: list[str]) -> Entry:
    """The movement with what field 86 says of it."""
    if "?" not in lines[0] or not re.match(r"[0-9]{0,3}\?[0-9]{2}", lines[0]):
        return entry._replace(description=" ".join(" ".join(lines).split())[:MAX_RAW] or entry.description)
    _, *pairs = re.split(r"\?([0-9]{2})", "".join(lines))
    subfields: dict[str, str] = {}
    for key, text in zip(pairs[::2], pairs[1::2], strict=True):
        subfields[key] = subfields.get(key, "") + text
    said = _joined(
        [subfields.get("00", "") + " ", *(text for key, text in sorted(subfields.items()) if key[0] == "2" or "60" <= key <= "63")]
    )
    name = _joined([subfields.get("32", ""), subfields.get("33", "")])
    return entry._replace(description=said or entry.description, counterparty_name=name)


def _joined(texts: list[str]) -> str:
    joined = "".join(text if len(text) >= _WIDTH else f"{text} " for text in texts)
    return " ".join(joined.split())[:MAX_RAW]
