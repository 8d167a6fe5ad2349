"""Queries of pages that one kind of store might refuse, on both."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.db import transaction

from retaguarda.audit import events
from retaguarda.audit.index import Asked, AuditIndex
from retaguarda.audit.log import AuditLog
from retaguarda.clock import SAO_PAULO
from retaguarda.console.web.queries import audit, portals
from retaguarda.console.web.queries import reconciliation as queries
from retaguarda.store.models import AuditEntry, DecisionState, MatchAllocation, MatchDecision, RunRecord, RunState, StatementFile
from tests.conftest import OpenStore
from tests.house import House

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


def test_pages_before_a_day_have_each_event_once_also_where_moments_are_alike_or_late(any_store: OpenStore) -> None:
    log = AuditLog(any_store.home / "audit")
    with transaction.atomic():
        for number in range(130):
            events.record("act.done", item=f"BOL-{number}")
    log.seal()
    AuditIndex(log).catch_up()
    for entry in AuditEntry.objects.all():
        AuditEntry.objects.filter(pk=entry.pk).update(at=AT + dt.timedelta(minutes=entry.seq // 40 if entry.seq % 7 else 1))
    until, found, after = AT + dt.timedelta(minutes=3), [], ""
    while True:
        told = audit.search(log, Asked(until=until), after)
        found += [hit.seq for hit in told.hits]
        if not (after := told.after):
            break
    wanted = AuditEntry.objects.filter(at__lt=until).order_by("-at", "-seq").values_list("seq", flat=True)
    assert found == list(wanted)
    assert 100 < len(found) < 130


def test_a_changed_screen_stands_beside_the_last_good_run_of_its_process(any_house: House) -> None:
    runs = any_house.services.runs
    made = [runs.create("register_contracts", {}) for _ in range(3)]
    other = runs.create("export_erp", {})
    for hour, (run, state) in enumerate([(made[0], RunState.SUCCESSFUL), (other, RunState.SUCCESSFUL), (made[1], RunState.FAULTED)]):
        error = {"code": "portal-changed", "text": "another heading"} if state == RunState.FAULTED else None
        RunRecord.objects.filter(pk=run.pk).update(state=state, created_at=AT + dt.timedelta(hours=hour), error=error)
    RunRecord.objects.filter(pk=made[2].pk).update(state=RunState.FAULTED, error={"code": "refused", "text": "no"})
    for run, name in ((made[0], b"before"), (other, b"other"), (made[1], b"early"), (made[1], b"seen")):
        any_house.services.evidence.keep(run, "picture", name.decode(), name)
    [drift] = portals.drifts()
    assert (drift.run, drift.root, drift.text) == (made[1], made[1].pk, "another heading")
    assert (drift.seen and drift.seen.label, drift.before and drift.before.label) == ("seen", "before")
