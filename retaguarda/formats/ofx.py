"""OFX as Brazilian banks write it (1.x SGML and 2.x XML): bytes to statements, tolerant of every dialect we have met.

Not an XML parser: tags are split, entities are the five of XML and numbers, nothing is ever expanded or fetched.
A movement that cannot be understood is quarantined with its text; a file that ends before `</OFX>` is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.text import day, decode, is_blank_money, money
from retaguarda.model.statements import Entry, Quarantined, Statement
from retaguarda.model.values import plain

_STATEMENT = re.compile(r"<(?:STMTRS|CCSTMTRS|INVSTMTRS)>", re.IGNORECASE)
_MOVEMENT = re.compile(r"<STMTTRN>", re.IGNORECASE)
_MOVEMENT_END = re.compile(r"</(?:STMTTRN|BANKTRANLIST|STMTRS|CCSTMTRS)>|<(?:LEDGERBAL|AVAILBAL)>", re.IGNORECASE)
_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9.]{1,31})(?:\s[^<>]*)?/?>")
_CLEAN = re.compile(r"<(/?)([A-Z0-9.]+)>([^<]*)")
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#[xX][0-9A-Fa-f]{1,5});")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_SPOKEN = {"MEMO", "NAME"}
_LEAVES = _SPOKEN | {
    "TRNTYPE", "DTPOSTED", "DTUSER", "DTAVAIL", "TRNAMT", "FITID", "CORRECTFITID", "CORRECTACTION", "SRVRTID", "CHECKNUM", "REFNUM",
    "SIC", "PAYEEID", "EXTDNAME", "MKTGINFO", "CURSYM", "CURRATE", "BANKID", "BRANCHID", "ACCTID", "ACCTTYPE", "ACCTKEY", "CURDEF",
    "DTSTART", "DTEND", "BALAMT", "DTASOF", "CODE", "SEVERITY", "MESSAGE",
}  # fmt: skip
_DEBITS = {"DEBIT", "PAYMENT", "CHECK", "FEE", "SRVCHG", "ATM", "POS", "CASH", "DIRECTDEBIT", "REPEATPMT"}
_BALANCE = re.compile(
    r"S A L D O\b|SALDO(?:$| (?:ANTERIOR|INICIAL|FINAL|ATUAL|DIA|DO DIA|TOTAL|PARCIAL|DISPONIVEL|BLOQUEADO|EM CONTA|CONTA|DE ABERTURA)\b)"
)
_OPENING = re.compile(r"(?:S A L D O|SALDO) (?:A N T E R I O R|ANTERIOR|INICIAL|DE ABERTURA)\b")
_MAX_RAW = 2000
_REAIS = {"BRC": "BRL", "BR": "BRL", "R$": "BRL", "": "BRL"}


def read(data: bytes) -> list[Statement]:
    """Every account statement of the file, in its order; raises IncompleteDownload when it is not a whole OFX."""
    text = decode(data)
    body = re.search(r"<OFX[\s>]", text, re.IGNORECASE)
    if body is None:
        raise IncompleteDownload("The file is not an OFX statement.")
    if re.search(r"</OFX\s*>", text[-4000:], re.IGNORECASE) is None:
        raise IncompleteDownload("The OFX file ends in the middle: its last tag is missing.", remedy="Download it again.")
    starts = [m.start() for m in _STATEMENT.finditer(text, body.start())]
    if not starts:
        raise IncompleteDownload("The OFX file holds no account statement.", said=_message(text[body.start() :]))
    lines = _Lines(text)
    return [_statement(text[a:b], lines.at(a)) for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


class _Lines:
    """Line numbers of rising positions, each newline counted once."""

    def __init__(self, text: str, first: int = 1) -> None:
        self._text, self._at, self._line = text, 0, first

    def at(self, position: int) -> int:
        self._line += self._text.count("\n", self._at, position)
        self._at = position
        return self._line


def _message(text: str) -> str:
    return _leaves(text[:4000]).get("MESSAGE", "")


def _statement(text: str, line: int) -> Statement:
    starts = [m.start() for m in _MOVEMENT.finditer(text)]
    blocks = list(_blocks(text, starts, _Lines(text, line)))
    head = _leaves(text[: starts[0] if starts else len(text)])
    balance = _leaves(_between(text, starts))
    entries, quarantine = _entries(blocks)
    branch, account = _account(head)
    return Statement(
        bank=_bank(head.get("BANKID", "")),
        branch=branch,
        account=account,
        currency=_REAIS.get(currency := head.get("CURDEF", "BRL"), currency),
        start=_day_or_none(head.get("DTSTART", "")),
        end=_day_or_none(head.get("DTEND", "")),
        opening_balance=_opening(entries),
        closing_balance=_balance(balance.get("BALAMT", "")),
        entries=entries,
        quarantine=quarantine,
    )


def _between(text: str, starts: list[int]) -> str:
    """The ledger balance's own tags; it stands after the movements, in odd files before them."""
    found = re.search(r"<LEDGERBAL>", text[starts[-1] :] if starts else text, re.IGNORECASE)
    base = starts[-1] if starts and found else 0
    found = found or re.search(r"<LEDGERBAL>", text, re.IGNORECASE)
    if found is None:
        return ""
    tail = text[base + found.end() : base + found.end() + _MAX_RAW]
    return re.split(r"</LEDGERBAL>|<AVAILBAL>", tail, maxsplit=1, flags=re.IGNORECASE)[0]


def _blocks(text: str, starts: list[int], lines: _Lines) -> Iterator[tuple[int, str]]:
    for start, end in zip(starts, [*starts[1:], len(text)], strict=False):
        stop = _MOVEMENT_END.search(text, start, end)
        yield lines.at(start), text[start + len("<STMTTRN>") : stop.start() if stop else end]


def _leaves(text: str) -> dict[str, str]:
    """Tag to text: the first filled one of a name, all of the spoken ones together."""
    found: dict[str, str] = {}
    tags = _CLEAN.findall(text)
    if len(tags) != text.count("<"):
        return _soup(text)
    for closing, name, value in tags:
        if closing:
            continue
        if name not in _LEAVES:
            return _soup(text)
        earlier = found.get(name)
        if not earlier:
            found[name] = value.strip()
        elif name in _SPOKEN:
            found[name] = f"{earlier} {value}"
    return {key: " ".join(_unescaped(value).split()) for key, value in found.items()}


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


def _entries(blocks: list[tuple[int, str]]) -> tuple[tuple[Entry, ...], tuple[Quarantined, ...]]:
    entries: list[Entry] = []
    quarantine: list[Quarantined] = []
    for line, block in blocks:
        try:
            entries.append(_entry(_leaves(block), line))
        except ValueError as error:
            quarantine.append(Quarantined(line, str(error), block.strip()[:_MAX_RAW]))
    return tuple(_signed(entries)), tuple(quarantine)


def _entry(leaves: dict[str, str], line: int) -> Entry:
    posted = day(leaves.get("DTPOSTED", ""))
    if posted is None:
        raise ValueError("the movement has no date")
    description = _description(leaves)
    balance = description[:1] in {"S", "s"} and bool(_BALANCE.match(plain(description)))
    raw = leaves.get("TRNAMT", "")
    blank = balance and is_blank_money(raw)
    amount = Decimal("0.00") if blank else money(raw)
    fitid, document = leaves.get("FITID", ""), leaves.get("CHECKNUM", "") or leaves.get("REFNUM", "")
    return Entry(
        date=posted,
        amount=amount,
        description=description,
        document="" if document == fitid else document,  # a running number of the day is no document: it changes with the day's list
        fitid=fitid,
        type=leaves.get("TRNTYPE", "").upper(),
        checkpoint=balance or amount == 0,
        blank=blank or (amount == 0 and not balance),
        line=line,
    )


def _description(leaves: dict[str, str]) -> str:
    name, memo = leaves.get("NAME", ""), leaves.get("MEMO", "")
    if name in memo or memo in name:
        return max(name, memo, key=len)
    return f"{name} {memo}"


def _signed(entries: list[Entry]) -> list[Entry]:
    """Some banks (Sicoob) print every amount positive and tell the side by TRNTYPE alone."""
    moves = [e for e in entries if not e.checkpoint]
    if any(e.amount < 0 for e in moves) or not any(e.type in _DEBITS for e in moves):
        return entries
    return [replace(e, amount=-e.amount) if e.type in _DEBITS and not e.checkpoint else e for e in entries]


def _opening(entries: tuple[Entry, ...]) -> Decimal | None:
    """The previous balance that banks dress as a movement, when no movement comes before it."""
    balances = [e for e in entries if e.checkpoint and not e.blank and _OPENING.match(plain(e.description))]
    if not balances:
        return None
    first = min(balances, key=lambda e: e.date)
    return first.amount if all(e.checkpoint or e.date >= first.date for e in entries) else None


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
