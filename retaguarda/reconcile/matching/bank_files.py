"""Statements and return files as banks give them (OFX, CNAB, CAMT.053, MT940, PDF, …) as rows of the canonical tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from retaguarda.errors import InvalidItem
from retaguarda.formats import read_returns, read_statements
from retaguarda.model.statements import Entry, Quarantined, same_account
from retaguarda.model.values import cents as rounded
from retaguarda.reconcile.canonical import title_row
from retaguarda.reconcile.matching.model import Rejection
from retaguarda.reconcile.matching.tables import LINES, RETURNS, typed

Row = dict[str, str]
_BALANCE = "SALDO"


def statement_rows(path: Path, accounts: pl.DataFrame, rejections: list[Rejection]) -> pl.DataFrame:
    """The lines of a bank's statement file, under the account of bank_accounts.csv that it names."""
    rows: list[Row] = []
    for statement in read_statements(path.read_bytes()):
        account = account_of(statement.account_key, accounts, path)
        _quarantine(path, statement.quarantine, rejections)
        for entry in statement.entries:
            if not entry.blank:
                rows.append(_line(entry, account, path, len(rows) + 1))
    return typed(pl.DataFrame(rows, schema=dict.fromkeys(LINES.columns, pl.String)), LINES, str(path), rejections)


def return_rows(path: Path, accounts: pl.DataFrame, rejections: list[Rejection]) -> pl.DataFrame:
    """The titles of a bank's return file."""
    rows: list[Row] = []
    for file in read_returns(path.read_bytes()):
        account = account_of(file.account, accounts, path, file.bank)
        _quarantine(path, file.quarantine, rejections)
        rows += [title_row(title, account, file.file_sequence) for title in file.titles]
    return typed(pl.DataFrame(rows, schema=dict.fromkeys(RETURNS.columns, pl.String)), RETURNS, str(path), rejections)


def account_of(told: str, accounts: pl.DataFrame, path: Path, bank: str = "") -> str:
    """The account_id of the account that a file names; raises InvalidItem when bank_accounts.csv has none or several of it."""
    bank = bank or told.partition("/")[0]
    known = list(accounts.select("account_id", "bank", "account").iter_rows())
    found = [
        account_id for account_id, code, number in known if same_account(number, told) and (not bank or code == bank or "/" not in told)
    ]
    if len(found) > 1:
        found = [account_id for account_id, code, number in known if same_account(number, told) and code == bank]
    if len(found) != 1:
        raise InvalidItem(
            f"{path}: bank_accounts.csv has {len(found)} accounts {told}; one is needed.",
            remedy="Add the account with its bank, agency and number to bank_accounts.csv.",
        )
    return str(found[0])


def _line(entry: Entry, account: str, path: Path, number: int) -> Row:
    names = [entry.counterparty_document, entry.counterparty_name]
    description = " ".join([entry.description, *(name for name in names if name and name not in entry.description)])
    if entry.checkpoint and not description.upper().startswith(_BALANCE):
        description = f"{_BALANCE} {description}"
    return {
        "line_id": f"{path.name}:{number}",
        "account_id": account,
        "file_id": path.name,
        "date": entry.date.isoformat(),
        "amount": f"{rounded(entry.amount):f}",
        "hist_code": "",
        "doc_number": entry.document,
        "fitid": entry.fitid,
        "description": description,
    }


def _quarantine(path: Path, lines: tuple[Quarantined, ...], rejections: list[Rejection]) -> None:
    rejections.extend(_told(path, lines))


def _told(path: Path, lines: tuple[Quarantined, ...]) -> Iterator[Rejection]:
    for line in lines:
        yield Rejection(str(path), line.line, "", line.raw[:80], f"{line.reason} Ask the bank for the file again.")
