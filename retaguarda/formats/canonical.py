"""Our own CSV of account movements: `line_id,account_id,file_id,date,amount,hist_code,doc_number,fitid,description`.

UTF-8, comma separated, days as AAAA-MM-DD, amounts with a decimal point. Rows of several accounts may stand in any order:
the file is read once for each account. The account is `bank/branch/account` or its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import delimited
from retaguarda.formats.parts import Begin, Part
from retaguarda.formats.running import BALANCE_INITIALS, Ledger, entry
from retaguarda.formats.source import Source
from retaguarda.formats.text import day_br
from retaguarda.model.statements import Entry, Quarantined, entry_of

COLUMNS = ("line_id", "account_id", "file_id", "date", "amount", "hist_code", "doc_number", "fitid", "description")
MOST_ACCOUNTS = 200
"""Each account is one more reading of the file."""
MAX_RAW = 2000
_FEWER = "the line has fewer columns than the header"
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
    accounts = {_first_account(source): None}
    yield from _statement(source, next(iter(accounts)), accounts)
    for account in list(accounts)[1:]:
        yield from _statement(source, account)


def _first_account(source: Source) -> str:
    return next((row[1] for _, _, row in _rows(source) if isinstance(row, list)), "")


def _rows(source: Source, holding: str = "") -> Iterator[tuple[int, str, list[str] | Quarantined]]:
    """Number, text and cells of the rows, only lines that hold a text looked at; one that repeats the identity of the one before is odd."""
    last = ""
    lines = source.lines()
    next(lines)
    for number, text in lines:
        if not text or text.isspace() or holding not in text:
            continue
        try:
            row = delimited.cells(text, ",")
            if len(row) != len(COLUMNS):
                raise ValueError(_FEWER if len(row) < len(COLUMNS) else "the line has too many columns")
            if not row[1]:
                raise ValueError("the row names no account")
            if row[0] == last != "":
                raise ValueError("the row repeats the one before it")
            last = row[0]
            yield number, text, row
        except ValueError as error:
            yield number, text, Quarantined(number, str(error), text[:MAX_RAW])


def _statement(source: Source, account: str, accounts: dict[str, None] | None = None) -> Iterator[Part]:
    """The statement of one account; of the first one also every line that is no row, and what other accounts there are."""
    yield Begin(*_named(account), "BRL")
    ledger = Ledger()
    for number, text, row in _rows(source, account if accounts is None else ""):
        if isinstance(row, Quarantined):
            if accounts is not None:
                yield row
        elif row[1] == account:
            try:
                yield from ledger.take(_entry(row, number))
            except ValueError as error:
                yield Quarantined(number, str(error), text[:MAX_RAW])
        elif accounts is not None and row[1] not in accounts:
            accounts[row[1]] = None
            if len(accounts) > MOST_ACCOUNTS:
                raise IncompleteDownload(
                    f"The file holds movements of more than {MOST_ACCOUNTS} accounts.", remedy="Export fewer accounts at a time."
                )
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
    value = Decimal(amount) if amount[-3:-2] == "." else Decimal(amount).quantize(Decimal("0.01"))
    if value and description[:1] not in BALANCE_INITIALS:
        return entry_of((day_br(date), value, description, document, fitid, code, "", "", False, False, line))
    return entry(day_br(date), value, description, document=document, fitid=fitid, type=code, line=line)
