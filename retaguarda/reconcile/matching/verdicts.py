"""How sure a match is, and whether it may be booked without a person."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from retaguarda.reconcile.matching.board import MATCHED, Board, Settled
from retaguarda.reconcile.matching.model import Verdict
from retaguarda.reconcile.matching.rules import MatchingRules

AGAIN = "again"
"""The grade of what may be a payment made twice: same payer and amount as one of the days before."""
ELSEWHERE = "elsewhere"
"""The grade of a payment that names an invoice and settles another one."""
DOUBTS = {AGAIN: "the same payer paid the same amount a few days before", ELSEWHERE: "it names an invoice that is none of these"}
"""Why such a match waits for a person, by the first word of its grade."""
UNKNOWN = 0.5
_FEW = 4
"""A cut name that fits more partners than this says nothing of who paid before."""


def repeated(board: Board) -> set[int]:
    """Matched credits whose payer paid the same amount a few days before: perhaps twins, perhaps a payment made twice."""
    window = board.rules.windows.repeated_payment
    last: dict[tuple[int, int], int] = {}
    found: set[int] = set()
    cents, role, identities, key, business = board.cents, board.role, board.identities, board.key, board.business
    matched = (np.frombuffer(board.state, dtype=np.uint8) == MATCHED) & (np.asarray(cents) > 0)
    for line in np.flatnonzero(matched).tolist():
        payers, paid, day = identities[key[line]][0], cents[line], business[line]
        if payers and len(payers) <= _FEW and not role[line]:
            if any(day - last.get((payer, paid), -window - 1) <= window for payer in payers):
                found.add(line)
            for payer in payers:
                last[payer, paid] = day
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
        grade = found.grade
        if found.line in board.references and not _named(board, found):
            grade = f"{ELSEWHERE}.{grade}"
        elif found.line in again and not grade.startswith(("return", "our_number")):
            grade = f"{AGAIN}.{grade}"
        usual = known.get(grade)
        if usual is None:
            sure = confidence(rules.confidence, grade)
            usual = known[grade] = (grade, sure, Verdict.PROPOSAL if sure < rules.auto_confidence else Verdict.AUTO)
        doubtful = found.alternatives or found.line in cut or _beyond(rules, board.cents[found.line])
        judged.append((grade, usual[1], Verdict.PROPOSAL) if doubtful else usual)
    return judged


def _named(board: Board, found: Settled) -> bool:
    """Whether the line names one of the invoices that it settles."""
    said = board.references[found.line]
    return any(board.number[item] in said for item, _ in found.parts)


def _beyond(rules: MatchingRules, cents: int) -> bool:
    """Whether an amount is such that a person looks, whatever the confidence."""
    return rules.auto_limit is not None and abs(cents) > rules.auto_limit
