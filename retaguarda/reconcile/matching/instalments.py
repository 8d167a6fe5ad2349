"""Several payments of one item: two to four lines of one payer, over weeks, that add up to what is open of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.facts import PLAIN
from retaguarda.reconcile.matching.references import names_open
from retaguarda.reconcile.matching.subsets import subsets

_MANY = 40
"""A cut name that fits more partners than this says too little."""


@dataclass(frozen=True, slots=True)
class _Ways:
    """The nearest lines that could pay an item in parts, and the sets of them that do."""

    lines: list[int]
    sets: list[list[int]]


def instalments(board: Board) -> None:
    """Lines left over of one payer against items left open; equal parts, then the items that fewest sets fit, come first."""
    board.index()
    for most in (1, _MANY):
        left: dict[tuple[int, int], list[int]] = defaultdict(list)
        for line in board.open_lines():
            payers = board.identity(line)[0]
            if not board.role[line] and len(payers) <= most and not (line in board.references and names_open(board, line)):
                for payer in payers:
                    left[payer, board.side_of(line)].append(line)
        for (payer, side), there in sorted(left.items()):
            _of_payer(board, payer, side, there)


def _of_payer(board: Board, payer: int, side: int, there: list[int]) -> None:
    """The best set first, until none is left; an item is looked at again only when lines that it could have are gone."""
    lines = board.undecided(there)
    known: dict[int, _Ways] = {}
    while len(lines) > 1:
        days, most = [board.day[line] for line in lines], sum(abs(board.cents[line]) for line in lines)
        for item in (*board.open_of(payer, side, PLAIN), *board.held.get(payer * 2 + side, ())):
            if item not in known and 0 < board.amount(item) <= most:
                known[item] = _ways(board, item, lines, days)
        chosen = _best(board, known)
        if chosen is None:
            return
        done = set(chosen)
        lines = [line for line in lines if line not in done]
        known = {item: ways for item, ways in known.items() if board.open[item] and done.isdisjoint(ways.lines)}


def _best(board: Board, known: dict[int, _Ways]) -> list[int] | None:
    """Settle the best of all sets; the lines of it, or None when there is none."""
    found = [
        (not _equal(board, paid), not board.open[item], len(ways.sets), board.day[paid[-1]] - board.day[paid[0]], item, paid)
        for item, ways in known.items()
        for paid in ways.sets
        if board.open[item] or board.exchange(item)
    ]
    if not found:
        return None
    uneven, held_back, _, _, item, paid = min(found, key=lambda one: one[:5])
    rivals = len({tuple(other) for *_, other in found if not set(paid).isdisjoint(other)}) - 1
    if held_back and not board.release(item):
        return None
    grade = "instalment.uneven" if uneven else "instalment.equal"
    if any(len(board.identity(line)[0]) > 1 for line in paid):
        grade += ".shared"
    for line in paid:
        board.settle(Settled(line, grade, [(item, abs(board.cents[line]))], alternatives=rivals))
    return paid


def _ways(board: Board, item: int, lines: list[int], days: list[int]) -> _Ways:
    found = _nearest(board, item, lines, days)
    limits, budget = board.rules.instalments, board.rules.subset.budget
    amounts, due = [abs(board.cents[line]) for line in found], board.amount(item)
    if sum(amounts) < due:
        return _Ways(found, [])
    sets = subsets(amounts, due, limits.most_parts, budget)
    return _Ways(found, [[found[index] for index in chosen] for chosen in sets.solutions])


def _nearest(board: Board, item: int, lines: list[int], days: list[int]) -> list[int]:
    """The smaller lines nearest to an item's due date; of many lines only those around it are looked at."""
    due, day, limits = board.amount(item), board.due[item], board.rules.instalments
    earliest = board.due_business[item] - board.rules.windows.early
    begin, end = bisect_left(days, board.issued[item]), bisect_right(days, day + limits.days)
    at, width = bisect_left(days, day), 4 * limits.nearest
    while True:
        first, last = max(begin, at - width), min(end, at + width)
        near = [
            (abs(board.day[line] - day), line)
            for line in lines[first:last]
            if abs(board.cents[line]) < due and board.business[line] >= earliest
        ]
        near = sorted(near)[: limits.nearest]
        beyond = [*([day - days[first]] if first > begin else []), *([days[last - 1] - day] if last < end else [])]
        if not beyond or (len(near) == limits.nearest and near[-1][0] < min(beyond)):
            return [line for _, line in near]
        width *= 4


def _equal(board: Board, lines: list[int]) -> bool:
    amounts = [abs(board.cents[line]) for line in lines]
    return max(amounts) - min(amounts) <= len(amounts)
