"""What readers of bank files yield, one part at a time, so that a file may be larger than memory; and how parts become values.

Statements: Begin, then any number of Entry and Quarantined, then End; again for each statement of the file.
Returns: BeginReturn, then any number of Title and Quarantined, then EndReturn.
A file that turns out not to be whole raises IncompleteDownload, wherever it does: nothing that was yielded before counts then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.model.statements import Entry, Quarantined, ReturnFile, Statement, Title


@dataclass(frozen=True, slots=True)
class Begin:
    """A statement begins: whose it is."""

    bank: str
    branch: str
    account: str
    currency: str


@dataclass(frozen=True, slots=True)
class End:
    """A statement is over: its period and balances, None where the file says nothing."""

    start: dt.date | None
    end: dt.date | None
    opening_balance: Decimal | None
    closing_balance: Decimal | None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class BeginReturn:
    """A return file begins: whose it is, and its number (NSA), 0 when it has none."""

    bank: str
    file_sequence: int
    account: str


@dataclass(frozen=True, slots=True)
class EndReturn:
    """A return file is over."""


Part = Begin | Entry | Quarantined | End
ReturnPart = BeginReturn | Title | Quarantined | EndReturn


def collected(parts: Iterable[Part]) -> list[Statement]:
    """The statements that the parts tell of, each whole in memory."""
    found: list[Statement] = []
    head, entries, odd = Begin("", "", "", "BRL"), list[Entry](), list[Quarantined]()
    for part in parts:
        if isinstance(part, Begin):
            head, entries, odd = part, [], []
        elif isinstance(part, Entry):
            entries.append(part)
        elif isinstance(part, Quarantined):
            odd.append(part)
        else:
            odd.sort(key=lambda one: one.line)
            found.append(
                Statement(
                    head.bank,
                    head.branch,
                    head.account,
                    head.currency,
                    part.start,
                    part.end,
                    part.opening_balance,
                    part.closing_balance,
                    tuple(entries),
                    tuple(odd),
                    part.partial,
                )
            )
    return found


def collected_returns(parts: Iterable[ReturnPart]) -> list[ReturnFile]:
    """The return files that the parts tell of, each whole in memory."""
    found: list[ReturnFile] = []
    head, titles, odd = BeginReturn("", 0, ""), list[Title](), list[Quarantined]()
    for part in parts:
        if isinstance(part, BeginReturn):
            head, titles, odd = part, [], []
        elif isinstance(part, Title):
            titles.append(part)
        elif isinstance(part, Quarantined):
            odd.append(part)
        else:
            odd.sort(key=lambda one: one.line)
            found.append(ReturnFile(head.bank, head.file_sequence, head.account, tuple(titles), tuple(odd)))
    return found
