"""Which decimal mark a table uses, and its numbers read by it: `1.234` is a thousand or one, never guessed cell by cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

_BY_MARK = {
    ",": re.compile(r"-?(?:[0-9]{1,3}(?:\.[0-9]{3}){1,5}|[0-9]{1,18})(?:,[0-9]{1,12})?"),
    ".": re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3}){1,5}|[0-9]{1,18})(?:\.[0-9]{1,12})?"),
}
_NUMBER = re.compile(r"-?[0-9][0-9.,]*")


def decimal_mark(texts: Iterable[str]) -> str:
    """The mark that explains every number of `texts` which only one mark explains; "" when none or both do."""
    marks: set[str] = set()
    for text in texts:
        if _NUMBER.fullmatch(bare := _bare(text)) and not bare.lstrip("-").isdigit():
            fits = {mark for mark, pattern in _BY_MARK.items() if pattern.fullmatch(bare)}
            marks |= fits if len(fits) == 1 else set()
    return marks.pop() if len(marks) == 1 else ""


def number(text: str, mark: str) -> Decimal:
    """The number in `text` by the table's mark; without a mark only what reads one way. Raises ValueError otherwise."""
    bare = _bare(text)
    fits = [known for known in ([mark] if mark else _BY_MARK) if _BY_MARK[known].fullmatch(bare)]
    if not fits or (len(fits) > 1 and not bare.lstrip("-").isdigit()):
        raise ValueError(f"not a number: {text[:40]!r}")
    thousands = "." if fits[0] == "," else ","
    return Decimal(bare.replace(thousands, "").replace(fits[0], "."))


def _bare(text: str) -> str:
    return re.sub(r"R\$|\s", "", text)
