"""Keeps secrets out of everything that is written: by value, in the encodings they travel in."""

from __future__ import annotations

import base64
import contextlib
import html
import io
import json
import re
import threading
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
SHORTEST_IN_FILES = 6
"""Shorter texts stand in any statement by chance: refusing the file would stop honest runs."""
DEEPEST, MOST_MEMBERS, LARGEST_MEMBER = 2, 2000, 32_000_000
"""How deep packed files are looked into, and how much of each."""
_ZIP_END, LONGEST_ZIP_END = b"PK\x05\x06", 66_000
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


class Redactor:
    """Knows every secret that this process has read and removes them from text and bytes."""

    def __init__(self) -> None:
        self._forms: tuple[str, ...] = ()
        self._searched: tuple[re.Pattern[bytes], ...] = ()
        self._values: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def add(self, value: str) -> None:
        """Learn a secret value; values shorter than four characters would mask ordinary words and are left to the type."""
        if len(value) < SHORTEST:
            return
        forms = {value, quote(value, safe=""), quote_plus(value), html.escape(value), html.escape(value, quote=False)}
        forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], *_in_base64(value.encode())}
        with self._lock:
            self._values |= {value} if len(value) >= SHORTEST_IN_FILES and value.isprintable() else set()
            self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))
            self._searched = tuple(_pattern(form) for form in self._forms if len(form) >= SHORTEST_IN_FILES)

    def forget(self) -> None:
        """Forget every secret."""
        with self._lock:
            self._forms, self._searched, self._values = (), (), frozenset()

    @property
    def values(self) -> frozenset[str]:
        """Every secret that is long enough to be looked for on a screen."""
        return self._values

    def clean(self, text: str) -> str:
        """The text without any known secret, without halves of characters that no file takes, and without NUL, which no server takes."""
        text = text.encode("utf-8", errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def found_in(self, data: bytes) -> bool:
        """Whether any known secret stands in `data`, as UTF-8 or UTF-16, packed files inside of it included."""
        return bool(self._searched) and any(pattern.search(part) for part in unpacked(data) for pattern in self._searched)

    def clean_bytes(self, data: bytes) -> bytes:
        """The bytes without any known secret as text; what is packed inside stays as it is."""
        for pattern in self._searched:
            data = pattern.sub(MASK.encode(), data)
        return data


def _in_base64(value: bytes) -> set[str]:
    """What every base64 text that holds the value contains, wherever the value begins in it (user:password does)."""
    texts = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + value).decode().rstrip("=")
        whole = encoded[(0, 2, 3)[offset] : len(encoded) - (0 if (offset + len(value)) % 3 == 0 else 1)]
        texts |= {whole, whole.translate(str.maketrans("+/", "-_"))}
    return {text for text in texts if len(text) >= SHORTEST_IN_FILES}


def _pattern(form: str) -> re.Pattern[bytes]:
    """Finds a form in bytes, as UTF-8 or UTF-16; a number only where it stands by itself, since files are full of digits."""
    plain, wide = re.escape(form.encode()), re.escape(form.encode("utf-16-le").removesuffix(b"\0"))  # so it fits either byte order
    if form.isdecimal():
        return re.compile(rb"(?<!\d)" + plain + rb"(?!\d)|(?<!\d\x00)" + wide + rb"(?!\d\x00)")
    return re.compile(plain + b"|" + wide)


def unpacked(data: bytes, depth: int = DEEPEST) -> Iterator[bytes]:
    """The data, and whatever is packed in it: members of zips (xlsx is one), gzip, the streams of a PDF; bounded, so no bomb goes off."""
    yield data
    if depth == 0:
        return
    for part in (*_members(data), *_streams(data)):
        yield from unpacked(part, depth - 1)


def _members(data: bytes) -> Iterator[bytes]:
    if _ZIP_END not in data[-LONGEST_ZIP_END:]:
        return
    broken = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error)  # or encrypted
    with contextlib.suppress(*broken), zipfile.ZipFile(io.BytesIO(data)) as file:
        yield b"\n".join(member.filename.encode() + b" " + member.comment for member in file.infolist())
        for member in file.infolist()[:MOST_MEMBERS]:
            with file.open(member) as packed:
                yield packed.read(LARGEST_MEMBER)


def _streams(data: bytes) -> Iterator[bytes]:
    """Deflated data: a gzip file, or what stands between `stream` and `endstream` of a PDF."""
    if data.startswith(b"\x1f\x8b"):
        yield _inflated(data, 31)
    elif data.startswith(b"%PDF"):
        yield from (_inflated(found[1], 15) for found in islice(_STREAM.finditer(data), MOST_MEMBERS))


def _inflated(data: bytes, window: int) -> bytes:
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(window).decompress(data, LARGEST_MEMBER)
    return b""


redactor = Redactor()
"""One a process: what the vault hands out, every sink removes."""


def visible(text: str) -> str:
    """A text from outside without marks that turn the direction of writing, and without control characters."""
    return "".join(c for c in text if c.isprintable())
