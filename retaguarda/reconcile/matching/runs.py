"""Invoices issued together and paid together: neighbouring numbers of one payer, or of its group, that add up to the line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.columns import among, spread
from retaguarda.reconcile.matching.facts import PLAIN

_GAP = 2
"""Numbers further apart than this were not issued one after the other."""
_SHIFT = 42
"""Keys of runs: group and side, shifted by this, plus the sum in cents."""


Run = tuple[int, ...]
"""Items with neighbouring numbers."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of open items as columns, by key, the shorter ones first."""

    items: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    keys: np.ndarray

    def of(self, board: Board, lines: np.ndarray) -> dict[int, list[Run]]:
        """The runs of the groups that each line may be from that add up to it."""
        line, payer = board.possible(lines)
        cents = np.asarray(board.cents)[line]
        wanted = (board.groups[payer] * 2 + (cents < 0) << _SHIFT) + np.abs(cents)
        first = self.keys.searchsorted(wanted, "left")
        row, run = spread(first, self.keys.searchsorted(wanted, "right"))
        found: dict[int, list[Run]] = {}
        for one, which in sorted(set(zip(line[row].tolist(), run.tolist(), strict=True))):
            start = self.starts[which]
            found.setdefault(one, []).append(tuple(self.items[start : start + self.lengths[which]].tolist()))
        return found


def index_runs(board: Board, lines: Iterable[int]) -> Runs:
    """All runs of two or more open items with neighbouring numbers of one group whose sum is the amount of one of the lines."""
    amounts, numbers = np.array(board.open, dtype=np.int64), np.asarray(board.number)
    items = np.flatnonzero((amounts > 0) & (np.asarray(board.carrier) == PLAIN) & (numbers > 0))
    group = board.groups[np.asarray(board.partner)[items]] * 2 + np.asarray(board.side)[items]
    order = np.lexsort((items, numbers[items], group))
    items, group = items[order], group[order]
    number, amount = numbers[items], amounts[items]
    wanted = np.abs(np.asarray(board.cents)[np.array(list(lines), dtype=np.int64)])
    step = np.diff(number)
    joined = (group[1:] == group[:-1]) & (step > 0) & (step <= _GAP)
    total, alive = amount, np.ones(len(items), dtype=bool)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for length in range(2, min(board.rules.subset.most_items, len(items)) + 1):
        alive = alive[:-1] & joined[length - 2 :]
        total = total[:-1] + amount[length - 1 :]
        starts = np.flatnonzero(alive)
        starts = starts[among(total[starts], wanted)]
        found.append(((group[starts] << _SHIFT) + total[starts], starts, np.full(len(starts), length)))
    keys, starts, lengths = (np.concatenate(column) for column in zip(*found, strict=True)) if found else (np.zeros(0, dtype=np.int64),) * 3
    order = np.lexsort((starts, lengths, keys))
    return Runs(items, starts[order], lengths[order], keys[order])


def of_neighbours(board: Board, runs: Runs, lines: list[int]) -> None:
    """Lines that a run explains; needs no search, however many invoices are open."""
    for line, there in runs.of(board, np.array(lines, dtype=np.int64)).items():
        payers, how = board.identity(line)
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
    if any(item in board.claimed or not board.in_window(item, line) for item in run):
        return False
    if sum(board.amount(item) for item in run) != abs(board.cents[line]):
        return False
    return all(board.open[item] or board.exchange(item, run) for item in run)
