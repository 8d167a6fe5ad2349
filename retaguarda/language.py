"""Texts for people: written in English in the code, shown in Brazilian Portuguese unless English is asked for.

The catalogue is locale/pt_BR/LC_MESSAGES/retaguarda.po; a test holds it complete.
"""

from __future__ import annotations

import functools
from pathlib import Path

CATALOGUE = Path(__file__).parent / "locale" / "pt_BR" / "LC_MESSAGES" / "retaguarda.po"
_language = "pt-BR"


def set_language(language: str) -> None:
    """Choose `pt-BR` or `en` for this process."""
    global _language  # noqa: PLW0603  # one language a process, chosen at its start
    _language = language


def language() -> str:
    """The language of this process."""
    return _language


def say(text: str, /, **values: object) -> str:
    """`text` in the chosen language with its `{named}` values filled in; a text without translation stays English."""
    shown = catalogue().get(text, text) if _language == "pt-BR" else text
    return shown.format(**values) if values else shown


@functools.cache
def catalogue() -> dict[str, str]:
    """English texts with their Brazilian Portuguese."""
    from babel.messages.pofile import read_po

    if not CATALOGUE.exists():
        return {}
    with CATALOGUE.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, locale="pt_BR") if m.id and m.string}
