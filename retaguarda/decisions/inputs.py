"""What a reconciliation of the store starts from, as the canonical files that are kept as its evidence.

Only lines of proved days that no standing decision has; items with what standing decisions settle already taken off.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from retaguarda.accounts import book
from retaguarda.accounts.book import IsBusinessDay
from retaguarda.decisions.register import BATCH, settled, standing
from retaguarda.formats import read_returns
from retaguarda.model.receivables import Receivable
from retaguarda.model.statements import same_account
from retaguarda.model.values import Period
from retaguarda.reconcile.coverage import DayState
from retaguarda.reconcile.matching import tables
from retaguarda.reconcile.matching.tables import Table
from retaguarda.store.models import BoletoReturn, DecisionState, LedgerItem, MatchDecision, StatementEntry

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Our own bank accounts: how the files of the reconciliation name those of the book."""

    rows: tuple[Row, ...]

    @classmethod
    def read(cls, path: Path | None) -> Accounts:
        """The accounts of a canonical file; those of the book, under their own names, where none is given."""
        if path is not None:
            return cls(tuple(_dicts(path)))
        told = (name.split("/") for name in book.accounts())
        return cls(
            tuple(
                {"account_id": "/".join(parts), "bank": parts[0], "agency": parts[1] if len(parts) > 2 else "", "account": parts[-1]}
                for parts in told
            )
        )

    def name(self, account: str) -> str:
        """What a bank's account of the book is called here; the book's own name when nothing is said of it."""
        bank = account.partition("/")[0]
        named = (str(row["account_id"]) for row in self.rows if row["bank"] == bank and same_account(str(row["account"]), account))
        return next(named, account)


def lines(period: Period, accounts: Accounts, is_business_day: IsBusinessDay, decided: Collection[str] | None = None) -> bytes:
    """Lines up to the end of the period that are proved and not decided: what earlier periods left over comes along."""
    decided = standing() if decided is None else decided
    rows: list[Row] = []
    for account in book.accounts():
        name, loose = accounts.name(account), _loose_days(account, period, is_business_day)
        entries = StatementEntry.objects.filter(account=account, date__lte=period.end).select_related("file")
        rows += [
            {
                "line_id": entry.entry,
                "account_id": name,
                "file_id": entry.file.sha256[:12],
                "date": entry.date,
                "amount": f"{entry.amount:.2f}",
                "hist_code": entry.type,
                "doc_number": entry.document,
                "fitid": entry.fitid,
                "description": " ".join(_spoken(entry)),
            }
            for entry in entries.order_by("date", "line", "entry")
            if entry.entry not in decided and entry.date not in loose
        ]
    return written(tables.LINES, rows)


def returns(accounts: Accounts, bytes_of: Callable[[str, str], bytes]) -> bytes:
    """Every title of every boleto return file that came, each file once; `bytes_of` gives a file by SHA-256 and name."""
    rows: list[Row] = []
    for kept in BoletoReturn.objects.order_by("account", "sequence", "id"):
        for told in read_returns(bytes_of(kept.sha256, kept.name)):
            if told.file_sequence == kept.sequence:
                rows += [
                    {
                        "account_id": accounts.name(kept.account),
                        "nsa": told.file_sequence,
                        "occurrence": title.movement,
                        "nosso_numero": title.our_number,
                        "seu_numero": title.document,
                        "occurrence_date": title.occurrence_date or "",
                        "credit_date": title.credit_date or "",
                        "face_amount": title.face_value,
                        "paid_amount": title.paid_value,
                        "interest": title.interest,
                        "discount": title.discount,
                        "fee": title.fee,
                        "credited_amount": title.net_value,
                        "due_date": title.due_date or "",
                        "payer_doc": title.payer_document,
                        "payer_name": title.payer_name,
                    }
                    for title in told.titles
                ]
    return written(tables.RETURNS, rows)


def from_erp(receivables: Iterable[Receivable]) -> bytes:
    """The ERP's export of customer invoices as open items."""
    rows = [
        {
            "item_id": one.number,
            "kind": "AR",
            "doc_type": "NF",
            "partner_id": one.cnpj,
            "partner_name": one.partner,
            "partner_doc": one.cnpj,
            "nf_number": one.number,
            "issue_date": one.issue_date,
            "due_date": one.due_date,
            "gross": f"{one.amount:.2f}",
            "open_amount": f"{one.open_amount:.2f}",
            "contract": one.boleta,
        }
        for one in receivables
    ]
    return written(tables.ITEMS, rows)


def still_open(items: bytes) -> bytes:
    """The items less what standing decisions settle of them and the ERP does not show yet; those that hold nothing are left out."""
    taken = settled()
    rows = list(csv.DictReader(io.StringIO(items.decode("utf-8-sig"), newline="")))
    for row in rows:
        if row.get("item_id") in taken:
            row["open_amount"] = f"{_amount(row['open_amount']) - taken[row['item_id']]:.2f}"
    return written(tables.ITEMS, (row for row in rows if _amount(row.get("open_amount", "")) != 0 or row.get("item_id") not in taken))


def partners(items: bytes) -> bytes:
    """The register of partners as the items tell it, for whoever has no other."""
    rows: dict[str, Row] = {}
    for row in csv.DictReader(io.StringIO(items.decode("utf-8-sig"), newline="")):
        rows.setdefault(row["partner_id"], {"partner_id": row["partner_id"], "name": row["partner_name"], "doc": row["partner_doc"]})
    return written(tables.PARTNERS, rows.values())


def history() -> bytes:
    """Lines that were matched before, with the partner that was found: how trade names and third-party payers are learned."""
    who = dict(LedgerItem.objects.values_list("item", "partner"))
    rows = [
        {"account_id": row.account, "date": row.date, "amount": f"{row.amount:.2f}", "description": row.description, "partner_id": partner}
        for row in MatchDecision.objects.filter(state=DecisionState.STANDS).order_by("date", "key").prefetch_related("allocations")
        if len(found := {who[part.item] for part in row.allocations.all() if part.item in who}) == 1
        for partner in found
    ]
    return written(tables.HISTORY, rows)


def remember(items: pl.DataFrame, at: dt.datetime) -> None:
    """Keep what the ERP says of each item now (a table as `tables.read` gives it)."""
    told = items.select("item_id", "kind", "nf_number", "contract", "partner_id", "partner_name", "due_date", "open_amount")
    rows = [
        LedgerItem(
            item=item[:80],
            kind=kind[:2],
            document=document[:80],
            contract=contract[:120],
            partner=partner[:80],
            partner_name=name[:200],
            due_date=due,
            open_amount=Decimal(cents) / 100,
            seen_at=at,
        )
        for item, kind, document, contract, partner, name, due, cents in told.iter_rows()
    ]
    changing = ["kind", "document", "contract", "partner", "partner_name", "due_date", "open_amount", "seen_at"]
    LedgerItem.objects.bulk_create(rows, BATCH, update_conflicts=True, unique_fields=["item"], update_fields=changing)


def written(table: Table, rows: Iterable[Row]) -> bytes:
    """Rows as the canonical file of a table; columns that a row does not tell are empty, money that it does not tell is zero."""
    text = io.StringIO(newline="")
    told = csv.DictWriter(text, list(table.columns), restval="", extrasaction="ignore", lineterminator="\n")
    told.writeheader()
    told.writerows(rows)
    return text.getvalue().encode()


def _loose_days(account: str, period: Period, is_business_day: IsBusinessDay) -> set[dt.date]:
    """Days of the period that may still change, or that do not prove themselves: nothing is decided on them."""
    known = book.known(account, period, is_business_day)
    return {day for day, one in known.items() if one.state in {DayState.PROVISIONAL, DayState.BROKEN}}


def _spoken(entry: StatementEntry) -> Iterable[str]:
    yield entry.description
    for told in (entry.counterparty_document, entry.counterparty_name):
        if told and told not in entry.description:
            yield told


def _dicts(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal(0)  # the row is rejected when the file is read
