"""Codes as people read them: a label in the chosen language and a tone that the workbook and the page colour alike."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from retaguarda.language import say


class Tone(enum.StrEnum):
    """How a state feels, whatever it is a state of."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    INFO = "info"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Label:
    """The text of a code and its tone; `text` is already in the chosen language."""

    text: str
    tone: Tone


Vocabulary = Mapping[str, tuple[str, Tone]]
"""Code in lower case with underscores → English text of the catalogue, tone."""

SEVERE = frozenset({Tone.WARN, Tone.BAD})
"""Tones that a reader must not miss."""


def label(vocabulary: Vocabulary, code: str) -> Label:
    """The label of a code; a code that the vocabulary does not have is shown as it is, underscores as spaces."""
    text, tone = vocabulary.get(re.sub("[- ]", "_", code.strip().lower()), ("", Tone.IDLE))
    return Label(say(text) if text else readable(code), tone)


def readable(code: str) -> str:
    """An unknown code as words: `missing_at_ccee` is `missing at ccee`; a text with spaces is left alone."""
    return code if " " in code else code.replace("_", " ")
