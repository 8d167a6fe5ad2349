"""Open items by amount: the few of a near amount among the many of all partners that a cut name may mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retaguarda.reconcile.matching.board import PLAIN, Board


class NearAmounts:
    """The items of one side that are open when it is made, in the order of their amount."""

    def __init__(self, board: Board, side: int) -> None:
        self.board = board
        amounts = np.array(board.open, dtype=np.int64)
        open_ones = (amounts > 0) & (np.asarray(board.side) == side) & (np.asarray(board.carrier) == PLAIN)
        items = np.flatnonzero(open_ones)
        order = np.argsort(amounts[items], kind="stable")
        self._items = items[order]
        self._amounts = amounts[self._items]
        self._partners = np.asarray(board.partner)[self._items]
        self._wanted = np.zeros(len(board.payers.names), dtype=bool)

    def between(self, payers: Sequence[int], least: int, most: int) -> list[int]:
        """The items of these partners whose amount lies between, both left out, and is still open."""
        first, last = self._amounts.searchsorted((least + 1, most), "left").tolist()
        chosen = list(payers)
        self._wanted[chosen] = True
        found = self._items[first:last][self._wanted[self._partners[first:last]]].tolist()
        self._wanted[chosen] = False
        return [item for item in found if least < self.board.open[item] < most]
