"""Open items by amount: the few of a near amount among the many of all partners that a cut name may mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retaguarda.reconcile.matching.board import PLAIN, Board


class NearAmounts:
    """The items that are visible and open when it is made, in the order of their amount."""

    def __init__(self, board: Board, side: int) -> None:
        self.board = board
        self._owners = len(board.payers.names)
        cents = board.open
        there = [item for item in board.seen(side, PLAIN) if cents[item]]
        items = np.array(there, dtype=np.int64)
        amounts = np.array([cents[item] for item in there], dtype=np.int64)
        order = np.lexsort((items, amounts))
        self._items, self._amounts = items[order], amounts[order]
        self._partners = np.array([board.partner[item] for item in there], dtype=np.int64)[order]

    def between(self, payers: Sequence[int], least: int, most: int) -> list[int]:
        """The items of these partners whose amount lies between, both left out."""
        first, last = self._amounts.searchsorted((least + 1, most), "left")
        wanted = np.zeros(self._owners, dtype=bool)
        wanted[list(payers)] = True
        part = slice(int(first), int(last))
        return [item for item in self._items[part][wanted[self._partners[part]]].tolist() if self.board.open[item]]
