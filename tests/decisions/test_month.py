"""The month's receipts in a real store: kept in the register, the same however often they run, and what people decide counts."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from retaguarda.audit.evidence import EvidenceStore
from retaguarda.decisions import register
from retaguarda.decisions.breaks import open_breaks
from retaguarda.decisions.lineage import walk
from retaguarda.decisions.reperform import reperform
from retaguarda.jobs.bookings import book
from retaguarda.model.receivables import SettlementBatch
from retaguarda.planning import Release
from retaguarda.run import Artifact
from retaguarda.store.models import Booking, DecisionState, MatchDecision, RunRecord, RunState
from sandbox.month import BankEntry, Month, build
from tasks.reconcile_receipts import reconcile_receipts
from tests.house import House
from tests.reconcile.reconcile_month import bank_files
from tests.test_intake import HEADER, RECEIVABLE_HEADER

PERIOD = "2026-11-01..2026-11-10"


@dataclass
class Ledger:
    """An ERP and two banks that hold a month, and a house that reconciles them."""

    house: House
    month: Month
    paid: dict[str, Decimal] = field(default_factory=dict)

    def run(self, *, dry: bool = False) -> tuple[RunRecord, Any]:
        jatoba, cedro, returns = bank_files(self.month)
        kept = self.house.run("download_statements")
        given = {
            "month": "2026-10",
            "period": PERIOD,
            "contracts": str(kept.keep("contracts.csv", sheet(HEADER, contracts(self.month)))),
            "receivables": str(kept.keep("receivables.csv", sheet(RECEIVABLE_HEADER, self._receivables()))),
            "statements": ";".join(str(kept.keep(name, data)) for name, data in (("a.ofx", jatoba), ("b.ret", cedro))),
            "returns": ";".join(str(kept.keep(f"{number}.ret", data)) for number, data in enumerate(returns)),
        }
        run = self.house.runner(reconcile_receipts).start("reconcile_receipts", given, dry_run=dry)
        assert run.state in {RunState.PARTIAL, RunState.SUCCESSFUL}, run.error
        return run, run.result

    def _receivables(self) -> Iterable[tuple[str, ...]]:
        for one in self.month.invoices:
            left = one.amount - self.paid.get(str(one.number), Decimal())
            dates = (f"{one.issue_date:%d/%m/%Y}", f"{one.due_date:%d/%m/%Y}")
            amounts = (f"{one.amount}".replace(".", ","), f"{left}".replace(".", ","))
            yield (str(one.number), one.company.name, one.company.cnpj, one.boleta, *dates, *amounts, one.description)

    def told(self, result: Any, name: str) -> Any:
        """What a run handed over."""
        return json.loads(self.house.services.evidence.path(result[name]["sha256"]).read_bytes())

    def settle(self, result: Any) -> None:
        """The ERP books the batches of a run, each payment once."""
        for batch in self.house.run("settle_receivables").receive(artifact(result["batches"]), tuple[SettlementBatch, ...]):
            for line in batch.lines:
                if not Booking.objects.filter(source=line.source, receivable=line.receivable).exists():
                    self.paid[line.receivable] = self.paid.get(line.receivable, Decimal()) + line.amount
            book(self.house.record("settle_receivables"), batch)

    def awaited(self, result: Any) -> set[str]:
        """The invoices that contracts are held for."""
        releases = self.house.run("register_contracts").receive(artifact(result["releases"]), tuple[Release, ...])
        return {number for one in releases for number in one.waits_for}


def artifact(told: Any) -> Artifact:
    return Artifact(told["sha256"], told["name"])


def sheet(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def contracts(month: Month) -> Iterable[tuple[str, ...]]:
    for c in month.contracts:
        if c.seller and c.buyer:
            parties = ({"sale": "Venda", "purchase": "Compra"}[c.direction], c.counterparty.name, c.counterparty.cnpj)
            numbers = (f"{c.mwh}".replace(".", ","), f"{c.price}".replace(".", ","))
            yield (c.number, *parties, str(c.seller.code), str(c.buyer.code), c.submarket, c.energy, "01/10/2026", *numbers, c.modulation)


@pytest.fixture
def ledger(house: House) -> Ledger:
    return Ledger(house, build())


def paying(ledger: Ledger, slip: str, share: str) -> None:
    """Let the payment of a planted invoice be another share of it."""
    invoice = next(one for one in ledger.month.invoices if str(one.number) == ledger.month.planted[slip])
    amount = (invoice.amount * Decimal(share)).quantize(Decimal("0.01"))
    named = f"NF{invoice.number} "
    entries = tuple(replace(e, amount=amount) if named in f"{e.text} {e.document} " else e for e in ledger.month.entries)
    ledger.month = replace(ledger.month, entries=entries)


def test_a_month_stands_in_the_register_and_can_be_made_again(ledger: Ledger) -> None:
    run, result = ledger.run()
    standing = MatchDecision.objects.filter(state=DecisionState.STANDS)
    batches = ledger.told(result, "batches")
    assert {line["source"] for batch in batches for line in batch["lines"]} == set(standing.values_list("line", flat=True))
    assert not MatchDecision.objects.filter(state=DecisionState.PROPOSED).exists()
    evidence = EvidenceStore(ledger.house.home / "evidence", ledger.house.services.clock)
    assert all(one.same for one in reperform(run, evidence))
    ledger.settle(result)
    invoice = batches[0]["lines"][0]["receivable"]
    kinds = {station.stage for station in walk(invoice).stations}
    assert {"invoice", "bank line", "settlement"} <= kinds


def test_what_a_month_leaves_for_people_are_breaks_until_they_are_gone(ledger: Ledger) -> None:
    ledger.run()
    kinds = Counter(row.kind for row in open_breaks())
    assert kinds.keys() == {"difference-to-post", "duplicate-payment", "overdue"}, "a month has no payables: its debits are known by words"
    [twice], [tax] = open_breaks("duplicate-payment"), open_breaks("difference-to-post")
    assert tax.item == ledger.month.planted["withheld_tax"]
    assert f"NF{ledger.month.planted['duplicated_payment']}" in twice.text
    ledger.run()
    assert Counter(row.kind for row in open_breaks()) == kinds
    again = [one for one in ledger.month.entries if one.amount == twice.amount][-1]
    ledger.month = replace(ledger.month, entries=tuple(one for one in ledger.month.entries if one is not again))
    ledger.run()
    assert open_breaks("duplicate-payment") == []


def test_a_repeated_run_gives_what_the_first_gave(ledger: Ledger) -> None:
    """Before anything is booked, and after: what the ERP shows by then changes nothing."""
    _, first = ledger.run()
    _, resumed = ledger.run()
    ledger.settle(first)
    _, again = ledger.run()
    for name in ("findings", "batches", "releases"):
        assert ledger.told(resumed, name) == ledger.told(first, name), name
    assert ledger.told(again, "findings") == ledger.told(first, "findings")
    assert ledger.told(again, "batches") == ledger.told(first, "batches")
    assert ledger.awaited(again) == ledger.awaited(first)


def test_what_is_paid_in_part_stays_held_when_the_part_is_booked(ledger: Ledger) -> None:
    """70 % paid and booked leaves 30 % open: the payment must not count once more against that."""
    paying(ledger, "partial_payment", "0.70")
    for _ in range(2):
        _, result = ledger.run()
        assert ledger.month.planted["partial_payment"] in ledger.awaited(result)
        ledger.settle(result)


def test_a_proposal_releases_and_books_nothing_until_a_person_confirms_it(ledger: Ledger) -> None:
    paying(ledger, "partial_payment", "1.10")
    _, first = ledger.run()
    [waiting] = MatchDecision.objects.filter(state=DecisionState.PROPOSED)
    assert [row.kind for row in open_breaks() if row.line == waiting.line] == ["proposal"], "told once"
    invoice = ledger.month.planted["partial_payment"]
    assert waiting.line not in {line["source"] for batch in ledger.told(first, "batches") for line in batch["lines"]}
    assert invoice in ledger.awaited(first)
    ledger.settle(first)

    register.confirm(waiting, "ana", ledger.house.services.clock.now())
    _, second = ledger.run()
    batches = ledger.told(second, "batches")
    assert batches[:2] == ledger.told(first, "batches"), "what is booked is found again under its own reference"
    assert [line["source"] for line in batches[2]["lines"]] == [waiting.line]
    assert invoice not in ledger.awaited(second)
    ledger.settle(second)
    _, third = ledger.run()
    assert (ledger.told(third, "batches"), ledger.awaited(third)) == (batches, ledger.awaited(second))


def test_what_a_person_undid_is_not_booked(ledger: Ledger) -> None:
    ledger.run()
    row = MatchDecision.objects.filter(state=DecisionState.STANDS, rule__startswith="reference").first()
    assert row is not None
    register.undo(row, "ana", ledger.house.services.clock.now(), "another customer's")
    _, again = ledger.run()
    assert row.line not in {line["source"] for batch in ledger.told(again, "batches") for line in batch["lines"]}
    row.refresh_from_db()
    assert row.state == DecisionState.UNDONE
    [item] = row.allocations.all()
    assert item.item in {one["reference"] for one in ledger.told(again, "findings")["breaks"]}


def test_what_people_paid_in_the_erp_meanwhile_is_not_booked(ledger: Ledger) -> None:
    _, first = ledger.run()
    line = ledger.told(first, "batches")[0]["lines"][0]
    ledger.paid[line["receivable"]] = Decimal(line["amount"])
    _, again = ledger.run()
    assert line["receivable"] not in {one["receivable"] for batch in ledger.told(again, "batches") for one in batch["lines"]}


def test_a_payment_that_is_taken_back_after_it_was_booked_is_told(ledger: Ledger) -> None:
    _, first = ledger.run()
    ledger.settle(first)
    paid = next(e for e in ledger.month.entries if e.text.startswith("PIX RECEBIDO 2"))  # names its payer, so that the pair is found
    back = BankEntry("A", dt.date(2026, 11, 10), -paid.amount, paid.text.replace("RECEBIDO", "DEVOLVIDO"), "990011", "117")
    ledger.month = replace(ledger.month, entries=(*ledger.month.entries, back))
    _, again = ledger.run()
    [row] = MatchDecision.objects.filter(state=DecisionState.OVERTAKEN)
    assert row.amount == paid.amount
    assert "taken-back" in {one["kind"] for one in ledger.told(again, "findings")["breaks"]}


def test_a_dry_run_decides_the_same_and_keeps_nothing(ledger: Ledger) -> None:
    _, dry = ledger.run(dry=True)
    assert not MatchDecision.objects.exists()
    assert not open_breaks()
    _, real = ledger.run()
    assert ledger.told(dry, "findings") == ledger.told(real, "findings")


def test_a_statement_that_does_not_prove_itself_stops_the_run(ledger: Ledger) -> None:
    kept = ledger.house.run("download_statements")
    _, cedro, _ = bank_files(ledger.month)
    lines = cedro.split(b"\r\n")
    short = b"\r\n".join(line for number, line in enumerate(lines) if number != 3)
    given = {
        "month": "2026-10",
        "period": PERIOD,
        "contracts": str(kept.keep("contracts.csv", sheet(HEADER, contracts(ledger.month)))),
        "receivables": str(kept.keep("receivables.csv", sheet(RECEIVABLE_HEADER, ledger._receivables()))),
        "statements": str(kept.keep("b.ret", short)),
    }
    run = ledger.house.runner(reconcile_receipts).start("reconcile_receipts", given)
    assert run.state not in {RunState.PARTIAL, RunState.SUCCESSFUL}
    assert not MatchDecision.objects.exists()
