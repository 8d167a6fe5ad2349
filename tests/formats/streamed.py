"""The streaming readers by name, and what every one of them must stand."""

from __future__ import annotations

from types import ModuleType

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import canonical
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from retaguarda.model.statements import Statement

READERS: dict[str, ModuleType] = {module.__name__.rpartition(".")[2]: module for module in (canonical,)}


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
