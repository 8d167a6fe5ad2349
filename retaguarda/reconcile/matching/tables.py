"""The canonical CSV files as polars tables, at full speed; a bad row becomes a rejection, a missing column an error.

Text stays text (CNPJ, nosso número, document numbers keep their zeros and letters), money becomes whole cents.
"""

from __future__ import annotations

import csv
import enum
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from retaguarda.errors import InvalidItem
from retaguarda.reconcile.matching.model import Rejection

_WRONG = "wrong "
ROW = "row"
"""The number of a row's line in its file; the header is line 1."""


class Field(enum.Enum):
    """How a column is read."""

    TEXT = "text"
    KEY = "key"
    """Text that must not be empty."""
    DATE = "date"
    MAYBE_DATE = "maybe-date"
    MONEY = "money"
    MAYBE_MONEY = "maybe-money"
    """Money; empty or missing is zero."""


_REMEDIES = {
    Field.KEY: "Fill this field.",
    Field.DATE: "Write the date as YYYY-MM-DD.",
    Field.MAYBE_DATE: "Write the date as YYYY-MM-DD or leave it empty.",
    Field.MONEY: "Write the amount with a decimal point and at most two places, e.g. 1234.56.",
    Field.MAYBE_MONEY: "Write the amount with a decimal point and at most two places, or leave it empty.",
}
_AMOUNT = r"^[+-]?\d{1,11}(\.\d{1,2})?$"
"""Below a hundred thousand million: more than any bank line, and few enough cents to share a number with the partner's code."""
_TOO_LARGE = re.compile(r"[+-]?\d{12,}(\.\d{1,2})?")
MOST_PARTNERS = 1 << 17


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of one canonical file; `unique` names the column whose values must differ."""

    name: str
    columns: Mapping[str, Field]
    unique: str = ""
    optional: frozenset[str] = frozenset()

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether a header line has all the columns of this file."""
        return set(self.columns) - self.optional <= set(header)


T, K, M, Z = Field.TEXT, Field.KEY, Field.MONEY, Field.MAYBE_MONEY
ITEMS = Table(
    "open_items.csv",
    {
        "item_id": K,
        "kind": K,
        "doc_type": T,
        "partner_id": K,
        "partner_name": T,
        "partner_doc": T,
        "nf_number": T,
        "parcel": T,
        "issue_date": Field.DATE,
        "due_date": Field.DATE,
        "gross": M,
        **dict.fromkeys(("wh_ir", "wh_pis", "wh_cofins", "wh_csll", "wh_iss", "wh_inss"), Z),
        "open_amount": M,
        "nosso_numero": T,
        "seu_numero": T,
        "account_id": T,
        "contract": T,
    },
    unique="item_id",
    optional=frozenset({"contract", "seu_numero", "parcel"}),
)
PARTNERS = Table("partners.csv", {"partner_id": K, "name": T, "doc": T, "kind": T, "group_id": T}, unique="partner_id")
ACCOUNTS = Table(
    "bank_accounts.csv",
    {
        "account_id": K,
        "bank": T,
        "bank_name": T,
        "agency": T,
        "account": T,
        "fee_netted": T,
        "boleto_fee": Z,
        "owner": T,
        "owner_doc": T,
    },
    unique="account_id",
)
LINES = Table(
    "statement_lines.csv",
    {
        "line_id": K,
        "account_id": K,
        "file_id": T,
        "date": Field.DATE,
        "amount": M,
        "hist_code": T,
        "doc_number": T,
        "fitid": T,
        "description": T,
    },
    unique="line_id",
)
RETURNS = Table(
    "retorno.csv",
    {
        "account_id": K,
        "nsa": T,
        "occurrence": K,
        "nosso_numero": T,
        "seu_numero": T,
        "occurrence_date": Field.MAYBE_DATE,
        "credit_date": Field.MAYBE_DATE,
        "face_amount": Z,
        "paid_amount": Z,
        "interest": Z,
        "discount": Z,
        "fee": Z,
        "credited_amount": Z,
        "due_date": Field.MAYBE_DATE,
        "payer_doc": T,
        "payer_name": T,
    },
)
HISTORY = Table("history.csv", {"account_id": T, "date": Field.DATE, "amount": M, "description": K, "partner_id": K})


@dataclass(slots=True)
class Inputs:
    """All that a reconciliation starts from, once; the tables hold good rows only, the rest is in `rejections`."""

    items: pl.DataFrame
    partners: pl.DataFrame
    accounts: pl.DataFrame
    lines: pl.DataFrame
    returns: pl.DataFrame
    history: pl.DataFrame
    rejections: list[Rejection] = field(default_factory=list)
    digest: str = ""

    def hand_over(self, name: str) -> pl.DataFrame:
        """A table that the inputs hold no longer: kept beside what is made of it, it would be a third of all memory."""
        table: pl.DataFrame = getattr(self, name)
        setattr(self, name, table.clear())
        return table


def empty(table: Table) -> pl.DataFrame:
    """No rows of a table."""
    return typed(pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String)), table, "", [])


def read(path: Path, table: Table, rejections: list[Rejection], used: Sequence[str] = ()) -> pl.DataFrame:
    """The good rows of a canonical file, typed; appends what is wrong with the others to `rejections`.

    Of columns that are not `used` only is looked whether they are right; all are used when none is named.

    Raises:
        InvalidItem: the file cannot be read at all, or a column is missing.
    """
    try:
        quick = pl.scan_csv(path, infer_schema=False)
        _complete(path, table, quick.collect_schema().names())
        return typed(quick, table, str(path), rejections, used)
    except FileNotFoundError:
        raise InvalidItem(f"{path}: there is no such file.", remedy="Name a file that exists.") from None
    except (pl.exceptions.PolarsError, OSError):
        slow = _row_by_row(path, table, rejections)
        _complete(path, table, slow.columns)
        return typed(slow, table, str(path), rejections, used)


def _complete(path: Path, table: Table, header: Sequence[str]) -> None:
    if not table.recognises(header):
        missing = [name for name in table.columns if name not in header and name not in table.optional]
        raise InvalidItem(
            f"{path}: the columns {', '.join(missing)} of {table.name} are missing; the header has {', '.join(header)}.",
            remedy=f"Export {table.name} again with all its columns, separated by commas.",
        )


def typed(raw: pl.DataFrame | pl.LazyFrame, table: Table, file: str, rejections: list[Rejection], used: Sequence[str] = ()) -> pl.DataFrame:
    """A table of text with its dates and cents; rows that are wrong are left out and told."""
    header = raw.lazy().collect_schema().names()
    known = raw.lazy().with_columns([pl.lit("").alias(name) for name in table.columns if name not in header])
    values = [_parsed(name, table.columns[name]) for name in used or table.columns]
    wrong = [_wrong(name, table).alias(_WRONG + name) for name, kind in table.columns.items() if kind is not Field.TEXT]
    read = known.select(*values, *wrong).collect()
    flags, found = read.select(pl.any_horizontal(f"^{_WRONG}.*$").alias("any"))["any"], read.select(list(used or table.columns))
    if not flags.any():
        return found
    texts = known if ROW in header else known.with_row_index(ROW, offset=2)
    told = texts.select(ROW, *table.columns, *wrong).filter(pl.any_horizontal(f"^{_WRONG}.*$")).collect()
    for name, kind in table.columns.items():
        if kind is not Field.TEXT:
            for row, value in told.filter(_WRONG + name).select(ROW, name).iter_rows():
                rejections.append(Rejection(file, row, name, value or "", _remedy(table, name, value)))
    return found.filter(~flags)


def _wrong(name: str, table: Table) -> pl.Expr:
    """Whether a field does not hold what it should, or what another row holds already."""
    kind, column = table.columns[name], _parsed(name, table.columns[name])
    if kind in {Field.MAYBE_DATE, Field.MAYBE_MONEY}:
        written = pl.col(name).fill_null("")
        return (written != "") & (~written.str.contains(_AMOUNT) if kind is Field.MAYBE_MONEY else _read(name, kind).is_null())
    return column.is_null() | ~column.is_first_distinct() if name == table.unique else column.is_null()


def _parsed(name: str, kind: Field) -> pl.Expr:
    """A field as it is used; null where the row cannot be."""
    if kind is Field.MAYBE_MONEY:
        return _read(name, kind).fill_null(0)
    return pl.col(name).fill_null("") if kind is Field.TEXT else _read(name, kind)


def _read(name: str, kind: Field) -> pl.Expr:
    """A field as it is written; null where it is not."""
    column = pl.col(name)
    if kind is Field.KEY:
        return pl.when(column != "").then(column)
    if kind in {Field.DATE, Field.MAYBE_DATE}:
        return column.str.to_date("%Y-%m-%d", strict=False)
    cents = (column.cast(pl.Float64, strict=False) * 100).round().cast(pl.Int64, strict=False)
    return pl.when(column.str.contains(_AMOUNT)).then(cents).alias(name)


def _remedy(table: Table, name: str, value: str | None) -> str:
    if name == table.unique and value:
        return "Give every row its own value; the first row with this one was used."
    if table.columns[name] in {Field.MONEY, Field.MAYBE_MONEY} and _TOO_LARGE.fullmatch(value or ""):
        return "Amounts have at most eleven digits before the point: check where the point stands."
    return _REMEDIES[table.columns[name]]


def _row_by_row(path: Path, table: Table, rejections: list[Rejection]) -> pl.DataFrame:
    """A file that the quick reader refuses: rows of the wrong length are rejected, bytes that are no UTF-8 are read as cp1252."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    rows: list[list[str]] = []
    for row in reader:
        if len(row) == len(header):
            rows.append([*row, str(reader.line_num)])
        elif row:
            remedy = f"Give the row the {len(header)} fields of the header; quote a text that holds a comma."
            rejections.append(Rejection(str(path), reader.line_num, "", ",".join(row)[:80], remedy))
    if not header:
        raise InvalidItem(f"{path}: the file is empty.", remedy=f"Export {table.name} again.")
    frame = pl.DataFrame(rows, schema=dict.fromkeys([*header, ROW], pl.String), orient="row")
    return frame.with_columns(pl.col(ROW).cast(pl.UInt32))


def digest(paths: Sequence[Path]) -> str:
    """One hash of the contents of all files, whatever their order."""
    found = []
    for path in paths:
        with path.open("rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
