"""Lines of a delimited file as cells, each line by itself: a quote left open spoils its own line and no other."""

from __future__ import annotations

import csv

from retaguarda.formats.source import LONGEST_LINE, is_cut


def cells(text: str, delimiter: str) -> list[str]:
    """The trimmed cells of a line; raises ValueError when it is too long or its quotes do not close."""
    if '"' not in text and len(text) <= LONGEST_LINE:
        return list(map(str.strip, text.split(delimiter)))
    if is_cut(text):
        raise ValueError("the line is longer than any that a bank writes")
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValueError("the quotes of the line do not close") from error
    return [cell.strip() for cell in rows[0]] if rows else []
