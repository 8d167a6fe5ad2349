"""What `retaguarda trigger` shows: tables for people, plain values for machines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.text import Text

from retaguarda.agenda.by_hand import WithoutRun
from retaguarda.agenda.obligations import Standing
from retaguarda.agenda.outlook import Duty, Outlook, Preview
from retaguarda.clock import SAO_PAULO
from retaguarda.console.screen import MARKS, iso, listing, screen, state
from retaguarda.language import say
from retaguarda.report.labels import Tone, label
from retaguarda.report.retell import retell
from retaguarda.report.vocabulary import FIRES, OBLIGATIONS
from retaguarda.store.models import FireState, PlannedFire
from retaguarda.triggers.rules import weekday
from retaguarda.triggers.trigger import Fire, Trigger

MANY = 6
"""Fires of one trigger on one day that a preview shows one by one."""


def tell_list(outlooks: Sequence[Outlook], now: dt.datetime) -> None:
    """A trigger, its rule in words, what comes next and how the last fire ended."""
    table = listing("", say("trigger"), say("next"), say("last"), whole=(0, 2))
    for one in outlooks:
        name = Text(one.trigger.name, style="bold").append(f"\n{one.trigger.describe()}", style="dim")
        if one.off:
            name.append(f"\n{retell(one.off)}", style="yellow")
        table.add_row(_mark(one), name, _next(one, now), _last(one))
    screen().print(table)


def _mark(one: Outlook) -> Text:
    """The worst that is known of a trigger, as one sign."""
    if one.off:
        tone = Tone.IDLE
    elif one.duty is not None:
        tone = label(OBLIGATIONS, one.duty.level).tone
    else:
        tone = Tone.BAD if one.last is not None and one.last.state == FireState.MISSED else Tone.GOOD
    return Text(*MARKS[tone])


def _next(one: Outlook, now: dt.datetime) -> Text:
    if one.duty is not None:
        return _duty(one.duty, now)
    waiting = f"\n{say('{count} wait', count=one.waiting)}" if one.waiting else ""
    return Text((_moment(one.following.at, one.trigger) if one.following else "—") + waiting)


def _duty(duty: Duty, now: dt.datetime) -> Text:
    """Until when it must be done, by when it begins, and how it stands."""
    trigger = duty.standing.trigger
    told = label(OBLIGATIONS, duty.level)
    begun = say("begins by {moment}", moment=_moment(duty.standing.safe_start, trigger))
    return Text(say("due {moment}", moment=_moment(duty.fire.at, trigger)) + "\n" + begun + "\n").append(
        f"{told.text} · {_margin(duty.standing, now)}", style=MARKS[told.tone][1]
    )


def _margin(standing: Standing, now: dt.datetime) -> str:
    """The time until a run must have begun, as people say it."""
    left = standing.safe_start - now
    if left > dt.timedelta():
        return say("margin {time}", time=_span(left))
    late = standing.bare_start - now
    return say("may begin for {time} more", time=_span(late)) if late > dt.timedelta() else say("too late to begin")


def _span(length: dt.timedelta) -> str:
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    if hours >= 48:
        return say("{days} d {hours} h", days=hours // 24, hours=hours % 24)
    return say("{hours} h {minutes} min", hours=hours, minutes=minutes) if hours else say("{minutes} min", minutes=minutes)


def _last(one: Outlook) -> Text:
    if one.last is None:
        return Text("—", style="dim")
    told = state(one.last.run.state) if one.last.run else _fire_state(one.last.state)
    return Text(f"{_moment(one.last.at, one.trigger)}\n").append(told)


def _end(row: PlannedFire) -> Text:
    """How a fire ended: its run's state, or its own with the reason."""
    shown = state(row.run.state) if row.run else _fire_state(row.state)
    reason = retell(row.reason)
    return shown.append(f": {reason}", style="") if reason else shown


def _fire_state(code: str) -> Text:
    found = label(FIRES, code)
    return Text(found.text, style=MARKS[found.tone][1])


def tell_preview(
    found: Sequence[Preview], triggers: Sequence[Trigger], unplanned: Sequence[str], now: dt.datetime, until: dt.datetime
) -> None:
    """What fires on each day, in the time of São Paulo, what is skipped and why."""
    console = screen()
    for day, fires in groupby(found, key=lambda one: one.fire.at.astimezone(SAO_PAULO).date()):
        console.print(Text(f"{weekday(day.weekday())}, {day:%d/%m/%Y}", style="bold"))
        table = listing(whole=(0, 1))
        table.show_header = False
        for line in _day(list(fires)):
            table.add_row(*line)
        console.print(table)
    if not found:
        console.print(say("Nothing fires until {day}.", day=f"{until.astimezone(SAO_PAULO):%d/%m/%Y}"))
    for trigger in triggers:
        if trigger.known_until(now) < until:
            end = f"{trigger.known_until(now).astimezone(SAO_PAULO):%d/%m/%Y}"
            console.print(say("{trigger}: its calendar knows the days until {day} only", trigger=trigger.name, day=end), style="yellow")
    if unplanned:
        console.print(say("Not planned, switched off in the configuration: {triggers}", triggers=", ".join(unplanned)), style="dim")


def _day(fires: list[Preview]) -> list[tuple[Text, Text, Text]]:
    """The lines of a day by time; what fires very often is one line."""
    lines: list[tuple[dt.datetime, tuple[Text, Text, Text]]] = []
    for name in dict.fromkeys(one.trigger.name for one in fires):
        alike = [one for one in fires if one.trigger.name == name]
        if len(alike) > MANY and not any(one.fire.refusal for one in alike):
            often = Text(say("{count} times", count=len(alike)) + _off(alike[0]))
            lines.append((alike[0].fire.at, (Text(f"  {_hour(alike[0].fire.at)}–{_hour(alike[-1].fire.at)}"), Text(name), often)))
        else:
            lines += [(one.fire.at, (Text(f"  {_hour(one.fire.at)}"), Text(name), _told(one))) for one in alike]
    return [line for _, line in sorted(lines, key=lambda line: line[0])]


def _told(one: Preview) -> Text:
    if one.fire.refusal:
        return Text(say("skipped: {reason}", reason=retell(one.fire.refusal)), style="yellow")
    if one.standing is not None:
        begins = _moment(one.standing.safe_start, one.trigger)
        return Text(say("deadline; begins by {moment}", moment=begins) + _off(one))
    return Text(one.trigger.process + _off(one), style="dim" if one.off else "")


def _off(one: Preview) -> str:
    return f" · {retell(one.off)}" if one.off else ""


def tell_history(rows: Sequence[PlannedFire], trigger: str, zone: dt.tzinfo) -> None:
    """The latest rows of a trigger's ledger, newest first."""
    table = listing(say("planned"), say("what became of it"), say("run"), say("by"), whole=(0, 2))
    for row in rows:
        table.add_row(f"{row.at.astimezone(zone):%d/%m/%Y %H:%M}", _story(row), row.run_id or "—", row.by or "—")
    screen().print(table if rows else say("The ledger has no fire of {trigger} yet.", trigger=trigger))


def _story(row: PlannedFire) -> Text:
    told = _end(row)
    if row.level in {"missed", "late", "critical", "shrinking", "met"}:
        found = label(OBLIGATIONS, row.level)
        told.append(" · ").append(found.text, style=MARKS[found.tone][1])
    return told


def tell_backfill(found: Sequence[WithoutRun], zone: dt.tzinfo) -> None:
    """The fires without a run, and what the ledger says of them."""
    table = listing(say("planned"), say("what became of it"), whole=(0,))
    for one in found:
        told = _fire_state(one.state).append(f": {retell(one.reason)}", style="") if one.state else Text(say("older than the ledger"))
        table.add_row(f"{one.fire.at.astimezone(zone):%d/%m/%Y %H:%M}", told)
    screen().print(table)


def _moment(value: dt.datetime, trigger: Trigger) -> str:
    """A moment in the trigger's zone, with the day of the week."""
    there = value.astimezone(trigger.zone)
    return f"{weekday(there.weekday())[:3]} {there:%d/%m %H:%M}"


def _hour(value: dt.datetime) -> str:
    return f"{value.astimezone(SAO_PAULO):%H:%M}"


def outlook_of(one: Outlook, now: dt.datetime) -> dict[str, Any]:
    """A trigger as JSON values."""
    trigger = one.trigger
    return {
        "trigger": trigger.name,
        "process": trigger.process,
        "rule": trigger.rule,
        "in_words": trigger.describe(),
        "enabled": not one.off,
        "off": retell(one.off),
        "policies": {"missed": trigger.missed, "overlap": trigger.overlap, "look_back_hours": trigger.look_back / dt.timedelta(hours=1)},
        "next": _fire(one.following, trigger) if one.following else None,
        "waiting": one.waiting,
        "last": row_of(one.last) if one.last else None,
        "obligation": _standing(one.duty.fire, one.duty.standing, one.duty.level, now) if one.duty else None,
    }


def _fire(fire: Fire, trigger: Trigger) -> dict[str, Any]:
    return {"trigger": trigger.name, "at": fire.at.isoformat(), "local": fire.local, "refusal": fire.refusal}


def _standing(fire: Fire, standing: Standing, level: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "due": fire.local,
        "begins_by": iso(standing.safe_start),
        "expected_seconds": standing.expected.total_seconds(),
        "margin_seconds": round((standing.safe_start - now).total_seconds()),
        "level": level,
    }


def preview_of(one: Preview) -> dict[str, Any]:
    """A fire to come as JSON values."""
    begins = {"begins_by": iso(one.standing.safe_start)} if one.standing else {}
    return {**_fire(one.fire, one.trigger), "process": one.trigger.process, "off": one.off, **begins}


def row_of(row: PlannedFire) -> dict[str, Any]:
    """A row of the ledger as JSON values."""
    return {
        "at": row.at.isoformat(),
        "local": row.local,
        "state": row.state,
        "reason": row.reason,
        "run": row.run_id,
        "run_state": row.run.state if row.run else None,
        "by": row.by,
        "level": row.level,
        "decided_at": iso(row.decided_at),
    }


def without_run_of(one: WithoutRun) -> dict[str, Any]:
    """A fire without a run as JSON values."""
    return {"at": one.fire.at.isoformat(), "local": one.fire.local, "state": one.state, "reason": one.reason}
