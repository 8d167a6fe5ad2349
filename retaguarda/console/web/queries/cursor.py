"""Lists by cursor: a page begins behind the last row of the one before, whatever was added or left out in between."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet

M = TypeVar("M", bound=Model)
MARK = "~"
LARGEST_KEY = 2**63 - 1
"""Of a row in either store: a greater number in an address is nobody's."""


def page_by(rows: QuerySet[M], by: str, after: str, size: int) -> tuple[list[M], str]:
    """So many rows in the order of a field, and where the next page begins; nothing: it is the last.

    Args:
        rows: what is listed; (field, key) should be an index.
        by: the field; `-field` for the greatest first, as in `order_by`. Rows of one value follow their keys likewise.
        after: what the page before gave; what cannot be one is the first page.
        size: rows of a page.
    """
    name, greatest_first = by.removeprefix("-"), by.startswith("-")
    side = "lt" if greatest_first else "gt"
    value, _, key = after.partition(MARK)
    start, last_key = _read(rows.model._meta.get_field(name), value), _read(rows.model._meta.pk, key)
    if start is not None and last_key is not None:
        rows = rows.filter(**{f"{name}__{side}e": start}).filter(Q(**{f"{name}__{side}": start}) | Q(**{f"pk__{side}": last_key}))
    found = list(rows.order_by(by, "-pk" if greatest_first else "pk")[: size + 1])
    if len(found) <= size:
        return found, ""
    at = getattr(found[size - 1], name)
    return found[:size], f"{at.isoformat() if isinstance(at, dt.date) else at}{MARK}{found[size - 1].pk}"


def _read(field: Any, text: str) -> Any:
    """A value of a field from an address; None when it is none, a moment without its zone, or a key that no row has."""
    if not text or not isinstance(field, Field):
        return None
    try:
        found = field.to_python(text)
    except (ValidationError, ValueError):
        return None
    if isinstance(found, dt.datetime) and found.tzinfo is None:
        return None
    return None if isinstance(found, int) and abs(found) > LARGEST_KEY else found
