"""Planning: boletas add up, payment releases, the digest is the plan's and nothing else's."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import InvalidItem
from retaguarda.model.contracts import Boleta, Direction, Registration
from retaguarda.model.receivables import Receivable, Settlement
from retaguarda.model.reconciliation import Match, MatchKind
from retaguarda.model.values import Cnpj, Month, Period, megawatt_hours
from retaguarda.planning import Plan, registrations, released, settlement_batches

OCTOBER = Month(2026, 10)
CNPJ = Cnpj.parse("20418877000104")


def boleta(number: str, mwh: str = "744.000", **changes: object) -> Boleta:
    made = Boleta(number, Direction.SALE, "Aurora", CNPJ, 86853, 70401, "SUDESTE", "Convencional", OCTOBER, Decimal(mwh), "Flat")
    return replace(made, **changes)  # type: ignore[arg-type]


def invoice(number: str, boleta_number: str, open_amount: str, amount: str = "100.00") -> Receivable:
    day = dt.date(2026, 11, 10)
    return Receivable(number, "Aurora", CNPJ, boleta_number, day, day, Decimal(amount), Decimal(open_amount))


def test_boletas_of_one_key_are_one_registration_named_by_the_lowest_number() -> None:
    found = registrations([boleta("B-10", "372.001"), boleta("B-9", "0.371"), boleta("B-11", submarket="SUL")], Direction.SALE)
    first, second = found.registrations
    assert (first.reference, first.boletas, first.mw_average) == ("B-9", ("B-9", "B-10"), Decimal("0.500500"))
    assert (second.reference, second.submarket) == ("B-11", "SUL")
    assert found.rejected == ()


def test_mwmedio_is_rounded_half_up_from_the_sum() -> None:
    """0,009 MWh in 720 hours are 0,0000125 MWmédio; rounding each boleta alone would give twice 0,000006 or 0,000007."""
    november = [boleta(number, mwh, month=Month(2026, 11)) for number, mwh in (("A", "0.004"), ("B", "0.005"))]
    assert registrations(november, Direction.SALE).registrations[0].mw_average == Decimal("0.000013")


def test_only_the_asked_direction_counts() -> None:
    found = registrations([boleta("A", direction=Direction.PURCHASE), boleta("B")], Direction.PURCHASE)
    assert [r.reference for r in found.registrations] == ["A"]


def test_boletas_that_disagree_are_named_and_left_out() -> None:
    found = registrations([boleta("A"), boleta("B", modulation="Carga"), boleta("C", submarket="SUL")], Direction.SALE)
    assert [r.reference for r in found.registrations] == ["C"]
    assert found.rejected[0].boletas == ("A", "B")
    assert "modulation" in found.rejected[0].reason


def test_a_contract_that_lacks_a_rejected_boleta_is_not_registered_too_small() -> None:
    found = registrations([boleta("A"), boleta("C", submarket="SUL")], Direction.SALE, incomplete={boleta("A").key})
    assert [r.reference for r in found.registrations] == ["C"]
    assert "rejected at intake" in found.rejected[0].reason


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(1, 2_000_000), st.sampled_from(["SUL", "NORTE"])), max_size=30, unique_by=lambda b: b[0]
    )
)
def test_no_boleta_is_lost_or_counted_twice(rows: list[tuple[int, int, str]]) -> None:
    boletas = [boleta(f"B-{n}", str(Decimal(mwh) / 1000), submarket=place) for n, mwh, place in rows]
    found = registrations(boletas, Direction.SALE).registrations
    assert sorted(number for r in found for number in r.boletas) == sorted(b.number for b in boletas)
    total = sum((megawatt_hours(r.mw_average, r.month) for r in found), Decimal())
    assert abs(total - sum((b.mwh for b in boletas), Decimal())) <= Decimal("0.001") * len(found)
    assert found == registrations(reversed(boletas), Direction.SALE).registrations


SALE = registrations([boleta("A"), boleta("B")], Direction.SALE).registrations


def test_a_sale_is_released_when_every_invoice_of_every_boleta_is_paid() -> None:
    paid = [invoice("1", "A", "0.00"), invoice("2", "B", "100.00"), invoice("3", "B", "50.00")]
    release = released(SALE, paid, {"2": Decimal("99.95"), "3": Decimal("50.00")})[0]
    assert (release.released, release.waits_for) == (True, ())


@pytest.mark.parametrize(
    ("settled", "waits_for", "left"),
    [({}, ("2",), "100.00"), ({"2": Decimal("40.00")}, ("2",), "60.00"), ({"2": Decimal("99.94")}, ("2",), "0.06")],
)
def test_an_unpaid_rest_holds_a_sale_back(settled: dict[str, Decimal], waits_for: tuple[str, ...], left: str) -> None:
    release = released(SALE, [invoice("1", "A", "0.00"), invoice("2", "B", "100.00")], settled)[0]
    assert (release.released, release.waits_for, release.open_amount) == (False, waits_for, Decimal(left))
    assert "not fully paid" in release.reason


def test_a_boleta_without_invoice_holds_a_sale_back() -> None:
    release = released(SALE, [invoice("1", "A", "0.00")])[0]
    assert (release.released, release.waits_for, release.reason) == (False, ("B",), "A boleta has no invoice.")


def test_a_plan_counts_and_adds_up() -> None:
    plan = Plan("register", SALE)
    assert (plan.count, plan.mwh) == (1, Decimal("1488.000"))


def test_the_digest_follows_every_field_and_the_order() -> None:
    one = SALE[0]
    two = replace(one, reference="Z", submarket="SUL")
    digests = {
        Plan("register", items).digest
        for items in (
            (),
            (one,),
            (one, two),
            (two, one),
            (replace(one, mw_average=Decimal("2.000001")),),
            (replace(one, modulation="Carga"),),
        )
    } | {Plan("validate", (one,)).digest}
    assert len(digests) == 7
    assert Plan("register", (one,)).digest == Plan("register", (replace(one),)).digest


def test_the_digest_is_the_same_in_every_process() -> None:
    plan: Plan[Registration] = Plan("register", SALE)
    assert plan.digest == "2c6fc80952a61cc2ac9fb8f9fd0f58eca8ca24f00cf5ff456905c2bc4e91652d"


def test_a_plan_holds_a_reference_once() -> None:
    with pytest.raises(InvalidItem, match="twice"):
        Plan("register", (SALE[0], SALE[0]))


def match(number: str, account: str, amount: str, kind: MatchKind = MatchKind.FULL, day: int = 3) -> Match:
    value = Decimal(amount)
    return Match("reference", kind, f"id{number}", account, dt.date(2026, 11, day), number, value, value, value)


def test_payments_are_booked_by_account_without_those_the_erp_knows() -> None:
    period = Period(dt.date(2026, 11, 1), dt.date(2026, 11, 10))
    matches = [match("2", "B", "5.00"), match("1", "A", "7.00", day=4)]
    matches += [match("3", "A", "2.00", MatchKind.PARTIAL), match("4", "A", "9.00", MatchKind.SETTLED)]
    first, second = settlement_batches(matches, [invoice("1", "A", "7.00"), invoice("2", "B", "5.00")], period)
    assert (first.account, first.total, [line.receivable for line in first.lines]) == ("A", Decimal("9.00"), ["3", "1"])
    assert second.lines == (Settlement("2", dt.date(2026, 11, 3), Decimal("5.00"), "Aurora", "id2"),)
    assert first.reference.startswith("A 2026-11-01..2026-11-10 ")
    assert settlement_batches(reversed(matches), [], period)[0].reference == first.reference
    assert settlement_batches(matches[:2], [], period)[0].reference != first.reference
