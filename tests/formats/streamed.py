"""The streaming readers by name, and what every one of them must stand."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import bank_csv, bank_pdf, bank_sheet, camt053, canonical, mt940
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from retaguarda.model.statements import Statement

READERS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module for module in (canonical, bank_csv, bank_sheet, camt053, mt940, bank_pdf)
}


def read(module: ModuleType, data: bytes) -> list[Statement]:
    """The statements of a file by one reader, which must know it as its own."""
    assert module.recognises(data[:8192])
    return collected(module.parts(Source.of(data)))


def survives(module: ModuleType, data: bytes) -> list[Statement]:
    """Nothing but IncompleteDownload may come of hostile bytes; what is read has its reasons."""
    module.recognises(data[:8192])
    try:
        found = collected(module.parts(Source.of(data)))
    except IncompleteDownload:
        return []
    assert all(odd.reason and odd.line for statement in found for odd in statement.quarantine)
    return found


def adds_up(statement: Statement) -> bool:
    """Whether nothing about a statement is odd: no quarantine, and opening balance and movements give the closing one."""
    opening, closing = statement.opening_balance, statement.closing_balance
    return not statement.quarantine and opening is not None and closing is not None and opening + statement.movement == closing


CHANGES = ("drop", "double", "alter")


def changed(rows: Sequence[str], place: int, change: str, other: str) -> list[str]:
    """The rows with one of them dropped, doubled or replaced by another."""
    new = {"drop": [], "double": [rows[place]] * 2, "alter": [other]}[change]
    return [*rows[:place], *new, *rows[place + 1 :]]
