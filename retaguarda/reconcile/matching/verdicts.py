"""How sure a match is, and whether it may be booked without a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from retaguarda.reconcile.matching.board import KEY, MATCHED, Board, Settled
from retaguarda.reconcile.matching.columns import ordered
from retaguarda.reconcile.matching.model import Verdict

AGAIN = "again"
"""The grade of what may be a payment made twice: same payer and amount as one of the days before."""
ELSEWHERE = "elsewhere"
"""The grade of a payment that names an invoice and settles another one."""
DOUBTS = {AGAIN: "the same payer paid the same amount a few days before", ELSEWHERE: "it names an invoice that is none of these"}
"""Why such a match waits for a person, by the first word of its grade."""
UNKNOWN = 0.5
_FEW = 4
"""A cut name that fits more partners than this says nothing of who paid before."""


@dataclass(frozen=True, slots=True)
class Judged:
    """(grade, confidence, verdict) of every decision, in their order: the few different ones, and which of them each has."""

    kinds: list[tuple[str, float, Verdict]]
    code: np.ndarray

    def __iter__(self) -> Iterator[tuple[str, float, Verdict]]:
        return map(self.kinds.__getitem__, self.code.tolist())


def repeated(board: Board) -> np.ndarray:
    """Which lines are matched credits whose payer paid the same amount a few days before: perhaps twins, perhaps a payment made twice."""
    start = board.payers_of_key[1]
    key, cents, business = (np.asarray(column) for column in (board.key, board.cents, board.business))
    asked = (np.frombuffer(board.state, dtype=np.uint8) == MATCHED) & (cents > 0) & (np.diff(start)[key] <= _FEW)
    asked &= ~np.fromiter(map(bool, board.role), dtype=bool, count=len(board.role))
    line, payer = board.possible(np.flatnonzero(asked))
    keys, line = ordered(payer * KEY + cents[line], line)
    again = (np.diff(keys) == 0) & (np.diff(business[line]) <= board.rules.windows.repeated_payment)
    found = np.zeros(len(cents), dtype=bool)
    found[line[1:][again]] = True
    return found


def confidence(measured: Mapping[str, float], grade: str) -> float:
    """The measured share of right matches of this grade, or of the nearest wider one: `exact.name.shared`, `exact.name`, `exact`."""
    while grade:
        if grade in measured:
            return measured[grade]
        grade = grade.rpartition(".")[0]
    return UNKNOWN


def judge(board: Board) -> Judged:
    """How sure each decision is, and who may book it."""
    rules, cut, cents, references = board.rules, board.cut, board.cents, board.references
    again, limit = set(np.flatnonzero(repeated(board)).tolist()), rules.auto_limit
    known: dict[tuple[str, bool], int] = {}
    kinds: list[tuple[str, float, Verdict]] = []
    codes = []
    for found in board.settled:
        line, grade = found.line, found.grade
        if line in references and not _named(board, found):
            grade = f"{ELSEWHERE}.{grade}"
        elif line in again and not grade.startswith(("return", "our_number")):
            grade = f"{AGAIN}.{grade}"
        doubtful = found.alternatives > 0 or line in cut or (limit is not None and abs(cents[line]) > limit)
        code = known.get((grade, doubtful))
        if code is None:
            code = known[grade, doubtful] = len(kinds)
            sure = confidence(rules.confidence, grade)
            kinds.append((grade, sure, Verdict.PROPOSAL if doubtful or sure < rules.auto_confidence else Verdict.AUTO))
        codes.append(code)
    return Judged(kinds, np.array(codes, dtype=np.intp))


def _named(board: Board, found: Settled) -> bool:
    """Whether the line names one of the invoices that it settles."""
    said = board.references[found.line]
    return any(board.number[item] in said for item, _ in found.parts)
