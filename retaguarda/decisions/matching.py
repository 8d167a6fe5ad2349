"""A reconciliation made from kept files: the same files give the same result, byte for byte."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from retaguarda.reconcile.matching.engine import reconcile
from retaguarda.reconcile.matching.loading import load
from retaguarda.reconcile.matching.outputs import write
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.matching.rules import read_matching_rules
from retaguarda.reconcile.matching.tables import ACCOUNTS, HISTORY, ITEMS, LINES, PARTNERS, RETURNS

RULES, HOLIDAYS = "matching.toml", "holidays.json"
FILES = tuple(table.name for table in (ITEMS, PARTNERS, ACCOUNTS, LINES, RETURNS, HISTORY))
"""The canonical files that a reconciliation is made from, by their name."""
PRODUCED = ("matches.csv", "lines.csv", "open_items_left.csv", "result.json")


def matched(files: Mapping[str, Path]) -> Result:
    """The result that these files give: the canonical ones, the rules and the holidays, each under its name."""
    items, partners, accounts, lines, returns, history = (files[name] for name in FILES)
    inputs = load(items, partners, accounts, [lines], [returns], history)
    inputs.rejections[:] = [replace(one, file=named(one.file, files)) for one in inputs.rejections]
    return reconcile(inputs, read_matching_rules(files[RULES]), holidays_from(files[HOLIDAYS].read_bytes()))


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
