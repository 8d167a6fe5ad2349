"""How sure a match is, and whether it may be booked without a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from retaguarda.reconcile.matching.board import MATCHED, Board, Settled
from retaguarda.reconcile.matching.model import Verdict
from retaguarda.reconcile.matching.rules import MatchingRules

AGAIN = "again"
"""The grade of what may be a payment made twice: same payer and amount as one of the days before."""
UNKNOWN = 0.5


def repeated(board: Board) -> set[int]:
    """Matched credits whose payer paid the same amount a few days before: perhaps twins, perhaps a payment made twice."""
    window = board.rules.windows.repeated_payment
    last: dict[tuple[tuple[int, ...], int], int] = {}
    found: set[int] = set()
    for line, cents in enumerate(board.cents):
        if cents <= 0 or board.role[line] or board.state[line] != MATCHED:
            continue
        payers = board.identity(line)[0]
        if payers:
            before = last.get((payers, cents))
            if before is not None and board.business[line] - before <= window:
                found.add(line)
            last[payers, cents] = board.business[line]
    return found


def confidence(measured: Mapping[str, float], grade: str) -> float:
    """The measured share of right matches of this grade, or of the nearest wider one: `exact.name.shared`, `exact.name`, `exact`."""
    while grade:
        if grade in measured:
            return measured[grade]
        grade = grade.rpartition(".")[0]
    return UNKNOWN


def judge(board: Board) -> list[tuple[str, float, Verdict]]:
    """(grade, confidence, verdict) of every decision, in their order."""
    rules, again = board.rules, repeated(board)
    sure: dict[str, float] = defaultdict(float)
    judged = []
    for found in board.settled:
        grade = f"{AGAIN}.{found.grade}" if found.line in again and not found.grade.startswith(("return", "our_number")) else found.grade
        if grade not in sure:
            sure[grade] = confidence(rules.confidence, grade)
        judged.append((grade, sure[grade], _verdict(board, rules, found, sure[grade])))
    return judged


def _verdict(board: Board, rules: MatchingRules, found: Settled, sure: float) -> Verdict:
    if found.alternatives or sure < rules.auto_confidence or found.line in board.cut:
        return Verdict.PROPOSAL
    if rules.auto_limit is not None and abs(board.cents[found.line]) > rules.auto_limit:
        return Verdict.PROPOSAL
    return Verdict.AUTO
