"""The XML of a CAMT.053 as blocks: read tag by tag without ever building a tree, however long an entry is.

Expat tells the tags. A document type is refused, so there are no entities; depth and the length of tags and texts have limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.parsers import expat

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.source import Source

MAX_TEXT = 2000
"""Characters kept of a text."""
MAX_VALUES = 20
"""Values kept of one element that is repeated within a block."""
MAX_KINDS = 300
"""Different elements kept of a block."""
_NAMESPACE = re.compile(rb"urn:iso:std:iso:20022:tech:xsd:camt\.053\.")
_BLOCK = 4
"""Depth of a block: Document, BkToCstmrStmt, Stmt, Ntry."""
_LONGEST = 10_000_000
"""Characters of one text or tag that are borne."""
_FED = 2**16
"""Bytes given to the parser at once; what they complete is held in memory."""
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


def blocks(source: Source) -> Iterator[Block]:
    """`Stmt`, then the blocks of this statement, then `/Stmt`; raises IncompleteDownload when the XML is damaged, cut off or hostile."""
    if b"<!DOCTYPE" in source.head.replace(b"\0", b""):
        raise _hostile()
    if not recognises(source.head):
        raise IncompleteDownload("The file is not a CAMT.053 statement.", remedy="Check what the portal gave.")
    reading = _Reading()
    try:
        for piece in source.pieces():
            for at in range(0, len(piece), _FED):
                yield from reading.fed(piece[at : at + _FED])
        yield from reading.fed(b"", last=True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two: an encoding that is none
        raise IncompleteDownload(f"The CAMT.053 file is damaged or ends in the middle: {error}", remedy="Download it again.") from error


class _Reading:
    """The parser, where it stands, and the blocks that it completed."""

    def __init__(self) -> None:
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._begins, self._ends
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = self._says, _refuse
        self._fed = self._depth = self._line = 0
        self._in_statement = False
        self._paths: list[str] = []  # within a block, of each open element
        self._text = self._currency = ""
        self._left_out = 0
        self._leaves: dict[str, list[str]] = {}
        self._blocks: list[Block] = []

    def fed(self, piece: bytes, *, last: bool = False) -> list[Block]:
        """The blocks that these bytes complete."""
        self._blocks = []
        self._fed += len(piece)
        self._parser.Parse(piece, last)
        if self._fed - self._parser.CurrentByteIndex > _LONGEST:
            raise ValueError("a tag is longer than any that a bank writes")
        return self._blocks

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = name.rpartition(":")[2]
        if paths := self._paths:
            if self._text:
                self._keep(paths[-1])
            path = f"{paths[-1]}/{name}" if len(paths) > 1 else name
            if len(path) > MAX_TEXT:
                raise ValueError("its elements stand in each other too deeply")
            paths.append(path)
            self._currency = attributes.get("Ccy", "") if attributes else ""
        else:
            self._outside(name)

    def _outside(self, name: str) -> None:
        self._depth += 1
        if self._depth == _BLOCK and self._in_statement and name in _BLOCKS:
            self._paths, self._leaves, self._line = [""], {}, self._parser.CurrentLineNumber
        elif self._depth == _BLOCK - 1 and name == "Stmt":
            self._in_statement = True
            self._blocks.append(Block("Stmt", self._parser.CurrentLineNumber, {}))

    def _ends(self, name: str) -> None:
        if paths := self._paths:
            path = paths.pop()
            if self._text or self._currency:
                self._keep(path)
            if paths:
                return
            self._blocks.append(Block(name.rpartition(":")[2], self._line, self._leaves))
        elif self._depth == _BLOCK - 1 and self._in_statement:
            self._in_statement = False
            self._blocks.append(Block("/Stmt", 0, {}))
        self._depth -= 1

    def _says(self, text: str) -> None:
        if self._paths and len(self._text) < 2 * MAX_TEXT:
            self._text += text
            self._left_out = 0
        else:
            self._left_out += len(text)
            if self._left_out > _LONGEST:
                raise ValueError("a text is longer than any that a bank writes")

    def _keep(self, path: str) -> None:
        """The text and currency of an element that ends, or in which another one begins."""
        text, leaves = " ".join(self._text.split())[:MAX_TEXT], self._leaves
        if text and (values := leaves.get(path)):
            values += [text] if len(values) < MAX_VALUES else []
        elif text and len(leaves) < MAX_KINDS:
            leaves[path] = [text]
        if self._currency and len(leaves) < 2 * MAX_KINDS:
            leaves.setdefault(f"{path}@Ccy", [self._currency[:10]])
        self._text = self._currency = ""


def _refuse(*_: object) -> None:
    raise _hostile()


def _hostile() -> IncompleteDownload:
    said = "The XML declares a document type, which no bank's statement does."
    return IncompleteDownload(said, remedy="Check where the file comes from.")


def first(leaves: Leaves, *paths: str) -> str:
    """The first value of the first of these paths that has one, else ""."""
    for path in paths:
        if found := leaves.get(path):
            return found[0]
    return ""
