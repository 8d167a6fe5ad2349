"""The files of a result: matches.csv, lines.csv, result.json; the same bytes for the same rows in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from retaguarda.reconcile.matching.board import CLASSES
from retaguarda.reconcile.matching.result import Result

_TOLD = 1000
"""Unmatched lines and rejections told one by one in result.json; the counts are always whole, lines.csv names all lines."""


def write(result: Result, folder: Path) -> list[Path]:
    """Write the three files into a folder, which is made when missing."""
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("matches.csv", "lines.csv", "open_items_left.csv", "result.json")]
    matches(result).write_csv(paths[0])
    lines(result).write_csv(paths[1])
    carried(result).write_csv(paths[2])
    paths[3].write_bytes(orjson.dumps(summary(result), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS, default=_plain) + b"\n")
    return paths


def matches(result: Result) -> pl.DataFrame:
    """One row for each item that a line settles, sorted by line and item."""
    board, rows = result.board, []
    line_ids, item_ids = result.line_ids, result.item_ids
    for found, (grade, sure, verdict) in zip(board.settled, result.judged, strict=True):
        kind = ""
        if found.difference and (difference := result.difference(found)):
            kind = difference.kind.value
        line = line_ids[found.line]
        rows += [(line, item_ids[item], cents, verdict.value, grade, sure, found.difference, kind) for item, cents in found.parts]
    names = ["line_id", "item_id", "amount", "decision", "rule", "confidence", "difference", "difference_type"]
    types = [pl.String, pl.String, pl.Int64, pl.String, pl.String, pl.Float64, pl.Int64, pl.String]
    frame = pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row").sort("line_id", "item_id")
    return frame.with_columns(_amount("amount"), _amount("difference"))


def lines(result: Result) -> pl.DataFrame:
    """The class of every line."""
    codes = pl.Series(list(result.board.state), dtype=pl.Int32)
    named = codes.replace_strict(list(range(len(CLASSES))), [one.value for one in CLASSES], return_dtype=pl.String)
    return pl.DataFrame({"line_id": result.line_ids, "class": named}).sort("line_id")


def carried(result: Result) -> pl.DataFrame:
    """The items that stay open, with what is left of them: the open items of the next period begin with these."""
    items = result.board.items.select("item_id", "kind", "partner_id", "due_date").with_columns(
        pl.Series("open_amount", result.board.open, dtype=pl.Int64)
    )
    return items.filter(pl.col("open_amount") != 0).sort("item_id").with_columns(_amount("open_amount"))


def summary(result: Result) -> dict[str, Any]:
    """Counts, tie-out, provenance, rejections, and the unmatched lines with their best candidates."""
    counted, tie = result.summary(), result.tie_out()
    return {
        "schema": 1,
        "provenance": asdict(result.provenance),
        "summary": asdict(counted),
        "tie_out": {**asdict(tie), "difference": tie.difference},
        "rejections": [asdict(one) for one in islice(result.rejections, _TOLD)],
        "rejected_rows": len(result.rejections),
        "unmatched": list(_told(result)),
    }


def _told(result: Result) -> Iterator[dict[str, Any]]:
    for one in sorted(islice(result.unmatched(), _TOLD), key=lambda one: one.line.line_id):
        yield {
            "line_id": one.line.line_id,
            "date": one.line.date,
            "amount": one.line.amount,
            "description": one.line.description,
            "payers": one.payers,
            "candidates": [asdict(candidate) for candidate in one.candidates],
        }


def _amount(name: str) -> pl.Expr:
    return (pl.col(name).cast(pl.Decimal(18, 0)) / 100).cast(pl.Decimal(18, 2)).alias(name)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(type(value).__name__)
