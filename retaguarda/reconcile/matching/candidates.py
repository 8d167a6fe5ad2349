"""Which items lines may be about, for many lines at once: by partner and date, by exact amount, and by amount where a name fits a crowd."""

from __future__ import annotations

import numpy as np

from retaguarda.reconcile.matching.board import Board
from retaguarda.reconcile.matching.columns import ordered, spread
from retaguarda.reconcile.matching.facts import AP, KEY, PLAIN

_AT_ONCE = 20_000
"""Lines whose partners are written out together; bounds the memory."""


def near(board: Board, lines: np.ndarray, cheapest: float, dearest: float) -> tuple[np.ndarray, np.ndarray]:
    """(line, item) for plain items of the partners that each line may be from, due within its dates.

    Only those of which between `cheapest` and `dearest` times the line's amount was open in the beginning.
    """
    key, crowded = np.asarray(board.key)[lines], board.crowded(lines)
    found = [_of_few(board, lines[~crowded], cheapest, dearest)]
    found += [_of_crowd(board, lines[key == same], same, cheapest, dearest) for same in np.unique(key[crowded]).tolist()]
    line, item = (np.concatenate(column) for column in zip(*found, strict=True))
    apart = np.asarray(board.business)[line] - np.asarray(board.due_business)[item]
    due = (apart <= board.rules.windows.late) & (-apart <= board.rules.windows.early)
    return line[due], item[due]


def _prices(board: Board, lines: np.ndarray, cheapest: float, dearest: float) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest amount that is looked for."""
    paid = np.abs(np.asarray(board.cents)[lines])
    return np.ceil(paid * cheapest).astype(np.int64), np.floor(paid * dearest).astype(np.int64)


def _of_few(board: Board, lines: np.ndarray, cheapest: float, dearest: float) -> tuple[np.ndarray, np.ndarray]:
    """(line, item) by partner and by what was open of the items in the beginning."""
    line, payer = board.possible(lines)
    least, most = _prices(board, line, cheapest, dearest)
    keys, items = board.priced
    row, place = spread(keys.searchsorted(payer * KEY + least, "left"), keys.searchsorted(payer * KEY + most, "right"))
    return line[row], items[place]


def _of_crowd(board: Board, lines: np.ndarray, key: int, cheapest: float, dearest: float) -> tuple[np.ndarray, np.ndarray]:
    """(line, item) by what was open of the items of a crowd in the beginning."""
    payers = board.identities[key][0]
    if payers not in board.crowds:
        first, members = np.asarray(board.first), np.array(payers)
        items = spread(first[members], first[members + 1])[1]
        items = items[np.asarray(board.carrier)[items] == PLAIN]
        prices, items = ordered(np.asarray(board.whole)[items], items)
        board.crowds[payers] = prices, items.astype(np.int32)
    prices, items = board.crowds[payers]
    least, most = _prices(board, lines, cheapest, dearest)
    row, place = spread(prices.searchsorted(least, "left"), prices.searchsorted(most, "right"))
    return lines[row], items[place]


def _members(board: Board, key: int) -> np.ndarray:
    """Which partners are of a crowd, as a column."""
    flat, start = board.payers_of_key
    member = np.zeros(len(board.payers.names), dtype=bool)
    member[flat[start[key] : start[key + 1]]] = True
    return member


def of_exact_amount(board: Board, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(line, item) for all plain items of the partners that each line may be from of which exactly its amount is open."""
    known, items = board.by_exact_amount()
    crowded = board.crowded(lines)
    found, few = [_exactly_of_crowds(board, lines[crowded], items)], lines[~crowded]
    different, starts = np.unique(known, return_index=True)
    starts = np.append(starts, len(known))
    for part in range(0, len(few), _AT_ONCE):
        line, payer = board.possible(few[part : part + _AT_ONCE])
        cents = np.asarray(board.cents)[line]
        keys, line = ordered((payer * 4 + (cents < 0) * 2 + PLAIN) * KEY + np.abs(cents), line)  # found sooner in this order
        place = different.searchsorted(keys)
        there = np.flatnonzero(different[np.minimum(place, len(different) - 1)] == keys) if len(different) else np.zeros(0, dtype=np.int64)
        row, item = spread(starts[place[there]], starts[place[there] + 1])
        found.append((line[there[row]], items[item]))
    line, item = (np.concatenate(column) for column in zip(*found, strict=True))
    return line, item


def _exactly_of_crowds(board: Board, lines: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of lines whose name fits a crowd: first by the amount, then by the partner."""
    plain = items[np.asarray(board.carrier)[items] == PLAIN]
    signed = np.where(np.asarray(board.side)[plain] == AP, -1, 1) * np.asarray(board.open)[plain]
    known, there = ordered(signed, plain)
    paid, key = np.asarray(board.cents)[lines], np.asarray(board.key)[lines]
    row, place = spread(known.searchsorted(paid, "left"), known.searchsorted(paid, "right"))
    line, item = lines[row], there[place]
    fits = np.zeros(len(item), dtype=bool)
    for same in np.unique(key).tolist():
        ours = key[row] == same
        fits[ours] = _members(board, same)[np.asarray(board.partner)[item[ours]]]
    return line[fits], item[fits]
