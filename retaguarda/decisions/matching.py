"""A reconciliation made from kept files: the same files give the same result, byte for byte."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from retaguarda.reconcile.matching import tables
from retaguarda.reconcile.matching.engine import match
from retaguarda.reconcile.matching.model import Provenance, Rejection
from retaguarda.reconcile.matching.outputs import write
from retaguarda.reconcile.matching.result import Result, result_of
from retaguarda.reconcile.matching.rules import read_matching_rules
from retaguarda.reconcile.matching.tables import Inputs, Table

RULES, HOLIDAYS = "matching.toml", "holidays.json"
FILES: Mapping[str, Table] = {
    table.name: table for table in (tables.ITEMS, tables.PARTNERS, tables.ACCOUNTS, tables.LINES, tables.RETURNS, tables.HISTORY)
}
"""The canonical files that a reconciliation is made from, by their name."""
PRODUCED = ("matches.csv", "lines.csv", "open_items_left.csv", "result.json")


def matched(files: Mapping[str, Path]) -> Result:
    """The result that these files give: the canonical ones, the rules and the holidays, each under its name."""
    rejections: list[Rejection] = []
    read = {name: tables.read(files[name], table, rejections) for name, table in FILES.items()}
    digest = tables.digest([files[name] for name in FILES])
    told = [Rejection(named(one.file, files), one.line, one.field, one.value, one.remedy) for one in rejections]
    inputs = Inputs(
        items=read[tables.ITEMS.name],
        partners=read[tables.PARTNERS.name],
        accounts=read[tables.ACCOUNTS.name],
        lines=read[tables.LINES.name],
        returns=read[tables.RETURNS.name],
        history=read[tables.HISTORY.name],
        rejections=told,
        digest=digest,
    )
    rules = read_matching_rules(files[RULES])
    board = match(inputs, rules, holidays_from(files[HOLIDAYS].read_bytes()))
    return result_of(board, Provenance(digest, rules.digest, rules.version), told)


def produced(result: Result) -> dict[str, bytes]:
    """The files of a result by their name."""
    with tempfile.TemporaryDirectory() as folder:
        return {path.name: path.read_bytes() for path in write(result, Path(folder))}


def named(file: str, files: Mapping[str, Path]) -> str:
    """The canonical name of a file that is kept under its hash."""
    return next((name for name, path in files.items() if str(path) == file), file)


def holidays_to(days: Sequence[dt.date]) -> bytes:
    """Holidays as they are kept beside the other files."""
    return json.dumps([day.isoformat() for day in days]).encode()


def holidays_from(data: bytes) -> list[dt.date]:
    """Holidays as they were kept."""
    return [dt.date.fromisoformat(text) for text in json.loads(data)]
