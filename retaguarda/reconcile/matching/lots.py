"""Payments to many suppliers in one debit: by lot number, or as the only set of the day's payables that adds up."""

from __future__ import annotations

from collections import defaultdict

import polars as pl

from retaguarda.reconcile.matching.board import AP, Board, Settled
from retaguarda.reconcile.matching.subsets import subsets


def by_lot_number(board: Board) -> None:
    """The payables that carry the lot number of the debit, when they add up to it."""
    word = board.rules.lot_word
    numbers = board.items.select(pl.col("seu_numero").str.extract(rf"(?i)^\s*{word}\W*0*(\d+)", 1))["seu_numero"].to_list()
    lots: dict[str, list[int]] = defaultdict(list)
    for item, number in enumerate(numbers):
        if number and board.side[item] == AP:
            lots[number].append(item)
    said = board.lines["doc_number"].str.strip_chars_start("0").to_list()
    for line in _batches(board):
        near = [
            item
            for item in lots.get(said[line], ())
            if board.open[item] and abs(board.business[line] - board.due_business[item]) <= board.rules.windows.lot
        ]
        if near and sum(board.open[item] for item in near) == -board.cents[line]:
            board.settle(Settled(line, "lot", [(item, board.open[item]) for item in near], words=(f"{word} {said[line]}",)))
        elif near:
            _part_of_lot(board, line, near, said[line])


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
    kinds = board.items["doc_type"].to_list()
    for item, side in enumerate(board.side):
        if side == AP and board.open[item] and kinds[item] not in board.rules.special:
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
