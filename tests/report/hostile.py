"""Portal text at its worst, put into every text of a report."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from retaguarda.report.content import RunReport

FORMULAS = ("=1+1", '=HYPERLINK("http://evil.example/","x")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(1,1)", "\t=1", "{=1+1}")
MARKUP = (
    "<script>window.pwned = 1</script>",
    '"><img src=x onerror="window.pwned = 2">',
    "' onmouseover='window.pwned = 3",
    "</style><svg onload=window.pwned=4>",
    "</title><script>window.pwned=5</script>",
    "javascript:window.pwned=6",
    "{{ report.run_id }}{% now %}",
    "<a href='http://evil.example/'>x</a>",
    "http://evil.example/",
)
ODD = ("\x00\x07\x1b[31m", "\ud800", "_x0041_", "\u202etxt", "&amp; & é 漢字", "x" * 40_000)
KEPT = {"state", "outcome", "area", "unit", "month", "path", "sha256", "kind", "confidence", "name"}
"""Texts that only the program writes; `kind` of evidence decides what is read from the disk."""


def poisoned(report: RunReport, payloads: tuple[str, ...]) -> RunReport:
    """The report with payloads in every text that a portal, a file or an operator could have written."""
    counter = iter(range(10**9))

    def poison(value: Any, name: str) -> Any:
        if isinstance(value, str) and name not in KEPT:
            return payloads[next(counter) % len(payloads)]
        if isinstance(value, tuple):
            return tuple(poison(part, name) for part in value)
        if isinstance(value, dict):
            poisoned_texts = {key: poison(part, "") for key, part in value.items()}
            return poisoned_texts | ({payloads[0]: payloads[-1]} if any(isinstance(part, str) for part in value.values()) else {})
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{field.name: poison(getattr(value, field.name), field.name) for field in fields(value)})
        return value

    poisoned_: RunReport = poison(report, "")
    return poisoned_
