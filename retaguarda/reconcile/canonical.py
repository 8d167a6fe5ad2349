"""Typed values as rows of the canonical files that the matching engine reads (`matching/tables.py`)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Protocol

from retaguarda.model.receivables import Receivable
from retaguarda.model.statements import Title
from retaguarda.model.values import cents, plain
from retaguarda.reconcile.matching.tables import ITEMS, PARTNERS, Table

Row = Mapping[str, object]
_SPEAKS = re.compile(
    r"(?<![0-9A-Z])(?:N[FO]|FAT|DUP)[A-Z -]*[.:#º°]*\s*[0-9]|(?<![0-9A-Z])[0-9A-Z]{12}[0-9]{2}(?![0-9A-Z])|/[0-9A-Z]{4}-[0-9]{2}"
)
"""A document number that names an invoice or a company; any other is the bank's own."""

_GROUPED = re.compile(r"(?<![0-9A-Z])(?<=[A-Z .:º°])[0-9]{1,3}(?:\.[0-9]{3})+(?![0-9.,/-])", re.IGNORECASE)
"""A number with dots between its thousands (`NF 4.203`), which is an invoice's; amounts have a comma, and companies a slash."""


class Told(Protocol):
    """A movement, as a file or the store tells it."""

    @property
    def date(self) -> dt.date: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def type(self) -> str: ...
    @property
    def document(self) -> str: ...
    @property
    def fitid(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def counterparty_document(self) -> str: ...
    @property
    def counterparty_name(self) -> str: ...


def written(table: Table, rows: Iterable[Row]) -> bytes:
    """Rows as the canonical file of a table; columns that a row does not tell are empty, money that it does not tell is zero."""
    text = io.StringIO(newline="")
    told = csv.DictWriter(text, list(table.columns), restval="", extrasaction="ignore", lineterminator="\n")
    told.writeheader()
    told.writerows(rows)
    return text.getvalue().encode()


def invoice_row(one: Receivable, open_amount: Decimal) -> dict[str, object]:
    """One of the ERP's customer invoices as an open item."""
    return {
        "item_id": one.number,
        "kind": "AR",
        "doc_type": "NF",
        "partner_id": one.cnpj,
        "partner_name": one.partner,
        "partner_doc": one.cnpj,
        "nf_number": invoice_key(one.number),
        "issue_date": one.issue_date,
        "due_date": one.due_date,
        "gross": f"{one.amount:.2f}",
        "open_amount": f"{open_amount:.2f}",
        "contract": one.boleta,
    }


def from_erp(receivables: Iterable[Receivable]) -> bytes:
    """The ERP's export of customer invoices as open items."""
    return written(ITEMS, (invoice_row(one, one.open_amount) for one in receivables))


def partners(items: bytes) -> bytes:
    """The register of partners as the items tell it, for whoever has no other."""
    rows: dict[str, Row] = {}
    for row in csv.DictReader(io.StringIO(items.decode("utf-8-sig"), newline="")):
        rows.setdefault(row["partner_id"], {"partner_id": row["partner_id"], "name": row["partner_name"], "doc": row["partner_doc"]})
    return written(PARTNERS, rows.values())


def account_rows(names: Iterable[str]) -> Iterable[Row]:
    """Accounts of the book under their own names."""
    for name in names:
        parts = name.split("/")
        yield {"account_id": name, "bank": parts[0], "agency": parts[1] if len(parts) > 2 else "", "account": parts[-1]}


def line_row(line: str, account: str, file: str, told: Told) -> Row:
    """A movement as a line: its text is everything that tells who paid what for."""
    return {
        "line_id": line,
        "account_id": account,
        "file_id": file,
        "date": told.date,
        "amount": f"{told.amount:.2f}",
        "hist_code": told.type,
        "doc_number": told.document,
        "fitid": told.fitid,
        "description": _GROUPED.sub(lambda found: found[0].replace(".", ""), " ".join(_spoken(told))),
    }


def title_row(title: Title, account: str, sequence: int) -> dict[str, str]:
    """A title of a boleto return file."""
    days = {"occurrence_date": title.occurrence_date, "credit_date": title.credit_date, "due_date": title.due_date}
    amounts = {
        "face_amount": title.face_value,
        "paid_amount": title.paid_value,
        "interest": title.interest,
        "discount": title.discount,
        "fee": title.fee,
        "credited_amount": net(title),
    }
    return {
        "account_id": account,
        "nsa": f"{sequence}",
        "occurrence": title.movement,
        "nosso_numero": title.our_number,
        "seu_numero": title.document,
        "payer_doc": title.payer_document,
        "payer_name": title.payer_name,
        **{name: f"{cents(amount):f}" for name, amount in amounts.items()},
        **{name: day.isoformat() if day else "" for name, day in days.items()},
    }


def net(title: Title) -> Decimal:
    """What the bank credits for a title; some banks tell only what was paid."""
    return title.net_value or title.paid_value


def invoice_key(number: str) -> str:
    """What banks print of an invoice number: its longest run of digits, the last one of several (`2026/4203` is 4203)."""
    runs = re.findall(r"[0-9]+", number)
    return max(reversed(runs), key=len).lstrip("0") if runs else plain(number)


def _spoken(told: Told) -> Iterator[str]:
    yield told.description
    for more in (told.counterparty_document, told.counterparty_name):
        if more and more not in told.description:
            yield more
    if told.document not in told.description and _SPEAKS.search(plain(told.document)):
        yield told.document
