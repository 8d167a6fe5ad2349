"""What is known of boletos before any line is looked at: the titles that brought money, and how banks write the number of an item."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice

import polars as pl

_INVOICE = r"^\D{0,6}0*([0-9]{1,9})(?:[-/][0-9]{1,2})?\s*$"
"""A seu número that is an invoice's, whole or one of its parcels: `NF 4203`, `54241-3`."""
_USED = (
    *("account_id", "nsa", "occurrence", "nosso_numero", "seu_numero", "occurrence_date", "credit_date"),
    *("paid_amount", "interest", "discount", "credited_amount"),
)
Titles = list[tuple[int, int, int]]
"""(item, credited cents, cents that it settles) of each title; the item is -1 when the ERP does not know the title."""
Files = dict[tuple[str, str, int], Titles]
"""The titles by account, file number and day of credit."""


@dataclass(slots=True)
class Told:
    """What return files and the numbers of items tell; passes take the titles of `files` away that they have settled."""

    files: Files = field(default_factory=dict)
    numbers: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`item` by `account_id` and `written`: the item of every way in which banks write a nosso número; -1 when two share it."""


def told(items: pl.DataFrame, returns: pl.DataFrame, settling: Collection[str]) -> Told:
    """What is known of the items of a board, whose rows are their numbers."""
    return Told(_files(items, returns, settling), _known_numbers(items))


def bare(column: pl.Expr) -> pl.Expr:
    """A number without the zeros and blanks before it."""
    return column.str.strip_chars(" ").str.strip_chars_start("0")


def _files(items: pl.DataFrame, returns: pl.DataFrame, settling: Collection[str]) -> Files:
    """The titles that bring money; what came twice counts once."""
    settled = pl.col("occurrence").is_in(list(settling)) & (pl.col("credited_amount") != 0)
    paid = returns.select(_USED).filter(settled).unique()
    if paid.is_empty():
        return {}
    numbers = _bare_numbers(items, "bare")
    known = paid.with_columns(
        bare(pl.col("nosso_numero")).alias("bare"),
        pl.coalesce("credit_date", "occurrence_date").alias("day"),
        (pl.col("paid_amount") - pl.col("interest") + pl.col("discount")).alias("settles"),
    ).join(numbers, on=["account_id", "bare"], how="left")
    known = _by_invoice_number(items, known)
    known = known.sort("account_id", "nsa", "day", "bare", "credited_amount").unique(
        ["account_id", "nsa", "day", "bare", "occurrence", "credited_amount"], keep="first", maintain_order=True
    )
    titles = iter(known.select(pl.col("item").cast(pl.Int64).fill_null(-1), "credited_amount", "settles").rows())
    files = known.group_by("account_id", "nsa", pl.col("day").to_physical(), maintain_order=True).len()
    return {(account, nsa, day): list(islice(titles, count)) for account, nsa, day, count in files.iter_rows()}


def _by_invoice_number(items: pl.DataFrame, titles: pl.DataFrame) -> pl.DataFrame:
    """Titles whose nosso número no item has, for whoever issues boletos outside the ERP: by their seu número, to the cent.

    An item is taken when it is the only one with this seu número, or with this invoice number, of what the title settles, and no
    other title bears the number.
    """
    alone = (pl.len().over(pl.col("seu_numero").str.strip_chars()) == 1) & (pl.col("seu_numero") != "") & (pl.col("settles") > 0)
    unknown = titles.with_row_index("title").filter(pl.col("item").is_null() & alone)
    if unknown.is_empty():
        return titles
    known = items.select("kind", "number", pl.col("open_amount").alias("settles"), pl.col("seu_numero").str.strip_chars().alias("own"))
    known = known.with_row_index("item").filter((pl.col("kind") == "AR") & (pl.col("settles") > 0))
    said = unknown.select(
        "title",
        "settles",
        pl.col("seu_numero").str.strip_chars().alias("own"),
        pl.col("seu_numero").str.extract(_INVOICE, 1).cast(pl.Int64, strict=False).alias("number"),
    )
    own = said.join(known.filter(pl.col("own") != ""), on=["own", "settles"])
    number = said.filter(~pl.col("title").is_in(own["title"].implode())).join(known.filter(pl.col("number") > 0), on=["number", "settles"])
    pairs = pl.concat([pair.select("title", pl.col("item").alias("named")) for pair in (own, number)])
    pairs = pairs.filter(pl.len().over("title") == 1, pl.len().over("named") == 1)
    found = titles.with_row_index("title").join(pairs, on="title", how="left")
    return found.with_columns(pl.coalesce("item", "named").alias("item")).drop("title", "named")


def _known_numbers(items: pl.DataFrame) -> pl.DataFrame:
    """Whole or the last digits."""
    whole = _bare_numbers(items, "written")
    ends = [
        whole.filter(pl.col("written").str.len_chars() > width).with_columns(pl.col("written").str.tail(width).str.strip_chars_start("0"))
        for width in (15, 12, 10)
    ]
    every = pl.concat([whole, *ends]).filter(pl.col("written") != "")
    least, most = pl.col("item").min().cast(pl.Int64), pl.col("item").max().cast(pl.Int64)
    return every.group_by("account_id", "written").agg(pl.when(least == most).then(least).otherwise(-1).alias("item"))


def _bare_numbers(items: pl.DataFrame, name: str) -> pl.DataFrame:
    """`item`, `account_id` and the nosso número of the items that have one."""
    numbers = items.select("account_id", bare(pl.col("nosso_numero")).alias(name)).with_row_index("item")
    return numbers.filter(pl.col(name) != "")
