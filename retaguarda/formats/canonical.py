"""Our own CSV of account movements: `line_id,account_id,file_id,date,amount,hist_code,doc_number,fitid,description`.

UTF-8, comma separated, days as AAAA-MM-DD, amounts with a decimal point. Rows of several accounts may stand in any order:
the file is read once to learn the accounts and once again for each. The account is `bank/branch/account` or its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import delimited
from retaguarda.formats.parts import Begin, Part
from retaguarda.formats.running import Ledger, entry
from retaguarda.formats.source import Line, Source
from retaguarda.formats.text import day_br
from retaguarda.model.statements import Entry, Quarantined

COLUMNS = ("line_id", "account_id", "file_id", "date", "amount", "hist_code", "doc_number", "fitid", "description")
MOST_ACCOUNTS = 200
"""Each account is one more reading of the file."""
MAX_RAW = 2000
_HEADER = ",".join(COLUMNS).encode()
_AMOUNT = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,2})?")


def recognises(head: bytes) -> bool:
    """Whether a file begins with our header row."""
    return re.match(rb"(?:\xef\xbb\xbf)?" + _HEADER + rb"\s*(?:[\r\n]|$)", head) is not None


def parts(source: Source) -> Iterator[Part]:
    """One statement for each account, in the order of their first rows; what is no row stands with the first.

    Raises IncompleteDownload when the header is another one or the accounts are too many.
    """
    if not recognises(source.head):
        raise IncompleteDownload("The file does not begin with the header of our own CSV.", remedy="Export it again.")
    accounts = _accounts(source)
    for number, account in enumerate(accounts or [""]):
        yield from _statement(source, account, with_odd=number == 0)


def _accounts(source: Source) -> list[str]:
    found: dict[str, None] = {}
    for _, row in _rows(source):
        if not isinstance(row, Quarantined):
            found.setdefault(row[1])
        if len(found) > MOST_ACCOUNTS:
            raise IncompleteDownload(
                f"The file holds movements of more than {MOST_ACCOUNTS} accounts.", remedy="Export fewer accounts at a time."
            )
    return list(found)


def _rows(source: Source, holding: str = "") -> Iterator[tuple[Line, list[str] | Quarantined]]:
    """The rows, only lines that hold a text looked at; one that repeats the identity of the row before it is odd."""
    last = ""
    for line in source.lines():
        if line.number > 1 and line.text.strip() and holding in line.text:
            row = _cells(line)
            if not isinstance(row, Quarantined):
                twice, last = bool(row[0]) and row[0] == last, row[0]
                row = Quarantined(line.number, "the row repeats the one before it", line.text[:MAX_RAW]) if twice else row
            yield line, row


def _cells(line: Line) -> list[str] | Quarantined:
    try:
        cells = delimited.cells(line, ",")
        if len(cells) != len(COLUMNS):
            raise ValueError("the line has fewer columns than the header" if len(cells) < len(COLUMNS) else "the line has too many columns")
        if not cells[1]:
            raise ValueError("the row names no account")
    except ValueError as error:
        return Quarantined(line.number, str(error), line.text[:MAX_RAW])
    return cells


def _statement(source: Source, account: str, *, with_odd: bool) -> Iterator[Part]:
    bank, branch, number = _named(account)
    yield Begin(bank, branch, number, "BRL")
    ledger = Ledger()
    for line, row in _rows(source, "" if with_odd else account):
        if isinstance(row, Quarantined):
            if with_odd:
                yield row
        elif row[1] == account:
            try:
                yield from ledger.take(_entry(row, line.number))
            except ValueError as error:
                yield Quarantined(line.number, str(error), line.text[:MAX_RAW])
    yield from ledger.over()
    yield ledger.end()


def _named(account: str) -> tuple[str, str, str]:
    """Bank, branch and account of `341/1234/99999-9`, `341/99999-9` or `99999-9`."""
    *bank, number = account.split("/", 2)
    return (bank[0] if bank else "", bank[1] if len(bank) > 1 else "", number)


def _entry(row: list[str], line: int) -> Entry:
    _, _, _, date, amount, code, document, fitid, description = row
    if not _AMOUNT.fullmatch(amount):
        raise ValueError(f"not an amount: {amount[:40]!r}")
    value = Decimal(amount).quantize(Decimal("0.01"))
    return entry(day_br(date), value, description, document=document, fitid=fitid, type=code, line=line)
