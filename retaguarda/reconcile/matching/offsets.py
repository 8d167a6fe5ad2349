"""Payments that came back and payments made twice: lines that belong to each other and settle nothing."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from retaguarda.reconcile.matching.board import Board
from retaguarda.reconcile.matching.columns import among
from retaguarda.reconcile.matching.model import LineClass


def reversals(board: Board) -> None:
    """A returned payment and the payment it returns: same account, amount and name, a few business days apart."""
    accounts = board.account
    back = [line for line, role in enumerate(board.role) if role == "reversal" and not board.state[line]]
    cents = np.asarray(board.cents)
    there: dict[tuple[str, int], list[int]] = defaultdict(list)
    for line in np.flatnonzero(among(cents, -cents[back]) & board.is_open).tolist():
        if not board.role[line]:
            there[accounts[line], board.cents[line]].append(line)
    for line in back:
        near = [
            (abs(apart), other)
            for other in there[accounts[line], -board.cents[line]]
            if not board.state[other]
            and 0 <= (apart := board.business[line] - board.business[other]) <= board.rules.windows.reversal
            and _same_payer(board, line, other)
        ]
        board.classify(line, LineClass.REVERSAL, "returned", -1)
        if near:
            original = min(near)[1]
            board.classify(original, LineClass.REVERSED, "returned later", line)
            board.counterpart[line] = original


def _same_payer(board: Board, one: int, other: int) -> bool:
    a, b = board.identity(one)[0], board.identity(other)[0]
    return bool(set(a) & set(b)) if a and b else not a and not b


def repeated_payments(board: Board) -> None:
    """A payment that nothing explains and that repeats one of the same payer and amount that paid exactly a few days before."""
    for line in board.open_lines():
        if not board.role[line] and (before := board.earlier(line)) is not None:
            board.classify(line, LineClass.DUPLICATE_PAYMENT, "same payer and amount", before)
