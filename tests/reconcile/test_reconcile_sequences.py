"""The numbers of return files: what is missing, what came twice, what contradicts itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retaguarda.reconcile.sequences import Contradiction, Gap, Received, Repeat, judge


def file(sequence: int, content: str = "", name: str = "", account: str = "38215-6", bank: str = "341") -> Received:
    return Received(bank, account, sequence, content or f"sha of {bank}/{account}/{sequence}", name or f"{sequence}.ret")


def test_files_one_after_the_other_give_nothing_to_say() -> None:
    assert judge([file(number) for number in (8, 7, 9)]) == []
    assert judge([]) == []


def test_a_gap_is_named_from_its_first_to_its_last_file() -> None:
    assert judge([file(4), file(9), file(10), file(12)]) == [Gap("341", "38215-6", 5, 8), Gap("341", "38215-6", 11, 11)]


def test_a_gap_costs_no_more_than_its_name() -> None:
    assert judge([file(1), file(10**12)]) == [Gap("341", "38215-6", 2, 10**12 - 1)]


def test_the_same_file_again_is_a_repeat_and_another_one_under_its_number_a_conflict() -> None:
    again = [file(7, "a", "7.ret"), file(7, "a", "7 (1).ret")]
    assert judge(again) == [Repeat("341", "38215-6", 7, ("7.ret", "7 (1).ret"))]
    other = [file(7, "a", "7.ret"), file(7, "b", "7b.ret")]
    assert judge(other) == [Contradiction("341", "38215-6", 7, ("7.ret", "7b.ret"))]
    assert judge([*again, file(7, "b", "7b.ret")]) == [
        Repeat("341", "38215-6", 7, ("7.ret", "7 (1).ret")),
        Contradiction("341", "38215-6", 7, ("7.ret", "7 (1).ret", "7b.ret")),
    ]


def test_accounts_and_banks_count_apart() -> None:
    files = [file(1), file(2), file(5, account="2"), file(1, bank="237"), file(3, bank="237")]
    assert judge(files) == [Gap("237", "38215-6", 2, 2)]


def test_files_without_a_number_are_not_judged() -> None:
    assert judge([file(0, "a"), file(0, "b"), file(5), file(6)]) == []


@given(st.sets(st.integers(1, 60)), st.randoms())
def test_gaps_are_exactly_the_numbers_that_lack(numbers: set[int], rnd: object) -> None:
    shuffled = sorted(numbers, key=lambda _: rnd.random())  # type: ignore[attr-defined]
    missing = {n for gap in judge(map(file, shuffled)) if isinstance(gap, Gap) for n in range(gap.first, gap.last + 1)}
    assert missing == set(range(min(numbers, default=0), max(numbers, default=0))) - numbers
