"""Payments that came back, payments made twice, and payments that name what somebody else seems to have paid (E17)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from retaguarda.reconcile.matching.model import LineClass, Verdict
from retaguarda.reconcile.matching.outputs import summary
from retaguarda.report.vocabulary import rule_of
from tests.reconcile.matching.ledger_cases import RULES, Case, classes, decisions, settled, two_customers

D = Decimal
PIX = "PIX RECEBIDO 12345678000195"


def test_e17_the_same_payment_twice() -> None:
    case = two_customers()
    case.item("I501", "P1", "500.01")
    case.line("L1", "500.01", "PIX RECEBIDO 12345678000195 10/03")
    case.line("L2", "500.01", "PIX RECEBIDO 12345678000195 12/03 NF 501", "2026-03-12")
    result = case.run()
    assert settled(result) == {"L1": {"I501": D("500.01")}}
    assert classes(result)["L2"] == "duplicate_payment"


def test_e17_a_returned_pix_offsets_the_payment() -> None:
    case = two_customers()
    case.item("I501", "P1", "500.01")
    case.line("L1", "500.01", "PIX RECEBIDO 12345678000195 10/03")
    case.line("L2", "-500.01", "DEVOLUCAO PIX CERAMICA TRES IRM", "2026-03-11")
    result = case.run()
    assert classes(result) == {"L1": "reversed", "L2": "reversal"}
    assert [(one.line.line_id, one.counterpart) for one in result.classified()] == [("L1", "L2"), ("L2", "L1")]


def test_what_was_paid_in_part_and_is_named_and_paid_so_again_was_paid_twice() -> None:
    case = two_customers()
    case.item("I501", "P1", "832.63")
    case.line("L1", "713.04", f"{PIX} 10/03 NF 501")
    case.line("L2", "713.04", f"{PIX} 11/03 FATURA 501", "2026-03-11")
    result = case.run()
    assert settled(result) == {"L1": {"I501": D("713.04")}}
    assert classes(result)["L2"] == "duplicate_payment"


def test_a_second_part_of_the_same_amount_is_a_part_where_so_much_is_open() -> None:
    case = two_customers()
    case.item("I501", "P1", "1500.00")
    case.line("L1", "713.04", f"{PIX} 10/03 NF 501")
    case.line("L2", "713.04", f"{PIX} 11/03 NF 501", "2026-03-11")
    assert settled(case.run()) == {"L1": {"I501": D("713.04")}, "L2": {"I501": D("713.04")}}


def test_instalments_without_number_come_before_the_one_that_repeats_the_last_and_names_it() -> None:
    case = two_customers()
    case.item("I501", "P1", "1497.41")
    case.line("L1", "748.70", f"{PIX} 05/03", "2026-03-05")
    case.line("L2", "748.71", f"{PIX} 16/03", "2026-03-16")
    case.line("L3", "748.71", f"{PIX} 23/03 NF 501", "2026-03-23")
    result = case.run()
    assert settled(result) == {"L1": {"I501": D("748.70")}, "L2": {"I501": D("748.71")}}
    assert classes(result)["L3"] == "duplicate_payment"


def test_a_part_that_is_named_is_booked_when_the_silent_one_before_explains_nothing() -> None:
    case = two_customers()
    case.item("I501", "P1", "1497.41")
    case.line("L2", "600.00", f"{PIX} 16/03", "2026-03-16")
    case.line("L3", "600.00", f"{PIX} 19/03 NF 501", "2026-03-19")
    result = case.run()
    assert settled(result) == {"L3": {"I501": D("600.00")}}
    assert classes(result)["L2"] == "unmatched"


def test_a_payment_that_names_one_invoice_is_not_booked_to_another_by_itself() -> None:
    case = two_customers()
    case.item("I777", "P1", "500.01")
    case.line("L1", "500.01", f"{PIX} 10/03 FATURA 501")
    (decision,) = decisions(case.run()).values()
    assert [part.item_id for part in decision.allocations] == ["I777"]
    assert (decision.verdict, decision.rule, rule_of(decision.rule)) == (Verdict.PROPOSAL, "elsewhere.exact.doc", "exact")
    assert "it names an invoice that is none of these" in decision.evidence.words


def two_equal_invoices() -> Case:
    case = two_customers()
    case.item("I501", "P1", "500.01")
    case.item("I502", "P1", "500.01", due="2026-03-20")
    return case


def test_the_same_amount_again_in_the_same_account_is_told_as_paid_twice_with_the_invoice_it_may_pay_after_all() -> None:
    case = two_equal_invoices()
    case.line("L1", "500.01", f"{PIX} 10/03")
    case.line("L2", "500.01", f"{PIX} 12/03", "2026-03-12")
    result = case.run()
    assert settled(result) == {"L1": {"I501": D("500.01")}}
    (second,) = (one for one in result.classified() if one.line.line_id == "L2")
    assert (second.line_class, second.counterpart) == (LineClass.DUPLICATE_PAYMENT, "L1")
    assert [one.item_id for one in second.candidates] == ["I502"]
    assert [(one.item_id, one.open_amount) for one in result.open_items()] == [("I502", D("500.01"))]
    (told,) = summary(result)["repeated"]
    assert (told["line_id"], told["repeats"], [one["item_id"] for one in told["candidates"]]) == ("L2", "L1", ["I502"])


def test_where_even_that_is_proposed_it_says_what_speaks_against_it() -> None:
    case = two_equal_invoices()
    case.line("L1", "500.01", "PIX RECEBIDO CERAMICA TRES IRMAOS 10/03")
    case.line("L2", "500.01", f"{PIX} 12/03", "2026-03-12")
    second = decisions(case.run(rules=replace(RULES, never_proposed=())))["L2"]
    assert (second.verdict, second.rule, rule_of(second.rule)) == (Verdict.PROPOSAL, "twice.exact.doc", "exact")
    assert "the same payer paid the same amount into this account a few days before" in second.evidence.words


@pytest.mark.parametrize("second", [{"account_id": "A2", "day": "2026-03-12"}, {"day": "2026-03-10"}], ids=["another account", "same day"])
def test_the_same_amount_again_elsewhere_or_on_one_day_waits_for_a_person(second: dict[str, str]) -> None:
    case = two_equal_invoices()
    case.line("L1", "500.01", "PIX RECEBIDO CERAMICA TRES IRMAOS 10/03")
    case.line("L2", "500.01", f"{PIX} 12/03", **second)
    found = decisions(case.run())
    (again,) = (one for one in found.values() if one.verdict is Verdict.PROPOSAL)
    assert again.rule.startswith("again.exact")
    assert "the same payer paid the same amount a few days before" in again.evidence.words


def test_two_equal_payments_of_one_day_are_of_two_invoices_whatever_came_before() -> None:
    case = two_equal_invoices()
    case.item("I503", "P1", "500.01", due="2026-03-20")
    case.line("L1", "500.01", f"{PIX} 10/03")
    case.line("L2", "500.01", f"{PIX} 12/03", "2026-03-12")
    case.line("L3", "500.01", f"{PIX} 12/03 17:32", "2026-03-12")
    assert sorted(one.rule for one in decisions(case.run()).values()) == ["again.exact.doc", "again.exact.doc", "exact.doc"]


def test_payments_that_name_an_invoice_each_repeat_nothing() -> None:
    case = two_equal_invoices()
    case.line("L1", "500.01", f"{PIX} 10/03 NF 501")
    case.line("L2", "500.01", f"{PIX} 12/03 NF 502", "2026-03-12")
    assert {one.rule for one in decisions(case.run()).values()} == {"reference.doc"}


def test_after_the_time_for_it_the_same_amount_is_another_payment() -> None:
    case = two_equal_invoices()
    case.line("L1", "500.01", f"{PIX} 10/03")
    case.line("L2", "500.01", f"{PIX} 19/03", "2026-03-19")
    assert [(one.rule, one.verdict) for one in decisions(case.run()).values()] == [("exact.doc", Verdict.AUTO)] * 2
