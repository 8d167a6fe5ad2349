"""The accountants' workbook of a reconciliation: a summary whose tie-out recomputes itself, and every line behind it.

Made for a year of a large trader: 100,000 lines take a few seconds, in constant memory, the same decisions give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name

from retaguarda.language import say
from retaguarda.report import receipts_tables as tables
from retaguarda.report.bulk_rows import Bulk, BulkSheet, plain_text
from retaguarda.report.files import replace_file
from retaguarda.report.receipts_summary import Place, write_charts, write_receipts_summary
from retaguarda.report.receipts_tables import Books, Sources
from retaguarda.report.sheets import FIRST_ROW, HEAD_ROW, SUBTITLE_ROW, TITLE_ROW, TOTALS_ROW, Frame
from retaguarda.report.styles import Styles

MAX_SHEET = 1_048_000
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_LOOKS = {"text": "text", "cents": "money", "day": "date", "count": "count", "share": "count", "mwh": "mwh", "wide": "text", "code": "code"}
REASONS = ("Confere", "Outro título", "Valor divergente", "Pagador desconhecido", "Pagamento repetido", "Outro")
"""What a person may answer in the sheet of proposals; the words are data, read again by `reconcile.answers`."""


class BulkBook(Workbook):  # type: ignore[misc, unused-ignore]
    """A workbook whose sheets take whole tables."""

    worksheet_class = BulkSheet


@dataclass(frozen=True)
class Column:
    """One column of a sheet: what stands above it, where it comes from, how wide; `total` sums what the filter leaves."""

    heading: str
    name: str
    kind: str = "text"
    width: float = 14
    total: bool = False


@dataclass(frozen=True)
class Content:
    """One sheet: its key in formulas, its title and note, its columns and rows."""

    key: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: pl.DataFrame

    def place(self, name: str) -> Place:
        """Where a column's cells stand, for formulas on other sheets."""
        letter = xl_col_to_name([c.name for c in self.columns].index(name))
        return Place(self.title, letter, FIRST_ROW + 1, FIRST_ROW + max(1, self.rows.height))


def write_receipts_workbook(sources: Sources, path: Path, company: str = "") -> Books:
    """Write the workbook of the reconciliation in `sources`; raises ConfigurationError when a file is missing or lacks a column."""
    books = tables.load(sources)
    contents = {content.key: content for content in _contents(books, sources)}
    buffer = io.BytesIO()
    with BulkBook(buffer, _OPTIONS) as book:
        book.set_properties({"title": say("Reconciliation"), "company": plain_text(company)[:255], "created": dt.datetime(2000, 1, 1)})  # noqa: DTZ001
        span = f"{books.since:%d/%m/%Y} – {books.until:%d/%m/%Y}"
        subtitle = " · ".join(filter(None, (plain_text(company), span)))
        frame = Frame(book, Styles(book), subtitle, subtitle[:120], say("Summary"), {})
        places = {key: {c.name: content.place(c.name) for c in content.columns} for key, content in contents.items()}
        write_receipts_summary(frame, books, places, company)
        for content in contents.values():
            _write(frame, content)
        write_charts(frame, books)
    replace_file(path, buffer.getbuffer())
    return books


def _contents(books: Books, sources: Sources) -> Iterator[Content]:
    line = (
        Column("Day", "date", "day", 11),
        Column("Account", "account_id", width=10),
        Column("Text of the bank", "description", "wide", 44),
        Column("Amount at the bank", "moved", "cents", 17, total=True),
    )
    title = (
        Column("Title", "title", width=17),
        Column("Partner", "partner_name", "wide", 36),
        Column("CNPJ/CPF", "partner_doc", width=17),
        Column("Due", "due", "day", 11),
        Column("Open amount", "open", "cents", 16),
        Column("Settled", "signed", "cents", 16, total=True),
        Column("Difference", "rest", "cents", 14, total=True),
        Column("Reason of the difference", "reason", width=24),
        Column("Rule", "rule", width=17),
        Column("Confidence", "sure", "share", 10),
        Column("Line", "line_id", "code", 14),
    )
    yield Content(
        "matched", say("Matched"), say("Decided without a person; one row an invoice."), (*line, *title), tables.settled(books, "auto")
    )
    yield Content(
        "proposals", say("Proposals"), say("Answer S or N with a reason, and hand the file back."), _proposal_columns(), _answers(books)
    )
    yield Content("breaks", say("Breaks"), say("What nothing explains, by class and age."), _break_columns(), tables.breaks(books))
    yield Content("open", say("Open titles"), say("What is left of each title, by age."), _open_columns(), tables.still_open(books))
    yield Content("postings", say("To post"), say("Taxes, interest, discounts and fees."), _posting_columns(), tables.postings(books))
    yield Content("classified", say("Classified"), say("Movements that settle no title."), _classified_columns(), tables.classified(books))
    yield Content(
        "accounts",
        say("By account"),
        say("Each account: what moved and what became of it."),
        _account_columns(books),
        tables.by_account(books),
    )
    if books.contracts is not None:
        rows = books.contracts.with_columns(pl.col("erp_mwh", "ccee_mwh", "difference_mwh").cast(pl.Float64)).with_columns(
            pl.col("outcome").replace(_outcomes())
        )
        yield Content("contracts", say("By contract (MWh)"), say("The ERP against CCEE's register."), _contract_columns(), rows)
    yield Content("proof", say("Completeness"), say("Every file that went in or came out."), _proof_columns(), tables.proof(sources))


def _outcomes() -> dict[str, str]:
    from retaguarda.model.reconciliation import ContractOutcome
    from retaguarda.report.labels import label
    from retaguarda.report.vocabulary import CONTRACT_OUTCOMES

    return {outcome.value: label(CONTRACT_OUTCOMES, outcome.value).text for outcome in ContractOutcome}


def _answers(books: Books) -> pl.DataFrame:
    empty = pl.lit(None, dtype=pl.String)
    return tables.proposed(books).rename({"cents": "moved"}).with_columns(answer=empty, why=empty)


def _proposal_columns() -> tuple[Column, ...]:
    return (
        Column("Line", "line_id", "code", 14),
        Column("Day", "date", "day", 11),
        Column("Account", "account_id", width=10),
        Column("Text of the bank", "description", "wide", 44),
        Column("Amount at the bank", "moved", "cents", 17, total=True),
        Column("Proposal", "proposal", "wide", 60),
        Column("Titles", "items", "count", 8),
        Column("Difference", "rest", "cents", 14, total=True),
        Column("Reason of the difference", "reason", width=24),
        Column("Rule", "rule", width=17),
        Column("Confidence", "sure", "share", 10),
        Column("Approve (S/N)", "answer", width=11),
        Column("Reason", "why", width=24),
    )


def _break_columns() -> tuple[Column, ...]:
    return (
        Column("Class", "label", width=22),
        Column("Age in days", "age", "count", 9),
        Column("Age", "bucket", width=9),
        Column("Day", "date", "day", 11),
        Column("Account", "account_id", width=10),
        Column("Text of the bank", "description", "wide", 48),
        Column("Amount at the bank", "cents", "cents", 17, total=True),
        Column("Best candidate", "candidate", "wide", 40),
        Column("Next step", "step", "wide", 46),
        Column("Line", "line_id", "code", 14),
    )


def _open_columns() -> tuple[Column, ...]:
    return (
        Column("Kind", "kind", width=8),
        Column("Title", "title", width=17),
        Column("Partner", "partner_name", "wide", 40),
        Column("CNPJ/CPF", "partner_doc", width=17),
        Column("Due", "due", "day", 11),
        Column("Age in days", "age", "count", 9),
        Column("Age", "bucket", width=12),
        Column("Open amount", "open", "cents", 16, total=True),
        Column("Left", "left", "cents", 16, total=True),
        Column("In a proposal", "waiting", width=12),
        Column("Item", "item_id", "code", 14),
    )


def _posting_columns() -> tuple[Column, ...]:
    return (
        Column("Kind", "label", width=34),
        Column("Day", "date", "day", 11),
        Column("Account", "account_id", width=10),
        Column("Text", "text", "wide", 40),
        Column("Partner", "party", "wide", 36),
        Column("Amount at the bank", "cents", "cents", 17, total=True),
        Column("Line", "line_id", "code", 14),
    )


def _classified_columns() -> tuple[Column, ...]:
    return (
        Column("Class", "label", width=28),
        Column("Day", "date", "day", 11),
        Column("Account", "account_id", width=10),
        Column("Text of the bank", "description", "wide", 48),
        Column("Amount of the line", "cents", "cents", 17),
        Column("Movement", "moved", "cents", 17, total=True),
        Column("Line", "line_id", "code", 14),
    )


def _account_columns(books: Books) -> tuple[Column, ...]:
    named = tuple(
        Column(heading, name, width=width)
        for heading, name, width in (("Bank", "bank_name", 30), ("Branch", "agency", 9), ("Number", "account", 14))
        if name in books.accounts.columns
    )
    sums = (("Credits", "credits"), ("Debits", "debits"), ("Matched", "auto"), ("Proposed", "proposals"), ("Classified", "classified"))
    return (
        Column("Account", "account_id", width=10),
        *named,
        Column("Movements", "count", "count", 12, total=True),
        *(Column(heading, name, "cents", 17, total=True) for heading, name in (*sums, ("Breaks", "waiting"))),
    )


def _contract_columns() -> tuple[Column, ...]:
    return (
        Column("Month", "month", width=9),
        Column("Outcome", "outcome", width=24),
        Column("ERP", "erp_id", width=13),
        Column("CCEE", "code", width=12),
        Column("Counterparty", "counterparty", "wide", 40),
        Column("MWh in the ERP", "erp_mwh", "mwh", 16, total=True),
        Column("MWh at CCEE", "ccee_mwh", "mwh", 16, total=True),
        Column("Difference MWh", "difference_mwh", "mwh", 15, total=True),
        Column("Note", "note", "wide", 30),
    )


def _proof_columns() -> tuple[Column, ...]:
    return (
        Column("File", "file", width=30),
        Column("Rows", "rows", "count", 12),
        Column("Bytes", "size", "count", 14),
        Column("SHA-256", "sha256", "code", 70),
    )


def _write(frame: Frame, content: Content) -> None:
    sheet = frame.sheet(content.title)
    rows = content.rows.head(MAX_SHEET)
    last_col, last_row = len(content.columns) - 1, FIRST_ROW + max(1, rows.height) - 1
    sheet.set_row(TITLE_ROW, 24)
    sheet.write_string(TITLE_ROW, 0, content.title, frame.styles.of("title"))
    count = say("{count} lines", count=f"{content.rows.height:,}".replace(",", "."))
    sheet.write_string(SUBTITLE_ROW, 0, f"{count} · {content.note} · {frame.subtitle}", frame.styles.of("subtitle"))
    sheet.set_row(TOTALS_ROW, 18)
    sheet.write_url(TOTALS_ROW, 0, f"internal:'{frame.home}'!A1", frame.styles.of("back"), f"← {frame.home}")
    for col, column in enumerate(content.columns):
        sheet.set_column(col, col, column.width)
        if column.total:
            letter, sign = xl_col_to_name(col), "money" if column.kind == "cents" else _LOOKS[column.kind]
            value = _total(content.rows[column.name], column.kind)
            style = frame.styles.of(sign, bold=True, top=1, bg_color="#F4F7FA")
            sheet.write_formula(TOTALS_ROW, col, f"=SUBTOTAL(109,{letter}{FIRST_ROW + 1}:{letter}{last_row + 1})", style, value)
    sheet.set_row(HEAD_ROW, 30)
    for col, column in enumerate(content.columns):
        head = "head-number" if column.kind in {"cents", "count", "mwh", "share"} else "head-center" if column.kind == "day" else "head"
        sheet.write_string(HEAD_ROW, col, say(column.heading), frame.styles.of(head))
    if content.rows.is_empty():
        sheet.write_string(FIRST_ROW, 0, say("Nothing to show"), frame.styles.of("nothing"))
    sheet.write_table(FIRST_ROW, rows, [_bulk(frame, column) for column in content.columns])
    sheet.freeze_panes(FIRST_ROW, 1)
    sheet.repeat_rows(HEAD_ROW)
    sheet.autofilter(HEAD_ROW, 0, last_row, last_col)
    if content.key == "proposals":
        _validate(sheet, content, last_row)


def _total(values: pl.Series, kind: str) -> float:
    return float(values.sum() or 0) / (100 if kind == "cents" else 1)


def _bulk(frame: Frame, column: Column) -> Bulk:
    more: dict[str, Any] = {"num_format": "0.0%"} if column.kind == "share" else {}
    look = frame.styles.of(_LOOKS[column.kind], **more)
    kind = {"cents": "cents", "day": "day", "count": "number", "share": "number", "mwh": "number"}.get(column.kind, "text")
    return Bulk(column.name, kind, look, frame.styles.of(_LOOKS[column.kind], quote_prefix=True) if kind == "text" else None)


def _validate(sheet: BulkSheet, content: Content, last_row: int) -> None:
    """Lists to choose from in the two columns that people fill."""
    names = [column.name for column in content.columns]
    for name, choices in (("answer", ["S", "N"]), ("why", list(REASONS))):
        col = names.index(name)
        sheet.data_validation(FIRST_ROW, col, last_row, col, {"validate": "list", "source": choices})
