"""Retells the program's own English sentences, values already filled in, in the chosen language.

Errors and labels of evidence are made where they happen, as plain English (`register BOL-1: receipt`). The catalogue
holds their patterns (`{act} {reference}: receipt`). What a portal said matches no pattern and stays verbatim.
"""

from __future__ import annotations

import functools
import re

from retaguarda.language import catalogue, language, say
from retaguarda.report.labels import label
from retaguarda.report.vocabulary import ACTS, CODES, CONTRACT_OUTCOMES, OUTCOMES

MAX_LENGTH = 600
PATTERNS = (
    "{act} {reference}: form before the button",
    "{act} {reference}: receipt",
    "{act} {reference}: refused",
    "{act} {reference}: {outcome}",
    "failure: {code}",
    "sign-in failed: {code}",
    "stage: {stage}",
    "{reference}: An invoice is not fully paid. ({numbers})",
    "{reference}: A boleta has no invoice. ({numbers})",
    "{comparison}: {count}",
    "{code}: {text}",
)
"""Short sentences with values, most specific first; longer ones are found in the catalogue by themselves."""
MIN_LITERAL = 12
"""Letters that a pattern of the catalogue must have besides its values, so that it fits nothing but its own sentence."""
_VOCABULARIES = {"act": ACTS, "code": CODES, "outcome": OUTCOMES, "comparison": CONTRACT_OUTCOMES}
_SHAPES = {name: "|".join(code.replace("_", "[-_]") for code in codes) for name, codes in _VOCABULARIES.items()}
_SHAPES |= {"reference": ".{1,200}?", "count": "[0-9]+", "seconds": "[0-9]+"}


def retell(text: str) -> str:
    """`text` in the chosen language when the program said it; otherwise as it is."""
    return _retold(text, language()) if text else text


@functools.lru_cache(maxsize=4096)
def _retold(text: str, _language: str) -> str:
    shown = say(text)
    if shown != text or len(text) > MAX_LENGTH:
        return shown
    for pattern, expression in _expressions(_language):
        if found := expression.fullmatch(text):
            return say(pattern, **{name: _value(name, value) for name, value in found.groupdict().items()})
    return text


def _value(name: str, value: str) -> str:
    return label(_VOCABULARIES[name], value).text if name in _VOCABULARIES else retell(value)


@functools.cache
def _expressions(_language: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Each pattern with its expression: ours, then those of the catalogue, the wordiest first."""
    known = [text for text in catalogue() if "{" in text and _literal(text) >= MIN_LITERAL and text not in PATTERNS]
    wordy = sorted(known, key=_literal, reverse=True)
    return tuple((pattern, re.compile(_expression(pattern), re.DOTALL)) for pattern in (*PATTERNS, *wordy))


def _literal(pattern: str) -> int:
    return sum(character.isalpha() for character in re.sub(r"\{[^}]*\}", "", pattern))


def _expression(pattern: str) -> str:
    """A pattern as an expression with named groups; a name that comes twice must stand for one value."""
    made, seen = [], set[str]()
    for index, part in enumerate(re.split(r"\{(\w+)(?::[^}]*)?\}", pattern)):
        if index % 2 == 0:
            made.append(re.escape(part))
        else:
            made.append(f"(?P={part})" if part in seen else f"(?P<{part}>{_SHAPES.get(part, '.+?')})")
            seen.add(part)
    return "".join(made)
