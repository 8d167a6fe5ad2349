"""Indicators: how well it goes, by week or month, as charts, tables and files."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from retaguarda.console.web.place import house
from retaguarda.console.web.queries import indicators as queries
from retaguarda.console.web.routes import page
from retaguarda.language import language, say
from retaguarda.operations.indicators import AGES, Figures, Grain
from retaguarda.people.roles import EVERYBODY
from retaguarda.report.labels import label
from retaguarda.report.vocabulary import CODES, PROCESSES


@page("indicators", roles=EVERYBODY)
def indicators(request: HttpRequest) -> HttpResponse:
    """Handling time, success and errors, automatic matches, hours saved, margins of deadlines, ages of breaks."""
    grain = grain_of(request)
    counted = queries.counted(house(), grain)
    if counted is None:
        reached, trouble = queries.counting()
        return render(request, "indicators/counting.html", {"grain": grain, "reached": reached, "trouble": trouble})
    if request.headers.get("HX-Request"):  # the page that waited for the first count
        return HttpResponse(headers={"HX-Refresh": "true"})
    latest, before = counted.found[-1], counted.found[-2]
    context = {
        "grain": grain,
        "found": list(reversed(counted.found)),
        "latest": latest,
        "before": before,
        "assumed": house().settings.indicators,
        "age": dt.timedelta(seconds=round(counted.age)),
        "charts": _charts(list(counted.found), grain),
        "portals": _by_name(latest, before, "portals"),
        "processes": _by_name(latest, before, "items"),
        "seconds": latest.seconds or before.seconds,
        "reasons": latest.reasons or before.reasons,
    }
    return render(request, "indicators/indicators.html", context)


@page("indicators/export", roles=EVERYBODY)
def indicators_export(request: HttpRequest) -> HttpResponse:
    """Every figure of every period as CSV, as programs and spreadsheets read it."""
    grain = grain_of(request)
    file = io.StringIO()
    written = csv.writer(file, delimiter=";")
    written.writerow(["period", "figure", "of", "value"])
    for start, figure, name, value in queries.lines(queries.surely_counted(house(), grain).found):
        written.writerow([start, figure, _harmless(name), "" if value is None else value])
    answer = HttpResponse("\ufeff" + file.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="indicators-{grain}.csv"'
    return answer


def grain_of(request: HttpRequest) -> Grain:
    """Week or month, as the reader chose."""
    return "week" if request.GET.get("by") == "week" else "month"


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _by_name(latest: Figures, before: Figures, name: str) -> list[tuple[str, Any, Any]]:
    """The shares of this period and of the one before, by name."""
    now, then = getattr(latest, name), getattr(before, name)
    return [(one, now.get(one), then.get(one)) for one in sorted({*now, *then})]


def _charts(found: list[Figures], grain: Grain) -> list[dict[str, Any]]:
    """What the charts draw; the table beside each has the same figures."""
    starts = [f"{one.start:%d/%m}" if grain == "week" else f"{one.start:%m/%Y}" for one in found]
    processes = sorted({name for one in found for name in one.items})[:8]
    codes = sorted({code for one in found for code in one.reasons})[:8]
    rates = [(say("items in order"), [_percent(one.handled.rate) for one in found])]
    rates += [(say("automatic matches"), [_percent(one.matched.rate) for one in found])]
    minutes = [None if one.mean_seconds is None else round(one.mean_seconds / 60, 2) for one in found]
    by_process = [(label(PROCESSES, name).text, [one.items[name].total if name in one.items else 0 for one in found]) for name in processes]
    by_reason = [(label(CODES, code).text, [one.reasons.get(code, 0) for one in found]) for code in codes]
    by_age = [(say(name), [one.breaks.get(name, 0) for one in found]) for _, name in AGES]
    return [
        _chart("rates", say("Success and automatic matches"), "line", "%", starts, rates),
        _chart("items", say("Items handled, by process"), "stack", "", starts, by_process),
        _chart("time", say("Mean handling time"), "line", "min", starts, [(say("minutes"), minutes)]),
        _chart("reasons", say("What went wrong, by reason"), "stack", "", starts, by_reason),
        _chart("saved", say("Hours saved"), "bar", "h", starts, [(say("hours"), [one.hours_saved for one in found])]),
        _chart("margin", say("Margin before deadlines"), "bar", "h", starts, [(say("hours"), [one.margin_hours for one in found])]),
        _chart(
            "satisfaction",
            say("Satisfaction with answers"),
            "line",
            "",
            starts,
            [(say("mark from 1 to 5"), [one.satisfaction for one in found])],
        ),
        _chart("breaks", say("Open breaks, by age"), "stack", "", starts, by_age),
    ]


def _chart(name: str, title: str, kind: str, unit: str, starts: list[str], series: list[tuple[str, list[Any]]]) -> dict[str, Any]:
    drawn = [{"name": text, "values": values} for text, values in series]
    return {"name": name, "title": title, "kind": kind, "unit": unit, "starts": starts, "series": drawn, "language": language()}


def _percent(rate: float | None) -> float | None:
    return None if rate is None else round(rate * 100, 1)
