"""The register of decisions: each pairing of a line with its items once, its state told by events that are never changed.

What a person rejected or undid is not made again by the engine. A line has at most one decision that stands, and no item is settled
beyond what the ERP says is open; the store holds the first, the register the second, in one transaction with the audit event.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, Sum

from retaguarda.audit import events
from retaguarda.errors import ConfigurationError, Conflict, NotEntitled
from retaguarda.reconcile.matching.model import Allocation, Decision, Difference, Verdict
from retaguarda.store.advisory import one_at_a_time
from retaguarda.store.models import DecisionEvent, DecisionState, LedgerItem, MatchAllocation, MatchDecision, RunRecord

REGISTER = "decisions"
"""Who changes decisions waits for who does already."""
ENGINE = "retaguarda"
"""The maker of what no person made."""
MADE, CONFIRMED, REJECTED, UNDONE, OVERTAKEN, BOOKED = "made", "confirmed", "rejected", "undone", "overtaken", "booked"
BATCH = 2000
SHORT = 12
"""Letters of a key that people type."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a result did: decisions that now stand, that wait for a person, that were known, and that were declined before."""

    stands: int = 0
    proposed: int = 0
    known: int = 0
    declined: int = 0


def key_of(account: str, line: str, allocations: Iterable[Allocation], difference: Difference | None) -> str:
    """What tells two decisions apart: the line, the items with their amounts, and why they differ."""
    parts = sorted(f"{one.kind}/{one.item_id}/{one.amount:.2f}" for one in allocations)
    differs = f"{difference.kind}/{difference.amount:.2f}" if difference else ""
    return hashlib.sha256("\n".join([account, line, *parts, differs]).encode()).hexdigest()


def record(decided: Iterable[Decision], rules: str, at: dt.datetime, run: RunRecord | None = None) -> Recorded:
    """Record what the engine decided; doing so twice changes nothing.

    A decision above its threshold stands, unless its line is decided or its items hold less than it wants: then a person looks.
    """
    with transaction.atomic():
        one_at_a_time(REGISTER)
        wanted = {key_of(one.line.account_id, one.line.line_id, one.allocations, one.difference): one for one in decided}
        known = _known(wanted)
        fresh = [(key, one) for key, one in wanted.items() if key not in known]
        again = [known[key] for key in wanted if key in known and known[key].state == DecisionState.OVERTAKEN]
        for row in again:
            _move(row, DecisionState.PROPOSED, MADE, ENGINE, at, "")
        rows = _made(fresh, rules, at, run)
        stands = sum(row.state == DecisionState.STANDS for row in rows)
        declined = sum(row.state in {DecisionState.REJECTED, DecisionState.UNDONE} for row in known.values())
        told = Recorded(stands, len(rows) - stands + len(again), len(known) - declined - len(again), declined)
        if rows or again:
            events.record("decisions.recorded", run=run.pk if run else "", data={**asdict(told), "rules": rules})
        return told


def propose(account: str, line: Decision, by: str, at: dt.datetime) -> MatchDecision:
    """A match that a person made; another person confirms it."""
    with transaction.atomic():
        one_at_a_time(REGISTER)
        key = key_of(account, line.line.line_id, line.allocations, line.difference)
        if key in _known([key]):
            raise Conflict(f"this match is known: {key[:SHORT]}", remedy=f"retaguarda reconcile confirm {key[:SHORT]}")
        [row] = _made([(key, line)], "", at, None, maker=by)
        events.record("decision.proposed", target=row.key, who=by, data=_told(row))
        return row


def find(key: str) -> MatchDecision:
    """The decision of a key or of its first letters; ConfigurationError when there is none, or more than one."""
    found = list(MatchDecision.objects.filter(key__startswith=key)[:2]) if key else []
    if len(found) != 1:
        problem = f"no decision {key}" if not found else f"{key} begins the key of several decisions"
        raise ConfigurationError(problem, remedy="see: retaguarda reconcile proposals")
    return found[0]


def confirm(row: MatchDecision, by: str, at: dt.datetime, reason: str = "") -> None:
    """Let a proposal, or what was declined by mistake, stand.

    Raises NotEntitled when the person made it; Conflict when the line is decided or an item holds less than it wants.
    """
    with transaction.atomic():
        row = _locked(row, "confirm", {DecisionState.PROPOSED, DecisionState.REJECTED, DecisionState.UNDONE})
        if by == row.maker:
            raise NotEntitled(f"{by} made this match and cannot confirm it", remedy="ask a second person")
        if reasons := _hindrances(row):
            raise Conflict("; ".join(reasons), remedy="undo what stands, or reject this one")
        _move(row, DecisionState.STANDS, CONFIRMED, by, at, reason)


def reject(row: MatchDecision, by: str, at: dt.datetime, reason: str) -> None:
    """Decline a proposal for good: the engine does not make it again."""
    with transaction.atomic():
        _move(_locked(row, "reject", {DecisionState.PROPOSED}), DecisionState.REJECTED, REJECTED, by, at, reason)


def undo(row: MatchDecision, by: str, at: dt.datetime, reason: str) -> None:
    """Take back a decision that stands: its line and items are open again.

    Raises Conflict when the ERP has booked it: there it must be taken back first.
    """
    with transaction.atomic():
        row = _locked(row, "undo", {DecisionState.STANDS})
        if row.events.filter(action=BOOKED).exists():
            raise Conflict("the ERP has booked this match", remedy="take it back in the ERP first; the next export reopens it")
        _move(row, DecisionState.UNDONE, UNDONE, by, at, reason)


def overtake(rows: Iterable[MatchDecision], at: dt.datetime, reason: str, run: RunRecord | None = None) -> None:
    """Reopen what a later statement or correction took the ground from."""
    with transaction.atomic():
        one_at_a_time(REGISTER)
        for row in rows:
            _move(row, DecisionState.OVERTAKEN, OVERTAKEN, ENGINE, at, reason, run)


def standing() -> set[str]:
    """The lines that are decided."""
    return set(MatchDecision.objects.filter(state=DecisionState.STANDS).values_list("line", flat=True))


def settled(items: Collection[str] | None = None) -> dict[str, Decimal]:
    """What decisions that stand settle of each item, those that the ERP's own open amount shows already left out."""
    rows = MatchAllocation.objects.filter(decision__state=DecisionState.STANDS).exclude(decision__events__action=BOOKED)
    if items is not None:
        rows = rows.filter(item__in=list(items))
    return {row["item"]: row["total"] for row in rows.values("item").annotate(total=Sum("amount"))}


def state_from_events(row: MatchDecision) -> DecisionState:
    """What the events alone say of a decision; `state` is kept for queries and must never say anything else."""
    said = {Verdict.AUTO: DecisionState.STANDS, Verdict.PROPOSAL: DecisionState.PROPOSED}
    moved = {
        CONFIRMED: DecisionState.STANDS,
        REJECTED: DecisionState.REJECTED,
        UNDONE: DecisionState.UNDONE,
        OVERTAKEN: DecisionState.OVERTAKEN,
    }
    told = [said[Verdict(one.reason)] if one.action == MADE else moved.get(one.action) for one in row.events.order_by("id")]
    return next(state for state in reversed(told) if state is not None)


def _known(keys: Iterable[str]) -> dict[str, MatchDecision]:
    wanted, found = list(keys), dict[str, MatchDecision]()
    for start in range(0, len(wanted), BATCH):
        found.update({row.key: row for row in MatchDecision.objects.filter(key__in=wanted[start : start + BATCH])})
    return found


def _made(
    fresh: Sequence[tuple[str, Decision]], rules: str, at: dt.datetime, run: RunRecord | None, maker: str = ENGINE
) -> list[MatchDecision]:
    """Rows with their allocations and first event; what is not certain, or finds its line or items taken, waits for a person."""
    decided = standing()
    left = _left({part.item_id for _, one in fresh for part in one.allocations})
    rows = []
    for key, one in fresh:
        auto = one.verdict is Verdict.AUTO and maker == ENGINE and one.line.line_id not in decided
        wanted = Counter[str]()
        for part in one.allocations:
            wanted[part.item_id] += int(part.amount * 100)
        auto = auto and all(left.get(item, cents) >= cents for item, cents in wanted.items())
        if auto:
            decided.add(one.line.line_id)
            left.subtract({item: cents for item, cents in wanted.items() if item in left})
        rows.append(_row(key, one, rules, at, run, maker, DecisionState.STANDS if auto else DecisionState.PROPOSED))
    MatchDecision.objects.bulk_create(rows, BATCH)
    parts = ((row, part) for row, (_, one) in zip(rows, fresh, strict=True) for part in one.allocations)
    MatchAllocation.objects.bulk_create(
        [MatchAllocation(decision=row, item=part.item_id, kind=part.kind, amount=part.amount) for row, part in parts], BATCH
    )
    said = {DecisionState.STANDS: Verdict.AUTO, DecisionState.PROPOSED: Verdict.PROPOSAL}
    DecisionEvent.objects.bulk_create(
        [DecisionEvent(decision=row, action=MADE, by=maker, at=at, reason=said[DecisionState(row.state)]) for row in rows], BATCH
    )
    return rows


def _row(key: str, one: Decision, rules: str, at: dt.datetime, run: RunRecord | None, maker: str, state: DecisionState) -> MatchDecision:
    differs = one.difference
    return MatchDecision(
        key=key,
        account=one.line.account_id,
        line=one.line.line_id,
        date=one.line.date,
        amount=one.line.amount,
        description=one.line.description,
        rule=one.rule,
        rules=rules,
        confidence=one.confidence,
        alternatives=one.alternatives,
        evidence={"words": list(one.evidence.words), "numbers": list(one.evidence.numbers)},
        difference=differs
        and {"kind": differs.kind, "amount": f"{differs.amount:.2f}", "account": differs.account, "formula": differs.formula},
        state=state,
        maker=maker,
        made_at=at,
        run=run,
    )


def _left(items: Collection[str]) -> Counter[str]:
    """Cents of each known item that nothing settles yet."""
    wanted, left = list(items), Counter[str]()
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        taken = settled(some)
        for item, amount in LedgerItem.objects.filter(item__in=some).values_list("item", "open_amount"):
            left[item] = int((amount - taken.get(item, Decimal())) * 100)
    return left


def _hindrances(row: MatchDecision) -> list[str]:
    """Why a decision cannot stand now."""
    reasons = []
    if other := MatchDecision.objects.filter(Q(account=row.account, line=row.line), state=DecisionState.STANDS).exclude(pk=row.pk).first():
        reasons.append(f"the line is decided by {other.key[:SHORT]}")
    parts = list(row.allocations.all())
    left = _left({part.item for part in parts})
    for part in parts:
        if part.item in left:
            left[part.item] -= int(part.amount * 100)
    reasons += [f"{item} has {-cents / 100:.2f} less open than this match wants" for item, cents in sorted(left.items()) if cents < 0]
    return reasons


def _locked(row: MatchDecision, wanted: str, states: Collection[DecisionState]) -> MatchDecision:
    one_at_a_time(REGISTER)
    row = MatchDecision.objects.get(pk=row.pk)
    if row.state not in states:
        raise Conflict(f"{row.key[:SHORT]} is {row.state}: it cannot be changed by {wanted}", remedy="see: retaguarda reconcile show")
    return row


def _move(
    row: MatchDecision, state: DecisionState, action: str, by: str, at: dt.datetime, reason: str, run: RunRecord | None = None
) -> None:
    """The new state, its event and its audit event, in the transaction that is open."""
    MatchDecision.objects.filter(pk=row.pk).update(state=state)
    row.state = state
    DecisionEvent.objects.create(decision=row, action=action, by=by, at=at, reason=Verdict.PROPOSAL if action == MADE else reason)
    told = {**_told(row), "reason": reason}
    events.record(f"decision.{action}", run=run.pk if run else "", target=row.key, who="" if by == ENGINE else by, data=told)


def _told(row: MatchDecision) -> dict[str, object]:
    items = {part.item: f"{part.amount:.2f}" for part in row.allocations.all()[:50]}
    return {"account": row.account, "line": row.line, "amount": f"{row.amount:.2f}", "items": items, "rule": row.rule}
