"""Invoices issued together and paid together: neighbouring numbers of one payer, or of its group, that add up to the line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retaguarda.reconcile.matching.board import Board, Settled

_GAP = 2
"""Numbers further apart than this were not issued one after the other."""


def of_neighbours(board: Board, lines: Iterable[int]) -> None:
    """Lines that a run of invoices with neighbouring numbers explains; needs no search, however many invoices are open."""
    for line in lines:
        payers, how = board.identity(line)
        found = _of_each(board, line, payers, how) if payers else []
        if not found and payers:
            groups = dict.fromkeys(board.payers.group[payer] for payer in payers)
            families = [board.payers.members[group] for group in groups]
            found = [one for family in families if len(family) > 1 and (one := _run(board, line, family, f"run.group.{how}"))]
        if found:
            best = found[0]
            best.alternatives = len(found) - 1
            wanted = {item for item, _ in best.parts}
            if all(board.open[item] or board.release(item, wanted) for item in sorted(wanted)):
                board.settle(best)


def _of_each(board: Board, line: int, payers: Sequence[int], how: str) -> list[Settled]:
    grade = f"run.{how}" if len(payers) == 1 else f"run.{how}.shared"
    return [one for payer in payers if (one := _run(board, line, (payer,), grade))]


def _run(board: Board, line: int, payers: Sequence[int], grade: str) -> Settled | None:
    """The shortest run of two or more invoices, each close to the one before, whose sum is the line."""
    paid, side, most = abs(board.cents[line]), board.side_of(line), board.rules.subset.most_items
    items = [item for payer in payers for item in board.payable(line, payer, side)]
    items += [item for payer in payers for item in board.held.get(payer * 2 + side, ()) if board.is_held(item) and board.in_window(item, line)]
    if len(items) < 2:
        return None
    numbers, amount = board.number, board.amount
    items = sorted(set(items), key=lambda item: (numbers[item], item))
    for first in range(len(items) - 1):
        total, last = amount(items[first]), numbers[items[first]]
        for position in range(first + 1, min(first + most, len(items))):
            item = items[position]
            if total >= paid or not 0 < numbers[item] - last <= _GAP:
                break
            total, last = total + amount(item), numbers[item]
            if total == paid:
                chosen = items[first : position + 1]
                if all(board.open[one] or board.exchange(one, chosen) for one in chosen):
                    return Settled(line, grade, [(one, amount(one)) for one in chosen])
    return None
