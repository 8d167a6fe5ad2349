"""How sure a match is, and whether it may be booked without a person."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from retaguarda.reconcile.matching.board import MATCHED, Board
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
    cents, role, identities, key, business = board.cents, board.role, board.identities, board.key, board.business
    matched = (np.frombuffer(board.state, dtype=np.uint8) == MATCHED) & (np.asarray(cents) > 0)
    for line in np.flatnonzero(matched).tolist():
        payers = identities[key[line]][0]
        if payers and not role[line]:
            before = last.get((payers, cents[line]))
            if before is not None and business[line] - before <= window:
                found.add(line)
            last[payers, cents[line]] = business[line]
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
    rules, again, cut = board.rules, repeated(board), board.cut
    judged: list[tuple[str, float, Verdict]] = []
    known: dict[str, tuple[str, float, Verdict]] = {}
    for found in board.settled:
        grade = f"{AGAIN}.{found.grade}" if found.line in again and not found.grade.startswith(("return", "our_number")) else found.grade
        usual = known.get(grade)
        if usual is None:
            sure = confidence(rules.confidence, grade)
            usual = known[grade] = (grade, sure, Verdict.PROPOSAL if sure < rules.auto_confidence else Verdict.AUTO)
        doubtful = found.alternatives or found.line in cut or _beyond(rules, board.cents[found.line])
        judged.append((grade, usual[1], Verdict.PROPOSAL) if doubtful else usual)
    return judged


def _beyond(rules: MatchingRules, cents: int) -> bool:
    """Whether an amount is such that a person looks, whatever the confidence."""
    return rules.auto_limit is not None and abs(cents) > rules.auto_limit
