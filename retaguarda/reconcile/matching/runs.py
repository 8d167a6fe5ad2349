"""Invoices issued together and paid together: neighbouring numbers of one payer, or of its group, that add up to the line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from retaguarda.reconcile.matching.board import PLAIN, Board, Settled

_GAP = 2
"""Numbers further apart than this were not issued one after the other."""
_WANTED = 1 << 40
"""Keys of sums: the side, times this, plus the cents."""

Runs = dict[int, list[tuple[int, ...]]]
"""Runs of items by side and sum."""


def index_runs(board: Board, lines: Iterable[int]) -> Runs:
    """All runs of two or more open items with neighbouring numbers of one group whose sum is the amount of one of the lines."""
    items = np.array(
        [item for item, cents in enumerate(board.open) if cents and board.carrier[item] == PLAIN and board.number[item]], dtype=np.int64
    )
    wanted = np.array(sorted({board.side_of(line) * _WANTED + abs(board.cents[line]) for line in lines}), dtype=np.int64)
    if len(items) < 2 or not len(wanted):
        return {}
    group = (
        np.array(board.payers.group, dtype=np.int64)[np.array(board.partner, dtype=np.int64)[items]] * 2
        + np.array(board.side, dtype=np.int64)[items]
    )
    number = np.array(board.number, dtype=np.int64)[items]
    order = np.lexsort((items, number, group))
    items, group, number = items[order], group[order], number[order]
    amount = np.array(board.open, dtype=np.int64)[items]
    step = np.diff(number)
    joined = np.concatenate([(group[1:] == group[:-1]) & (step > 0) & (step <= _GAP), [False]])
    found: Runs = defaultdict(list)
    total, alive = amount.copy(), np.ones(len(items), dtype=bool)
    for length in range(2, board.rules.subset.most_items + 1):
        last = length - 1
        alive = alive[:-1] & joined[last - 1 : len(items) - 1]
        total = total[:-1] + amount[last:]
        starts = np.flatnonzero(alive)
        if not len(starts):
            break
        keys = (group[starts] & 1) * _WANTED + total[starts]
        for start in starts[np.isin(keys, wanted)].tolist():
            found[int((group[start] & 1) * _WANTED + total[start])].append(tuple(items[start : start + length].tolist()))
    return dict(found)


def of_neighbours(board: Board, runs: Runs, lines: Iterable[int]) -> None:
    """Lines that a run explains; needs no search, however many invoices are open."""
    for line in lines:
        there = runs.get(board.side_of(line) * _WANTED + abs(board.cents[line]))
        payers, how = board.identity(line)
        if not there or not payers:
            continue
        found = [run for run in there if _fits(board, line, run)]
        own = [run for run in found if len({board.partner[item] for item in run}) == 1 and board.partner[run[0]] in board.payer_set(line)]
        for best in (own or found)[:1]:
            if all(board.open[item] or board.release(item, best) for item in best):
                grade = f"run.{how}" if own else f"run.group.{how}"
                parts = [(item, board.open[item]) for item in best]
                rivals = len({_alike(board, run) for run in own or found}) - 1
                board.settle(Settled(line, grade if len(payers) == 1 else f"{grade}.shared", parts, alternatives=rivals))


def _alike(board: Board, run: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((board.partner[item], board.amount(item)) for item in run))


def _fits(board: Board, line: int, run: tuple[int, ...]) -> bool:
    if board.payers.group[board.partner[run[0]]] not in board.group_set(line):
        return False
    if any(item in board.claimed or not board.in_window(item, line) for item in run):
        return False
    if sum(board.amount(item) for item in run) != abs(board.cents[line]):
        return False
    return all(board.open[item] or board.exchange(item, run) for item in run)
