"""The sign-off of a month: what was proved, matched and left open, by its digest, signed by one person and countersigned by another.

Whatever changes afterwards changes the digest: a sign-off tells whether it still says what is true.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum

from retaguarda.audit import events
from retaguarda.errors import ConfigurationError, Conflict, NotEntitled
from retaguarda.model.values import Month
from retaguarda.store.advisory import one_at_a_time
from retaguarda.store.models import BreakRecord, DecisionState, MatchDecision, SignOff, StatementFile

LOCK = "sign-off"


@dataclass(frozen=True, slots=True)
class State:
    """What a sign-off is about: figures for people, and the digest of every statement, decision and open break of the month."""

    digest: str
    facts: dict[str, Any]

    @property
    def open_points(self) -> int:
        """What a person who signs must have a reason for."""
        return int(self.facts["unproved"] + self.facts["proposed"] + self.facts["breaks"])


def state_of(month: Month) -> State:
    """How a month stands now."""
    statements = StatementFile.objects.filter(start__lte=month.last, end__gte=month.first)
    decisions = MatchDecision.objects.filter(date__gte=month.first, date__lte=month.last)
    stands = decisions.filter(state=DecisionState.STANDS)
    proposed = decisions.filter(state=DecisionState.PROPOSED)
    open_breaks = BreakRecord.objects.filter(date__gte=month.first, date__lte=month.last, closed_at=None)
    read = statements.aggregate(files=Count("pk"), unproved=Count("pk", filter=Q(proved=False)))
    matched, waiting, left = (_counted(rows) for rows in (stands, proposed, open_breaks))
    facts = {
        "statements": read["files"],
        "unproved": read["unproved"],
        "decisions": matched[0],
        "matched": matched[1],
        "proposed": waiting[0],
        "proposed_amount": waiting[1],
        "breaks": left[0],
        "breaks_amount": left[1],
    }
    digest = hashlib.sha256()
    for line in _lines(month, [statements, stands, proposed, open_breaks]):
        digest.update(f"{line}\n".encode())
    return State(digest.hexdigest(), facts)


def sign(month: Month, digest: str, by: str, at: dt.datetime, reason: str = "") -> SignOff:
    """Sign a month as it stands; ConfigurationError when it stands otherwise by now, or when open points want a reason."""
    with transaction.atomic():
        one_at_a_time(LOCK)
        state = _as_seen(month, digest)
        if state.open_points and not reason:
            raise ConfigurationError(
                f"{state.open_points} points of {month} are open", remedy="say why the month is signed all the same, or close them"
            )
        if SignOff.objects.filter(month=str(month), digest=digest).exists():
            raise Conflict(f"{month} is signed already as it stands", remedy="a second person countersigns it")
        facts = {"facts": state.facts, "signed_by": by, "signed_at": at, "reason": reason}
        row = SignOff.objects.create(month=str(month), digest=digest, **facts)
        events.record("month.signed", target=str(month), who=by, data={"digest": digest, **state.facts, "reason": reason})
    return row


def countersign(row: SignOff, by: str, at: dt.datetime) -> None:
    """Confirm a sign-off of somebody else.

    NotEntitled for the person who signed; ConfigurationError when the month stands otherwise by now.
    """
    with transaction.atomic():
        one_at_a_time(LOCK)
        row.refresh_from_db()
        if row.countersigned_at is not None:
            raise Conflict(f"{row.month} is countersigned by {row.countersigned_by}", remedy="nothing is left to do")
        if by == row.signed_by:
            raise NotEntitled(f"{by} signed this month and cannot countersign it", remedy="ask a second person")
        _as_seen(Month.parse(row.month), row.digest)
        row.countersigned_by, row.countersigned_at = by, at
        row.save(update_fields=["countersigned_by", "countersigned_at"])
        events.record("month.countersigned", target=row.month, who=by, data={"digest": row.digest, "signed_by": row.signed_by})


def _as_seen(month: Month, digest: str) -> State:
    state = state_of(month)
    if state.digest != digest:
        raise ConfigurationError(f"{month} stands otherwise by now", remedy="look at it again, then sign what you saw")
    return state


def _counted(rows: Any) -> tuple[int, str]:
    found = rows.aggregate(count=Count("pk"), total=Sum("amount"))
    return found["count"], f"{found['total'] or Decimal():.2f}"


def _lines(month: Month, parts: list[Any]) -> Iterable[str]:
    """A line a thing that the sign-off is about, in an order that is always the same.

    They are sorted here: a month's keys are few, and stores would sort whole rows, each by the rules of its own language.
    """
    statements, stands, proposed, breaks = parts
    yield str(month)
    for account, sha256, proved in sorted(statements.values_list("account", "sha256", "proved")):
        yield f"statement {account} {sha256} {proved}"
    for name, rows in (("stands", stands), ("proposed", proposed), ("break", breaks)):
        yield from (f"{name} {key}" for key in sorted(rows.order_by().values_list("key", flat=True)))
