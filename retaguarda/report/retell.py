"""Retells the program's own English sentences, values already filled in, in the chosen language.

Errors and labels of evidence are made where they happen, as plain English (`register BOL-1: receipt`). The catalogue
holds their patterns (`{act} {reference}: receipt`), with a named place for each value. What a portal said matches no
pattern and stays verbatim.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from retaguarda.language import catalogue, language, say
from retaguarda.report.labels import label
from retaguarda.report.show import amounts
from retaguarda.report.vocabulary import ACTS, CODES, CONTRACT_OUTCOMES, FIELDS, OUTCOMES, PROCESSES

MAX_LENGTH, MAX_PARTS = 2000, 12
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
    "{process}: {text}",
)
"""Short sentences with values, most specific first; longer ones are found in the catalogue by themselves."""
MIN_LITERAL = 5
"""Letters that a pattern of the catalogue must have besides its values, so that it fits nothing but its own sentence."""
SENTENCES = {"text", "reason", "stage", "doing", "problem"}
"""Places that hold a sentence of the program or of a portal, retold in its turn."""
_VOCABULARIES = {"act": ACTS, "code": CODES, "outcome": OUTCOMES, "comparison": CONTRACT_OUTCOMES, "process": PROCESSES}
_SHAPES = {name: "|".join(code.replace("_", "[-_]") for code in codes) for name, codes in _VOCABULARIES.items()}
_SHAPES |= {"reference": ".{1,200}?", "count": "[0-9]+", "seconds": "[0-9]+"}
_PLACE = re.compile(r"\{(\w+)(?::[^}]*)?\}")


def retell(text: str) -> str:
    """`text` in the chosen language when the program said it; otherwise as it is."""
    return _retold(text, language()) if text else text


@functools.lru_cache(maxsize=4096)
def _retold(text: str, _language: str) -> str:
    shown = say(text)
    if shown != text or len(text) > MAX_LENGTH:
        return shown
    for pattern in _patterns(_language):
        if found := pattern.match(text):
            return say(pattern.text, **{name: _value(name, value) for name, value in found.groupdict().items()})
    return _in_parts(text)


def _in_parts(text: str) -> str:
    """Several sentences in a row, or one after a name (`sheet.csv: The date is missing.`): each part by itself."""
    if text.count(": ") > MAX_PARTS:
        return text  # no sentence of ours; and what a portal says must not exhaust the stack
    if "; " in text:
        return "; ".join(map(_part, text.split("; ")))
    name, colon, sentence = text.partition(": ")
    return f"{name}{colon}{_part(sentence)}"


def _part(text: str) -> str:
    """A lone word in a row is a name or a value, even where the catalogue has it as a heading."""
    return retell(text) if " " in text else text


def _value(name: str, value: str) -> str:
    if name in _VOCABULARIES:
        return label(_VOCABULARIES[name], value).text
    if name in SENTENCES:
        return retell(value)
    return _KINDS.get(name, str)(value)


def _day(value: str) -> str:
    """`2026-11-10` as `10/11/2026`."""
    return re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", r"\3/\2/\1", value) if language() == "pt-BR" else value


def _number(value: str) -> str:
    """`-1234.56` as `-1.234,56`; what is no decimal number stays as it is."""
    found = re.fullmatch(r"(-?)(\d+)\.(\d+)", value)
    if not found or language() != "pt-BR":
        return value
    return f"{found[1]}{int(found[2]):,}".replace(",", ".") + f",{found[3]}"


def _differences(value: str) -> str:
    """`mw_average: 3.4 ≠ 1.9; seller: A ≠ B` with the fields' labels."""
    return "; ".join(_difference(part) for part in value.split("; "))


def _difference(part: str) -> str:
    field, colon, values = part.partition(": ")
    shown = " ≠ ".join(_number(value) for value in values.split(" ≠ "))
    return f"{say(FIELDS.get(field, field))}{colon}{shown}"


_KINDS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("day", "start", "end"), _day),
    **dict.fromkeys(("amount", "opening", "closing", "difference", "open_amount", "mwh"), _number),
    "differences": _differences,
    "formula": amounts,
}
"""What stands in a place of this name, and how it is shown."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A sentence with places; `anchor` is its longest fixed part, looked for before the expression is tried."""

    text: str
    anchor: str
    expression: re.Pattern[str]

    def match(self, text: str) -> re.Match[str] | None:
        return self.expression.fullmatch(text) if self.anchor in text else None


@functools.cache
def _patterns(_language: str) -> tuple[_Pattern, ...]:
    """Ours, then those of the catalogue, the wordiest first."""
    known = [text for text in catalogue() if _PLACE.search(text) and _literal(text) >= MIN_LITERAL and text not in PATTERNS]
    return tuple(map(_compiled, (*PATTERNS, *sorted(known, key=_literal, reverse=True))))


def _literal(pattern: str) -> int:
    return sum(character.isalpha() for character in _PLACE.sub("", pattern))


def _compiled(pattern: str) -> _Pattern:
    """A pattern as an expression with named groups; a name that comes twice must stand for one value."""
    made, seen = [], set[str]()
    parts = _PLACE.split(pattern)
    for index, part in enumerate(parts):
        if index % 2 == 0:
            made.append(re.escape(part))
        else:
            made.append(f"(?P={part})" if part in seen else f"(?P<{part}>{_SHAPES.get(part, '.+?')})")
            seen.add(part)
    return _Pattern(pattern, max(parts[::2], key=len), re.compile("".join(made), re.DOTALL))
