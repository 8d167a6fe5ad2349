"""One line, one item of the payer: the exact amount first, then a formula; what competes is assigned as a whole."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from retaguarda.reconcile.matching.assignment import assigned
from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.candidates import near, of_exact_amount
from retaguarda.reconcile.matching.columns import grouped, ordered
from retaguarda.reconcile.matching.differences import FEE, INTEREST, ROUNDING, WITHHOLDING, Differences, Explained
from retaguarda.reconcile.matching.facts import BOLETO, KEY, PLAIN

_COST = {ROUNDING: 1, FEE: 2, INTEREST: 2, WITHHOLDING: 3, "discount": 3}
_AT_ONCE = 2000
"""Lines whose items are looked at together; bounds the memory."""
_MANY = 24


def lone(board: Board, lines: list[int]) -> dict[int, list[int]]:
    """Settle lines and items of one amount that have only each other, whatever the day: nothing can come between them.

    Of the others the items are returned that lines of doubtful payers may pay exactly.
    """
    line, item = of_exact_amount(board, np.array(lines, dtype=np.int64))
    fits = np.asarray(board.business)[line] - np.asarray(board.due_business)[item] <= board.rules.windows.late
    fits &= np.asarray(board.due_business)[item] - np.asarray(board.business)[line] <= board.rules.windows.early
    fits &= np.asarray(board.issued)[item] <= np.asarray(board.day)[line]
    line, item = line[fits], item[fits]
    _settle_lone(board, *_silent(board, line, item))
    several = np.diff(board.payers_of_key[1])[np.asarray(board.key)[line]] > 1
    several &= board.is_open[line]
    return grouped(*ordered(line[several], item[several]))


def _silent(board: Board, line: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those pairs whose line names no invoice."""
    silent = ~board.names_invoices[line]
    return line[silent], item[silent]


def _settle_lone(board: Board, line: np.ndarray, item: np.ndarray) -> None:
    only = (np.bincount(line)[line] == 1) & (np.bincount(item)[item] == 1) & ~board.is_claimed[item]
    alone, key, opened = line[only].tolist(), board.key, board.open
    grades = {said: f"exact.{_shared(board, one)}" for said, one in {key[one]: one for one in alone}.items()}
    pairs = zip(alone, item[only].tolist(), strict=True)
    board.settle_pairs([Settled(one, grades[key[one]], ((named, opened[named]),)) for one, named in pairs])
    cents = board.cents
    asked = {cents[one] for one in board.open_lines()}
    for one in alone:
        if cents[one] in asked:
            board.remember(one)


def _shared(board: Board, line: int) -> str:
    """How the payer is known, and whether several share what is known."""
    payers, how = board.identity(line)
    if len(payers) == 1:
        return how
    return f"{how}.{'kin' if len(board.group_set(line)) == 1 else 'shared'}"


def exact(board: Board, lines: Iterable[int], likely: Mapping[int, Sequence[int]]) -> None:
    """Lines whose payer has an item of exactly this amount; among equal ones the oldest due date is paid first.

    `likely` are the items of this amount, as `lone` found them, of lines whose payer is doubtful.
    """
    doubtful, identities, key = [], board.identities, board.key
    for line in lines:
        payers, how = identities[key[line]]
        if len(payers) != 1:
            if payers:
                doubtful.append(line)
            continue
        if item := _oldest(board, line, payers[0], PLAIN):
            take(board, Settled(line, f"exact.{how}", [item]))
    for line in doubtful:
        _shared_name(board, line, likely.get(line, ()))


def take(board: Board, found: Settled) -> None:
    """Settle one item exactly and remember it when it has open twins."""
    item, cents = found.parts[0]
    board.settle(found)
    board.remember(found.line)
    if board.has_twins(item, cents):
        board.hold(item, found)


def _oldest(board: Board, line: int, partner: int, carrier: int) -> tuple[int, int] | None:
    cents, last = abs(board.cents[line]), None
    for item in board.exactly(partner, board.side_of(line), cents, carrier):
        if board.in_window(item, line):
            if item not in board.claimed:
                return item, cents
            last = last or (item, cents)
    return last


def _shared_name(board: Board, line: int, likely: Sequence[int]) -> None:
    """A cut name that several partners share: the one that has an item of this amount, if only one has."""
    partner = board.partner
    payers = {partner[item] for item in likely}
    if rests := board.rests.get(board.side_of(line) * KEY + abs(board.cents[line])):
        payers.update({partner[item] for item in rests} & board.payer_set(line))
    found = [part for payer in payers if (part := _oldest(board, line, payer, PLAIN))]
    if not found:
        return
    found.sort(key=lambda part: (abs(board.business[line] - board.due_business[part[0]]), part[0]))
    rivals = len(found) - 1
    take(board, Settled(line, f"exact.{_shared(board, line)}", [found[0]], alternatives=rivals))


def in_group(board: Board, lines: Iterable[int]) -> None:
    """The exact amount at another company of the payer's group, then at a boleto that was paid otherwise."""
    for line in lines:
        payers, how = board.identity(line)
        if len(payers) > _MANY:
            continue
        kin = sorted({member for payer in payers for member in board.payers.members[board.payers.group[payer]]} - set(payers))
        found = [part for payer in kin if (part := _oldest(board, line, payer, PLAIN))]
        if found:
            board.settle(Settled(line, f"exact.group.{how}", [found[0]], alternatives=len(found) - 1))
            continue
        alone = len(payers) == 1 and board.earlier(line) is None
        boletos = [part for payer in payers if (part := _oldest(board, line, payer, BOLETO))] if alone else []
        if boletos:
            board.settle(Settled(line, f"exact.boleto.{how}", [boletos[0]]))


def explained(board: Board, differences: Differences, lines: Iterable[int]) -> None:
    """Lines that a formula ties to an item of the payer; blocks of rivals are assigned at the least total cost."""
    pairs = _formulas(board, differences, list(lines))
    for block in _blocks(pairs):
        for line, item, why, rivals in _assigned(board, block, pairs):
            payers, how = board.identity(line)
            if not board.open[item] and not board.release(item):
                continue
            sign, due = (1 if board.cents[line] > 0 else -1), board.open[item]
            known = how if len(payers) == 1 else f"{how}.shared"
            grade = f"explained.crowd.{why[0]}.{how}" if board.is_crowd(payers) else f"explained.{why[0]}.{known}"
            difference = board.cents[line] - sign * due
            board.settle(Settled(line, grade, [(item, due)], difference, *why, alternatives=rivals))
            board.remember(line)


def _formulas(board: Board, differences: Differences, lines: list[int]) -> dict[int, list[tuple[int, int, Explained]]]:
    """(cost, item, formula) of every item that explains a line, best first; one with a holder only when a twin can take its place."""
    found: dict[int, list[tuple[int, int, Explained]]] = defaultdict(list)
    for line, item in sorted((*_promising(board, differences, lines), *_rests(board, lines))):
        due, late = board.amount(item), board.day[line] - board.due[item]
        why = differences.explain(abs(board.cents[line]), due, board.gross[item], late)
        if why and (board.open[item] or board.exchange(item)):
            found[line].append((_COST.get(why[0], 4), item, why))
    for line, ways in found.items():
        day = board.day[line]
        ways.sort(key=lambda way: (way[0], not board.open[way[1]], way[1] in board.claimed, abs(day - board.due[way[1]]), way[1]))
    return found


def _promising(board: Board, differences: Differences, lines: list[int]) -> Iterator[tuple[int, int]]:
    """The pairs of line and item that some formula fits, of items of which all is open, or was before their holder."""
    for part in range(0, len(lines), _AT_ONCE):
        line, item = near(board, np.array(lines[part : part + _AT_ONCE], dtype=np.int64), 9 / 11, 4 / 3)
        whole, opened = np.asarray(board.whole)[item], np.asarray(board.open)[item]
        key, start = np.asarray(board.key)[line], board.payers_of_key[1]
        held = (np.asarray(board.held_cents)[item] == whole) & (start[key + 1] - start[key] <= _MANY)
        fits = (opened == whole) | held
        line, item = _tied(board, differences, line[fits], item[fits])
        yield from zip(line.tolist(), item.tolist(), strict=True)


def _tied(board: Board, differences: Differences, line: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those pairs that some formula fits, by all formulas at once over whole columns."""
    signed, day, due = np.asarray(board.cents)[line], np.asarray(board.day)[line], np.asarray(board.whole)[item]
    paid = np.abs(signed)
    fits = (due > paid * 9 // 11) & (due < paid * 4 // 3)
    fits &= (np.asarray(board.side)[item] == (signed < 0)) & (np.asarray(board.issued)[item] <= day)
    line, item, paid, due, day = (column[fits] for column in (line, item, paid, due, day))
    fits = differences.may_explain(paid, due, np.asarray(board.gross)[item], day - np.asarray(board.due)[item])
    return line[fits], item[fits]


def _rests(board: Board, lines: list[int]) -> Iterator[tuple[int, int]]:
    """The pairs of line and item of its payers that is settled in part, whose rest the line may pay with some difference."""
    parts, identities, key, opened, held = board.in_part, board.identities, board.key, board.open, board.held_cents
    for line in lines:
        payers = identities[key[line]][0]
        few = len(payers) <= _MANY
        if there := [payer for payer in payers if payer in parts] if few else board.payer_set(line).intersection(parts):
            paid, side = abs(board.cents[line]), board.side_of(line)
            for item in itertools.chain.from_iterable(parts[payer] for payer in there):
                due = opened[item] or (held[item] if few else 0)
                if paid * 9 // 11 < due < paid * 4 // 3 and board.side[item] == side and board.in_window(item, line):
                    yield line, item


def _blocks(pairs: dict[int, list[tuple[int, int, Explained]]]) -> list[list[int]]:
    """Lines that want the same item, directly or through others."""
    wanted: dict[int, list[int]] = defaultdict(list)
    for line, found in pairs.items():
        for _, item, _ in found:
            wanted[item].append(line)
    seen: set[int] = set()
    blocks = []
    for line in pairs:
        if line in seen:
            continue
        block, todo = [], [line]
        seen.add(line)
        while todo:
            one = todo.pop()
            block.append(one)
            for _, item, _ in pairs[one]:
                fresh = [other for other in wanted[item] if other not in seen]
                seen.update(fresh)
                todo += fresh
        blocks.append(sorted(block))
    return blocks


def _assigned(board: Board, block: list[int], pairs: dict[int, list[tuple[int, int, Explained]]]) -> list[tuple[int, int, Explained, int]]:
    if len(block) == 1:
        line = block[0]
        _, item, why = pairs[line][0]
        return [(line, item, why, _rivals(board, pairs[line]))]
    items = sorted({item for line in block for _, item, _ in pairs[line]})
    column = {item: position for position, item in enumerate(items)}
    cost = [[1000.0] * len(items) for _ in block]
    for row, line in enumerate(block):
        for rank, (price, item, _) in enumerate(pairs[line]):
            cost[row][column[item]] = price + rank / 100
    found = []
    for row, position in assigned(cost):
        line, item = block[row], items[position]
        reasons = [why for _, other, why in pairs[line] if other == item]
        if reasons:
            found.append((line, item, reasons[0], _rivals(board, pairs[line])))
    return found


def _rivals(board: Board, found: list[tuple[int, int, Explained]]) -> int:
    """Items of another amount that a formula explains as well; equal items of one partner are no rivals."""
    return len({(board.partner[item], board.amount(item)) for _, item, _ in found}) - 1
