"""What is wrong with an installation, told by its root cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause of trouble: `portal/ccee`, never one of its many symptoms.

    `text` is a sentence for people. Known facts: `remedy`, `runs` (their ids), `symptoms` (how many), `since`.
    """

    cause: str
    severity: str  # info | warning | critical
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
