"""What is tried last: payers learned from this very reconciliation, and amounts that only one open item has."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.columns import among
from retaguarda.reconcile.matching.facts import PLAIN


def lone_amounts(board: Board) -> None:
    """Lines of nobody known, whose amount exactly one open item in the window has: a proposal, never more."""
    board.index()
    lines = [line for line in board.open_lines() if not board.role[line] and not board.identity(line)[0]]
    wanted = {(board.side_of(line), abs(board.cents[line])) for line in lines}
    there: dict[tuple[int, int], list[int]] = defaultdict(list)
    of_amount = among(board.open, [cents for _, cents in wanted]) & (np.asarray(board.carrier) == PLAIN)
    for item in np.flatnonzero(of_amount).tolist():
        there[board.side[item], board.open[item]].append(item)
    for line in lines:
        cents = abs(board.cents[line])
        near = [item for item in there[board.side_of(line), cents] if board.open[item] == cents and board.in_window(item, line)]
        if len({board.partner[item] for item in near}) == 1:
            board.settle(Settled(line, "lone_amount", [(near[0], cents)]))
