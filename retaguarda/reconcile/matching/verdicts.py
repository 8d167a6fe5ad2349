"""How sure a match is, and whether it may be booked without a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from retaguarda.reconcile.matching.board import MATCHED, Board, Settled
from retaguarda.reconcile.matching.columns import among, ordered
from retaguarda.reconcile.matching.facts import KEY
from retaguarda.reconcile.matching.model import Verdict
from retaguarda.reconcile.matching.rules import MatchingRules

AGAIN = "again"
"""The grade of what may be a payment made twice: same payer and amount as one of the days before."""
ELSEWHERE = "elsewhere"
"""The grade of a payment that names an invoice and settles another one."""
DOUBTS = {AGAIN: "the same payer paid the same amount a few days before", ELSEWHERE: "it names an invoice that is none of these"}
"""Why such a match waits for a person, by the first word of its grade."""
_PREFIXES = ("", f"{AGAIN}.", f"{ELSEWHERE}.")
_TOLD = ("return", "our_number")
"""Grades of what the bank itself told apart: the same amount again is another boleto."""
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
    rules, settled = board.rules, board.settled
    line = np.array([found.line for found in settled], dtype=np.int64)
    grades = [found.grade for found in settled]
    different = {grade: number for number, grade in enumerate(dict.fromkeys(grades))}
    grade = np.array([different[one] for one in grades], dtype=np.int64)
    told = np.array([one.startswith(_TOLD) for one in different], dtype=bool)
    elsewhere = np.array([found.line in board.references and not _named(board, found) for found in settled], dtype=bool)
    again = repeated(board)[line] & ~told[grade]
    doubtful = np.array([found.alternatives > 0 for found in settled], dtype=bool) | among(line, list(board.cut))
    if rules.auto_limit is not None:
        doubtful |= np.abs(np.asarray(board.cents)[line]) > rules.auto_limit
    prefix = np.where(elsewhere, 2, np.where(again, 1, 0))
    kinds, code = np.unique((grade * len(_PREFIXES) + prefix) * 2 + doubtful, return_inverse=True)
    names = list(different)
    parts = [(*divmod(kind // 2, len(_PREFIXES)), kind % 2 > 0) for kind in kinds.tolist()]
    return Judged([_kind(rules, _PREFIXES[before] + names[which], doubtful=unsure) for which, before, unsure in parts], code)


def _kind(rules: MatchingRules, grade: str, *, doubtful: bool) -> tuple[str, float, Verdict]:
    sure = confidence(rules.confidence, grade)
    return grade, sure, Verdict.PROPOSAL if doubtful or sure < rules.auto_confidence else Verdict.AUTO


def _named(board: Board, found: Settled) -> bool:
    """Whether the line names one of the invoices that it settles."""
    said = board.references[found.line]
    return any(board.number[item] in said for item, _ in found.parts)
