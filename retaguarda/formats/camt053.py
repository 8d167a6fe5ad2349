"""ISO 20022 CAMT.053 (BankToCustomerStatement), any version; how its XML is read stands in `camt053_xml`.

The side of an entry is its CdtDbtInd alone; RvslInd only tells that it takes back one of the other side (type `RVSL`). Entries
that are not booked are blank checkpoints.
Source: ISO 20022 message definition report, camt.053.001.02 to .13.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import iban
from retaguarda.formats.camt053_xml import MAX_TEXT, Block, Leaves, blocks, first, recognises
from retaguarda.formats.parts import Begin, End, Part
from retaguarda.formats.source import Source
from retaguarda.formats.text import day_br
from retaguarda.model.statements import Entry, Quarantined

__all__ = ["MAX_TEXT", "parts", "recognises"]
_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,2}0{0,3})?")
_BANK = ("Svcr/FinInstnId/ClrSysMmbId/MmbId", "Svcr/FinInstnId/BICFI", "Svcr/FinInstnId/BIC", "Svcr/FinInstnId/Othr/Id")
_DETAILS = "NtryDtls/TxDtls"
_REMITTANCE = (f"{_DETAILS}/RmtInf/Ustrd", f"{_DETAILS}/AddtlTxInf")
_END_TO_END = f"{_DETAILS}/Refs/EndToEndId"
_PARTY = {credit: f"{_DETAILS}/RltdPties/{'Dbtr' if credit else 'Cdtr'}" for credit in (True, False)}
_NAMES = {credit: (f"{party}/Nm", f"{party}/Pty/Nm") for credit, party in _PARTY.items()}
_DOCUMENTS = {
    credit: tuple(f"{party}{pty}/Id/{kind}/Othr/Id" for pty in ("", "/Pty") for kind in ("OrgId", "PrvtId"))
    for credit, party in _PARTY.items()
}
"""Where the other side of a credit, and of a debit, has its name and its document."""
_UNTOLD = {"", "NOTPROVIDED", "NONREF"}


def parts(source: Source) -> Iterator[Part]:
    """One statement for each Stmt; raises IncompleteDownload when the XML is damaged, cut off, hostile or holds none."""
    found = False
    statement = _Statement(0)
    for block in blocks(source):
        if block.name == "Stmt":
            found, statement = True, _Statement(block.line)
        elif block.name == "/Stmt":
            yield from statement.over()
        else:
            yield from statement.take(block)
    if not found:
        raise IncompleteDownload("The CAMT.053 file holds no statement.", remedy="Check what the portal gave.")


class _Balance(NamedTuple):
    day: dt.date | None
    amount: Decimal


@dataclass(slots=True)
class _Statement:
    """One Stmt as it is read: what stands above its entries, and what they add up to."""

    line: int
    account: Leaves = field(default_factory=dict)
    period: Leaves = field(default_factory=dict)
    summary: Leaves = field(default_factory=dict)
    balances: dict[str, _Balance] = field(default_factory=dict)
    balance_currency: str = ""
    first: dt.date | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"": 0, "CRDT": 0, "DBIT": 0})
    sums: dict[str, Decimal] = field(default_factory=lambda: {"CRDT": Decimal(), "DBIT": Decimal()})
    begun: bool = False
    unread: bool = False

    def take(self, block: Block) -> Iterator[Part]:
        """The parts that this block settles."""
        try:
            if block.name == "Acct":
                self.account = block.leaves
            elif block.name == "FrToDt":
                self.period = block.leaves
            elif block.name == "TxsSummry":
                self.summary = block.leaves
            elif block.name == "Bal":
                kind = first(block.leaves, "Tp/CdOrPrtry/Cd", "Tp/Cd")
                self.balance_currency = self.balance_currency or first(block.leaves, "Amt@Ccy")
                self.balances[kind] = _Balance(_day(first(block.leaves, "Dt/Dt", "Dt/DtTm")), _signed(block.leaves, self.currency))
            else:
                yield from self.begin()
                yield self._entry(block)
        except ValueError as error:
            self.unread = True
            yield from self.begin()
            yield Quarantined(block.line, str(error), _raw(block.leaves))

    @property
    def currency(self) -> str:
        return first(self.account, "Ccy") or self.balance_currency or "BRL"

    def begin(self) -> Iterator[Part]:
        """Whose statement it is, told once."""
        if not self.begun:
            self.begun = True
            yield Begin(*_account(self.account), self.currency)

    def over(self) -> Iterator[Part]:
        """The summary held against the entries, and the end."""
        yield from self.begin()
        for what, stated, found in self._compared():
            if stated and not self.unread and not _equals(stated, found):
                yield Quarantined(self.line, f"the summary states {what} of {stated}, the entries give {found}", "")
        opening, closing = self.balances.get("OPBD") or self.balances.get("PRCD"), self.balances.get("CLBD")
        start = _day(first(self.period, "FrDtTm", "FrDt")) or self._earliest(opening)
        end = _day(first(self.period, "ToDtTm", "ToDt")) or (closing.day if closing else None)
        yield End(start, end, opening and opening.amount, closing and closing.amount)

    def _earliest(self, opening: _Balance | None) -> dt.date | None:
        """Where no period is stated: the day of the first entry or the one after the opening balance, whichever is earlier."""
        days = [self.first, opening.day + dt.timedelta(1) if opening and opening.day else None]
        return min((known for known in days if known), default=None)

    def _compared(self) -> Iterator[tuple[str, str, Decimal]]:
        for kind, side, sign in (("TtlNtries", "", ""), ("TtlCdtNtries", "CRDT", "+"), ("TtlDbtNtries", "DBIT", "-")):
            yield f"NbOfNtries{sign}", first(self.summary, f"{kind}/NbOfNtries"), Decimal(self.counts[side])
            if side:
                yield f"Sum{sign}", first(self.summary, f"{kind}/Sum"), self.sums[side]

    def _entry(self, block: Block) -> Entry:
        leaves = block.leaves
        amount, side = _signed(leaves, self.currency), first(leaves, "CdtDbtInd")
        told = first(leaves, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
        if not told:
            raise ValueError("the movement has no date")
        posted = day_br(told)
        self.counts[""] += 1
        self.counts[side] += 1
        self.sums[side] += abs(amount)
        reversal = first(leaves, "RvslInd").lower() in {"true", "1"}
        booked = first(leaves, "Sts/Cd", "Sts") in {"", "BOOK"}
        if booked and (self.first is None or posted < self.first):
            self.first = posted
        code, still = _code(leaves), not (booked and amount)
        other = (side == "CRDT") is not reversal
        return Entry(
            posted,
            amount,
            _description(leaves) or code,
            _only(leaves, (_END_TO_END,)) or first(leaves, "NtryRef"),
            first(leaves, "AcctSvcrRef"),
            f"{code} RVSL".strip() if reversal else code,
            re.sub(r"[\s./-]", "", _only(leaves, _DOCUMENTS[other])),
            _only(leaves, _NAMES[other]),
            checkpoint=still,
            blank=still,
            line=block.line,
        )


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"not an amount: {text[:40]!r}")
    return Decimal(text).quantize(Decimal("0.01"))


def _signed(leaves: Leaves, currency: str) -> Decimal:
    if len(leaves.get("Amt", "")) > 1 or len(leaves.get("CdtDbtInd", "")) > 1:
        raise ValueError("the movement has two amounts")
    amount, side = _amount(first(leaves, "Amt")), first(leaves, "CdtDbtInd")
    if side not in {"CRDT", "DBIT"}:
        raise ValueError(f"neither credit nor debit: {side[:40]!r}")
    if (told := first(leaves, "Amt@Ccy")) and told != currency:
        raise ValueError(f"the amount is in {told}, the account in {currency}")
    return -amount if side == "DBIT" and amount else amount


def _equals(text: str, value: Decimal) -> bool:
    try:
        return _amount(text) == value
    except ValueError:
        return False


def _day(text: str) -> dt.date | None:
    try:
        return day_br(text)
    except ValueError:
        return None


def _account(leaves: Leaves) -> tuple[str, str, str]:
    """Bank, branch and account; a Brazilian IBAN holds all three."""
    number = first(leaves, "Id/IBAN")
    if known := iban.brazilian(number):
        return known
    return iban.compe(first(leaves, *_BANK)), first(leaves, "Svcr/BrnchId/Id"), number or first(leaves, "Id/Othr/Id", "Id/PrtryAcct/Id")


def _details(leaves: Leaves, paths: tuple[str, ...]) -> list[str]:
    """The different values of the transactions of an entry, in their order."""
    told = [value for path in paths if path in leaves for value in leaves[path] if value not in _UNTOLD]
    return list(dict.fromkeys(told)) if len(told) > 1 else told


def _only(leaves: Leaves, paths: tuple[str, ...]) -> str:
    """The value that all transactions of an entry have, else ""."""
    told = _details(leaves, paths)
    return told[0] if len(told) == 1 else ""


def _description(leaves: Leaves) -> str:
    said = [*leaves.get("AddtlNtryInf", ()), *_details(leaves, _REMITTANCE)]
    return " ".join(dict.fromkeys(said))[:MAX_TEXT]


def _code(leaves: Leaves) -> str:
    if own := first(leaves, "BkTxCd/Prtry/Cd"):
        return own
    known = (first(leaves, "BkTxCd/Domn/Cd"), first(leaves, "BkTxCd/Domn/Fmly/Cd"), first(leaves, "BkTxCd/Domn/Fmly/SubFmlyCd"))
    return "/".join(filter(None, known))


def _raw(leaves: Leaves) -> str:
    return " | ".join(f"{path}: {', '.join(values)}" for path, values in leaves.items())[:MAX_TEXT]
