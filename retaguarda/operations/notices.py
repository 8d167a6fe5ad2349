"""The messages that people get: a short subject, and a body that says cause, since when, how much, and what to type."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from retaguarda.clock import SAO_PAULO
from retaguarda.language import say
from retaguarda.operations.installation import Installation
from retaguarda.redaction import redactor
from retaguarda.report.labels import label
from retaguarda.report.retell import retell
from retaguarda.report.vocabulary import RUN_STATES
from retaguarda.store.models import Alert, FireState, PlannedFire, RunRecord

LONGEST_SUBJECT = 120
NAMED_RUNS = 5
"""Runs that a message names: it is read on a telephone."""


def severities() -> dict[str, str]:
    """Severities as people read them."""
    return {"info": say("for your information"), "warning": say("attention"), "critical": say("critical")}


def subject(alert: Alert, kind: str) -> str:
    """`[Retaguarda] crítico: o portal ccee está indisponível`."""
    severity = severities()[alert.severity]
    heads = {"recovered": say("over"), "again": f"{say('still')} · {severity}", "raised": say("now {severity}", severity=severity)}
    return _short(f"[Retaguarda] {heads.get(kind, severity)}: {retell(alert.text)}")


def body(alert: Alert, kind: str, installation: Installation) -> str:
    """What happened, since when, how often, what to do and what to type; no secret, whatever the portal said."""
    lines = [retell(alert.text), "", *_facts(alert, kind, installation.clock.now()), "", *_what_to_do(alert, kind)]
    company = installation.settings.company
    return redactor.clean("\n".join([*lines, "", f"— Retaguarda · {company}" if company else "— Retaguarda"]).replace("\n\n\n", "\n\n"))


def _facts(alert: Alert, kind: str, now: dt.datetime) -> Iterator[str]:
    facts, end = alert.facts, alert.gone_at if kind == "recovered" and alert.gone_at else now
    since = dt.datetime.fromisoformat(facts["since"]) if facts.get("since") else alert.first_at
    yield f"{say('Cause')}: {alert.cause}"
    if kind != "recovered":
        yield f"{say('Severity')}: {severities()[alert.severity]}"
    yield f"{say('Since')}: {moment(since)} ({lasting(end - since)})"
    if kind == "recovered":
        yield f"{say('Until')}: {moment(end)}"
    if facts.get("runs") or alert.symptoms > 1:
        yield f"{say('Symptoms')}: {alert.symptoms}"
    if facts.get("said"):
        yield f"{say('Last heard')}: {retell(str(facts['said']))}"
    if runs := list(facts.get("runs", ())):
        more = f" (+{len(runs) - NAMED_RUNS})" if len(runs) > NAMED_RUNS else ""
        yield f"{say('Runs')}: {', '.join(runs[:NAMED_RUNS])}{more}"


def _what_to_do(alert: Alert, kind: str) -> Iterator[str]:
    if kind == "recovered":
        yield say("It is over; nothing is to be done for it.")
        return
    if alert.facts.get("remedy"):
        yield say("What to do: {remedy}", remedy=retell(str(alert.facts["remedy"])))
    for run in list(alert.facts.get("runs", ()))[:1]:
        yield say("To see it: {command}", command=f"retaguarda run show {run}")
    yield say("All that is open: {command}", command="retaguarda alert list")


def digest(installation: Installation, since: dt.datetime) -> tuple[str, str]:
    """Subject and body of the daily digest: what is open, what is over, how the runs ended. It comes on quiet days too."""
    now = installation.clock.now()
    opened = list(Alert.objects.filter(recovered_at=None).order_by("first_at"))
    over = list(Alert.objects.filter(recovered_at__gte=since).order_by("recovered_at"))
    parts = [
        _section(say("Open causes"), [f"{severities()[one.severity]}: {retell(one.text)} ({moment(one.first_at)})" for one in opened]),
        _section(say("Causes that are over"), [f"{retell(one.text)} ({moment(one.recovered_at)})" for one in over]),
        _section(say("Runs that ended"), list(_ended(since))),
        _section(say("Missed fires"), [f"{fire.trigger}: {fire.local}" for fire in _missed(since)]),
    ]
    head = say("{open} open, {over} over", open=len(opened), over=len(over)) if opened or over else say("nothing is open")
    title = _short(f"[Retaguarda] {say('digest of {day}', day=f'{now.astimezone(SAO_PAULO):%d/%m/%Y}')}: {head}")
    return title, redactor.clean("\n\n".join(part for part in parts if part))


def _ended(since: dt.datetime) -> Iterator[str]:
    ended = Counter(RunRecord.objects.filter(parent=None, ended_at__gte=since).values_list("state", flat=True))
    yield from (f"{label(RUN_STATES, state).text}: {count}" for state, count in ended.most_common())


def _missed(since: dt.datetime) -> list[PlannedFire]:
    return list(PlannedFire.objects.filter(state=FireState.MISSED, decided_at__gte=since).order_by("at")[:50])


def _section(heading: str, lines: list[str]) -> str:
    return "\n".join([heading, *(f"  {line}" for line in lines or [say("nothing")])])


def moment(value: dt.datetime | None) -> str:
    """A moment as people write it, in São Paulo's time."""
    return f"{value.astimezone(SAO_PAULO):%d/%m/%Y %H:%M}" if value else ""


def lasting(duration: dt.timedelta) -> str:
    """How long, in the two largest units: `2 d 3 h`, `5 h 12 min`, `4 min`."""
    minutes = max(0, int(duration.total_seconds()) // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _short(text: str) -> str:
    clean = redactor.clean(" ".join(text.split()))
    return clean if len(clean) <= LONGEST_SUBJECT else f"{clean[: LONGEST_SUBJECT - 1]}…"
