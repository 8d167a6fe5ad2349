"""Breaks: opened once, aged, closed by new evidence or a person, and their next step as data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from retaguarda.calendars.calendar import banks
from retaguarda.clock import SAO_PAULO
from retaguarda.console.wiring import processes
from retaguarda.decisions import breaks
from retaguarda.decisions.breaks import Found, Updated, close, find, open_breaks, params, update
from retaguarda.decisions.contracts import tell_contract_breaks
from retaguarda.errors import ConfigurationError, Conflict
from retaguarda.language import set_language
from retaguarda.model.reconciliation import ContractComparison, ContractOutcome, ContractReconciliation
from retaguarda.model.values import Month
from retaguarda.reconcile.break_rules import KINDS, read_break_rules
from retaguarda.report.retell import retell
from retaguarda.store.models import BreakRecord, OutboxEvent
from tests.house import House

AT = dt.datetime(2026, 11, 13, 7, tzinfo=SAO_PAULO)
TODAY = AT.date()
OCTOBER = Month(2026, 10)
RULES = read_break_rules()


def credit(line: str, amount: str = "10.00") -> Found:
    return Found("unmatched-credit", TODAY, Decimal(amount), "No item explains the credit.", "341/1", line)


def seen(*found: Found, at: dt.datetime = AT) -> Updated:
    return update(found, RULES, at, at.date(), banks().shifted)


@pytest.mark.usefixtures("any_house")
def test_a_break_is_opened_once_and_closed_when_it_is_no_longer_found() -> None:
    assert seen(credit("L1"), credit("L2")) == Updated(opened=2, closed=0, open=2)
    assert seen(credit("L2"), credit("L1")) == Updated(opened=0, closed=0, open=2)
    [first, _] = open_breaks()
    assert (first.due_on, first.owner) == (dt.date(2026, 11, 17), "contas a receber")
    assert seen(credit("L2"), at=AT + dt.timedelta(1)) == Updated(opened=0, closed=1, open=1)
    gone = BreakRecord.objects.get(line="L1")
    assert (gone.closed_by, gone.closed_because) == ("retaguarda", breaks.MATCHED)
    later = AT + dt.timedelta(5)
    assert seen(credit("L1"), credit("L2"), at=later) == Updated(opened=1, closed=0, open=2)
    again = BreakRecord.objects.get(line="L1")
    assert (again.closed_at, again.opened_at) == (None, AT), "it has the age it had"
    assert OutboxEvent.objects.filter(line__action="breaks.updated").count() == 3


@pytest.mark.usefixtures("any_house")
def test_who_looks_at_a_part_leaves_the_breaks_of_other_parts_as_they_are() -> None:
    seen(credit("L1"), credit("L2"))
    told = update([credit("L3")], RULES, AT, TODAY, banks().shifted, seen_by=lambda row: row.line == "L1")
    assert told == Updated(opened=1, closed=1, open=1)
    assert {row.line for row in open_breaks()} == {"L2", "L3"}


def compared(outcome: ContractOutcome, submarket: str = "SUDESTE") -> ContractComparison:
    mwh = Decimal("293.478"), Decimal("0.000")
    return ContractComparison(outcome, 86853, 70401, submarket, OCTOBER, *mwh, Decimal(), Decimal(), False, ("BOL-1",))


def test_contracts_that_differ_are_breaks_of_their_month(any_house: House) -> None:
    clock, run = any_house.services.clock, any_house.record()
    seen(credit("L1"))
    missing, twice = compared(ContractOutcome.MISSING_AT_CCEE), compared(ContractOutcome.REGISTERED_TWICE, "SUL")
    fine = compared(ContractOutcome.NOT_VALIDATED, "NORTE")
    tell_contract_breaks(ContractReconciliation((missing, twice, fine)), OCTOBER, run, clock)
    [row] = open_breaks("contract-missing-at-ccee")
    assert (row.date, row.item, row.owner) == (dt.date(2026, 10, 1), "86853 → 70401, SUDESTE", "operação")
    assert row.text == "BOL-1; in the ERP 293.478 MWh; at CCEE 0.000 MWh"
    set_language("pt-BR")
    assert retell(row.text) == "BOL-1; no ERP 293,478 MWh; na CCEE 0,000 MWh"
    assert params(row, RULES[row.kind], dt.date(2026, 11, 10)) == {"month": "2026-10", "period": "2026-10-01..2026-11-09"}

    tell_contract_breaks(ContractReconciliation(()), OCTOBER.next, run, clock)
    assert {row.kind for row in open_breaks()} == {"unmatched-credit", "contract-missing-at-ccee", "contract-registered-twice"}
    tell_contract_breaks(ContractReconciliation((twice, fine)), OCTOBER, run, clock)
    assert {row.kind for row in open_breaks()} == {"unmatched-credit", "contract-registered-twice"}


@pytest.mark.usefixtures("any_house")
def test_a_person_closes_a_break_with_a_reason() -> None:
    seen(credit("L1"), Found("statement-missing", TODAY, Decimal(), "No statement.", "341/1"))
    [row] = open_breaks("unmatched-credit")
    close(find(row.key[:10]), "ana", AT, "a deposit of our own")
    with pytest.raises(Conflict, match="closed already"):
        close(row, "ana", AT, "again")
    with pytest.raises(ConfigurationError, match="no break zz"):
        find("zz")
    [left] = open_breaks()
    assert left.kind == "statement-missing"
    assert params(left, RULES["statement-missing"], TODAY) == {}
    with pytest.raises(ConfigurationError, match="nothing is started for unmatched-credit"):
        params(row, RULES["unmatched-credit"], TODAY)


@pytest.mark.usefixtures("any_house")
def test_the_process_that_a_kind_names_takes_what_the_rule_gives_it() -> None:
    known, given = processes(), {}
    for kind, rule in RULES.items():
        if rule.process:
            seen(Found(kind, TODAY, Decimal(), "return file 9 did not come", "341/1", "return file 9"))
            [row] = open_breaks(kind)
            given[kind] = params(row, rule, TODAY)
            known[rule.process].bind(given[kind])
    assert given.keys() == {"statement-missing", "overdue", "return-missing", "contract-missing-at-ccee"}
    assert given["contract-missing-at-ccee"] == {"month": f"{TODAY:%Y-%m}", "period": f"{TODAY}..{TODAY}"}
    assert given["return-missing"] == {"period": f"{TODAY - dt.timedelta(31)}..{TODAY}"}


def test_every_kind_has_its_rule_and_a_file_that_lacks_one_is_refused(tmp_path: Path) -> None:
    assert set(RULES) == set(KINDS)
    text = Path("config/breaks.toml").read_text(encoding="utf-8")
    for wrong, said in (
        (text.replace('kind = "overdue"', 'kind = "overdone"'), "overdone, overdue"),
        (text.replace('kind = "overdue"', 'kind = "proposal"'), "overdue"),
        (text.replace("days = 5", "days = 5\nhours = 3"), "hours"),
        ("schema = 1", "version"),
    ):
        path = tmp_path / "breaks.toml"
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=said):
            read_break_rules(path)
