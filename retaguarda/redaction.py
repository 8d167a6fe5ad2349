"""Keeps secrets out of everything that is written: by value, in the encodings they travel in."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
SHORTEST_IN_FILES = 6
"""Shorter texts stand in any statement by chance: refusing the file would stop honest runs."""


class Redactor:
    """Knows every secret that this process has read and removes them from text and bytes."""

    def __init__(self) -> None:
        self._forms: tuple[str, ...] = ()
        self._searched: tuple[re.Pattern[bytes], ...] = ()
        self._lock = threading.Lock()

    def add(self, value: str) -> None:
        """Learn a secret value; values shorter than four characters would mask ordinary words and are left to the type."""
        if len(value) < SHORTEST:
            return
        forms = {value, quote(value, safe=""), quote_plus(value), html.escape(value), html.escape(value, quote=False)}
        forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], *_in_base64(value.encode())}
        with self._lock:
            self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))
            self._searched = tuple(_pattern(form) for form in self._forms if len(form) >= SHORTEST_IN_FILES)

    def forget(self) -> None:
        """Forget every secret."""
        with self._lock:
            self._forms, self._searched = (), ()

    def clean(self, text: str) -> str:
        """The text without any known secret, without halves of characters that no file takes, and without NUL, which no server takes."""
        text = text.encode("utf-8", errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def found_in(self, data: bytes) -> bool:
        """Whether any known secret stands in `data`, as UTF-8 or UTF-16."""
        return any(pattern.search(data) for pattern in self._searched)


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
    plain, wide = re.escape(form.encode()), re.escape(form.encode("utf-16-le"))
    if form.isdecimal():
        return re.compile(rb"(?<!\d)" + plain + rb"(?!\d)|(?<!\d\x00)" + wide + rb"(?!\d\x00)")
    return re.compile(plain + b"|" + wide)


redactor = Redactor()
"""One a process: what the vault hands out, every sink removes."""
