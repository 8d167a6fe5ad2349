"""Alerts: the difference between what is wrong now and what people were told, told once a cause, and once more when it is over.

Messages are rows, written with the change they tell of: a target that is down gets them later, and none is lost. A message
comes twice only when the process dies between the service's yes and the note of it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import Error as StoreFailed
from django.db import connection, transaction

from retaguarda.audit import events
from retaguarda.clock import SAO_PAULO
from retaguarda.errors import LeaseHeld, StoreUnavailable
from retaguarda.language import say
from retaguarda.locks import process_lock
from retaguarda.operations import notices, targets
from retaguarda.operations.conditions import CONDITIONS, Condition, look
from retaguarda.operations.findings import SEVERITIES, Finding
from retaguarda.operations.installation import Installation
from retaguarda.redaction import redactor
from retaguarda.store.models import Alert, Milestone, Notice

AT_ONCE = 20
"""Messages that a target is sent in one turn: a long backlog must not hold up the next look."""
LONGEST_CAUSE = 200
LOCK = "alerts"
Send = Callable[[Installation, str, str, str], str]
"""Sends subject and body to a target; returns why it could not, or nothing."""


@dataclass
class Changes:
    """What one turn changed and sent."""

    opened: list[str] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)
    sent: int = 0
    unsent: int = 0


class Alerts:
    """The alerts of an installation; one process at a time works on them, who holds the lock `alerts`."""

    def __init__(self, installation: Installation, send: Send = targets.send) -> None:
        self._installation = installation
        self._rules = installation.settings.alerts
        self._send = send

    def update(self, findings: Iterable[Finding], *, whole: bool = True) -> Changes:
        """Open, refresh and close alerts, and write the messages that this asks for.

        Not `whole`: some look failed, so that what was not found may still be there, and nothing is closed.
        """
        changes, now = Changes(), self._installation.clock.now()
        found = _one_a_cause(findings)
        with transaction.atomic():
            opened = {alert.cause: alert for alert in Alert.objects.select_for_update().filter(recovered_at=None)}
            for cause, finding in found.items():
                if cause in opened:
                    self._refresh(opened[cause], finding, now, changes)
                else:
                    self._open(finding, now, changes)
            for cause in (opened.keys() - found.keys()) if whole else ():
                self._miss(opened[cause], now, changes)
        return changes

    def _open(self, finding: Finding, now: dt.datetime, changes: Changes) -> None:
        alert = Alert(cause=finding.cause, first_at=now, last_at=now, severity=finding.severity)
        _describe(alert, finding)
        alert.save()
        events.record("alert.opened", target=alert.cause, data={"severity": alert.severity, "text": alert.text})
        self._tell(alert, "opened", now)
        changes.opened.append(alert.cause)

    def _refresh(self, alert: Alert, finding: Finding, now: dt.datetime, changes: Changes) -> None:
        """Still there. While an alert is open its severity only rises: one that flickers is told once."""
        rises = _rank(finding.severity) > _rank(alert.severity)
        alert.last_at, alert.gone_at = now, None
        _describe(alert, finding)
        if rises:
            alert.severity = finding.severity
            events.record("alert.raised", target=alert.cause, data={"severity": alert.severity, "text": alert.text})
            changes.raised.append(alert.cause)
        alert.save()
        repeat = dt.timedelta(hours=self._rules.repeat_hours)
        if rises:
            self._tell(alert, "raised", now)
        elif alert.told_at is None or (repeat and now - alert.told_at >= repeat):
            self._tell(alert, "again" if alert.told_at else "opened", now)

    def _miss(self, alert: Alert, now: dt.datetime, changes: Changes) -> None:
        """Not there: over, once it has stayed away for a while."""
        alert.gone_at = alert.gone_at or now
        if now - alert.gone_at >= dt.timedelta(minutes=self._rules.settle_minutes):
            alert.recovered_at = now
            events.record("alert.recovered", target=alert.cause, data={"since": alert.first_at.isoformat()})
            self._tell(alert, "recovered", now)
            changes.recovered.append(alert.cause)
        alert.save()

    def _tell(self, alert: Alert, kind: str, now: dt.datetime) -> None:
        """Write a message to each target that is to get it; of the end only those hear who heard of the beginning."""
        if kind == "recovered":
            chosen = [name for name in self._rules.targets if alert.notices.filter(target=name).exists()]
        else:
            chosen = [name for name, target in self._rules.targets.items() if _rank(alert.severity) >= _rank(target.severity)]
        for name in chosen:
            Notice.objects.create(
                alert=alert,
                kind=kind,
                target=name,
                subject=notices.subject(alert, kind),
                body=notices.body(alert, kind, self._installation),
                made_at=now,
            )
        if chosen and kind == "recovered":
            alert.recovery_told_at = now
        elif chosen:
            alert.told_at = now
        alert.save()

    def digest(self) -> bool:
        """Write the day's digest, once its hour has come; whether it was written."""
        names = [name for name, target in self._rules.targets.items() if target.digest]
        now = self._installation.clock.now()
        local = now.astimezone(SAO_PAULO)
        last = Milestone.objects.filter(name="digest").first()
        if not names or local.time() < self._rules.digest_at or (last and last.at.astimezone(SAO_PAULO).date() >= local.date()):
            return False
        subject, body = notices.digest(self._installation, last.at if last else now - dt.timedelta(days=1))
        with transaction.atomic():
            Milestone.objects.update_or_create(name="digest", defaults={"at": now, "by": events.actor()})
            for name in names:
                Notice.objects.create(kind="digest", target=name, subject=subject, body=body, made_at=now)
        return True

    def send_due(self) -> tuple[int, int]:
        """Send the messages that wait, the oldest first; returns how many went and how many still wait.

        A target that does not take one gets no other in this turn, so that what it gets stays in order.
        """
        sent = 0
        for target in self._rules.targets:
            for notice in Notice.objects.filter(target=target, sent_at=None).order_by("id")[:AT_ONCE]:
                if not self._sent(notice):
                    break
                sent += 1
        return sent, Notice.objects.filter(target__in=self._rules.targets, sent_at=None).count()

    def _sent(self, notice: Notice) -> bool:
        refusal = self._send(self._installation, notice.target, notice.subject, notice.body)
        with transaction.atomic():
            first, notice.attempts, notice.error = notice.attempts == 0, notice.attempts + 1, redactor.clean(refusal)
            notice.sent_at = None if refusal else self._installation.clock.now()
            notice.save()
            facts = {"kind": notice.kind, "cause": notice.alert.cause if notice.alert else "", "attempt": notice.attempts}
            if not refusal:
                events.record("alert.sent", target=notice.target, data=facts)
            elif first:
                events.record("alert.not_sent", target=notice.target, data={**facts, "error": refusal})
        return not refusal


def keep_watch(installation: Installation, conditions: Sequence[Condition] = CONDITIONS, send: Send = targets.send) -> Changes | None:
    """One turn, to be called once a minute: look, tell what changed, send what waits. None when another process has the watch.

    It takes the lock `alerts` itself, and never raises for what it finds: a store that fails is told straight away, from a
    note in the state folder instead of the table that cannot be written.
    """
    try:
        with installation.locks.hold(LOCK):
            _tell_that_the_store_is_back(installation, send)
            seen, alerts = look(installation, conditions), Alerts(installation, send)
            changes = alerts.update(seen.findings, whole=seen.whole)
            alerts.digest()
            changes.sent, changes.unsent = alerts.send_due()
            return changes
    except LeaseHeld:
        return None
    except (StoreFailed, StoreUnavailable) as error:
        connection.close()  # the next turn asks anew
        return tell_that_the_store_is_lost(installation, error, send)


def tell_that_the_store_is_lost(installation: Installation, error: Exception, send: Send = targets.send) -> Changes:
    """Once for this machine: the note says who was told. It needs settings and vault alone."""
    why = redactor.clean(" ".join(str(error).split()))
    note = installation.settings.home / "store-lost.json"
    with process_lock(note.with_suffix(".lock"), wait=True):
        fresh: dict[str, Any] = {"since": installation.clock.now().isoformat(), "told": []}
        known = json.loads(note.read_text("utf-8")) if note.exists() else fresh
        subject = f"[Retaguarda] {notices.severities()['critical']}: {say('the store does not answer')}"
        body = "\n".join([say("the store does not answer"), "", why, "", say("What to do: {remedy}", remedy="retaguarda doctor")])
        waiting = [name for name in installation.settings.alerts.targets if name not in known["told"]]
        told = [name for name in waiting if not send(installation, name, subject, body)]
        known["told"] += told
        note.write_text(json.dumps(known), "utf-8")
    return Changes(opened=["store"], sent=len(told), unsent=len(waiting) - len(told))


def _tell_that_the_store_is_back(installation: Installation, send: Send) -> None:
    note = installation.settings.home / "store-lost.json"
    if not note.exists():
        return
    known = json.loads(note.read_text("utf-8"))
    with transaction.atomic():
        events.record("store.lost", data=known)
    lasted = notices.lasting(installation.clock.now() - dt.datetime.fromisoformat(known["since"]))
    subject = f"[Retaguarda] {say('over')}: {say('the store does not answer')} ({lasted})"
    for name in known["told"]:
        send(installation, name, subject, say("The store answers again."))
    note.unlink()


def _one_a_cause(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Findings by cause; of two with one cause the graver speaks, and their symptoms are counted together."""
    found: dict[str, Finding] = {}
    for finding in findings:
        cause = finding.cause[:LONGEST_CAUSE]
        other = found.get(cause)
        graver = max(filter(None, (other, finding)), key=lambda one: _rank(one.severity))
        symptoms = _symptoms(finding) + (_symptoms(other) if other else 0)
        found[cause] = Finding(cause, graver.severity, graver.text, {**graver.facts, "symptoms": symptoms})
    return found


def _describe(alert: Alert, finding: Finding) -> None:
    alert.text = redactor.clean(finding.text)
    alert.symptoms = _symptoms(finding)
    alert.facts = json.loads(redactor.clean(json.dumps(dict(finding.facts), default=str)))


def _symptoms(finding: Finding) -> int:
    return int(finding.facts.get("symptoms", 1))


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)
