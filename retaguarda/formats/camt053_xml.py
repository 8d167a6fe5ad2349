"""The XML of a CAMT.053 as blocks: read element by element, each thrown away once it was read, however long an entry is.

No document type, no entity and nothing from the network is accepted; libxml2's own limits on depth and texts hold.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lxml import etree

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.source import Source

MAX_TEXT = 2000
"""Characters kept of a text."""
MAX_VALUES = 20
"""Values kept of one element that is repeated within a block."""
MAX_KINDS = 300
"""Different elements kept of a block."""
_NAMESPACE = re.compile(rb"urn:iso:std:iso:20022:tech:xsd:camt\.053\.")
_BLOCKS = {"Acct", "FrToDt", "Bal", "TxsSummry", "Ntry"}
Leaves = Mapping[str, list[str]]
"""Texts by their path within a block; an amount's currency stands at `…@Ccy`."""


def recognises(head: bytes) -> bool:
    """Whether a file is XML that names a CAMT.053 namespace."""
    text = head.replace(b"\0", b"")
    return re.match(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<", text) is not None and _NAMESPACE.search(text) is not None


class Block(NamedTuple):
    """A part of a statement that is complete: its element, its line and the texts within it by their path."""

    name: str
    line: int
    leaves: Leaves


class _Stream(io.RawIOBase):
    """The bytes of a source as the parser asks for them."""

    def __init__(self, source: Source) -> None:
        self._pieces = source.pieces()
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        self._rest = self._rest or next(self._pieces, b"")
        given, self._rest = self._rest[: size if size > 0 else None], self._rest[size:] if size > 0 else b""
        return given


def blocks(source: Source) -> Iterator[Block]:
    """`Stmt`, then the blocks of this statement, then `/Stmt`; raises IncompleteDownload when the XML is damaged, cut off or hostile."""
    if b"<!DOCTYPE" in source.head.replace(b"\0", b""):
        raise _hostile()
    if not recognises(source.head):
        raise IncompleteDownload("The file is not a CAMT.053 statement.", remedy="Check what the portal gave.")
    events = etree.iterparse(
        _Stream(source),
        events=("start", "end"),
        load_dtd=False,
        no_network=True,
        resolve_entities=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        yield from _read(events)
    except etree.XMLSyntaxError as error:
        raise IncompleteDownload(f"The CAMT.053 file is damaged or ends in the middle: {error}", remedy="Download it again.") from error


def _read(events: etree.iterparse) -> Iterator[Block]:
    path: list[str] = []
    leaves: dict[str, list[str]] = {}
    for event, element in events:
        name = element.tag.rpartition("}")[2]
        if event == "start":
            if not path and element.getroottree().docinfo.doctype:
                raise _hostile()
            path.append(name)
            if path[2:] == ["Stmt"]:
                yield Block("Stmt", element.sourceline or 1, {})
            elif len(path) == 4:
                leaves = {}
            continue
        if path[2:3] == ["Stmt"] and len(path) > 4 and path[3] in _BLOCKS:
            _keep(leaves, "/".join(path[4:]), element)
        elif path[2:3] == ["Stmt"] and len(path) == 4 and name in _BLOCKS:
            yield Block(name, element.sourceline or 1, leaves)
        elif path[2:] == ["Stmt"]:
            yield Block("/Stmt", element.sourceline or 1, {})
        path.pop()
        _forget(element)


def _keep(leaves: dict[str, list[str]], path: str, element: etree._Element) -> None:
    text = " ".join((element.text or "")[: 2 * MAX_TEXT].split())[:MAX_TEXT]
    if text and (path in leaves or len(leaves) < MAX_KINDS) and len(values := leaves.setdefault(path, [])) < MAX_VALUES:
        values.append(text)
    if (currency := element.get("Ccy")) and len(leaves) < 2 * MAX_KINDS:
        leaves.setdefault(f"{path}@Ccy", [currency[:10]])


def _forget(element: etree._Element) -> None:
    """Free an element that was read, and the emptied ones before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and (before := element.getprevious()) is not None:
        parent.remove(before)


def _hostile() -> IncompleteDownload:
    said = "The XML declares a document type, which no bank's statement does."
    return IncompleteDownload(said, remedy="Check where the file comes from.")


def first(leaves: Leaves, *paths: str) -> str:
    """The first value of the first of these paths that has one, else ""."""
    return next((leaves[path][0] for path in paths if leaves.get(path)), "")
