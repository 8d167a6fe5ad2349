"""Exact search for the items whose amounts add up to a payment: meeting in the middle, bounded and counted in sums."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MOST_KEPT = 64
"""Solutions kept of one search; more than one already means that a person decides."""


@dataclass(frozen=True, slots=True)
class Found:
    """The index sets that add up, how many sums were looked at, and whether the bound cut the search."""

    solutions: tuple[tuple[int, ...], ...]
    sums: int
    cut: bool = False


NOTHING = Found((), 0)


def subsets(amounts: Sequence[int], target: int, most_items: int, budget: int) -> Found:
    """All sets of 2 to `most_items` amounts (signed) that add up to `target`, unless `budget` sums do not suffice.

    The amounts come in the order of preference; when two halves cost more sums than the budget allows, the last ones are left
    out and the result says so.
    """
    if len(amounts) < 2:
        return NOTHING
    size, cut = len(amounts), False
    while (1 << (size // 2)) + (1 << (size - size // 2)) > budget and size > 2:
        size, cut = size - 1, True
    amounts = amounts[:size]
    if size <= 3:
        return Found(_tiny(amounts, target, most_items), 4, cut)
    half = size // 2
    left, right = _sums(amounts[:half]), _sums(amounts[half:])
    wanted = target - left
    ranked = np.sort(right)
    masks = np.flatnonzero(ranked[np.minimum(ranked.searchsorted(wanted), right.size - 1)] == wanted).tolist()
    solutions = []
    for mask in masks:
        for other in np.flatnonzero(right == wanted[mask]).tolist():
            whole = mask | other << half
            if 2 <= whole.bit_count() <= most_items:
                solutions.append(tuple(index for index in range(size) if whole >> index & 1))
        if len(solutions) > _MOST_KEPT:
            cut = True
            break
    return Found(tuple(solutions[:_MOST_KEPT]), left.size + right.size, cut)


def few_of_many(amounts: Sequence[int], target: int) -> Found:
    """All sets of two to four of many amounts that add up to `target`, by the sums of all pairs."""
    size = len(amounts)
    if size < 2:
        return NOTHING
    single = np.asarray(amounts, dtype=np.int64)
    first, second = _pairs(size)
    pairs = single[first] + single[second]
    ranked = np.sort(pairs)
    found: set[tuple[int, ...]] = {(int(first[pair]), int(second[pair])) for pair in np.flatnonzero(pairs == target)}
    for wanted, members in ((target - single, None), (target - pairs, (first, second))):
        hits = ranked[np.minimum(ranked.searchsorted(wanted), pairs.size - 1)] == wanted
        for left in np.flatnonzero(hits).tolist()[:_MOST_KEPT]:
            ours = (left,) if members is None else (int(first[left]), int(second[left]))
            for other in np.flatnonzero(pairs == wanted[left]).tolist()[:_MOST_KEPT]:
                whole = tuple(sorted({*ours, int(first[other]), int(second[other])}))
                if len(whole) == len(ours) + 2:
                    found.add(whole)
    solutions = tuple(sorted(found))
    return Found(solutions[:_MOST_KEPT], size + 2 * pairs.size, len(solutions) > _MOST_KEPT)


@functools.lru_cache(maxsize=128)
def _pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(size, 1)


def _sums(amounts: Sequence[int]) -> np.ndarray:
    sums = np.zeros(1 << len(amounts), dtype=np.int64)
    for position, amount in enumerate(amounts):
        step = 1 << position
        np.add(sums[:step], amount, out=sums[step : 2 * step])
    return sums


def _tiny(amounts: Sequence[int], target: int, most_items: int) -> tuple[tuple[int, ...], ...]:
    pairs = [(0, 1), (0, 2), (1, 2), (0, 1, 2)]
    return tuple(
        pair for pair in pairs if pair[-1] < len(amounts) and len(pair) <= most_items and sum(amounts[i] for i in pair) == target
    )
