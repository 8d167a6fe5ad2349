"""A cut name that fits many partners: their items are looked for by amount first, and what is decided is the same."""

from __future__ import annotations

from decimal import Decimal

import pytest

from retaguarda.reconcile.matching import facts
from retaguarda.reconcile.matching.model import Verdict
from tests.reconcile.matching.ledger_cases import Case, settled

D = Decimal
NAME = "PIX TRANSF MERCEARIA SAO BENEDITO DO"


def namesakes() -> Case:
    """Six partners whom a cut name does not tell apart, with exact, late, taxed and part payments among them."""
    case = Case()
    for number in range(1, 7):
        case.partner(f"P{number}", f"Mercearia Sao Benedito do Vale {number} Ltda", f"1234567{number}00019{number}")
        case.item(f"I{number}00", f"P{number}", f"{number}000.01", due="2026-03-02")
        case.item(f"I{number}01", f"P{number}", f"{number}777.31", due="2026-03-02")
    case.line("L1", "3000.01", f"{NAME} 03/03", "2026-03-03")
    case.line("L2", "5097.06", f"{NAME} 02/03", "2026-03-02")
    case.line("L3", "6777.28", f"{NAME} 04/03", "2026-03-04")
    case.line("L4", "900.00", f"{NAME} 04/03 NF 200", "2026-03-04")
    case.line("L5", "1100.03", f"{NAME} 05/03", "2026-03-05")
    case.line("L6", "4777.31", f"{NAME} 05/03", "2026-03-05")
    return case


def test_of_a_crowd_the_same_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    few = settled(namesakes().run())
    monkeypatch.setattr(facts, "CROWD", 1)
    crowd = settled(namesakes().run())
    assert crowd == few
    assert few["L1"] == {"I300": D("3000.01")}
    assert few["L3"] == {"I601": D("6777.31")}, "three cents short: found by a formula"
    assert few["L5"] == {"I200": D("1100.01")}, "the rest of what was paid in part, with two cents more"


def test_what_a_formula_finds_among_a_crowd_waits_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    few = next(one for one in namesakes().run().decisions() if one.line.line_id == "L3")
    assert (few.rule, few.verdict) == ("explained.rounding.name.shared", Verdict.AUTO)
    monkeypatch.setattr(facts, "CROWD", 1)
    crowd = {one.line.line_id: one for one in namesakes().run().decisions()}
    assert (crowd["L3"].rule, crowd["L3"].verdict) == ("explained.crowd.rounding.name", Verdict.PROPOSAL)
    assert crowd["L1"].verdict is Verdict.AUTO, "the exact amount that one alone has"
