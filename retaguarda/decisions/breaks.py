"""What does not match, from when it is first seen until new evidence or a person closes it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from retaguarda.audit import events
from retaguarda.decisions.register import BATCH, ENGINE, REGISTER, SHORT
from retaguarda.errors import ConfigurationError, Conflict
from retaguarda.reconcile.break_rules import BreakRule
from retaguarda.store.advisory import one_at_a_time
from retaguarda.store.models import BreakRecord, RunRecord

Shifted = Callable[[dt.date, int], dt.date]
"""So many business days after a day."""
A_MONTH = dt.timedelta(days=31)
"""A file that did not come is looked for among those of so many days: its own day is not known."""
MATCHED = "it is no longer found: new evidence explains it"


@dataclass(frozen=True, slots=True)
class Found:
    """A break as one reconciliation sees it; `text` is said to people."""

    kind: str
    date: dt.date
    amount: Decimal
    text: str
    account: str = ""
    line: str = ""
    item: str = ""

    @property
    def key(self) -> str:
        """What stays the same however often the break is seen."""
        about = [self.kind, self.account, self.line, self.item] if self.line or self.item else [self.kind, self.account, f"{self.date}"]
        return hashlib.sha256("\n".join(about).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Updated:
    """How many breaks a reconciliation opened, closed, and left open."""

    opened: int
    closed: int
    open: int


def update(
    found: Iterable[Found],
    rules: Mapping[str, BreakRule],
    at: dt.datetime,
    today: dt.date,
    shifted: Shifted,
    run: RunRecord | None = None,
    seen_by: Callable[[BreakRecord], bool] = lambda _row: True,
) -> Updated:
    """Open what is new, close what is no longer found, leave the rest as it is; doing so twice changes nothing.

    A break that was closed and is found again is open again, with the age it had. Who looks at a part of everything says with
    `seen_by` which breaks he would have found; the others stay as they are.
    """
    with transaction.atomic():
        one_at_a_time(REGISTER)
        seen = {one.key: one for one in found}
        standing = {row.key: row.pk for row in BreakRecord.objects.filter(closed_at=None) if row.key in seen or seen_by(row)}
        fresh = {key: one for key, one in seen.items() if key not in standing}
        opened = _opened(fresh, rules, at, today, shifted, run)
        gone = [pk for key, pk in standing.items() if key not in seen]
        for start in range(0, len(gone), BATCH):
            some = BreakRecord.objects.filter(pk__in=gone[start : start + BATCH])
            some.update(closed_at=at, closed_by=ENGINE, closed_because=MATCHED)
        told = Updated(opened, len(gone), len(seen))
        if opened or gone:
            facts = {"opened": opened, "closed": len(gone), "open": len(seen)}
            events.record("breaks.updated", run=run.pk if run else "", data=facts)
        return told


def _opened(
    fresh: Mapping[str, Found],
    rules: Mapping[str, BreakRule],
    at: dt.datetime,
    today: dt.date,
    shifted: Shifted,
    run: RunRecord | None,
) -> int:
    due = {kind: shifted(today, rule.days) for kind, rule in rules.items()}
    keys, again = list(fresh), set[str]()
    for start in range(0, len(keys), BATCH):
        some = BreakRecord.objects.filter(key__in=keys[start : start + BATCH])
        again |= set(some.values_list("key", flat=True))
        some.update(closed_at=None, closed_by="", closed_because="")
    rows = [
        BreakRecord(
            key=key,
            kind=one.kind,
            account=one.account,
            line=one.line,
            item=one.item,
            date=one.date,
            amount=one.amount,
            text=one.text,
            owner=rules[one.kind].owner,
            opened_at=at,
            due_on=due[one.kind],
            run=run,
        )
        for key, one in fresh.items()
        if key not in again
    ]
    BreakRecord.objects.bulk_create(rows, BATCH)
    return len(fresh)


def open_breaks(kind: str = "") -> list[BreakRecord]:
    """What is open, most urgent first."""
    rows = BreakRecord.objects.filter(closed_at=None).select_related("work").order_by("due_on", "opened_at", "id")
    return list(rows.filter(kind=kind) if kind else rows)


def find(key: str) -> BreakRecord:
    """The break of a key or of its first letters; ConfigurationError when there is none, or more than one."""
    rows = list(BreakRecord.objects.filter(key__startswith=key)[:2]) if key else []
    if len(rows) != 1:
        problem = f"no break {key}" if not rows else f"{key} begins the key of several breaks"
        raise ConfigurationError(problem, remedy="see: retaguarda reconcile breaks")
    return rows[0]


def close(row: BreakRecord, by: str, at: dt.datetime, reason: str) -> None:
    """Close a break as a person decides; it opens again when a reconciliation still finds it and nothing was decided about it."""
    with transaction.atomic():
        one_at_a_time(REGISTER)
        row.refresh_from_db()
        if row.closed_at is not None:
            raise Conflict(f"{row.key[:SHORT]} is closed already", remedy="see: retaguarda reconcile breaks")
        row.closed_at, row.closed_by, row.closed_because = at, by, reason
        row.save(update_fields=["closed_at", "closed_by", "closed_because"])
        told = {"kind": row.kind, "amount": f"{row.amount:.2f}", "line": row.line, "item": row.item, "reason": reason}
        events.record("break.closed", target=row.key, who=by, data=told)


def params(row: BreakRecord, rule: BreakRule, today: dt.date) -> dict[str, str]:
    """What the process that a kind of break starts is given; ConfigurationError when nothing is to be started."""
    if not rule.process:
        raise ConfigurationError(f"nothing is started for {row.kind}: {rule.next}", remedy="see config/breaks.toml")
    days = {"date": row.date, "since": row.date - A_MONTH, "yesterday": max(row.date, today - dt.timedelta(1))}
    places = {"account": row.account, "line": row.line, "item": row.item, "month": f"{row.date:%Y-%m}"}
    places |= {name: f"{day}" for name, day in days.items()}
    return {name: text.format(**places) for name, text in rule.params.items()}


def started(row: BreakRecord, work: RunRecord, by: str) -> None:
    """Remember which run works on a break."""
    with transaction.atomic():
        row.work = work
        row.save(update_fields=["work"])
        events.record("break.work-started", run=work.pk, target=row.key, who=by, data={"kind": row.kind})
