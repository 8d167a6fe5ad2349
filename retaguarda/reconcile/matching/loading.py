"""Files into inputs: canonical CSV by its header, anything else as the bank's own format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.reconcile.matching.model import Rejection
from retaguarda.reconcile.matching.tables import ACCOUNTS, HISTORY, ITEMS, LINES, PARTNERS, RETURNS, Inputs, Table, digest, empty, read

_USED = [name for name in ITEMS.columns if name != "contract" and not name.startswith("wh_")]
"""Taxes that the ERP knows are in the open amount already."""
Reader = Callable[[Path, pl.DataFrame, list[Rejection]], pl.DataFrame]


def load(
    open_items: Path,
    partners: Path,
    accounts: Path,
    statements: Sequence[Path],
    returns: Sequence[Path] = (),
    history: Path | None = None,
) -> Inputs:
    """All inputs of a reconciliation; bad rows are rejections, told in the result.

    Raises:
        InvalidItem: a file is missing, is none of the known formats, or lacks columns.
    """
    rejections: list[Rejection] = []
    known = read(accounts, ACCOUNTS, rejections)
    inputs = Inputs(
        items=_kinds(read(open_items, ITEMS, rejections, _USED), open_items, rejections),
        partners=read(partners, PARTNERS, rejections),
        accounts=known,
        lines=_together([_rows(path, LINES, known, rejections) for path in statements], LINES),
        returns=_together([_rows(path, RETURNS, known, rejections) for path in returns], RETURNS),
        history=read(history, HISTORY, rejections) if history else empty(HISTORY),
        rejections=rejections,
        digest=digest([open_items, partners, accounts, *statements, *returns, *([history] if history else [])]),
    )
    inputs.lines = _once(inputs.lines, rejections)
    return inputs


def _rows(path: Path, table: Table, accounts: pl.DataFrame, rejections: list[Rejection]) -> pl.DataFrame:
    if not path.is_file():
        raise InvalidItem(f"{path}: there is no such file.", remedy="Name a file that exists.")
    with path.open("rb") as file:
        head = file.readline(4096).decode("utf-8-sig", errors="replace").strip().split(",")
    if len(set(table.columns) & set(head)) > len(table.columns) // 2:
        return read(path, table, rejections)
    from retaguarda.reconcile.matching.bank_files import return_rows, statement_rows

    try:
        return (statement_rows if table is LINES else return_rows)(path, accounts, rejections)
    except IncompleteDownload as error:  # it names no file, and of several one must know which
        raise InvalidItem(f"the file {path} was not read: {error.text}", remedy=error.remedy) from error


def _together(frames: list[pl.DataFrame], table: Table) -> pl.DataFrame:
    return pl.concat(frames) if frames else empty(table)


def _kinds(items: pl.DataFrame, path: Path, rejections: list[Rejection]) -> pl.DataFrame:
    """Items that can be settled: of kind AR or AP, with something open."""
    good = items["kind"].is_in(["AR", "AP"]) & (items["open_amount"] >= 0)
    for item_id, kind, amount in items.filter(~good).select("item_id", "kind", "open_amount").iter_rows():
        field = "open_amount" if kind in {"AR", "AP"} else "kind"
        value = f"{item_id}: {amount / 100:.2f}" if field == "open_amount" else f"{item_id}: {kind}"
        rejections.append(Rejection(str(path), 0, field, value, "Write AR or AP, and an open amount that is not negative."))
    return items.filter(good)


def _once(lines: pl.DataFrame, rejections: list[Rejection]) -> pl.DataFrame:
    """Lines of several files must not share an id: the second is rejected."""
    again = ~lines["line_id"].is_first_distinct()
    if again.any():
        remedy = "Give every line its own line_id, over all files."
        rejections.extend(
            Rejection(file_id, 0, "line_id", line_id, remedy)
            for file_id, line_id in lines.filter(again).select("file_id", "line_id").iter_rows()
        )
        return lines.filter(~again)
    return lines
