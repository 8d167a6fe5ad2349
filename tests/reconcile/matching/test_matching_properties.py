"""What holds whatever the data: no cent twice, none lost, no order of rows, no clock, no identifiers."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retaguarda.reconcile.matching import outputs
from retaguarda.reconcile.matching.assignment import assigned
from retaguarda.reconcile.matching.differences import Differences
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.matching.subsets import few_of_many, subsets
from tests.reconcile.matching.ledger_cases import RULES, Case

NAMES = ["Cerâmica Três Irmãos Ltda", "Cerâmica Três Rios S.A.", "Hospital Boa Esperança S.A.", "Distribuidora do Vale ME"]
DOCS = ["12345678000195", "22345678000194", "98765432000198", "98765432000279"]
TEXTS = [
    "PIX RECEBIDO {doc} {day}",
    "PIX TRANSF {name} {day}",
    "TED 341.1234{name}",
    "PIX RECEBIDO {doc} {day} NF {number}",
    "DEP DINHEIRO ATM 1",
]
AMOUNTS = ["100.00", "100.00", "250.50", "333.34", "1200.00", "77.77"]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A few customers with many equal amounts, paid exactly, in groups, in parts, late, twice, or not at all."""
    case = Case()
    for code, (name, doc) in enumerate(zip(NAMES, DOCS, strict=True)):
        case.partner(f"P{code}", name, doc)
    owners = draw(st.lists(st.integers(0, 3), min_size=1, max_size=14))
    for number, owner in enumerate(owners):
        kind = draw(st.sampled_from(["AR", "AR", "AR", "AP"]))
        due = f"2026-03-{draw(st.integers(1, 20)):02d}"
        case.item(f"I{500 + number}", f"P{owner}", draw(st.sampled_from(AMOUNTS)), due, kind=kind, nf_number=str(500 + number))
    for number in range(draw(st.integers(1, 14))):
        chosen = draw(st.lists(st.integers(0, len(owners) - 1), min_size=1, max_size=3, unique=True))
        owner, day = owners[chosen[0]], f"{draw(st.integers(1, 25)):02d}"
        total = sum(Decimal(case.items[index]["open_amount"]) for index in chosen)
        factor = draw(st.sampled_from(["1", "1", "1", "1.02", "0.97", "0.5"]))
        sign = -1 if case.items[chosen[0]]["kind"] == "AP" else 1
        said = {"doc": DOCS[owner], "name": NAMES[owner].upper()[:16], "day": f"{day}/03", "number": 500 + chosen[0]}
        text = draw(st.sampled_from(TEXTS)).format(**said)
        file = draw(st.sampled_from(["F1", "F1", "F2"]))
        case.line(f"L{number}", f"{sign * total * Decimal(factor):.2f}", text, f"2026-03-{day}", file_id=file)
    return case


def told(result: Result) -> tuple[str, str, str]:
    return outputs.matches(result).write_csv(), outputs.lines(result).write_csv(), outputs.carried(result).write_csv()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_no_cent_is_settled_twice_and_none_is_lost(case: Case) -> None:
    result = case.run()
    opened = {row["item_id"]: Decimal(row["open_amount"]) for row in case.items}
    amounts = {row["line_id"]: Decimal(row["amount"]) for row in case.lines}
    taken: Counter[str] = Counter()
    seen = []
    for decision in result.decisions():
        seen.append(decision.line.line_id)
        for part in decision.allocations:
            assert part.amount > 0
            taken[part.item_id] += part.amount  # type: ignore[assignment]
        settled = sum((part.amount if part.kind == "AR" else -part.amount) for part in decision.allocations)
        assert amounts[decision.line.line_id] == settled + (decision.difference.amount if decision.difference else 0)
    assert len(seen) == len(set(seen))
    left = {one.item_id: one.open_amount for one in result.open_items()}
    assert all(taken[item] + left.get(item, 0) == amount for item, amount in opened.items())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.integers(0, 2**16))
def test_the_order_of_rows_changes_nothing(case: Case, seed: int) -> None:
    assert told(case.run()) == told(case.run(seed))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_same_again_gives_the_same(case: Case) -> None:
    one, other = case.run(), case.run()
    assert told(one) == told(other)
    assert list(one.decisions()) == list(other.decisions())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_what_is_left_open_settles_nothing_more(case: Case) -> None:
    """A second run of the carried items with the unmatched lines books nothing that the first could have booked."""
    first = case.run()
    left = {one.item_id: f"{one.open_amount:f}" for one in first.open_items()}
    case.items = [{**row, "open_amount": left[row["item_id"]]} for row in case.items if row["item_id"] in left]
    lines = {first.line_ids[line] for line in first.unmatched_lines}
    case.lines = [row for row in case.lines if row["line_id"] in lines]
    if case.items and case.lines:
        again = case.run()
        assert all(not one.rule.startswith(("exact.doc", "reference.doc")) or one.alternatives for one in again.decisions())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(-500, 3000).filter(bool), min_size=2, max_size=13), st.data())
def test_the_subset_search_finds_every_set(amounts: list[int], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(amounts) - 1), min_size=2, max_size=5))
    target = sum(amounts[index] for index in chosen)
    every = {
        whole
        for size in range(2, 6)
        for whole in itertools.combinations(range(len(amounts)), size)
        if sum(amounts[index] for index in whole) == target
    }
    found = subsets(amounts, target, 5, 100_000)
    assert set(found.solutions) <= every
    assert found.cut or set(found.solutions) == every


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=2, max_size=25), st.data())
def test_few_of_many_are_found(amounts: list[int], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(amounts) - 1), min_size=2, max_size=min(4, len(amounts))))
    found = few_of_many(amounts, sum(amounts[index] for index in chosen))
    assert found.cut or tuple(sorted(chosen)) in found.solutions
    assert all(
        len(set(one)) == len(one) and sum(amounts[index] for index in one) == sum(amounts[i] for i in chosen) for one in found.solutions
    )


@pytest.mark.parametrize("size", [20, 40, 400])
def test_hostile_blocks_stay_inside_the_bound_and_say_so(size: int) -> None:
    amounts = [2**30 + 2 * number for number in range(size)]  # even: nothing adds up to an odd number, whatever is tried
    found = subsets(amounts, 3 * 2**30 + 1, 12, 5_000)
    assert found.sums <= 5_000
    assert found.solutions == ()
    assert found.cut == (size > 22)


def test_a_block_of_equal_amounts_is_cut_and_says_so() -> None:
    found = subsets([100] * 20, 1000, 12, 5_000)
    assert found.cut
    assert len(found.solutions) <= 64


def test_a_line_whose_search_was_cut_is_never_booked() -> None:
    case = Case()
    case.partner("P1", NAMES[0], DOCS[0])
    for number in range(19):
        case.item(f"I{number * 10}", "P1", "100.00")
    case.line("L1", "900.00", f"PIX RECEBIDO {DOCS[0]} 10/03")
    result = case.run()
    assert result.summary().searches_cut == 1
    assert result.summary().auto == 0


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(1, 12), st.randoms(use_true_random=False))
def test_small_blocks_are_assigned_as_scipy_would(rows: int, columns: int, dice: object) -> None:
    from scipy.optimize import linear_sum_assignment

    cost = [[float(dice.randint(0, 50)) for _ in range(columns)] for _ in range(rows)]  # type: ignore[attr-defined]
    ours = sum(cost[row][column] for row, column in assigned(cost))
    best = sum(cost[row][column] for row, column in zip(*linear_sum_assignment(cost), strict=True))
    assert ours == best


PAIRS = st.tuples(
    st.integers(1, 10_000_000),
    st.sampled_from([-1350, -350, -6, -5, 0, 5, 6]) | st.integers(-200_000, 50_000),
    st.integers(0, 10_000_000),
    st.integers(-20, 150),
    st.sampled_from(["any", "late", "taxed", "discounted"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=20))
def test_formulas_over_columns_say_what_they_say_one_by_one(pairs: list[tuple[int, int, int, int, str]]) -> None:
    rules = RULES.explain
    differences = Differences(rules)
    rows = []
    for due, some, gross, late, how in pairs:
        extra = some
        if how == "late":
            extra = (due * rules.fine + 5_000) // 10_000 + (due * rules.monthly * late + 150_000) // 300_000 + some % 5 - 2
        elif how == "taxed":
            rates = rules.withholdings[gross % len(rules.withholdings)][1]
            extra = -sum((gross * rate + 5_000) // 10_000 for rate in rates) + some % 9 - 4
        elif how == "discounted":
            extra = -(due * rules.discounts[gross % len(rules.discounts)] + 5_000) // 10_000
        rows.append((max(due + extra, 0), due, gross, late))
    told = differences.may_explain(*np.array(rows, dtype=np.int64).T)
    assert told.tolist() == [differences.explain(*row) is not None for row in rows]
