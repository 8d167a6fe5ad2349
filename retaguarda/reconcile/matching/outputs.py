"""The files of a result: matches.csv, lines.csv, result.json; the same bytes for the same rows in any order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from retaguarda.reconcile.matching.board import CLASSES
from retaguarda.reconcile.matching.collecting import not_collecting
from retaguarda.reconcile.matching.model import Classified, Unmatched
from retaguarda.reconcile.matching.result import Result

_TOLD = 1000
"""Unmatched lines, payments made twice and rejections told one by one in result.json; counts are always whole, lines.csv has all lines."""


@not_collecting()
def write(result: Result, folder: Path) -> list[Path]:
    """Write the four files into a folder, which is made when missing; result.json is there only when all are of this result."""
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Callable[[Result], pl.DataFrame]] = {"matches.csv": matches, "lines.csv": lines, "open_items_left.csv": carried}
    paths = [folder / name for name in (*tables, "result.json")]
    new = [path.with_name(f"{path.name}.part") for path in paths]
    _ = result.columns  # which both sides need
    with ThreadPoolExecutor(1) as aside:  # polars writes on one core, while Python sums up on the other
        writing = [aside.submit(_write_table, table, result, path) for table, path in zip(tables.values(), new, strict=False)]
        told = orjson.dumps(summary(result), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS, default=_plain) + b"\n"
        for written in writing:
            written.result()
    new[-1].write_bytes(told)
    paths[-1].unlink(missing_ok=True)
    for path, whole in zip(paths, new, strict=True):
        whole.replace(path)
    return paths


def _write_table(table: Callable[[Result], pl.DataFrame], result: Result, path: Path) -> None:
    table(result).write_csv(path)


def matches(result: Result) -> pl.DataFrame:
    """One row for each item that a line settles, sorted by line and item."""
    board, columns, kinds, code = result.board, result.columns, result.judged.kinds, result.judged.code
    decided = pl.DataFrame(
        {
            "line_id": board.lines["line_id"].gather(columns.line),
            "decision": _coded([verdict.value for _, _, verdict in kinds]).gather(code),
            "rule": _coded([grade for grade, _, _ in kinds]).gather(code),
            "confidence": pl.Series([sure for _, sure, _ in kinds], dtype=pl.Float64).gather(code),
            "difference": columns.difference,
            "difference_type": _coded([result.kind_of(found) if found.difference else "" for found in board.settled]),
        }
    )
    items = pl.DataFrame({"amount": columns.cents, "item_id": board.items["item_id"].gather(columns.item)})
    frame = pl.concat([decided[columns.row], items], how="horizontal")
    names = ["line_id", "item_id", "amount", "decision", "rule", "confidence", "difference", "difference_type"]
    return frame.select(names).sort("line_id", "item_id").with_columns(_places("amount"), _places("difference"))


def _coded(texts: list[str]) -> pl.Series:
    """Few different texts many times over: numbers in memory, texts in a file."""
    return pl.Series(texts, dtype=pl.Enum(sorted(set(texts))))


def lines(result: Result) -> pl.DataFrame:
    """The class of every line."""
    names = [one.value for one in CLASSES]
    named = pl.Series(names, dtype=pl.Enum(names)).gather(np.frombuffer(result.board.state, dtype=np.uint8))
    return pl.DataFrame({"line_id": result.board.lines["line_id"], "class": named}).sort("line_id")


def carried(result: Result) -> pl.DataFrame:
    """The items that stay open, with what is left of them: the open items of the next period begin with these."""
    items = result.board.items.select("item_id", "kind", "partner_id", "due_date").with_columns(
        pl.Series("open_amount", result.board.open, dtype=pl.Int64)
    )
    return items.filter(pl.col("open_amount") != 0).sort("item_id").with_columns(_places("open_amount"))


def summary(result: Result) -> dict[str, Any]:
    """Counts, tie-out, provenance, rejections; unmatched lines and payments made twice with the items that they may be about."""
    counted, tie = result.summary(), result.tie_out()
    return {
        "schema": 1,
        "provenance": asdict(result.provenance),
        "summary": asdict(counted),
        "tie_out": {**asdict(tie), "difference": tie.difference},
        "rejections": [asdict(one) for one in islice(result.rejections, _TOLD)],
        "rejected_rows": len(result.rejections),
        "unmatched": sorted((_told(one) | {"payers": one.payers} for one in result.unmatched(_TOLD)), key=itemgetter("line_id")),
        "repeated": sorted((_told(one) | {"repeats": one.counterpart} for one in result.repeated(_TOLD)), key=itemgetter("line_id")),
    }


def _told(one: Unmatched | Classified) -> dict[str, Any]:
    return {
        "line_id": one.line.line_id,
        "date": one.line.date,
        "amount": one.line.amount,
        "description": one.line.description,
        "candidates": [{"item_id": found.item_id, "open_amount": found.open_amount, "reason": found.reason} for found in one.candidates],
    }


def _places(name: str) -> pl.Expr:
    return (pl.col(name).cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)).alias(name)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(type(value).__name__)
