"""Today: what is planned, runs, is late, failed, or waits for a person; deadlines with their margin; the pulse of the last days."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from retaguarda.agenda.outlook import Duty, outlooks
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import today as queries
from retaguarda.console.web.routes import page
from retaguarda.people.roles import EVERYBODY
from retaguarda.triggers.trigger import Trigger

KEPT_SECONDS = 20
HIGH, WIDE, GAP = 96, 1000, 10
"""The drawing of the pulse: height of the bars, width, space between two days."""


@page("", roles=EVERYBODY)
def today(request: HttpRequest) -> HttpResponse:
    """The first page; `part=now` gives the part that it renews by itself."""
    now = house().clock.now()
    context: dict[str, Any] = {
        "now": now,
        "figures": queries.figures(now),
        "at_work": queries.at_work(),
        "gone_wrong": queries.gone_wrong(now),
        "to_come": queries.to_come(now),
        "alerts": queries.alerts(),
    }
    if request.GET.get("part") == "now":
        return render(request, "today/now.html", context)
    return render(request, "today/today.html", context | {"duties": _duties(), "pulse": _drawn(queries.pulse(now))})


def _duties() -> list[dict[str, Any]]:
    """Obligations, the nearest deadline first, each with the time until a run must have begun."""
    return [
        {"trigger": trigger, "duty": duty, "left": _left(duty)}
        for trigger, duty in _looked_at(int(house().clock.monotonic() // KEPT_SECONDS))
    ]


@lru_cache(maxsize=1)
def _looked_at(_moment: int) -> list[tuple[Trigger, Duty]]:
    """The duties of a short while, for whoever looks within it: working out the portals' open time is most of this page's work."""
    every = outlooks(house().triggers(), house().clock)
    return sorted(((one.trigger, one.duty) for one in every if one.duty and not one.off), key=lambda pair: pair[1].standing.due)


def _left(duty: Duty) -> dt.timedelta:
    return duty.standing.safe_start - house().clock.now()


def _drawn(days: list[queries.Day]) -> list[dict[str, Any]]:
    """The days as bars, the tones one above the other."""
    highest = max((day.total for day in days), default=0) or 1
    width = WIDE / len(days)
    drawn = []
    for number, day in enumerate(days):
        top, pieces = float(HIGH), []
        for tone in queries.TONES:
            height = HIGH * day.counts[tone] / highest
            top -= height
            if height:
                pieces.append({"tone": tone, "y": f"{top:.1f}", "height": f"{height:.1f}"})
        drawn.append({"day": day, "x": f"{number * width + GAP / 2:.1f}", "width": f"{width - GAP:.1f}", "pieces": pieces})
    return drawn
