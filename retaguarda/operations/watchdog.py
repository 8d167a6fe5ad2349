"""The watchdog: tells what should have happened and did not, by the rules and the store alone; it asks no scheduler.

It recomputes which fires should have their rows by now, whether schedulers live and move, how obligations stand, and how
long the calendars last. Run it beside the schedulers, on another machine where there is one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Q

from retaguarda.agenda.changes import horizon, is_planned
from retaguarda.agenda.entries import active_runs, fire_of
from retaguarda.agenda.obligations import Level, Standings
from retaguarda.agenda.scheduler import KIND, stamp
from retaguarda.agenda.stretches import Stretch
from retaguarda.agenda.watch import KEEP, meeting
from retaguarda.agenda.written import all_triggers
from retaguarda.configuration import configuration_folder
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.workers import Workers
from retaguarda.operations.failures import finding
from retaguarda.operations.findings import Finding
from retaguarda.operations.installation import Installation
from retaguarda.store.models import FireState, PlannedFire, RunRecord, TriggerState, Worker
from retaguarda.triggers.trigger import Fire, Trigger

LOOKS_BACK = (dt.timedelta(hours=1), dt.timedelta(hours=6), dt.timedelta(days=2))
"""How far fires are recomputed: the longest, unless a rule fires so often that a shorter time tells enough."""
ENOUGH = 100
CALENDAR_WARNING, CALENDAR_CRITICAL = dt.timedelta(days=45), dt.timedelta(days=10)
LOUD = {Level.SHRINKING: "warning", Level.CRITICAL: "critical", Level.MISSED: "critical"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What the configuration plans, what the store knows of it, and up to when fires should be decided by now."""

    triggers: Mapping[str, Trigger]
    states: Mapping[str, TriggerState]
    now: dt.datetime
    until: dt.datetime


def unkept_plan(installation: Installation) -> Iterator[Finding]:
    """Everything that the triggers promise and that is not kept."""
    states = {state.name: state for state in TriggerState.objects.all()}
    try:
        triggers = all_triggers(installation.settings)
    except ConfigurationError as error:
        remedy = error.remedy or "see: retaguarda trigger list"
        yield finding("the triggers cannot be read", cause="triggers", severity="critical", remedy=remedy, said=error.text)
        return
    planned = {name: trigger for name, trigger in triggers.items() if is_planned(trigger, states.get(name))}
    now = installation.clock.now().astimezone(dt.UTC)
    plan = Plan(planned, states, now, now - dt.timedelta(minutes=installation.settings.watchdog.grace_minutes))
    yield from _fires(installation, plan)
    yield from _obligations(installation, plan)
    yield from _calendars(plan)


def _fires(installation: Installation, plan: Plan) -> Iterator[Finding]:
    """Fires that nobody decided; they are symptoms where no scheduler moves."""
    overdue = [found for found in (_overdue(trigger, plan) for trigger in plan.triggers.values()) if found]
    silent = list(_schedulers(installation, plan, len(overdue)))
    yield from silent
    if not any(one.severity == "critical" for one in silent):
        yield from overdue


def _schedulers(installation: Installation, plan: Plan, overdue: int) -> Iterator[Finding]:
    """Whether one lives and moves: a beat that is old while the lock is held is a tick that does not end."""
    workers = Workers(installation.locks, installation.clock)
    living = [one for one in Worker.objects.filter(kind=KIND, stopped_at=None).order_by("name") if workers.living(one)]
    if plan.triggers and not living:
        last = Worker.objects.filter(kind=KIND).order_by("-beat_at").first()
        yield finding(
            "no scheduler runs: nothing begins by itself",
            cause=KIND,
            severity="critical",
            remedy="retaguarda scheduler start",
            symptoms=max(1, overdue),
            **({"since": last.beat_at.isoformat()} if last else {}),
        )
    patience = dt.timedelta(minutes=installation.settings.watchdog.hang_minutes)
    hanging = [one for one in living if plan.now - one.beat_at > patience]
    for one in hanging:
        yield finding(
            f"{one.name} hangs: it lives, and decides nothing",
            cause=one.name,
            severity="warning" if len(hanging) < len(living) else "critical",
            remedy=f"end process {one.pid} on {one.host}, and start a scheduler",
            symptoms=max(1, overdue),
            since=one.beat_at.isoformat(),
        )


def _overdue(trigger: Trigger, plan: Plan) -> Finding | None:
    """What is wrong with one trigger's part of the ledger."""
    state, cause = plan.states.get(trigger.name), f"trigger/{trigger.name}"
    try:
        if state is None or state.rule != trigger.digest:
            return _not_followed(trigger, state, plan.until)
        lost = [*_without_row(trigger, state, plan.until), *_stuck(trigger, plan.until)]
    except ConfigurationError as error:
        remedy = error.remedy or "see: retaguarda trigger list"
        text = f"trigger {trigger.name} cannot be planned"
        return finding(text, cause=cause, severity="critical", remedy=remedy, said=error.text)
    if not lost:
        return None
    return finding(
        f"fires of trigger {trigger.name} were never decided",
        cause=cause,
        severity="critical",
        remedy="see what the schedulers say of it, then restart them",
        symptoms=len(lost),
        since=min(lost).isoformat(),
    )


def _not_followed(trigger: Trigger, state: TriggerState | None, until: dt.datetime) -> Finding | None:
    """A rule that no scheduler has taken up, although it was written, or switched on, a while ago."""
    written = max((at for _, at, _ in stamp(configuration_folder())), default=0)
    since = dt.datetime.fromtimestamp(written / 1e9, dt.UTC)
    if state is not None and state.changed_at is not None:
        since = max(since, state.changed_at)
    if since > until:
        return None
    return finding(
        f"no scheduler follows the rule of trigger {trigger.name}",
        cause=f"trigger/{trigger.name}",
        severity="critical",
        remedy="see what the schedulers say of it, then restart them",
        since=since.isoformat(),
    )


def _without_row(trigger: Trigger, state: TriggerState, until: dt.datetime) -> list[dt.datetime]:
    """The moments of the rule that have no row, and get none from the backlog."""
    begun = state.ruled_since or until
    fires = _deadlines(trigger, begun, until) if trigger.obligation else _recent(trigger, begun, until)
    if not fires:
        return []
    rows = PlannedFire.objects.filter(trigger=trigger.name, at__gte=fires[0].at, at__lte=fires[-1].at)
    held = set(rows.values_list("at", flat=True))
    backlog = [Stretch.read(one) for one in state.backlog]
    return [fire.at for fire in fires if fire.at not in held and not any(one.since < fire.at <= one.until for one in backlog)]


def _deadlines(trigger: Trigger, begun: dt.datetime, until: dt.datetime) -> list[Fire]:
    """Those that should be planned by now; the last day of the lead comes into sight bit by bit."""
    return trigger.between(begun, horizon(trigger, until) - dt.timedelta(days=1))


def _recent(trigger: Trigger, begun: dt.datetime, until: dt.datetime) -> list[Fire]:
    fires: list[Fire] = []
    for span in LOOKS_BACK:
        fires = trigger.between(max(begun, until - span), until)
        if len(fires) > ENOUGH:
            break
    return fires


def _stuck(trigger: Trigger, until: dt.datetime) -> list[dt.datetime]:
    """Fires that wait for an earlier run although none is left, and that none ended so lately that their turn is still to come."""
    waiting = PlannedFire.objects.filter(trigger=trigger.name, state=FireState.PLANNED, due=None, at__lte=until)
    rows = list(waiting.values_list("at", flat=True))
    if not rows or active_runs([trigger.name]):
        return []
    lately = RunRecord.objects.filter(Q(ended_at__gt=until) | Q(created_at__gt=until), trigger=trigger.name)
    return [] if lately.exists() else rows


def _obligations(installation: Installation, plan: Plan) -> Iterator[Finding]:
    """Deadlines that are near or past, and not met; how they stand is computed anew."""
    standings = Standings(installation.clock)
    rows = PlannedFire.objects.filter(trigger__in=list(plan.triggers), at__gt=plan.now - KEEP).exclude(due=None)
    for row in rows.exclude(state=FireState.SKIPPED).select_related("run").order_by("at"):
        run = meeting(row)
        level = standings.of(plan.triggers[row.trigger], fire_of(row)).level(plan.now, run)
        if level in LOUD:
            yield finding(
                f"a deadline of {row.trigger} {'has passed' if level == Level.MISSED else 'is near'}, and it is not met",
                cause=f"obligation/{row.trigger}/{row.local[:10]}",
                severity=LOUD[level],
                remedy=f"retaguarda run show {run.pk}" if run else f"retaguarda trigger backfill {row.trigger} --from {row.local[:10]}",
                runs=[run.pk] if run else [],
                said=f"due {row.local[:16].replace('T', ' ')}",
                **({"since": row.local} if level == Level.MISSED else {}),
            )


def _calendars(plan: Plan) -> Iterator[Finding]:
    """Calendars whose days are known for a short time only: their triggers would stop."""
    ends: dict[str, tuple[dt.datetime, list[str]]] = {}
    for trigger in plan.triggers.values():
        ends.setdefault(trigger.calendar.name, (trigger.known_until(plan.now), []))[1].append(trigger.name)
    for name, (end, triggers) in ends.items():
        left = end - plan.now
        if left < CALENDAR_WARNING:
            yield finding(
                f"calendar {name} knows its days until {end:%Y-%m-%d} only",
                cause=f"calendar/{name}",
                severity="critical" if left < CALENDAR_CRITICAL else "warning",
                remedy=f"retaguarda calendar import {name} FILE",
                symptoms=len(triggers),
            )
