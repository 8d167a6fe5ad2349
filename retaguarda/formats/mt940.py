"""SWIFT MT940 (customer statement message): fields `:NN:` of one or many messages, with or without their `{1:` blocks.

Pages of one statement (`:62M:` followed by `:60M:` of the same account and balance) are one statement. `RC` takes a credit
back and is a debit, `RD` a credit; `EC` and `ED` are expected only: blank checkpoints. Amounts have a decimal comma.
Source: SWIFT Standards MT, category 9, MT940; subfields `?20` of field 86 as DFÜ agreement annex 3 has them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import iban
from retaguarda.formats.parts import Begin, Part
from retaguarda.formats.running import Ledger
from retaguarda.formats.source import LONGEST_LINE, Source, is_cut
from retaguarda.formats.text import day, kept
from retaguarda.model.statements import Entry, Quarantined, entry_of

MOST_LINES = 60
"""Lines of one field; field 86 has six."""
MAX_RAW = 2000
_TAG = re.compile(r":([0-9]{2}[A-Z]?):")
_ENVELOPE = re.compile(r"-(?:\}.*)?\s*|\{[1-5S]:.*")
_BEGINNING = tuple(re.compile(rb"(?:^|[\s}\xbf])" + name) for name in (rb":20:[^:]", rb":25P?:[^:]", rb":60[FM]:[^:]"))
_MOST = {":61:", ":86:"}
_HEADING = {"20", "25", "25P"}
_BALANCES = {"60F", "60M", "62F", "62M"}
_QUIET = {"20", "21", "28", "28C", "13", "13D", "64", "65", "90C", "90D"}
"""Fields that tell nothing which a statement keeps: numbers, available and forward balances."""
_MONEY = r"([0-9]{1,15},[0-9]{0,2})"
_BALANCE = re.compile(rf"([CD])([0-9]{{6}})([A-Z]{{3}}){_MONEY}")
_STRUCTURED = re.compile(r"[0-9]{0,3}\?[0-9]{2}")
_MOVEMENT = re.compile(rf"([0-9]{{6}}(?:[0-9]{{4}})?)(R[CD]|E[CD]|[CD])[A-Z]?{_MONEY}([NFS][A-Z0-9]{{3}})(.*)")
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
    opened: _Statement | None = None  # whose balance field the page that is read has told
    account = ""  # of this page
    for found in _fields(source):
        tag = found[0]
        if opened and tag not in _HEADING:
            yield from opened.take(found)
        elif tag == "20":
            account, opened = "", None
        elif tag in _HEADING:
            account = found[2][0]
        elif tag not in _QUIET:
            if statement and not (tag != "60F" and statement.goes_on(account)):
                yield from statement.over()
                statement = None
            opened = statement = statement or _Statement(account)
            yield from opened.take(found)
    if statement is None or not statement.ended:
        raise IncompleteDownload("The MT940 file ends in the middle: its closing balance is missing.", remedy="Download it again.")
    yield from statement.over()


_Field = tuple[str, int, list[str], bool]
"""Tag, line, and texts of a field, not all of them when it is longer than any that a bank writes."""
_Movement = tuple[dt.date, Decimal, str, str, str, str, bool, int]
"""Day, amount, text, document, reference and type of a movement, whether it moves nothing, and its line."""


def _fields(source: Source) -> Iterator[_Field]:
    """The fields from the first `:20:` on; lines without a tag go on with the field above."""
    held: _Field | None = None
    for number, line in source.lines():
        text = re.sub(r"^.*\{4:", "", line) if "{" in line and "{4:" in line[:400] else line
        if text[:4] in _MOST and held:
            yield held
            held = (text[1:3], number, [text[4:].strip()], len(line) > LONGEST_LINE)
        elif (tag := _tag(text)) and (held or tag == "20"):
            if held:
                yield held
            held = (tag, number, [text[len(tag) + 2 :].strip()], is_cut(line))
        elif held and text and not text.isspace() and not _ENVELOPE.fullmatch(text):
            _, _, texts, cut = held
            if cut or is_cut(line) or len(texts) >= MOST_LINES:
                held = (*held[:3], True)
            else:
                texts.append(text.strip())
    if held:
        yield held


def _tag(text: str) -> str:
    found = _TAG.match(text)
    return found[1] if found else ""


@dataclass(slots=True)
class _Statement:
    """The statement of one account as its fields come in."""

    account: str
    _ledger: Ledger = field(default_factory=Ledger)
    _opening: Decimal | None = None
    _closing: Decimal | None = None
    _interim: Decimal | None = None
    _held: _Movement | None = None
    _said: str = ""  # of the movement that is held, by its field 86
    _name: str = ""
    _begun: bool = False
    ended: bool = False

    def goes_on(self, account: str) -> bool:
        """Whether a page of this account is this statement's next one."""
        return self._interim is not None and account == self.account

    def take(self, found: _Field) -> Sequence[Part]:
        """The parts that this field settles."""
        tag, line, texts, cut = found
        if tag == "86" and not cut:
            if len(texts) == 1 and "?" not in texts[0]:
                self._said = " ".join(texts[0].split()) or self._said
            else:
                self._describe(texts)
            return ()
        settled = self._flush()
        try:
            if cut:
                raise ValueError("the field is longer than any that a bank writes")
            if tag == "61":
                self._said, self._name, self._held = "", "", _movement(texts, line)
                return settled if self._begun else (*settled, *self._begin("BRL"))
            return (*settled, *self._balance(tag, line, texts[0]))
        except ValueError as error:
            self.ended = self.ended or tag == "62F"
            raw = f":{tag}:{' '.join(texts)}"[:MAX_RAW]
            return (*settled, *self._begin("BRL"), Quarantined(line, str(error), raw))

    def over(self) -> Iterator[Part]:
        """What is left, and the end."""
        yield from self._begin("BRL")
        yield from self._flush()
        yield from self._ledger.over()
        yield replace(self._ledger.end(), opening_balance=self._opening, closing_balance=self._closing)

    def _balance(self, tag: str, line: int, text: str) -> Sequence[Part]:
        if tag in _QUIET:
            return ()
        if tag not in _BALANCES:
            raise ValueError(f"unknown field: {tag}")
        fits = _BALANCE.fullmatch(text.replace(" ", ""))
        if not fits:
            raise ValueError(f"not a balance: {text[:40]!r}")
        amount = _signed(fits[1], fits[4])
        begun = self._begin(fits[3])
        if tag == "60M" and self._interim is not None:
            before, self._interim = self._interim, None
            if before != amount:
                raise ValueError(f"the page begins with {amount}, the one before it ended with {before}")
            return begun
        opens = tag.startswith("60")
        self._opening = amount if opens and self._opening is None else self._opening
        self._closing = amount if tag == "62F" else self._closing
        self._interim = amount if tag == "62M" else None
        self.ended = tag == "62F"
        said = "SALDO INICIAL" if opens else "SALDO FINAL" if self.ended else "SALDO PARCIAL"
        return (*begun, *self._ledger.take(Entry(_day(fits[2]), amount, said, checkpoint=True, line=line)))

    def _begin(self, currency: str) -> Sequence[Part]:
        if self._begun:
            return ()
        self._begun = True
        return (Begin(*_account(self.account), currency),)

    def _describe(self, texts: list[str]) -> None:
        """What field 86 says of the movement that is held."""
        if "?" in texts[0] and _STRUCTURED.match(texts[0]):
            said, self._name = _subfields("".join(texts))
        else:
            said = " ".join(" ".join(texts).split())
        self._said = said or self._said

    def _flush(self) -> Sequence[Part]:
        if not self._held:
            return ()
        (day, amount, text, document, reference, code, still, line), self._held = self._held, None
        said = self._said[:MAX_RAW] or text
        return self._ledger.take(entry_of((day, amount, said, document, reference, code, "", self._name, still, still, line)))


def _account(text: str) -> tuple[str, str, str]:
    """Bank, branch and account of a Brazilian IBAN, of `341/1234/99999-9` or of its end."""
    if known := iban.brazilian(text):
        return known
    *bank, number = text.replace(" ", "").split("/", 2)
    return iban.compe(bank[0]) if bank else "", bank[1] if len(bank) > 1 else "", number


def _signed(side: str, amount: str) -> Decimal:
    value = Decimal(amount.replace(",", "."))
    if amount[-3:-2] != ",":
        value = value.quantize(Decimal("0.01"))
    return value if side in _CREDITS or not value else -value


def _day(digits: str) -> dt.date:
    try:
        found = day(f"{'19' if digits >= '9' else '20'}{digits}")
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"not a date: {digits!r}")
    return found


@kept
def _posted(days: str) -> dt.date:
    """The booking day behind the value day; it tells no year, which is the one that brings it nearest to the value day."""
    valued, booked = _day(days[:6]), days[6:]
    if not booked:
        return valued
    years = (valued.year - 1, valued.year, valued.year + 1)
    found = [dt.date(year, int(booked[:2]), int(booked[2:])) for year in years if _exists(year, booked)]
    if not found:
        raise ValueError(f"not a date: {booked!r}")
    return min(found, key=lambda known: abs(known - valued))


def _exists(year: int, booked: str) -> bool:
    try:
        dt.date(year, int(booked[:2]), int(booked[2:]))
    except ValueError:
        return False
    return True


def _movement(texts: list[str], line: int) -> _Movement:
    fits = _MOVEMENT.fullmatch(texts[0])
    if not fits:
        raise ValueError(f"not a movement: {texts[0][:60]!r}")
    days, side, amount, code, references = fits.groups()
    document, _, reference = references.partition("//")
    signed = _signed(side, amount)
    still = not signed or side[0] == "E"
    said = " ".join(" ".join(texts[1:]).split()) if len(texts) > 1 else ""
    document = "" if (document := document.strip()) == "NONREF" else document
    return _posted(days), signed, said or code, document, reference.strip(), f"{code} {side}" if len(side) == 2 else code, still, line


def _subfields(text: str) -> tuple[str, str]:
    """What the subfields of a field 86 say, and the name of the other side."""
    _, *pairs = re.split(r"\?([0-9]{2})", text)
    found: dict[str, str] = {}
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        found[key] = found.get(key, "") + value
    said = _joined([found.get("00", "") + " ", *(value for key, value in sorted(found.items()) if key[0] == "2" or "60" <= key <= "63")])
    return said, _joined([found.get("32", ""), found.get("33", "")])


def _joined(texts: list[str]) -> str:
    joined = "".join(text if len(text) >= _WIDTH else f"{text} " for text in texts)
    return " ".join(joined.split())[:MAX_RAW]
