"""Decisions: recorded once, never beyond what is open, changed by people of two names, and told by their events alone."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retaguarda.clock import SAO_PAULO
from retaguarda.decisions import register
from retaguarda.decisions.register import Recorded, confirm, find, overtake, propose, record, reject, settled, standing, undo
from retaguarda.errors import ConfigurationError, Conflict, NotEntitled
from retaguarda.reconcile.matching.model import Allocation, Decision, Difference, DifferenceKind, Evidence, Line, Verdict
from retaguarda.store.models import DecisionEvent, DecisionState, LedgerItem, MatchAllocation, MatchDecision, OutboxEvent
from tests.house import House

pytestmark = pytest.mark.usefixtures("any_house")
AT = dt.datetime(2026, 12, 1, 7, tzinfo=SAO_PAULO)
DAY = dt.date(2026, 11, 10)


def item(name: str, amount: str = "100.00", kind: str = "AR") -> LedgerItem:
    values = {"kind": kind, "partner": "P1", "due_date": DAY, "open_amount": Decimal(amount), "seen_at": AT}
    return LedgerItem.objects.create(item=name, **values)


def decision(line: str, parts: dict[str, str], verdict: Verdict = Verdict.AUTO, difference: str = "") -> Decision:
    total = sum((Decimal(amount) for amount in parts.values()), Decimal(difference or 0))
    said = Line(line, "341/1", "F1", DAY, total, "", "", "", "PIX RECEBIDO")
    differs = Difference(DifferenceKind.INTEREST, Decimal(difference), "3.1.2") if difference else None
    allocations = tuple(Allocation(name, "AR", Decimal(amount)) for name, amount in parts.items())
    return Decision(said, allocations, verdict, "reference.nf", 0.999, Evidence(("NF 1",), ("100.00",)), differs)


def only() -> MatchDecision:
    return MatchDecision.objects.get()


def test_what_is_certain_stands_the_rest_waits_and_recording_again_changes_nothing() -> None:
    item("I1")
    item("I2")
    told = [decision("L1", {"I1": "100.00"}, difference="2.50"), decision("L2", {"I2": "100.00"}, Verdict.PROPOSAL)]
    assert record(told, "r1", AT) == Recorded(stands=1, proposed=1)
    assert record(told[::-1], "r2", AT) == Recorded(known=2)
    assert standing() == {"L1"}
    assert settled() == {"I1": Decimal("100.00")}
    row = MatchDecision.objects.get(line="L1")
    assert row.difference == {"kind": "interest", "amount": "2.50", "account": "3.1.2", "formula": ""}
    assert (row.amount, row.rule, row.rules, row.evidence) == (
        Decimal("102.50"),
        "reference.nf",
        "r1",
        {"words": ["NF 1"], "numbers": ["100.00"]},
    )
    assert OutboxEvent.objects.filter(line__action="decisions.recorded").count() == 1


def test_nothing_is_settled_twice_and_no_line_decided_twice_whatever_the_engine_says() -> None:
    item("I1")
    item("I2")
    assert record([decision("L1", {"I1": "100.00"}), decision("L2", {"I1": "100.00"})], "r", AT) == Recorded(stands=1, proposed=1)
    assert record([decision("L1", {"I2": "100.00"})], "r", AT) == Recorded(proposed=1)
    late = MatchDecision.objects.get(line="L2")
    with pytest.raises(Conflict, match=r"I1 has 100\.00 less open"):
        confirm(late, "ana", AT)
    other = MatchDecision.objects.get(line="L1", state=DecisionState.PROPOSED)
    with pytest.raises(Conflict, match="the line is decided by"):
        confirm(other, "ana", AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        MatchDecision.objects.filter(pk=other.pk).update(state=DecisionState.STANDS)


def test_a_proposal_is_confirmed_or_rejected_and_what_was_rejected_does_not_come_back() -> None:
    item("I1")
    record([decision("L1", {"I1": "100.00"}, Verdict.PROPOSAL)], "r", AT)
    reject(only(), "ana", AT, "another customer")
    assert record([decision("L1", {"I1": "100.00"})], "r", AT) == Recorded(declined=1)
    assert only().state == DecisionState.REJECTED
    confirm(only(), "rui", AT, "it was right after all")
    assert settled() == {"I1": Decimal("100.00")}
    undo(only(), "ana", AT, "wrong month")
    assert settled() == {}
    assert list(DecisionEvent.objects.values_list("action", "by", "reason")) == [
        ("made", "retaguarda", "proposal"),
        ("rejected", "ana", "another customer"),
        ("confirmed", "rui", "it was right after all"),
        ("undone", "ana", "wrong month"),
    ]
    events = OutboxEvent.objects.filter(line__action__startswith="decision.").order_by("id")
    assert [(row.line["action"], row.line["actor"]) for row in events] == [
        ("decision.rejected", "ana"),
        ("decision.confirmed", "rui"),
        ("decision.undone", "ana"),
    ]
    with pytest.raises(Conflict, match="UNDONE"):
        undo(only(), "ana", AT, "again")


def test_who_makes_a_match_cannot_confirm_it() -> None:
    item("I1")
    made = propose("341/1", decision("L9", {"I1": "40.00"}), "ana", AT)
    assert made.state == DecisionState.PROPOSED
    with pytest.raises(NotEntitled, match="ana made this match"):
        confirm(made, "ana", AT)
    confirm(made, "rui", AT)
    assert settled() == {"I1": Decimal("40.00")}
    with pytest.raises(Conflict, match="this match is known"):
        propose("341/1", decision("L9", {"I1": "40.00"}), "rui", AT)


def test_what_was_overtaken_is_proposed_again_and_what_is_booked_is_not_undone() -> None:
    item("I1")
    record([decision("L1", {"I1": "100.00"})], "r", AT)
    overtake([only()], AT, "the payment was returned on 12/11")
    assert settled() == {}
    assert record([decision("L1", {"I1": "100.00"})], "r", AT) == Recorded(proposed=1)
    confirm(find(only().key[:12]), "ana", AT)
    DecisionEvent.objects.create(decision=only(), action=register.BOOKED, by="retaguarda", at=AT)
    assert settled() == {}, "the ERP's own open amount shows it"
    with pytest.raises(Conflict, match="the ERP has booked this match"):
        undo(only(), "ana", AT, "x")
    with pytest.raises(ConfigurationError, match="no decision zz"):
        find("zz")


ACTIONS = st.lists(st.tuples(st.sampled_from(["record", "confirm", "reject", "undo", "overtake"]), st.integers(0, 5)), max_size=14)
PAIRS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.dictionaries(st.sampled_from(["I1", "I2", "I3"]), st.sampled_from(["40.00", "100.00"]), min_size=1),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS, ACTIONS)
def test_whatever_happens_in_whatever_order_the_register_holds(
    any_house: House, pairs: list[tuple[int, dict[str, str], bool]], done: list[tuple[str, int]]
) -> None:
    """Σ settled ≤ open, one standing decision a line, states as the events say, allocations that never change."""
    for table in (DecisionEvent, MatchAllocation, MatchDecision, LedgerItem):
        table.objects.all().delete()
    for name in ("I1", "I2", "I3"):
        item(name)
    made = [decision(f"L{line}", parts, Verdict.AUTO if sure else Verdict.PROPOSAL) for line, parts, sure in pairs]
    record(made, "r", AT)
    before = sorted(MatchAllocation.objects.values_list("decision__key", "item", "amount"))
    for action, number in done:
        rows = list(MatchDecision.objects.order_by("key"))
        row = rows[number % len(rows)]
        try:
            if action == "record":
                record(made[number % len(made) :], "r", AT)
            elif action == "overtake":
                if row.state == DecisionState.STANDS:
                    overtake([row], AT, "a correction")
            elif action == "confirm":
                confirm(row, "ana", AT)
            else:
                {"reject": reject, "undo": undo}[action](row, "ana", AT, "because")
        except Conflict:
            continue
    assert all(total <= Decimal(100) for total in settled().values())
    lines = Counter(MatchDecision.objects.filter(state=DecisionState.STANDS).values_list("line", flat=True))
    assert max(lines.values(), default=0) <= 1
    assert [row.state for row in MatchDecision.objects.order_by("id")] == [
        register.state_from_events(row) for row in MatchDecision.objects.order_by("id")
    ]
    assert sorted(MatchAllocation.objects.values_list("decision__key", "item", "amount")) == before
