"""OFX as Brazilian banks write it (1.x SGML and 2.x XML): bytes to statements, tolerant of every dialect we have met.

Not an XML parser: tags are split, entities are the five of XML and numbers, nothing is ever expanded or fetched.
A movement that cannot be understood is quarantined with its text; a file that ends before `</OFX>` is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.parts import Begin, End, Part, collected
from retaguarda.formats.running import is_balance, is_opening
from retaguarda.formats.source import Source
from retaguarda.formats.text import day, is_blank_money, money
from retaguarda.model.statements import Entry, Quarantined, Statement

_OPENER = re.compile(r"<(STMTRS|CCSTMTRS|INVSTMTRS|STMTTRN)>", re.IGNORECASE)
_NEGATIVE = re.compile(r"<TRNAMT[^<]*[-(D]", re.IGNORECASE)
"""What an amount must look like to be read as negative."""
_LEDGER_BALANCE = re.compile(r"<LEDGERBAL>(.*?)(?:</LEDGERBAL>|<AVAILBAL>|$)", re.IGNORECASE | re.DOTALL)
_MOVEMENT_END = re.compile(r"</(?:STMTTRN|BANKTRANLIST|STMTRS|CCSTMTRS)>|<(?:LEDGERBAL|AVAILBAL)>", re.IGNORECASE)
_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9.]{1,31})(?:\s[^<>]*)?/?>")
_CLEAN = re.compile(r"<(/?[A-Z]+)>")
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#[xX][0-9A-Fa-f]{1,5});")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_SPOKEN = {"MEMO", "NAME"}
_LEAVES = _SPOKEN | {
    "TRNTYPE", "DTPOSTED", "DTUSER", "DTAVAIL", "TRNAMT", "FITID", "CORRECTFITID", "CORRECTACTION", "SRVRTID", "CHECKNUM", "REFNUM",
    "SIC", "PAYEEID", "EXTDNAME", "MKTGINFO", "CURSYM", "CURRATE", "BANKID", "BRANCHID", "ACCTID", "ACCTTYPE", "ACCTKEY", "CURDEF",
    "DTSTART", "DTEND", "BALAMT", "DTASOF", "CODE", "SEVERITY", "MESSAGE",
}  # fmt: skip
_KNOWN = _LEAVES | {f"/{name}" for name in _LEAVES}
_DEBITS = {"DEBIT", "PAYMENT", "CHECK", "FEE", "SRVCHG", "ATM", "POS", "CASH", "DIRECTDEBIT", "REPEATPMT"}
_MAX_RAW = 2000
_LONGEST = 2**18
"""Characters of one movement that are read; no bank writes more than some hundreds."""
_REAIS = {"BRC": "BRL", "BR": "BRL", "R$": "BRL", "": "BRL"}


def read(data: bytes) -> list[Statement]:
    """Every account statement of the file, in its order; raises IncompleteDownload when it is not a whole OFX."""
    return collected(parts(Source.of(data)))


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is an OFX."""
    return bool(re.search(rb"<OFX[\s>]|^\W{0,8}OFXHEADER", head.replace(b"\0", b""), re.IGNORECASE))


def parts(source: Source) -> Iterator[Part]:
    """The statements of a file of any size, part by part; raises IncompleteDownload when it is not a whole OFX."""
    if not re.search(rb"<OFX[\s>]", source.head.replace(b"\0", b""), re.IGNORECASE):
        raise IncompleteDownload("The file is not an OFX statement.")
    if not re.search(rb"</OFX\s*>", source.tail.replace(b"\0", b""), re.IGNORECASE):
        raise IncompleteDownload("The OFX file ends in the middle: its last tag is missing.", remedy="Download it again.")
    return _parts(source) if _is_signed(source) else map(_turned, _parts(source))


def _is_signed(source: Source) -> bool:
    """Whether a movement is negative; a file without anything that looks so is not read a second time."""
    rest = ""
    for piece in source.text():
        rest += piece
        if _NEGATIVE.search(rest):
            return any(part.amount < 0 and not part.checkpoint for part in _parts(source) if isinstance(part, Entry))
        rest = rest[max(rest.rfind("<"), len(rest) - _LONGEST, 0) :]
    return False


def _turned(part: Part) -> Part:
    """Some banks (Sicoob) print every amount positive and tell the side by TRNTYPE alone."""
    return part._replace(amount=-part.amount) if isinstance(part, Entry) and part.type in _DEBITS and not part.checkpoint else part


def _parts(source: Source) -> Iterator[Part]:
    """The parts with their amounts as printed."""
    statement = None
    for tag, line, text in _segments(source):
        if tag != "STMTTRN":
            if statement:
                yield statement.end()
            statement = _Statement(text)
            yield statement.begin
        elif statement:
            yield statement.movement(line, text)
    if statement is None:
        raise IncompleteDownload("The OFX file holds no account statement.", said=_message(source))
    yield statement.end()


def _segments(source: Source) -> Iterator[tuple[str, int, str]]:
    """Tag, line and text of each statement or movement up to the next one's tag; of a monstrous one its beginning and its end."""
    tag, line, skipped, text = "", 1, 0, ""
    for piece in source.text():
        text, *rest = _OPENER.split(text + piece)
        for opener, after in zip(rest[::2], rest[1::2], strict=True):
            if tag:
                yield tag, line, text
            line, skipped = line + text.count("\n") + skipped, 0
            tag, text = opener.upper(), after
        if len(text) > _LONGEST:
            skipped += text.count("\n", _LONGEST // 2, len(text) - _LONGEST // 4)
            text = text[: _LONGEST // 2] + text[-_LONGEST // 4 :]
    if tag:
        yield tag, line, text


class _Statement:
    """What the movements of a statement leave behind for its end."""

    def __init__(self, head: str) -> None:
        leaves = _leaves(head)
        branch, account = _account(leaves)
        currency = leaves.get("CURDEF", "BRL")
        self.begin = Begin(_bank(leaves.get("BANKID", "")), branch, account, _REAIS.get(currency, currency))
        self._period = (_day_or_none(leaves.get("DTSTART", "")), _day_or_none(leaves.get("DTEND", "")))
        self._closing: Decimal | None = None
        self._opening: Entry | None = None
        self._first = dt.date.max
        self.hear_balance(head)

    def movement(self, line: int, block: str) -> Entry | Quarantined:
        """The movement of a block; a ledger balance may stand behind it."""
        block, _, rest = block.partition("</STMTTRN>")
        if (not rest.isspace() or "BAL>" in block) and (stop := _MOVEMENT_END.search(block := f"{block}</STMTTRN>{rest}")):
            self.hear_balance(block[stop.start() :])
            block = block[: stop.start()]
        try:
            entry = _entry(_leaves(block), line)
        except ValueError as error:
            return Quarantined(line, str(error), block.strip()[:_MAX_RAW])
        if not entry.checkpoint:
            self._first = min(self._first, entry.date)
        elif not entry.blank and is_opening(entry.description) and (self._opening is None or entry.date < self._opening.date):
            self._opening = entry
        return entry

    def hear_balance(self, text: str) -> None:
        """The ledger balance's own tags; it stands after the movements, in odd files before them."""
        if (found := _LEDGER_BALANCE.search(text)) and (told := _balance(_leaves(found[1][:_MAX_RAW]).get("BALAMT", ""))) is not None:
            self._closing = told

    def end(self) -> End:
        """The previous balance that banks dress as a movement is the opening one when no movement comes before it."""
        opening = self._opening.amount if self._opening and self._first >= self._opening.date else None
        return End(*self._period, opening, self._closing)


def _message(source: Source) -> str:
    return _leaves(source.head.decode("latin-1")).get("MESSAGE", "")


def _leaves(text: str) -> dict[str, str]:
    """Tag to text: the first filled one of a name, all of the spoken ones together."""
    tags = _CLEAN.split(" ".join(text.split()).replace("> ", ">").replace(" <", "<"))
    found = dict(zip(tags[1::2], tags[2::2], strict=True))
    clean = len(found) == text.count("<") == text.count(">") and _KNOWN.issuperset(found) and "&" not in text
    return found if clean else _soup(text)


def _soup(text: str) -> dict[str, str]:
    """As `_leaves`, for text with tags we do not know: inside spoken text they are part of it."""
    found: dict[str, str] = {}
    parts = _TAG.split(text)
    name = ""
    for tag, value in zip(parts[1::2], parts[2::2], strict=True):
        known = tag.upper().lstrip("/")
        if known not in _LEAVES:
            if name in _SPOKEN and not tag.startswith("/"):
                found[name] += f"<{tag}>{value}"
            continue
        name = "" if tag.startswith("/") or (known not in _SPOKEN and found.get(known, "").strip()) else known
        if name:
            found[name] = f"{found.get(name, '')} {value}"
    return {key: " ".join(_unescaped(value).split()) for key, value in found.items()}


def _unescaped(text: str) -> str:
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    name = found[1]
    if not name.startswith("#"):
        return _NAMED[name]
    number = int(f"0{name[1:]}", 0) if name[1] in "xX" else int(name[1:])
    return chr(number) if 32 <= number < 0xD800 or 0xE000 <= number <= 0x10FFFF else found[0]


def _entry(leaves: dict[str, str], line: int) -> Entry:
    posted = day(leaves.get("DTPOSTED", ""))
    if posted is None:
        raise ValueError("the movement has no date")
    description = _description(leaves)
    balance = is_balance(description)
    raw = leaves.get("TRNAMT", "")
    blank = balance and is_blank_money(raw)
    amount = Decimal("0.00") if blank else money(raw)
    fitid, document = leaves.get("FITID", ""), leaves.get("CHECKNUM", "") or leaves.get("REFNUM", "")
    document = "" if document == fitid else document  # a running number of the day is no document: it changes with the day's list
    still = not amount
    return Entry(
        posted,
        amount,
        description,
        document,
        fitid,
        leaves.get("TRNTYPE", "").upper(),
        checkpoint=balance or still,
        blank=blank or (still and not balance),
        line=line,
    )


def _description(leaves: dict[str, str]) -> str:
    name, memo = leaves.get("NAME", ""), leaves.get("MEMO", "")
    if not name:
        return memo
    if name in memo or memo in name:
        return max(name, memo, key=len)
    return f"{name} {memo}"


def _balance(text: str) -> Decimal | None:
    try:
        return None if is_blank_money(text) else money(text)
    except ValueError:
        return None


def _day_or_none(text: str) -> dt.date | None:
    try:
        return day(text)
    except ValueError:
        return None


def _bank(text: str) -> str:
    return text.lstrip("0").zfill(3) if text.isdigit() else text


def _account(head: dict[str, str]) -> tuple[str, str]:
    """Branch and account; Itaú glues both into ACCTID (`9999 99999-9`)."""
    branch, account = head.get("BRANCHID", ""), head.get("ACCTID", "")
    glued = re.fullmatch(r"([0-9]{3,5})[ /]+([0-9.]+-?[0-9A-Za-z]?)", account)
    return (glued[1], glued[2]) if glued and not branch else (branch, account)
