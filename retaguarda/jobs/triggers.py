"""Triggers: when a process is to run, by which policies, and with which parameters. Pure: the same question has the same answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from retaguarda.clock import SAO_PAULO
from retaguarda.settings import Settings

Missed = Literal["all", "latest", "skip"]
Overlap = Literal["skip", "queue", "replace", "allow"]
Gap = Literal["next", "skip"]
Fold = Literal["first", "second", "both"]


@dataclass(frozen=True, slots=True)
class Fire:
    """A moment at which a trigger is to fire; for an obligation, its deadline."""

    at: dt.datetime  # UTC, whole seconds: the fire's identity within its trigger
    local: str  # the wall time that the rule meant, with its offset
    due: dt.datetime | None = None  # the obligation's deadline, UTC
    refusal: str = ""  # why the rule itself skips this fire


@dataclass(frozen=True, slots=True)
class Trigger:
    """One entry of config/triggers.toml."""

    name: str
    process: str
    rule: str
    params: Mapping[str, str] = field(default_factory=dict)
    queue: str = "default"
    priority: int = 100
    zone: ZoneInfo = SAO_PAULO
    enabled: bool = True
    missed: Missed = "latest"
    look_back: dt.timedelta = dt.timedelta(days=1)
    overlap: Overlap = "skip"
    gap: Gap = "next"
    fold: Fold = "first"
    expected: dt.timedelta = dt.timedelta(minutes=30)  # how long a run takes, while too few have been measured
    time_limit: int | None = None  # seconds an attempt may take
    digest: str = ""

    def between(self, after: dt.datetime, until: dt.datetime) -> list[Fire]:
        """Every fire with after < at <= until, in order, each once, however the time is cut into intervals."""
        return []

    def inputs(self, fire: Fire) -> dict[str, str]:
        """The parameters of the process for that fire, placeholders filled."""
        return dict(self.params)

    def latest_safe_start(self, fire: Fire, expected_seconds: float) -> dt.datetime:
        """The last moment at which a run of that length still meets the obligation's deadline."""
        assert fire.due is not None
        return fire.due - dt.timedelta(seconds=expected_seconds)

    @property
    def obligation(self) -> bool:
        """Whether the rule states a deadline instead of an hour."""
        return False

    def describe(self) -> str:
        """The trigger in one sentence of the operator's language."""
        return self.rule


def load_triggers(settings: Settings, calendars: Mapping[str, object] | None = None) -> dict[str, Trigger]:
    """The triggers of config/triggers.toml by name; ConfigurationError names file, trigger, key and remedy."""
    return {}
