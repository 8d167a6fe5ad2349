"""Payments that came back, payments made twice, and payments that name what somebody else seems to have paid (E17)."""

from __future__ import annotations

from decimal import Decimal

from retaguarda.reconcile.matching.model import Verdict
from retaguarda.report.vocabulary import rule_of
from tests.reconcile.matching.ledger_cases import classes, decisions, settled, two_customers

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


def test_the_same_amount_again_waits_for_a_person_however_the_payer_is_known() -> None:
    case = two_customers()
    case.item("I501", "P1", "500.01")
    case.item("I502", "P1", "500.01", due="2026-03-20")
    case.line("L1", "500.01", "PIX RECEBIDO CERAMICA TRES IRMAOS 10/03")
    case.line("L2", "500.01", f"{PIX} 12/03", "2026-03-12")
    second = decisions(case.run())["L2"]
    assert (second.verdict, second.rule) == (Verdict.PROPOSAL, "again.exact.doc")
    assert "the same payer paid the same amount a few days before" in second.evidence.words
