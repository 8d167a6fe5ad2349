"""Rivals for the same things: the whole block is assigned at the least total cost, not first come, first served."""

from __future__ import annotations

from collections.abc import Sequence

_SMALL = 4
"""Blocks of so few rows are tried out; loading SciPy for them would cost more than the search."""


def assigned(cost: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """(row, column) of the cheapest assignment of rows to different columns; as many as there are rows or columns."""
    if len(cost) <= min(_SMALL, len(cost[0])) and len(cost[0]) <= 2 * _SMALL:
        return _tried(cost, 0, frozenset())[1]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _tried(cost: Sequence[Sequence[float]], row: int, taken: frozenset[int]) -> tuple[float, list[tuple[int, int]]]:
    if row == len(cost):
        return 0.0, []
    best: tuple[float, list[tuple[int, int]]] = (float("inf"), [])
    for column, price in enumerate(cost[row]):
        if column not in taken:
            rest, pairs = _tried(cost, row + 1, taken | {column})
            if price + rest < best[0]:
                best = (price + rest, [(row, column), *pairs])
    return best
