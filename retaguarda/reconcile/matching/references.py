"""Lines that name invoices: paid exactly, by a formula, with others of the payer, or in part."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain

import numpy as np
import polars as pl

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.columns import among, grouped, ordered, spread
from retaguarda.reconcile.matching.differences import DIVERGENT, Differences
from retaguarda.reconcile.matching.facts import AP, AR
from retaguarda.reconcile.matching.groups import covering
from retaguarda.reconcile.matching.model import LineClass

Silent = dict[tuple[int, int], list[int]]
"""The business days of payments without reference, by payer and amount."""
_MANY = 12
"""A cut name that fits more partners than this is nobody's payment."""


def index_numbers(board: Board) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of open items that lines name, in their order, and those items; document numbers of debits are references too."""
    said = set(_numbered(board.lines)["doc_number"].cast(pl.Int64)).union(*board.references.values())
    numbers = np.asarray(board.number)
    items = np.flatnonzero((np.asarray(board.open) > 0) & among(numbers, list(said)))
    numbers, items = ordered(numbers[items], items)
    board.by_number = grouped(numbers, items)
    return numbers, items


def _numbered(lines: pl.DataFrame) -> pl.DataFrame:
    """The debits whose document number may be an invoice's."""
    return lines.filter((pl.col("amount") < 0) & pl.col("doc_number").str.contains(r"^[0-9]{1,9}$"))


def claim(board: Board) -> None:
    """Mark the items that lines still to be decided name."""
    numbers = board.by_number
    board.claimed = {
        item
        for line, said in board.references.items()
        if not board.state[line]
        for number in said
        for item in numbers.get(number, ())
        if board.side[item] == board.side_of(line)
    }


def by_reference(board: Board, differences: Differences) -> None:
    """Lines that name invoices and pay exactly what is open of them: certain, whatever the day.

    Where a payment without reference of the same payer and amount came shortly before, the days decide: it may have paid the
    invoice, and this line pays it again.
    """
    line, item, single = _said(board, *index_numbers(board))
    silent = _silent(board)
    only = single & (np.bincount(line)[line] == 1) & (np.bincount(item)[item] == 1)
    _undisputed(board, silent, line[only], item[only])
    missing: Counter[int] = Counter()
    short: list[tuple[int, int]] = []
    for one, numbers in board.references.items():
        if board.state[one] or board.role[one]:
            continue
        items = named(board, one, numbers)
        total, paid = sum(board.open[item] for item in items), abs(board.cents[one])
        if items and total == paid and len(items) >= len(numbers):
            if not _said_before(board, one, board.partner[items[0]], silent):
                parts = [(item, board.open[item]) for item in items]
                board.settle(Settled(one, f"reference.{_known(board, one, items)}", parts, words=_words(board, items)))
                board.remember(one)
        elif len(items) == 1 and total - paid > 0:
            missing[total - paid] += 1
            short.append((paid, total))
    differences.learn_fees(missing)
    differences.learn_discounts(short)
    _by_document_number(board)


def _said(board: Board, known: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(line, item) for the items that lines name and may pay by side and date, and whether the line names one number only."""
    count = np.fromiter(map(len, board.references.values()), dtype=np.int64, count=len(board.references))
    line = np.repeat(np.fromiter(board.references, dtype=np.int64, count=len(count)), count)
    said = np.fromiter(chain.from_iterable(board.references.values()), dtype=np.int64, count=len(line))
    row, place = spread(known.searchsorted(said, "left"), known.searchsorted(said, "right"))
    line, item, single = line[row], items[place], np.repeat(count == 1, count)[row]
    side = np.where(np.asarray(board.cents)[line] > 0, AR, AP)
    may = (np.asarray(board.side)[item] == side) & (np.asarray(board.issued)[item] <= np.asarray(board.day)[line])
    return line[may], item[may], single[may]


def _undisputed(board: Board, silent: Silent, line: np.ndarray, item: np.ndarray) -> None:
    """Lines that name an item which no other line names, and pay exactly what is open of it: all at once."""
    exactly = np.asarray(board.open)[item] == np.abs(np.asarray(board.cents)[line])
    exactly &= board.is_open[line]
    found, grades = [], {}
    for one, named_item in zip(line[exactly].tolist(), item[exactly].tolist(), strict=True):
        partner = board.partner[named_item]
        if board.role[one] or _said_before(board, one, partner, silent):
            continue
        who = board.key[one], partner
        if who not in grades:
            grades[who] = f"reference.{_known(board, one, [named_item])}"
        found.append(Settled(one, grades[who], ((named_item, board.open[named_item]),), words=_words(board, [named_item])))
    board.settle_pairs(found)
    for settled in found:
        board.remember(settled.line)


def _said_before(board: Board, line: int, partner: int, silent: Silent) -> bool:
    """Whether a payment without reference of this payer and amount came shortly before."""
    window, day = board.rules.windows.repeated_payment, board.business[line]
    return any(0 <= day - before <= window for before in silent.get((partner, board.cents[line]), ()))


def _silent(board: Board) -> Silent:
    """The payments without reference whose amount one with a reference has."""
    days: Silent = defaultdict(list)
    cents = np.asarray(board.cents)
    for line in np.flatnonzero(board.is_open & among(cents, cents[list(board.references)])).tolist():
        if line not in board.references:
            payers = board.identity(line)[0]
            for payer in payers if len(payers) <= _MANY else ():
                days[payer, board.cents[line]].append(board.business[line])
    return days


def _by_document_number(board: Board) -> None:
    """Debits whose document number is the supplier's invoice, of the right amount and to the right name."""
    written = _numbered(board.lines.with_row_index("line").filter(board.is_open))
    for line, document in written.select("line", "doc_number").iter_rows():
        if board.role[line]:
            continue
        payers = board.identity(line)[0]
        items = [
            item
            for item in board.by_number.get(int(document), ())
            if board.side[item] == AP and board.open[item] == -board.cents[line] and board.partner[item] in payers
        ]
        if len(items) == 1:
            board.settle(Settled(line, "document", [(items[0], board.open[items[0]])], words=(document,)))


def named(board: Board, line: int, numbers: list[int]) -> list[int]:
    """The open items that a line names; of two with one number, the one of the payer or of the amount."""
    side = AR if board.cents[line] > 0 else AP
    payers = board.identity(line)[0]
    found: list[int] = []
    for number in numbers:
        there = [item for item in board.by_number.get(number, ()) if board.side[item] == side and _free(board, item)]
        there = [item for item in there if board.issued[item] <= board.day[line]]
        if len(there) > 1:
            there = [item for item in there if board.partner[item] in payers] or there
        if len(there) > 1:
            there = [item for item in there if board.open[item] == abs(board.cents[line])] or there
        found += there[:1]
    return [item for item in dict.fromkeys(found) if board.open[item]]


def _free(board: Board, item: int) -> bool:
    """Whether an item is open, or can be: its holder named nothing and has a twin to take."""
    return board.open[item] > 0 or board.release(item)


def repeats(board: Board, line: int) -> bool:
    """Whether a line names an invoice that the same payer paid with the same amount a few days before, and no more of it is open."""
    window, payers = board.rules.windows.repeated_payment, set(board.identity(line)[0])
    for number in board.references[line]:
        for item in board.by_number.get(number, ()):
            if board.open[item] >= abs(board.cents[line]):
                continue
            for found in board.takers.get(item, ()):
                near = 0 <= board.business[line] - board.business[found] <= window
                if near and board.cents[found] == board.cents[line] and payers.intersection(board.identity(found)[0]):
                    board.classify(line, LineClass.DUPLICATE_PAYMENT, f"NF {number} was paid already", found)
                    return True
    return False


def _known(board: Board, line: int, items: list[int]) -> str:
    """How well the payer agrees with the invoices: same, another of the group, unknown, or a third party."""
    payers, how = board.identity(line)
    if not payers:
        return "unknown"
    owners = {board.partner[item] for item in items}
    if owners & set(payers):
        return how if len(payers) == 1 else "shared"
    groups = {board.payers.group[owner] for owner in owners}
    return "group" if groups & {board.payers.group[payer] for payer in payers} else "stranger"


def _words(board: Board, items: list[int]) -> tuple[str, ...]:
    return tuple(f"NF {board.number[item]}" for item in items)


def with_difference(board: Board, differences: Differences, line: int) -> bool:
    """A line whose invoices are not exactly its amount: a formula, more invoices of the payer, or a part payment."""
    items = named(board, line, board.references[line])
    if not items:
        return False
    paid, total = abs(board.cents[line]), sum(board.open[item] for item in items)
    how, words = _known(board, line, items), _words(board, items)
    gross, late = sum(board.gross[item] for item in items), board.day[line] - board.due[items[0]]
    parts = [(item, board.open[item]) for item in items]
    sign = 1 if board.cents[line] > 0 else -1
    if paid == total:
        board.settle(Settled(line, f"reference.{how}", parts, words=words))
        board.remember(line)
        return True
    if explained := differences.explain(paid, total, gross, late):
        board.settle(Settled(line, f"reference.explained.{how}", parts, sign * (paid - total), *explained, words=words))
        board.remember(line)
        return True
    return paid > total and covering(board, line, items, words)


def names_open(board: Board, line: int) -> bool:
    """Whether an invoice that the line names is open: then the line is about that one and no other."""
    return any(board.open[item] for number in board.references[line] for item in board.by_number.get(number, ()))


def in_part(board: Board, line: int) -> bool:
    """The last resort for a line with one invoice: a part of it, or more than it with the rest to be cleared up."""
    items = named(board, line, board.references[line])
    if not items:
        return False
    left, parts = abs(board.cents[line]), []
    for item in items:
        part = min(left, board.open[item])
        if part:
            parts.append((item, part))
        left -= part
    if left and (board.earlier(line) is not None or repeats(board, line)):
        return False  # a payment made twice explains the amount, which no invoice does
    sign = 1 if board.cents[line] > 0 else -1
    grade = "reference.divergent" if left else "reference.part"
    grade = f"{grade}.{_known(board, line, items)}"
    board.settle(Settled(line, grade, parts, sign * left, DIVERGENT if left else "", words=_words(board, items)))
    return True


def silent_before(board: Board, line: int, silent: dict[int, list[int]]) -> bool:
    """Whether an undecided line without reference, of the same payer and amount, came shortly before: this one may say it again."""
    payers, window = set(board.identity(line)[0]), board.rules.windows.repeated_payment
    return any(
        other != line
        and not board.state[other]
        and 0 <= board.business[line] - board.business[other] <= window
        and payers.intersection(board.identity(other)[0])
        for other in silent.get(board.cents[line], ())
    )


def named_in_part(board: Board) -> None:
    """Lines that were left because one without reference said the same before: that one has found its invoice now, or never will."""
    for line in board.open_lines():
        if line in board.references and not board.role[line] and not repeats(board, line):
            in_part(board, line)
