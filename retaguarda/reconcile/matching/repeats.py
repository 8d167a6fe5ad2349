"""Payments that may have been made twice, among those that settle something."""

from __future__ import annotations

import numpy as np

from retaguarda.reconcile.matching.board import Board
from retaguarda.reconcile.matching.columns import ordered
from retaguarda.reconcile.matching.facts import KEY

_FEW = 4
"""A cut name that fits more partners than this says nothing of who paid before."""


def repeated(board: Board, line: np.ndarray, item: np.ndarray, elsewhere: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which decisions may be payments made twice, and the line that each rather repeats, or -1.

    Those are credits of one customer and amount a few business days apart. A payment rather repeats one of an earlier day in the same
    account, when it is alone on its own. Of two payments that each name an invoice of their own neither repeats the other.
    """
    cents, day, business = (np.asarray(column) for column in (board.cents, board.day, board.business))
    again, before = np.zeros(len(line), dtype=bool), np.full(len(line), -1)
    asked = np.flatnonzero((cents[line] > 0) & (item >= 0) & ~np.fromiter(map(bool, board.role), dtype=bool, count=len(board.role))[line])
    asked = asked[np.argsort(line[asked])]
    customer, asked = ordered(np.asarray(board.partner)[item[asked]] * KEY + cents[line[asked]], asked)
    several = (np.diff(customer, prepend=-1) == 0) | (np.diff(customer, append=-1) == 0)
    customer, asked = customer[several], asked[several]
    if not asked.size:
        return again, before
    names, payers = board.names_invoices, np.diff(board.payers_of_key[1])[np.asarray(board.key)]
    known = (payers > 0) & (payers <= _FEW)

    def repeats(later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
        told_apart = names[line[later]] & ~elsewhere[later] & names[line[earlier]] & (item[later] != item[earlier])
        near = business[line[later]] - business[line[earlier]] <= board.rules.windows.repeated_payment
        repeating: np.ndarray = near & ~told_apart & known[line[later]] & known[line[earlier]]
        return repeating

    follows = np.diff(customer, prepend=-1) == 0
    later, earlier = asked[follows], asked[np.flatnonzero(follows) - 1]
    again[later] = repeats(later, earlier)

    account = board.lines["account_id"][line[asked].tolist()].rank("dense").to_numpy()
    order = np.lexsort((line[asked], account, customer))
    asked, same = asked[order], (np.diff(customer[order], prepend=-1) == 0) & (np.diff(account[order], prepend=0) == 0)
    start = np.flatnonzero(~same | (np.diff(day[line[asked]], prepend=-1) != 0))
    start = start[same[start] & (np.diff(start, append=len(asked)) == 1)]
    later, earlier = asked[start], asked[start - 1]
    found = repeats(later, earlier)
    before[later[found]] = line[earlier[found]]
    return again, before
