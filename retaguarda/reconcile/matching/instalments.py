"""Several payments of one item: two to four lines of one payer, over weeks, that add up to what is open of it."""

from __future__ import annotations

from collections import defaultdict

from retaguarda.reconcile.matching.board import PLAIN, Board, Settled
from retaguarda.reconcile.matching.subsets import subsets

_MANY = 40
"""A cut name that fits more partners than this says too little."""


def instalments(board: Board) -> None:
    """Lines left over of one payer against items left open; equal parts, then the items that fewest sets fit, come first."""
    board.index()
    for most in (1, _MANY):
        left: dict[tuple[int, int], list[int]] = defaultdict(list)
        for line in board.open_lines():
            payers = board.identity(line)[0]
            if not board.role[line] and len(payers) <= most:
                for payer in payers:
                    left[payer, board.side_of(line)].append(line)
        for (payer, side), there in sorted(left.items()):
            _of_payer(board, payer, side, there)


def _of_payer(board: Board, payer: int, side: int, there: list[int]) -> None:
    lines = board.undecided(there)
    while len(lines) > 1 and _best(board, payer, side, lines):
        lines = board.undecided(lines)


def _best(board: Board, payer: int, side: int, lines: list[int]) -> bool:
    found = []
    for item in (*board.open_of(payer, side, PLAIN), *board.held.get(payer * 2 + side, ())):
        due = board.amount(item)
        if not due:
            continue
        parts = _parts(board, item, due, lines)
        limits = board.rules.instalments
        sets = subsets([abs(board.cents[line]) for line in parts], due, limits.most_parts, board.rules.subset.budget)
        for chosen in sets.solutions if board.open[item] or board.exchange(item) else ():
            paid = [parts[index] for index in chosen]
            found.append(
                (not _equal(board, paid), not board.open[item], len(sets.solutions), board.day[paid[-1]] - board.day[paid[0]], item, paid)
            )
    if not found:
        return False
    found.sort(key=lambda one: one[:5])
    uneven, held_back, _, _, item, paid = found[0]
    rivals = len({tuple(other) for *_, other in found if set(other) & set(paid)}) - 1
    if held_back and not board.release(item):
        return False
    grade = "instalment.uneven" if uneven else "instalment.equal"
    if any(len(board.identity(line)[0]) > 1 for line in paid):
        grade += ".shared"
    for line in paid:
        board.settle(Settled(line, grade, [(item, abs(board.cents[line]))], alternatives=rivals))
    return True


def _parts(board: Board, item: int, due: int, lines: list[int]) -> list[int]:
    limits = board.rules.instalments
    first = board.due_business[item] - board.rules.windows.early
    found = [
        line
        for line in lines
        if abs(board.cents[line]) < due
        and board.issued[item] <= board.day[line] <= board.due[item] + limits.days
        and board.business[line] >= first
    ]
    return sorted(found, key=lambda line: (abs(board.day[line] - board.due[item]), line))[: limits.nearest]


def _equal(board: Board, lines: list[int]) -> bool:
    amounts = [abs(board.cents[line]) for line in lines]
    return max(amounts) - min(amounts) <= len(amounts)
