"""Contracts: every key of the ERP and of CCEE is compared once, in MWh and MWmédio, and the planted slips are found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.model.contracts import Boleta, ContractState, Direction, HeldContract
from retaguarda.model.reconciliation import ContractComparison, ContractOutcome, as_dict
from retaguarda.model.values import Cnpj, megawatt_hours, mw_average
from retaguarda.planning import registrations
from retaguarda.reconcile.contracts import reconcile_contracts
from sandbox.month import build
from tests.reconcile.reconcile_month import SUPPLY, boletas, held

CNPJ = Cnpj.parse("20418877000104")


def ours(number: str = "B-1", mwh: str = "744.000", submarket: str = "SUL") -> Boleta:
    return Boleta(number, Direction.SALE, "Aurora", CNPJ, 1, 2, submarket, "Convencional", SUPPLY, Decimal(mwh), "Flat")


def theirs(
    mw: str = "1.000000",
    state: ContractState = ContractState.VALIDATED,
    submarket: str = "SUL",
    code: str = "77",
    reference: str = "B-1",
) -> HeldContract:
    return HeldContract(code, reference, 1, 2, "EXEMPLO", "AURORA", submarket, SUPPLY, Decimal(mw), "Flat", state)


def only(boletas: list[Boleta], held: list[HeldContract]) -> ContractComparison:
    comparisons = reconcile_contracts(boletas, held).comparisons
    assert len(comparisons) == 1
    return comparisons[0]


def test_the_planted_slips_of_a_month_are_found() -> None:
    month = build()
    found = reconcile_contracts(boletas(month), held(month))
    by_boleta = {number: c for c in found.comparisons for number in c.boletas}
    assert by_boleta[month.planted["wrong_mwh"]].outcome is ContractOutcome.CCEE_LARGER
    assert by_boleta[month.planted["wrong_mwh"]].mw_difference == Decimal("1.500000")
    assert by_boleta[month.planted["missing_at_ccee"]].outcome is ContractOutcome.MISSING_AT_CCEE
    assert by_boleta[month.planted["already_validated"]].outcome is ContractOutcome.OK
    assert by_boleta[month.planted["already_registered"]].outcome is ContractOutcome.NOT_VALIDATED
    strays = [c for c in found.comparisons if c.outcome is ContractOutcome.MISSING_IN_ERP]
    assert [c.codes for c in strays] == [(month.planted["missing_in_erp"],)]


def test_once_all_sales_are_registered_only_the_slips_break() -> None:
    month = build()
    there = held(month)
    known = {contract.key for contract in there}
    sales = registrations(boletas(month), Direction.SALE).registrations
    registered = [
        HeldContract(
            f"9{n}",
            r.reference,
            r.seller_profile,
            r.buyer_profile,
            "",
            "",
            r.submarket,
            r.month,
            r.mw_average,
            r.modulation,
            ContractState.UNVALIDATED,
        )
        for n, r in enumerate(sales)
        if r.key not in known
    ]
    found = reconcile_contracts(boletas(month), there + registered)
    assert Counter(c.outcome for c in found.breaks) == {
        ContractOutcome.CCEE_LARGER: 1,
        ContractOutcome.MISSING_AT_CCEE: 1,
        ContractOutcome.MISSING_IN_ERP: 1,
    }


def test_boletas_are_added_up_before_they_are_compared() -> None:
    compared = only([ours("A", "372.000"), ours("B", "372.000")], [theirs()])
    assert (compared.outcome, compared.boletas, compared.erp_mwh, compared.ccee_mwh) == (
        ContractOutcome.OK,
        ("A", "B"),
        Decimal("744.000"),
        Decimal("744.000"),
    )


@pytest.mark.parametrize(
    ("mw", "outcome"),
    [
        ("1.000100", ContractOutcome.OK),
        ("0.999900", ContractOutcome.OK),
        ("1.000101", ContractOutcome.CCEE_LARGER),
        ("0.999899", ContractOutcome.ERP_LARGER),
    ],
)
def test_the_tolerance_is_a_ten_thousandth_of_a_megawatt(mw: str, outcome: ContractOutcome) -> None:
    assert only([ours()], [theirs(mw)]).outcome is outcome


def test_equal_but_not_validated_is_information() -> None:
    compared = only([ours()], [theirs(state=ContractState.UNVALIDATED)])
    assert (compared.outcome, compared.validated, compared.outcome.is_break) == (ContractOutcome.NOT_VALIDATED, False, False)


@pytest.mark.parametrize("state", [ContractState.DRAFT, ContractState.CANCELLED])
def test_drafts_and_cancelled_contracts_do_not_count(state: ContractState) -> None:
    found = reconcile_contracts([ours()], [theirs(state=state)])
    assert (found.comparisons[0].outcome, found.set_aside) == (ContractOutcome.MISSING_AT_CCEE, ("77",))


def test_a_mistaken_submarket_is_one_finding() -> None:
    compared = only([ours(submarket="SUL")], [theirs(submarket="NORTE")])
    assert (compared.outcome, compared.submarket, compared.codes, compared.note) == (
        ContractOutcome.WRONG_SUBMARKET,
        "SUL",
        ("77",),
        "CCEE: NORTE",
    )


@pytest.mark.parametrize(("seller", "buyer"), [(7, 2), (1, 7)])
def test_another_profile_of_one_party_is_one_finding(seller: int, buyer: int) -> None:
    compared = only([ours()], [replace(theirs(), seller_profile=seller, buyer_profile=buyer)])
    assert (compared.outcome, compared.codes, compared.note) == (ContractOutcome.WRONG_PROFILE, ("77",), f"CCEE: {seller} → {buyer}")
    assert len(reconcile_contracts([ours()], [replace(theirs(), seller_profile=7, buyer_profile=7)]).comparisons) == 2


def test_between_two_that_fit_equally_well_nobody_guesses() -> None:
    one, other = ours(submarket="SUL"), ours("B-2", submarket="NORDESTE")
    outcomes = [c.outcome for c in reconcile_contracts([one, other], [theirs(submarket="NORTE")]).comparisons]
    assert sorted(outcomes) == [ContractOutcome.MISSING_AT_CCEE, ContractOutcome.MISSING_AT_CCEE, ContractOutcome.MISSING_IN_ERP]


def test_another_volume_in_another_submarket_is_two_findings() -> None:
    outcomes = [c.outcome for c in reconcile_contracts([ours()], [theirs("2.000000", submarket="NORTE")]).comparisons]
    assert sorted(outcomes) == [ContractOutcome.MISSING_AT_CCEE, ContractOutcome.MISSING_IN_ERP]


def test_a_contract_registered_twice_says_so() -> None:
    assert only([ours()], [theirs(), theirs(code="78")]).outcome is ContractOutcome.REGISTERED_TWICE
    assert only([ours()], [theirs("0.500000"), theirs("0.500000", code="78", reference="x")]).outcome is ContractOutcome.OK


def test_what_was_held_back_is_no_break() -> None:
    reason = "An invoice is not fully paid."
    found = reconcile_contracts([ours()], [], {ours().key: reason})
    assert (found.comparisons[0].outcome, found.comparisons[0].note, found.breaks) == (ContractOutcome.HELD_BACK, reason, ())


def test_the_result_is_plain_json() -> None:
    told = as_dict(reconcile_contracts([ours()], [theirs("2.000000")]))
    assert told["comparisons"][0]["outcome"] == "ccee-larger"
    assert told["comparisons"][0]["month"] == "2026-10"
    assert told["comparisons"][0]["mwh_difference"] == "744.000"


@given(st.lists(st.tuples(st.integers(1, 3_000_000), st.sampled_from(["SUL", "NORTE", "SUDESTE"])), min_size=1, max_size=20))
def test_what_planning_registers_compares_as_equal(rows: list[tuple[int, str]]) -> None:
    """The way to MWmédio and back stays within the tolerance, whatever the volumes."""
    made = [ours(f"B-{n}", str(Decimal(mwh) / 1000), place) for n, (mwh, place) in enumerate(rows)]
    planned = registrations(made, Direction.SALE).registrations
    there = [replace(theirs(str(r.mw_average)), submarket=r.submarket, code=r.reference, reference=r.reference) for r in planned]
    found = reconcile_contracts(made, there)
    assert {c.outcome for c in found.comparisons} == {ContractOutcome.OK}
    assert all(abs(c.mwh_difference) <= Decimal("0.001") for c in found.comparisons)


def test_mwh_and_mwmedio_convert_both_ways() -> None:
    assert megawatt_hours(mw_average(Decimal("293.478"), SUPPLY), SUPPLY) == Decimal("293.478")
