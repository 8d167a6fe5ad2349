"""Keeps secrets out of everything that is written: by value, in the encodings they travel in."""

from __future__ import annotations

import base64
import html
import json
import threading
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4


class Redactor:
    """Knows every secret that this process has read and removes them from text and bytes."""

    def __init__(self) -> None:
        self._forms: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def add(self, value: str) -> None:
        """Learn a secret value; values shorter than four characters would mask ordinary words and are left to the type."""
        if len(value) < SHORTEST:
            return
        forms = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], html.escape(value)}
        forms.add(base64.b64encode(value.encode()).decode().rstrip("="))
        with self._lock:
            self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))

    def forget(self) -> None:
        """Forget every secret."""
        with self._lock:
            self._forms = ()

    def clean(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def found_in(self, data: bytes) -> bool:
        """Whether any known secret stands in `data`, as UTF-8 or UTF-16."""
        return any(form.encode() in data or form.encode("utf-16-le") in data for form in self._forms)


redactor = Redactor()
"""One a process: what the vault hands out, every sink removes."""
