"""Payments to many suppliers in one debit: by lot number, or as the only set of the day's payables that adds up."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.facts import AP
from retaguarda.reconcile.matching.subsets import subsets


def by_lot_number(board: Board) -> None:
    """The payables that carry the lot number of the debit, when they add up to it."""
    word = board.rules.lot_word
    payable = np.flatnonzero(np.asarray(board.side) == AP)
    numbers = board.items["seu_numero"][payable].str.extract(rf"(?i)^\s*{word}\W*0*(\d+)", 1)
    lots: dict[str, list[int]] = defaultdict(list)
    for item, number in zip(payable.tolist(), numbers, strict=True):
        if number:
            lots[number].append(item)
    batches = _batches(board)
    for line, said in zip(batches, board.lines["doc_number"][batches].str.strip_chars_start("0"), strict=True):
        near = [
            item
            for item in lots.get(said, ())
            if board.open[item] and abs(board.business[line] - board.due_business[item]) <= board.rules.windows.lot
        ]
        if near and sum(board.open[item] for item in near) == -board.cents[line]:
            board.settle(Settled(line, "lot", [(item, board.open[item]) for item in near], words=(f"{word} {said}",)))
        elif near:
            _part_of_lot(board, line, near, said)


def _part_of_lot(board: Board, line: int, near: list[int], number: str) -> None:
    """A lot of which the bank refused some payments: the only part of it that adds up."""
    found = subsets([board.open[item] for item in near], -board.cents[line], len(near), board.rules.subset.budget)
    if len(found.solutions) == 1:
        parts = [(near[index], board.open[near[index]]) for index in found.solutions[0]]
        board.settle(Settled(line, "lot.part", parts, words=(f"{board.rules.lot_word} {number}",)))


def _batches(board: Board) -> list[int]:
    return [line for line in board.open_lines() if board.role[line] == "lot"]


def without_lot(board: Board) -> None:
    """Debits for many suppliers without lot number: payables due that day, if only one set of them adds up."""
    due: dict[int, list[int]] = defaultdict(list)
    special = board.items["doc_type"].is_in(list(board.rules.special)).to_numpy()
    for item in np.flatnonzero((np.asarray(board.side) == AP) & (np.asarray(board.open) > 0) & ~special).tolist():
        due[board.due_business[item]].append(item)
    for line in _batches(board):
        there = [item for item in due.get(board.business[line], ()) if board.open[item] and board.open[item] < -board.cents[line]]
        there = there[: board.rules.subset.lotless_nearest]
        amounts = [board.open[item] for item in there]
        if 1 << len(amounts) > 4 * sum(amounts):  # more sets than different sums: many would add up, whichever is found means nothing
            board.cut.add(line)
            continue
        found = subsets(amounts, -board.cents[line], len(there), board.rules.subset.budget)
        if found.cut:
            board.cut.add(line)
        if len(found.solutions) == 1 and not found.cut:
            parts = [(there[index], board.open[there[index]]) for index in found.solutions[0]]
            board.settle(Settled(line, "lotless", parts))
