"""Queries of pages that one kind of store might refuse, on both."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from retaguarda.clock import SAO_PAULO
from retaguarda.console.web.queries import reconciliation as queries
from retaguarda.store.models import DecisionState, MatchAllocation, MatchDecision, StatementFile
from tests.conftest import OpenStore

AT = dt.datetime(2026, 11, 10, 9, tzinfo=SAO_PAULO)


def decided(number: int, state: str = "STANDS") -> MatchDecision:
    facts = {"account": "341", "line": f"line-{number}", "date": AT.date(), "amount": Decimal(1), "rule": "r", "confidence": 1.0}
    made = MatchDecision.objects.create(key=f"{number:x}" * 64, state=state, maker="engine", made_at=AT, **facts)
    for item in ("AR-1", f"AR-{number}0"):
        MatchAllocation.objects.create(decision=made, item=item, kind="AR", amount=Decimal("0.5"))
    return made


def test_matches_are_found_by_line_item_and_key(any_store: OpenStore) -> None:
    StatementFile.objects.create(account="341", sha256="0" * 64, name="a", format="ofx", proved=True, at=AT)
    first, second, undone = decided(1), decided(2), decided(3, "UNDONE")
    for q, wanted in {"AR-1": [second, first], "AR-20": [second], "line-1": [first], "1111": [first], "AR-30": [], "x": []}.items():
        found, after = queries.decisions(DecisionState.STANDS, q=q)
        assert (found, after) == (wanted, "")
    assert queries.decisions(DecisionState.UNDONE, q="line-3")[0] == [undone]
    assert queries.decision_counts()[DecisionState.STANDS] == "2"
