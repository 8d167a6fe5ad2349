"""What is tried last: payers learned from this very reconciliation, and amounts that only one open item has."""

from __future__ import annotations

from collections import defaultdict

from retaguarda.reconcile.matching.board import PLAIN, Board, Settled


def lone_amounts(board: Board) -> None:
    """Lines of nobody known, whose amount exactly one open item in the window has: a proposal, never more."""
    board.index()
    lines = [line for line, role in enumerate(board.role) if not role and not board.state[line] and not board.identity(line)[0]]
    wanted = {(board.side_of(line), abs(board.cents[line])) for line in lines}
    there: dict[tuple[int, int], list[int]] = defaultdict(list)
    for item, cents in enumerate(board.open):
        key = (board.side[item], cents)
        if key in wanted and board.carrier[item] == PLAIN:
            there[key].append(item)
    for line in lines:
        cents = abs(board.cents[line])
        near = [item for item in there[board.side_of(line), cents] if board.open[item] == cents and board.in_window(item, line)]
        if len({board.partner[item] for item in near}) == 1:
            board.settle(Settled(line, "lone_amount", [(near[0], cents)]))
