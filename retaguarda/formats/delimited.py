"""Lines of a delimited file as cells, each line by itself: a quote left open spoils its own line and no other."""

from __future__ import annotations

import csv

from retaguarda.formats.source import is_cut


def cells(text: str, delimiter: str) -> list[str]:
    """The trimmed cells of a line; raises ValueError when it is too long or its quotes do not close."""
    if is_cut(text):
        raise ValueError("the line is longer than any that a bank writes")
    if '"' not in text:
        return [cell.strip() for cell in text.split(delimiter)]
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValueError("the quotes of the line do not close") from error
    return [cell.strip() for cell in rows[0]] if rows else []
