"""What a reconciliation of the store starts from, as the canonical files that are kept as its evidence.

Only lines of proved days that no standing decision has; items with what standing decisions settle already taken off.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from retaguarda.accounts import book
from retaguarda.accounts.book import IsBusinessDay
from retaguarda.calendars.calendar import banks
from retaguarda.configuration import configuration_folder
from retaguarda.decisions.matching import HOLIDAYS, RULES, holidays_to
from retaguarda.decisions.register import BATCH, settled, standing
from retaguarda.formats import read_returns
from retaguarda.model.statements import same_account
from retaguarda.model.values import Period
from retaguarda.reconcile.canonical import Row, account_rows, line_row, title_row, written
from retaguarda.reconcile.coverage import DayState
from retaguarda.reconcile.matching import tables
from retaguarda.store.models import BoletoReturn, DecisionState, LedgerItem, MatchDecision, StatementEntry


@dataclass(frozen=True, slots=True)
class Accounts:
    """Our own bank accounts: how the files of the reconciliation name those of the book."""

    rows: tuple[Row, ...]

    @classmethod
    def read(cls, path: Path | None) -> Accounts:
        """The accounts of a canonical file; those of the book, under their own names, where none is given."""
        if path is not None:
            return cls(tuple(_dicts(path)))
        return cls(tuple(account_rows(book.accounts())))

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
            line_row(entry.entry, name, entry.file.sha256[:12], entry)
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
                rows += [title_row(title, accounts.name(kept.account), told.file_sequence) for title in told.titles]
    return written(tables.RETURNS, rows)


def still_open(items: bytes) -> bytes:
    """The items less what standing decisions settle of them and the ERP does not show yet; those that hold nothing are left out."""
    taken = settled()
    rows = list(csv.DictReader(io.StringIO(items.decode("utf-8-sig"), newline="")))
    for row in rows:
        if row.get("item_id") in taken:
            row["open_amount"] = f"{_amount(row['open_amount']) - taken[row['item_id']]:.2f}"
    return written(tables.ITEMS, (row for row in rows if _amount(row.get("open_amount", "")) != 0 or row.get("item_id") not in taken))


def history(without: Collection[str] = ()) -> bytes:
    """Lines that were matched before, with the partner that was found: how trade names and third-party payers are learned.

    Those `without` are left out: what is decided of a line must not depend on having been decided before.
    """
    who = dict(LedgerItem.objects.values_list("item", "partner"))
    rows = [
        {"account_id": row.account, "date": row.date, "amount": f"{row.amount:.2f}", "description": row.description, "partner_id": partner}
        for row in MatchDecision.objects.filter(state=DecisionState.STANDS).order_by("date", "key").prefetch_related("allocations")
        if row.line not in without and len(found := {who[part.item] for part in row.allocations.all() if part.item in who}) == 1
        for partner in found
    ]
    return written(tables.HISTORY, rows)


def rules(period: Period) -> dict[str, bytes]:
    """The rules and the banks' holidays that a reconciliation is made with."""
    calendar, years = banks(), range(period.start.year - 1, period.end.year + 2)
    holidays = sorted(day for year in years for day in calendar.holidays(year))
    return {RULES: (configuration_folder() / RULES).read_bytes(), HOLIDAYS: holidays_to(holidays)}


def remember(items: bytes, at: dt.datetime) -> None:
    """Keep what the ERP says of each item now."""
    import polars as pl

    frame = tables.typed(pl.read_csv(items, infer_schema=False), tables.ITEMS, tables.ITEMS.name, [])
    told = frame.select("item_id", "kind", "nf_number", "contract", "partner_id", "partner_name", "due_date", "open_amount")
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


def _loose_days(account: str, period: Period, is_business_day: IsBusinessDay) -> set[dt.date]:
    """Days of the period that may still change, or that do not prove themselves: nothing is decided on them."""
    known = book.known(account, period, is_business_day)
    return {day for day, one in known.items() if one.state in {DayState.PROVISIONAL, DayState.BROKEN}}


def _dicts(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal(0)  # the row is rejected when the file is read
