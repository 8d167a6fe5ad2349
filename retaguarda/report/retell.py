"""Retells the program's own English sentences, values already filled in, in the chosen language.

Errors and labels of evidence are made where they happen, as plain English (`register BOL-1: receipt`). The catalogue
holds their patterns (`{act} {reference}: receipt`). What a portal said matches no pattern and stays verbatim.
"""

from __future__ import annotations

import functools
import re

from retaguarda.language import language, say
from retaguarda.report.labels import label
from retaguarda.report.vocabulary import ACTS, CODES, OUTCOMES

PATTERNS = (
    "{act} {reference}: form before the button",
    "{act} {reference}: receipt",
    "{act} {reference}: refused",
    "{act} {reference}: {outcome}",
    "failure: {code}",
    "sign-in failed: {code}",
    "stage: {stage}",
    "sent, outcome unknown; looked up again after {seconds} s of quiet",
    "pressed, but not proven: {text}",
    "the form of {reference} does not show what was wanted: {text}",
    "the portal holds {reference} {count} times",
    "the portal holds {reference} with other values: {text}",
    "unreadable {count} times: a person must decide",
)
"""English sentences with values, most specific first."""
_SHAPES = {"act": "[a-z][a-z_]*", "reference": ".{1,200}?", "code": "[a-z][a-z-]*", "outcome": "done|already|planned", "count": "[0-9]+"}
_VOCABULARIES = {"act": ACTS, "code": CODES, "outcome": OUTCOMES}


@functools.lru_cache(maxsize=4096)
def _retold(text: str, _language: str) -> str:
    shown = say(text)
    if shown != text:
        return shown
    for pattern, expression in _expressions():
        if found := expression.fullmatch(text):
            return say(pattern, **{name: _value(name, value) for name, value in found.groupdict().items()})
    return text


def retell(text: str) -> str:
    """`text` in the chosen language when the program said it; otherwise as it is."""
    return _retold(text, language()) if text else text


def _value(name: str, value: str) -> str:
    return label(_VOCABULARIES[name], value).text if name in _VOCABULARIES else say(value)


@functools.cache
def _expressions() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((pattern, re.compile(_expression(pattern), re.DOTALL)) for pattern in PATTERNS)


def _expression(pattern: str) -> str:
    parts = re.split(r"\{(\w+)\}", pattern)
    return "".join(f"(?P<{part}>{_SHAPES.get(part, '.+')})" if i % 2 else re.escape(part) for i, part in enumerate(parts))
