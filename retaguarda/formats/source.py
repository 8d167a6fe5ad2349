"""A bank file that may be larger than memory: its encoding found out, its text in pieces or in numbered lines.

The header of a file is never believed about its encoding: by BOM, else strict UTF-8 over the whole file, else cp1252, else latin-1.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

from retaguarda.formats.text import MAX_BYTES, require_size

PIECE = 2**20
"""Bytes read at once."""
LONGEST_LINE = 2**16
"""Characters of a line that are kept; no bank writes longer ones."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Line(NamedTuple):
    """A line without its end; `cut` when it was longer than LONGEST_LINE and only its beginning is here."""

    number: int
    text: str
    cut: bool


class Source:
    """Reads a seekable file again and again from its start; holds one piece of it at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)

    @classmethod
    def of(cls, data: bytes) -> Source:
        """A file that is in memory already; IncompleteDownload when it is too large to be read as a whole."""
        require_size(len(data))
        return cls(io.BytesIO(data))

    @classmethod
    @contextmanager
    def at(cls, path: Path) -> Iterator[Source]:
        """The file at a path, open as long as the block lasts."""
        with path.open("rb") as file:
            yield cls(file)

    @cached_property
    def head(self) -> bytes:
        """The first 8 KiB."""
        self._file.seek(0)
        return self._file.read(8192)

    @cached_property
    def tail(self) -> bytes:
        """The last 8 KiB."""
        self._file.seek(max(0, self.size - 8192))
        return self._file.read(8192)

    def read(self, most: int = MAX_BYTES) -> bytes:
        """All of it, for readers that need the whole; IncompleteDownload when it is too large for that."""
        require_size(self.size, most)
        self._file.seek(0)
        return self._file.read()

    def pieces(self) -> Iterator[bytes]:
        """The bytes, PIECE at a time."""
        self._file.seek(0)
        at = 0
        while piece := self._file.read(PIECE):
            yield piece
            at += len(piece)
            self._file.seek(at)  # somebody may have looked elsewhere meanwhile

    @cached_property
    def bom(self) -> bytes:
        return next((bom for bom, _ in _BOMS if self.head.startswith(bom)), b"")

    @cached_property
    def encoding(self) -> str:
        """Name of the codec that the text is read with."""
        if self.bom:
            return dict(_BOMS)[self.bom]
        return next((name for name in ("utf-8", "cp1252") if self._decodes(name)), "latin-1")

    def _decodes(self, encoding: str) -> bool:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for piece in self.pieces():
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def text(self) -> Iterator[str]:
        """The text without BOM, in pieces that end anywhere; bytes that are no text become U+FFFD."""
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        skip = len(self.bom)
        for piece in self.pieces():
            yield decoder.decode(piece[skip:])
            skip = 0
        yield decoder.decode(b"", final=True)

    def lines(self) -> Iterator[Line]:
        """Numbered from 1; CRLF, LF and lone CR end a line; 0x1A, which old systems end a file with, is left out."""
        number, rest, cut = 1, "", False
        for piece in self.text():
            text = (rest + piece).replace("\x1a", "")
            held = "\r" if text.endswith("\r") else ""  # its LF may stand in the next piece
            text = text[: len(text) - len(held)].replace("\r\n", "\n").replace("\r", "\n")
            *whole, rest = text.split("\n")
            for line in whole:
                yield Line(number, line[:LONGEST_LINE], cut or len(line) > LONGEST_LINE)
                number, cut = number + 1, False
            if len(rest) > LONGEST_LINE:
                rest, cut = rest[:LONGEST_LINE], True
            rest += held
        rest = rest.rstrip("\r")
        if rest or cut:
            yield Line(number, rest[:LONGEST_LINE], cut)
