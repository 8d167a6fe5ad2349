"""What templates say and show: the catalogue, labels with their tone, moments, durations, numbers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from retaguarda.clock import SAO_PAULO
from retaguarda.language import language
from retaguarda.language import say as said
from retaguarda.model.values import Month
from retaguarda.report import show, vocabulary
from retaguarda.report.labels import Tone, label
from retaguarda.report.retell import retell
from retaguarda.triggers.rules import weekday as day_of_week

register = template.Library()
SIGNS = {"proved": "✓", "provisional": "~", "broken": "✗", "gap": "–", "closed": "·"}
DECIMAL = re.compile(r"-?[0-9]{1,15}\.([0-9]{1,9})")


@register.simple_tag
def say(text: str, **values: Any) -> str:
    """A text of the catalogue in the reader's language."""
    return said(text, **values)


@register.filter
def told(text: object) -> str:
    """A sentence that the program said, in the reader's language."""
    return retell(str(text or ""))


@register.filter
def word(code: object) -> str:
    """A word of the catalogue that is not written in the template: a role, a kind of question."""
    return said(str(code))


@register.filter
def label_of(code: object, table: str) -> str:
    """A code as people call it, by a table of the vocabulary, e.g. `{{ run.process|label_of:"PROCESSES" }}`."""
    return label(getattr(vocabulary, table), str(code)).text


@register.filter
def rule(grade: str) -> str:
    """The matching rule of a grade, in words."""
    return label(vocabulary.RULES, vocabulary.rule_of(grade)).text


@register.filter
def amounts(text: str) -> str:
    """A text of evidence with its amounts as the reader's language writes them."""
    return show.amounts(text)


@register.filter
def badge(code: object, table: str) -> SafeString:
    """A code as a coloured word."""
    found = label(getattr(vocabulary, table), str(code))
    return format_html('<span class="badge {}">{}</span>', found.tone, found.text)


@register.filter
def tone(code: object, table: str) -> Tone:
    """How a code feels: good, warn, bad, info, idle."""
    return label(getattr(vocabulary, table), str(code)).tone


@register.filter
def moment(value: dt.datetime | None) -> SafeString | str:
    """A moment in São Paulo's time, with the exact one for machines."""
    return _time(value, "%d/%m/%Y %H:%M")


@register.filter
def short_moment(value: dt.datetime | None) -> SafeString | str:
    """A moment as day, month, hour and minute."""
    return _time(value, "%d/%m %H:%M")


@register.filter
def second(value: dt.datetime | None) -> SafeString | str:
    """A moment of a day to the second."""
    return _time(value, "%H:%M:%S")


def _time(value: dt.datetime | None, shape: str) -> SafeString | str:
    if value is None:
        return "—"
    there = value.astimezone(SAO_PAULO)
    return format_html('<time datetime="{}">{}</time>', there.isoformat(timespec="seconds"), f"{there:{shape}}")


@register.filter
def day(value: dt.date | None) -> str:
    """A day."""
    return f"{value:%d/%m/%Y}" if value else "—"


@register.filter
def span(value: dt.timedelta | float | None) -> str:
    """A duration, from a timedelta or from seconds."""
    if value is None:
        return "—"
    return show.span(value if isinstance(value, dt.timedelta) else dt.timedelta(seconds=value))


@register.filter
def number(value: Decimal | int | None, decimals: int = 0) -> str:
    """A number as the reader's language writes it."""
    if value is None:
        return "—"
    if isinstance(value, int) and not decimals:  # lists are full of counts, and babel takes its time
        return f"{value:,}".replace(",", ".") if language() == "pt-BR" else f"{value:,}"
    return show.number(value, decimals)


@register.filter
def figure(value: Any) -> str:
    """A value that may be a number in text, `1116.000`, as the reader's language writes it; anything else as it is."""
    found = DECIMAL.fullmatch(str(value))
    return show.number(Decimal(str(value)), len(found[1])) if found else str(value)


@register.filter
def clock_of(text: str) -> str:
    """A moment that is kept as text, to the second."""
    return f"{dt.datetime.fromisoformat(text):%d/%m/%Y %H:%M:%S}"


@register.filter
def size(value: int) -> str:
    """Bytes for people."""
    return show.size(value)


@register.filter
def pairs(value: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """The entries of a mapping, if any: `.items` would be an entry of that name."""
    return list(value.items()) if value else []


@register.filter
def field(name: object) -> str:
    """What people call a field of an item."""
    return said(vocabulary.FIELDS.get(str(name), str(name)))


@register.filter
def parameter(name: object) -> str:
    """What people call a parameter of a process."""
    meaning = vocabulary.PARAMETERS.get(str(name), "")
    return said(meaning) if meaning else str(name)


@register.filter
def at(mapping: dict[str, Any], name: str) -> Any:
    """The value of a mapping at a name that is itself a value."""
    return mapping.get(name, "")


@register.filter
def weekday(value: dt.date) -> str:
    """The day of the week of a day or moment, in São Paulo."""
    there = value.astimezone(SAO_PAULO) if isinstance(value, dt.datetime) else value
    return day_of_week(there.weekday())


@register.filter
def hour(value: dt.datetime) -> str:
    """The hour of a moment in São Paulo."""
    return f"{value.astimezone(SAO_PAULO):%H:%M}"


@register.filter
def month(value: Month) -> str:
    """A month as `10/2026`."""
    return f"{value.month:02d}/{value.year}"


@register.filter
def percent(value: float | str | None) -> str:
    """A share of one as a percentage; of what is not there, a dash."""
    return "—" if value is None or isinstance(value, str) else f"{show.number(Decimal(str(value)) * 100, 1)} %"


@register.filter
def decimal(value: object) -> Decimal:
    """An amount that was kept as text."""
    return Decimal(str(value))


@register.filter
def at_key(mapping: Mapping[Any, Any], key: object) -> Any:
    """The value of a mapping at a key; None when it has none."""
    return mapping.get(key)


@register.filter
def sign(state: object) -> str:
    """The sign of a day's state, for eyes that do not tell colours apart."""
    return SIGNS.get(str(state), "")


@register.filter
def last_word(text: str) -> str:
    """What stands after the last blank: an account's line is told with its account."""
    return text.rpartition(" ")[2]


@register.filter
def nth(values: Sequence[Any], index: int) -> str:
    """The figure of a list at an index."""
    value = values[index]
    return "—" if value is None else show.number(Decimal(str(value)), 0 if isinstance(value, int) else 1)
