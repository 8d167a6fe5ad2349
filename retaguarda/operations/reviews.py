"""What auditors ask of a period: whether everything planned was executed, and who could do what, and did."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max, Min

from retaguarda.jobs.runs import ENDED
from retaguarda.settings import Settings
from retaguarda.store import models as store
from retaguarda.store.models import AuditEntry, FireState, PlannedFire, RunRecord
from retaguarda.vault import Vault


@dataclass(frozen=True, slots=True)
class Deviation:
    """A planned fire that did not become a run that ended, or whose run the log does not know."""

    trigger: str
    local: str
    state: str
    reason: str
    run: str = ""


@dataclass
class Coverage:
    """Planned against executed, in one period: every fire ends as exactly one of run, skipped, missed, or is still to come."""

    planned: int = 0
    by_trigger: dict[str, Counter[str]] = field(default_factory=dict)
    deviations: list[Deviation] = field(default_factory=list)
    by_hand: int = 0
    """Runs that people launched, beside the plan."""

    @property
    def complete(self) -> bool:
        return not self.deviations


def coverage(since: dt.datetime, until: dt.datetime, now: dt.datetime) -> Coverage:
    """Hold the ledger of planned fires against the runs, and both against the log's own index."""
    found = Coverage()
    fires = PlannedFire.objects.filter(at__gte=since, at__lt=until).select_related("run").order_by("at", "trigger")
    known = set(AuditEntry.objects.filter(action="fire.run").values_list("run", flat=True))
    for fire in fires.iterator(chunk_size=1000):
        found.planned += 1
        found.by_trigger.setdefault(fire.trigger, Counter())[fire.state] += 1
        if why := _deviation(fire, known, now):
            found.deviations.append(Deviation(fire.trigger, fire.local, fire.state, why, fire.run_id or ""))
    found.by_hand = RunRecord.objects.filter(parent=None, trigger="", created_at__gte=since, created_at__lt=until).count()
    return found


def _deviation(fire: PlannedFire, known: set[str], now: dt.datetime) -> str:
    """Why a fire is none that was executed as planned; nothing when it was, or is still to come."""
    if fire.state == FireState.PLANNED:
        return "nobody decided it" if fire.at <= now and fire.due is None else ""
    if fire.state != FireState.RUN:
        return fire.reason or "no reason is known"
    if fire.run is None:
        return "" if fire.decided_at is None else "retention let its run go"
    if fire.run.pk not in known:
        return "the audit log does not tell of its run"
    return "its run has not ended" if fire.run.state not in ENDED else ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody whom the log names, and what he did."""

    name: str
    events: int
    first: dt.datetime | None
    last: dt.datetime | None
    did: str
    """The actions that he did most, by their codes."""


@dataclass(frozen=True, slots=True)
class Access:
    """A credential: whose it is, which portals name it, when it was set and last taken from the vault."""

    credential: str
    portals: tuple[str, ...]
    set_at: dt.datetime | None
    used_at: dt.datetime | None
    uses: int


def actors(since: dt.datetime, until: dt.datetime) -> list[Actor]:
    """Everybody whom the log of a period names; the store counts, since a period has millions of events."""
    rows = AuditEntry.objects.filter(at__gte=since, at__lt=until).exclude(actor="").order_by().values("actor", "action")
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows.annotate(n=Count("seq"), first=Min("at"), last=Max("at")):
        found[row["actor"]].append(row)
    return [_actor(name, found[name]) for name in sorted(found)]


def _actor(name: str, did: Sequence[Mapping[str, Any]]) -> Actor:
    most = sorted(did, key=lambda one: (-one["n"], one["action"]))[:5]
    first, last = min(one["first"] for one in did), max(one["last"] for one in did)
    return Actor(name, sum(one["n"] for one in did), first, last, ", ".join(f"{one['action']} {one['n']}" for one in most))


def accesses(settings: Settings, vault: Vault) -> Iterator[Access]:
    """Every credential of the vault, and those that the portals name and the vault does not hold."""
    named: dict[str, list[str]] = {}
    for portal, place in settings.portals.items():
        if place.credential:
            named.setdefault(place.credential, []).append(portal)
    for credential in sorted({*vault.names(), *named}):
        rows = AuditEntry.objects.filter(target=credential)
        used = rows.filter(action="credential.used").aggregate(at=Max("at"), n=Count("seq"))
        rotated = rows.filter(action="secret.rotated").aggregate(at=Max("at"))
        yield Access(credential, tuple(named.get(credential, ())), rotated["at"], used["at"], used["n"])


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the console."""

    name: str
    active: bool
    groups: tuple[str, ...]
    last_sign_in: dt.datetime | None


def people() -> list[Person]:
    """The console's users with their roles."""
    rows = store.Person.objects.order_by("name")
    return [Person(row.name, row.active, tuple(row.roles), row.signed_in_at) for row in rows]
