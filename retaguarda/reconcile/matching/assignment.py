"""Rivals for the same things: the whole block is assigned at the least total cost, not first come, first served."""

from __future__ import annotations

from collections.abc import Sequence

_SMALL = 5
"""Blocks of so few rows are tried out; loading SciPy for them would cost more than the search."""


def assigned(cost: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """(row, column) of the cheapest assignment of rows to different columns; as many as there are rows or columns."""
    if len(cost) > len(cost[0]):
        return sorted((row, column) for column, row in assigned(list(zip(*cost, strict=True))))
    if len(cost) <= _SMALL:
        # each row needs only as many of its cheapest columns as there are rows: others can take no more than all but one of them
        near = [sorted(range(len(row)), key=row.__getitem__)[: len(cost)] for row in cost]
        return _tried(cost, near, 0, frozenset())[1]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _tried(
    cost: Sequence[Sequence[float]], near: Sequence[Sequence[int]], row: int, taken: frozenset[int]
) -> tuple[float, list[tuple[int, int]]]:
    if row == len(cost):
        return 0.0, []
    best: tuple[float, list[tuple[int, int]]] = (float("inf"), [])
    for column in near[row]:
        if column not in taken:
            rest, pairs = _tried(cost, near, row + 1, taken | {column})
            if cost[row][column] + rest < best[0]:
                best = (cost[row][column] + rest, [(row, column), *pairs])
    return best
