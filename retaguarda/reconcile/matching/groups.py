"""One line, several items: of the payer, of the payer's group, or receivables less payables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.facts import AP, AR
from retaguarda.reconcile.matching.subsets import Found, few_of_many, subsets

_MANY = 24
_FEW = 8
_COLUMNS = 150
"""Of a payer with more items than this all are looked at as columns."""
_TIGHT = 20
"""Invoices whose numbers lie so close together were issued together; another set that is spread wider is no rival of theirs."""


def of_payer(board: Board, lines: Iterable[int]) -> None:
    """Lines that the sum of several items of their payer explains; then of their payer's group."""
    for line in lines:
        payers, how = board.identity(line)
        if not payers or len(payers) > 60:
            continue
        found = []
        if len(payers) <= _MANY:
            found = [one for payer in payers if (one := _search(board, line, [payer], f"subset.{how}"))]
            found.sort(key=lambda one: (one.alternatives, len(one.parts)))
        if not found:
            found = [
                one for group in sorted({board.payers.group[payer] for payer in payers}) if (one := _of_group(board, line, group, how))
            ][:2]
        if found:
            best = found[0]
            best.alternatives += len(found) - 1
            if len(payers) > 1:
                best.grade += ".shared"
            board.settle(best)


def _of_group(board: Board, line: int, group: int, how: str) -> Settled | None:
    members = board.payers.members[group]
    return _search(board, line, members, f"subset.group.{how}") if len(members) > 1 else None


def _search(board: Board, line: int, payers: Sequence[int], grade: str) -> Settled | None:
    limits, paid, side = board.rules.subset, abs(board.cents[line]), board.side_of(line)
    cents = board.open
    first = board.first
    if sum([first[payer + 1] - first[payer] for payer in payers]) > _COLUMNS:
        there = board.fitting(line, payers)
        near: list[int] = there[(np.asarray(cents)[there] < paid) & ~board.is_claimed[there]].tolist()
    else:
        near = [item for payer in payers for item in board.payable(line, payer, side) if cents[item] < paid]
    if len(near) < 2 or sum([cents[item] for item in near]) < paid:
        return None
    if len(near) > limits.nearest:
        near = _nearest(board, line, near, limits.widest)
        near = [*_nearest(board, line, near, limits.nearest), *near] if len(near) > limits.nearest else near
        near = list(dict.fromkeys(near))
    amounts = [cents[item] for item in near]
    found = subsets(amounts[: limits.nearest], paid, limits.most_items, limits.budget)
    if len(near) > limits.nearest and not any(_spread(board, line, [near[i] for i in chosen])[0] <= _TIGHT for chosen in found.solutions):
        more = few_of_many(amounts, paid)
        found = Found(tuple(dict.fromkeys((*found.solutions, *more.solutions))), found.sums + more.sums, found.cut or more.cut)
    if found.cut:
        board.cut.add(line)
    return _chosen(board, line, near, found, grade)


def _nearest(board: Board, line: int, items: list[int], most: int) -> list[int]:
    """The items that a payment of this day is most likely about: due not long before or after."""
    if len(items) <= most:
        return items
    there = np.asarray(items)
    apart = np.abs(board.business[line] - np.asarray(board.due_business)[there])
    nearest: list[int] = there[np.lexsort((there, apart))[:most]].tolist()
    return nearest


def _chosen(board: Board, line: int, near: list[int], found: Found, grade: str, fixed: Sequence[int] = ()) -> Settled | None:
    """The best of the sets that add up: invoices with neighbouring numbers, then the nearest due dates; equal sets are one."""
    if not found.solutions:
        return None
    ranked = sorted((_spread(board, line, [*fixed, *(near[index] for index in chosen)]), chosen) for chosen in found.solutions)
    best = [near[index] for index in ranked[0][1]]
    tight = max(ranked[0][0][0], 0) * 3 + _TIGHT
    rivals = [chosen for (spread, _), chosen in ranked if spread <= tight]
    different = {_alike(board, [near[index] for index in chosen]) for chosen in rivals}
    expected = "" if len(near) <= 12 else ".wide"
    parts = [(item, board.open[item]) for item in (*fixed, *best)]
    return Settled(line, grade + expected, parts, alternatives=len(different) - 1)


def _spread(board: Board, line: int, items: list[int]) -> tuple[int, int]:
    numbers = [board.number[item] for item in items]
    return max(numbers) - min(numbers) - len(numbers), sum(abs(board.day[line] - board.due[item]) for item in items)


def _alike(board: Board, items: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((board.partner[item], board.open[item]) for item in items))


def covering(board: Board, line: int, items: list[int], words: tuple[str, ...]) -> bool:
    """A line that names some of the invoices it pays: the others of the same payer that make up the rest."""
    owner = board.partner[items[0]]
    rest = abs(board.cents[line]) - sum(board.open[item] for item in items)
    side, limits = board.side[items[0]], board.rules.subset
    for payers, grade in (([owner], "reference.subset"), (board.payers.members[board.payers.group[owner]], "reference.subset.group")):
        near = [
            item
            for payer in payers
            for item in board.open_of(payer, side)
            if item not in items and board.open[item] <= rest and board.in_window(item, line)
        ]
        near = _nearest(board, line, near, limits.nearest)
        ones = tuple((index,) for index, item in enumerate(near) if board.open[item] == rest)
        more = subsets([board.open[item] for item in near], rest, limits.most_items - len(items), limits.budget)
        chosen = _chosen(board, line, near, Found((*ones, *more.solutions), more.sums), grade, items)
        if chosen:
            chosen.words = words
            board.settle(chosen)
            return True
    return False


def netted(board: Board, lines: Iterable[int]) -> None:
    """Receivables less payables of one partner that leave exactly the amount of the line."""
    limits, window = board.rules.subset, board.rules.windows.netting
    for line in lines:
        payers, how = board.identity(line)
        for payer in sorted(board.two_sided.intersection(payers)) if len(payers) <= _FEW else ():
            sides = [
                _nearest(board, line, [i for i in board.open_of(payer, side) if _around(board, line, i, window)], limits.nearest // 2)
                for side in (AR, AP)
            ]
            if not all(sides):
                continue
            both = [*sides[0], *sides[1]]
            signed = [board.open[item] if board.side[item] == AR else -board.open[item] for item in both]
            found = subsets(signed, board.cents[line], limits.most_items, limits.budget)
            mixed = tuple(chosen for chosen in found.solutions if len({board.side[both[index]] for index in chosen}) == 2)
            if mixed:
                grade = f"netting.{how}" if len(payers) == 1 else f"netting.{how}.shared"
                fewest = min(len(chosen) for chosen in mixed)
                best = _chosen(board, line, both, Found(tuple(one for one in mixed if len(one) == fewest), found.sums), grade)
                if best:
                    best.alternatives = len(mixed) - 1
                    board.settle(best)
                    break


def _around(board: Board, line: int, item: int, window: int) -> bool:
    return abs(board.business[line] - board.due_business[item]) <= window and board.issued[item] <= board.day[line]
