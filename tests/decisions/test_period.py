"""A period from the store: matched, recorded, told, made again from its evidence, and reopened by what comes later."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retaguarda.audit import versions
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.decisions.breaks import open_breaks
from retaguarda.decisions.register import confirm, find
from retaguarda.decisions.reperform import program_of, reperform
from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.store.models import BreakRecord, DecisionState, Evidence, LedgerItem, MatchDecision, RunRecord, RunState
from tasks.reconcile_period import reconcile_period
from tests.accounts.test_book import Move, statement, take
from tests.house import House

ACCOUNT = "341/0001/1234-5"
MOVES: list[Move] = [
    (3, "1500.00", "PIX RECEBIDO ACME METAIS LTDA NF 4203"),
    (4, "-2.50", "TARIFA PACOTE DE SERVICOS"),
    (5, "777.77", "PIX RECEBIDO DE ALGUEM"),
    (9, "950.00", "PIX RECEBIDO BETA VIDROS LTDA NF 4204"),
]
HEADER = (
    "item_id,kind,doc_type,partner_id,partner_name,partner_doc,nf_number,parcel,issue_date,due_date,gross,wh_ir,wh_pis,wh_cofins,wh_csll,"
    "wh_iss,wh_inss,open_amount,nosso_numero,seu_numero,account_id,contract\n"
)


def item(number: int, partner: int, name: str, amount: str, due: str = "2026-11-04") -> str:
    document = ("19131243000197", "00360305000104")[partner - 1]
    return (
        f"R-{number},AR,NFE,P{partner},{name},{document},{number},1/1,2026-10-05,{due},{amount},"
        + "0,0,0,0,0,0,"
        + f"{amount},,,,BOL-{partner}\n"
    )


ITEMS = item(4203, 1, "Acme Metais Ltda", "1500.00") + item(4204, 2, "Beta Vidros Ltda", "900.00", "2026-11-09")


def reconciled(house: House, folder: Path, items: str = ITEMS, period: str = "2026-11-01..2026-11-10") -> tuple[RunRecord, Any]:
    path = folder / "open_items.csv"
    path.write_text(HEADER + items, encoding="utf-8")
    run = house.runner(reconcile_period).start("reconcile_period", {"period": period, "open_items": str(path)})
    return run, run.result


def confirmed(house: House) -> None:
    """A person lets everything stand that waits."""
    for row in MatchDecision.objects.filter(state=DecisionState.PROPOSED):
        confirm(find(row.key), "ana", house.services.clock.now())


def kinds() -> list[str]:
    return sorted(row.kind for row in open_breaks())


def test_a_period_is_matched_recorded_and_told(any_house: House, tmp_path: Path) -> None:
    take(statement(1, 10, MOVES))
    run, result = reconciled(any_house, tmp_path)
    assert run.state == RunState.PARTIAL, run.error  # there are breaks
    paid = MatchDecision.objects.get(amount=Decimal("1500.00"))
    assert [(part.item, part.kind, part.amount) for part in paid.allocations.all()] == [("R-4203", "AR", Decimal("1500.00"))]
    assert LedgerItem.objects.get(item="R-4204").contract == "BOL-2"
    assert "unmatched-credit" in kinds()
    assert "unmatched-debit" not in kinds(), "a fee is known by its words"

    confirmed(any_house)
    before = list(MatchDecision.objects.order_by("key").values_list("key", "state"))
    again, result = reconciled(any_house, tmp_path)
    assert again.state == RunState.PARTIAL
    [batch] = json.loads((any_house.services.evidence.path(result["batches"]["sha256"])).read_bytes())
    assert batch["account"] == ACCOUNT
    assert ("R-4203", "1500.00") in [(line["receivable"], line["amount"]) for line in batch["lines"]]
    assert list(MatchDecision.objects.order_by("key").values_list("key", "state")) == before
    assert BreakRecord.objects.filter(closed_at=None).count() == result["breaks"]


def test_a_result_is_made_again_from_its_evidence_bit_by_bit(any_house: House, tmp_path: Path) -> None:
    take(statement(1, 10, MOVES))
    run, _ = reconciled(any_house, tmp_path)
    store = EvidenceStore(any_house.home / "evidence", any_house.services.clock)
    assert [(one.name, one.same) for one in reperform(run, store)] == [
        ("matches.csv", True),
        ("lines.csv", True),
        ("open_items_left.csv", True),
        ("result.json", True),
    ]
    any_house.audit.seal()
    assert program_of(run, any_house.audit) == versions.code().short
    lines = Evidence.objects.filter(run=run, label="statement_lines.csv").get()
    kept = store.path(lines.sha256)
    kept.chmod(0o640)
    kept.write_bytes(kept.read_bytes().replace(b"777.77", b"777.78"))
    with pytest.raises(StoreUnavailable, match="was changed on the disk"):
        reperform(run, store)
    with pytest.raises(ConfigurationError, match="has no evidence"):
        reperform(any_house.record(), store)


def test_a_payment_that_is_taken_back_later_reopens_its_invoice(any_house: House, tmp_path: Path) -> None:
    take(statement(1, 4, MOVES))
    reconciled(any_house, tmp_path, period="2026-11-01..2026-11-04")
    confirmed(any_house)
    back = [*MOVES, (6, "-1500.00", "PIX DEVOLVIDO ACME METAIS LTDA NF 4203")]
    take(statement(5, 10, back, opening="100"))
    _, result = reconciled(any_house, tmp_path)
    assert result["overtaken"] == 1
    row = MatchDecision.objects.get(amount=Decimal("1500.00"))
    assert (row.state, row.events.last().reason) == (DecisionState.OVERTAKEN, "a later line takes this one back")  # type: ignore[union-attr]
    assert "overtaken" in kinds()
    assert "overdue" in kinds(), "the invoice is open again"


def test_what_a_person_confirms_closes_its_break_and_is_learned(any_house: House, tmp_path: Path) -> None:
    take(statement(1, 10, MOVES))
    reconciled(any_house, tmp_path)
    waiting = MatchDecision.objects.filter(state=DecisionState.PROPOSED)
    assert waiting, "950,00 for 900,00 is for a person"
    confirmed(any_house)
    reconciled(any_house, tmp_path)
    assert "proposal" not in kinds()
    closed = BreakRecord.objects.filter(kind="proposal")
    assert all(one.closed_by == "retaguarda" for one in closed)


def test_items_come_from_one_place_and_bad_rows_are_told(any_house: House, tmp_path: Path) -> None:
    take(statement(1, 10, MOVES))
    run, _ = reconciled(any_house, tmp_path, ITEMS + item(4205, 1, "Acme Metais Ltda", "abc"))
    assert run.state == RunState.PARTIAL
    [odd] = run.items.filter(state="FAILED_BUSINESS")
    assert (odd.reference, odd.title) == ("open_items.csv:4", "abc")
    run, _ = reconciled(any_house, tmp_path, ITEMS + item(4206, 1, "Acme Metais Ltda", "-5.00"))
    [odd] = run.items.filter(state="FAILED_BUSINESS")
    assert "R-4206: -5.00" in odd.reason, "a credit note is no open item"
    bad = any_house.runner(reconcile_period).start("reconcile_period", {"period": "2026-11-01..2026-11-10"})
    assert bad.state == RunState.FAULTED
    assert "one place" in (bad.error or {})["text"]
