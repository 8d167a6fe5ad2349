"""A bank file that may be larger than memory: its encoding found out, its text in pieces or in numbered lines.

The header of a file is never believed about its encoding: by BOM, else strict UTF-8 over the whole file, else cp1252, else latin-1.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from retaguarda.formats.text import MAX_BYTES, require_size

PIECE = 2**20
"""Bytes read at once."""
LONGEST_LINE = 2**16
"""Characters that a line has at most; no bank writes longer ones."""

_FOREIGN_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What Python takes for the end of a line besides CR and LF, and a bank does not."""
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


Line = tuple[int, str]
"""A line's number and its text without its end; of a line longer than LONGEST_LINE one character more than that."""


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
        return chain.from_iterable(self._numbered())

    def _numbered(self) -> Iterator[Iterable[Line]]:
        """The lines of one piece after the other, so that no generator runs for each of them."""
        number, rest = 1, ""
        for piece in self.text():
            text = rest + (piece.replace("\x1a", "") if "\x1a" in piece else piece)
            held = "\r" if text.endswith("\r") else ""  # its LF may stand in the next piece
            whole = _split(text.removesuffix("\r"))
            rest = whole.pop()[: LONGEST_LINE + 1] + held
            if whole and max(map(len, whole)) > LONGEST_LINE:
                whole = [line[: LONGEST_LINE + 1] for line in whole]
            yield enumerate(whole, number)
            number += len(whole)
        if rest := rest.rstrip("\r"):
            yield ((number, rest),)


def _split(text: str) -> list[str]:
    """The lines of a text, what stands behind its last line end as the last one."""
    if any(mark in text for mark in _FOREIGN_ENDS):
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    whole = text.splitlines()  # three times as fast
    return [*whole, ""] if text[-1:] in {"", "\n", "\r"} else whole


def is_cut(text: str) -> bool:
    """Whether this is only the beginning of a line that no bank writes."""
    return len(text) > LONGEST_LINE
