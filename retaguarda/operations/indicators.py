"""Indicators by week or month, counted in the tables alone: whoever counts again finds the same.

A run belongs to the period in which it was created, an item to its run's, a press to the one in which it was made, a match to the one
in which it was decided first, a deadline to the one in which it was due, a request from another area to the one of its answer. Breaks
are told as they stood at the end of each period.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from django.db.models import Q

from retaguarda.clock import SAO_PAULO
from retaguarda.operations.tally import DEADLINES, FAILED, MARGIN, MATCHED, SECONDS, TICKETS, TIMED, Tally, moment, tallies, together
from retaguarda.settings import IndicatorSettings
from retaguarda.store.models import BreakRecord, IntentState, ItemState, RunState

Grain = Literal["week", "month"]
AGES = ((2, "up to 2 days"), (7, "3 to 7 days"), (30, "8 to 30 days"), (10**6, "more than 30 days"))
"""Ages of open breaks: the last day of each class, and what it is called."""
REASONS = 12
"""Reasons that are told, the most frequent ones."""
BAD_RUNS = (RunState.FAULTED, RunState.STOPPED, RunState.TIMED_OUT)
BAD_ACTS = (IntentState.REFUSED, IntentState.UNCERTAIN, IntentState.CONFLICT, IntentState.NOT_SENT)


@dataclass(frozen=True, slots=True)
class Share:
    """How many went well of how many, and how many failed."""

    total: int
    good: int
    bad: int

    @property
    def rate(self) -> float | None:
        """The share that went well; None of nothing."""
        return self.good / self.total if self.total else None


@dataclass(frozen=True)
class Figures:
    """The figures of one period."""

    start: dt.date
    end: dt.date
    """The day after its last."""
    runs: Mapping[str, Share]
    """By process, steps included: completed, and failed, stopped or timed out."""
    seconds: Mapping[str, float]
    """Mean time from start to end of the runs that completed, by process."""
    items: Mapping[str, Share]
    """By process."""
    portals: Mapping[str, Share]
    """Presses by portal: proven, and refused or uncertain."""
    reasons: Mapping[str, int]
    """Items that did not go well, by the code of their reason."""
    matched: Share
    """Lines that the engine booked by itself, of all that were decided or proposed."""
    hours_saved: float
    deadlines: Share
    """Obligations that were due: met, and missed or late."""
    margin_hours: float | None
    """Mean time between the end of the run that met an obligation and its deadline."""
    breaks: Mapping[str, int] = field(default_factory=dict)
    """Breaks that were open at its end, by age."""
    tickets: Share = Share(0, 0, 0)
    """Requests from other areas that were answered: in the agreed time, and later."""
    satisfaction: float | None = None
    """Mean of the marks, from 1 to 5, that were given to those answers."""

    @property
    def handled(self) -> Share:
        """All items together."""
        return _together(self.items.values())

    @property
    def mean_seconds(self) -> float | None:
        """The mean handling time of all runs that completed."""
        counted = [(self.runs[name].good, seconds) for name, seconds in self.seconds.items() if name in self.runs]
        total = sum(count for count, _ in counted)
        return sum(count * seconds for count, seconds in counted) / total if total else None


def figures(settings: IndicatorSettings, today: dt.date, grain: Grain, count: int) -> list[Figures]:
    """The figures of the latest periods, the oldest first; the last one is not over."""
    return [figures_of(settings, together(tallies(start, end).values()), start, end) for start, end in periods(today, grain, count)]


def periods(today: dt.date, grain: Grain, count: int) -> list[tuple[dt.date, dt.date]]:
    """The first day of each of the latest weeks or months, and of the one after it."""
    start = today - dt.timedelta(days=today.weekday()) if grain == "week" else today.replace(day=1)
    starts = [start]
    while len(starts) < count:
        before = starts[-1] - dt.timedelta(days=1)
        starts.append(starts[-1] - dt.timedelta(days=7) if grain == "week" else before.replace(day=1))
    after = start + dt.timedelta(days=7) if grain == "week" else (start + dt.timedelta(days=32)).replace(day=1)
    return list(zip(reversed(starts), [*list(reversed(starts))[1:], after], strict=True))


def as_values(found: Sequence[Figures]) -> list[dict[str, Any]]:
    """Figures for programs."""
    return [_plain(one) for one in found]


def _plain(one: Figures) -> dict[str, Any]:
    told = asdict(one) | {"start": f"{one.start}", "end": f"{one.end}", "mean_seconds": one.mean_seconds}
    for name in ("runs", "items", "portals"):
        told[name] = {key: asdict(share) | {"rate": share.rate} for key, share in getattr(one, name).items()}
    for name in ("matched", "deadlines", "tickets"):
        told[name] = asdict(getattr(one, name)) | {"rate": getattr(one, name).rate}
    return told


def figures_of(settings: IndicatorSettings, tally: Tally, start: dt.date, end: dt.date) -> Figures:
    """The figures of a period, of what was counted of its days."""
    items = tally.by_name("items")
    timed = {name: tally[TIMED, name, ""] for name in tally.by_name(TIMED)}
    good, total, late = tally[MATCHED, "auto", ""], tally[MATCHED, "total", ""], tally[TICKETS, "late", ""]
    answered, marked = tally[TICKETS, "answered", ""], tally[TICKETS, "marked", ""]
    return Figures(
        start=start,
        end=end,
        runs={name: _share(states, (RunState.SUCCESSFUL, RunState.PARTIAL), BAD_RUNS) for name, states in tally.by_name("runs").items()},
        seconds={name: tally[SECONDS, name, ""] / count for name, count in timed.items()},
        items={name: _share(states, (ItemState.SUCCESSFUL,), FAILED) for name, states in items.items()},
        portals={name: _share(states, (IntentState.DONE,), BAD_ACTS) for name, states in tally.by_name("portals").items()},
        reasons=_reasons(tally),
        matched=Share(total, good, total - good),
        hours_saved=_hours_saved(settings, items),
        **_deadlines(tally),
        breaks=_breaks(moment(end)),
        tickets=Share(answered, answered - late, late),
        satisfaction=round(tally[TICKETS, "marks", ""] / marked, 2) if marked else None,
    )


def _reasons(tally: Tally) -> dict[str, int]:
    counted = ((code, states[""]) for code, states in tally.by_name("reasons").items())
    return dict(sorted(counted, key=lambda one: (-one[1], one[0]))[:REASONS])


def _hours_saved(settings: IndicatorSettings, items: Mapping[str, Counter[str]]) -> float:
    """Items that went well, by the minutes that a person is assumed to take for one."""
    minutes = (counts[ItemState.SUCCESSFUL] * settings.minutes.get(name, settings.minutes_by_hand) for name, counts in items.items())
    return round(sum(minutes) / 60, 2)


def _deadlines(tally: Tally) -> dict[str, Any]:
    met, bad = tally[DEADLINES, "met", ""], tally[DEADLINES, "missed", ""] + tally[DEADLINES, "late", ""]
    ended = tally[MARGIN, "ended", ""]
    margin = round(tally[MARGIN, "seconds", ""] / ended / 3600, 2) if ended else None
    return {"deadlines": Share(met + bad, met, bad), "margin_hours": margin}


def _breaks(until: dt.datetime) -> dict[str, int]:
    """How old the breaks were that were open at that moment, or are now when it has not come."""
    until = min(until, dt.datetime.now(SAO_PAULO))
    rows = BreakRecord.objects.filter(opened_at__lt=until).filter(Q(closed_at=None) | Q(closed_at__gte=until))
    found, newest = {}, until
    for last, name in AGES:
        oldest = until - dt.timedelta(days=last + 1) if last < AGES[-1][0] else None
        some = rows.filter(opened_at__lt=newest) if newest is not until else rows
        found[name] = some.filter(opened_at__gte=oldest).count() if oldest else some.count()
        newest = oldest or newest
    return found


def _share(states: Counter[str], good: Iterable[str], bad: Iterable[str]) -> Share:
    return Share(states.total(), sum(states[state] for state in good), sum(states[state] for state in bad))


def _together(shares: Iterable[Share]) -> Share:
    total = list(shares)
    return Share(sum(one.total for one in total), sum(one.good for one in total), sum(one.bad for one in total))
