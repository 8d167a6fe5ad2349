"""Texts for people: written in English in the code, shown in Brazilian Portuguese unless English is asked for.

The catalogue is locale/pt_BR/LC_MESSAGES/retaguarda.po; a test holds it complete.
"""

from __future__ import annotations

import ast
import functools
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from retaguarda.configuration import configuration_files

CATALOGUE = Path(__file__).parent / "locale" / "pt_BR" / "LC_MESSAGES" / "retaguarda.po"
LANGUAGES = ("pt-BR", "en")
_language = "pt-BR"
_chosen: ContextVar[str] = ContextVar("language", default="")
"""The language of the reader whom a page is made for; none: the one of this process."""


def set_language(language: str) -> None:
    """Choose `pt-BR` or `en` for this process."""
    global _language  # noqa: PLW0603  # one language a process, chosen at its start
    _language = language


def language() -> str:
    """The language of the page's reader, else of this process."""
    return _chosen.get() or _language


@contextmanager
def spoken_in(language: str) -> Iterator[None]:
    """Show texts in a language within the block, to one reader of many."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def configured_language() -> str:
    """The language that environment or configuration names, for texts shown before the settings are read; else `pt-BR`.

    What is wrong in them is told when the settings are read.
    """
    told = [os.environ.get("RETAGUARDA_LANGUAGE", ""), *(_language_of(path) for path in reversed(configuration_files()))]
    return next((one for one in told if one in LANGUAGES), LANGUAGES[0])


def _language_of(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return str(tomllib.loads(path.read_text(encoding="utf-8")).get("language", ""))
    return ""


def say(text: str, /, **values: object) -> str:
    """`text` in the chosen language with its `{named}` values filled in; a text without translation stays English."""
    shown = catalogue().get(text, text) if language() == "pt-BR" else text
    return shown.format(**values) if values else shown


@functools.cache
def catalogue() -> dict[str, str]:
    """English texts with their Brazilian Portuguese."""
    texts = dict(_entries(CATALOGUE.read_text(encoding="utf-8")))
    return {text: shown for text, shown in texts.items() if text and shown}


def _entries(po: str) -> Iterator[tuple[str, str]]:
    """msgid and msgstr of each entry: the part of the format that the catalogue uses, since every start reads it."""
    for entry in po.split("\n\n"):
        texts = {"msgid": "", "msgstr": ""}
        keyword = ""
        for line in entry.splitlines():
            word, _, quoted = line.partition(" ")
            if word in texts:
                keyword = word
            elif line.startswith('"'):
                quoted = line
            else:
                continue
            texts[keyword] += ast.literal_eval(quoted) if "\\" in quoted else quoted.strip()[1:-1]
        yield texts["msgid"], texts["msgstr"]
