"""How sure a match is, and whether it may be booked without a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.columns import among
from retaguarda.reconcile.matching.model import LineClass, Verdict
from retaguarda.reconcile.matching.repeats import repeated
from retaguarda.reconcile.matching.rules import MatchingRules

AGAIN = "again"
"""The grade of what may be a payment made twice: same customer and amount as one of the days before."""
ELSEWHERE = "elsewhere"
"""The grade of a payment that names an invoice and settles another one."""
TWICE = "twice"
"""The grade of what rather is a payment made twice: the earlier one came into the same account, on another day."""
DOUBTS = {
    AGAIN: "the same payer paid the same amount a few days before",
    ELSEWHERE: "it names an invoice that is none of these",
    TWICE: "the same payer paid the same amount into this account a few days before",
}
"""Why such a match waits for a person, by the first word of its grade."""
_PREFIXES = ("", f"{AGAIN}.", f"{ELSEWHERE}.", f"{TWICE}.")
_BY_NAME = "reference"
"""Grades of lines that settle what they name."""
_TOLD = ("return", "our_number")
"""Grades of what the bank itself told apart: the same amount again is another boleto."""
UNKNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """(grade, confidence, verdict) of every decision, in their order: the few different ones, and which of them each has."""

    kinds: list[tuple[str, float, Verdict]]
    code: np.ndarray
    before: np.ndarray
    """The line whose payment each rather repeats, or -1."""

    def __iter__(self) -> Iterator[tuple[str, float, Verdict]]:
        return map(self.kinds.__getitem__, self.code.tolist())


def confidence(measured: Mapping[str, float], grade: str) -> float:
    """The measured share of right matches of this grade, or of the nearest wider one: `exact.name.shared`, `exact.name`, `exact`."""
    while grade:
        if grade in measured:
            return measured[grade]
        grade = grade.rpartition(".")[0]
    return UNKNOWN


def judge(board: Board) -> Judged:
    """How sure each decision is, and who may book it; what is never proposed is taken back.

    Of that, what repeats a payment is told as made twice. The rest is judged anew, for it may have repeated what is gone.
    """
    decisions, never = _Decisions.of(board), tuple(f"{one}." for one in board.rules.never_proposed)
    while True:
        judged = _judged(board, decisions)
        given_up = [f"{grade}.".startswith(never) for grade, _, _ in judged.kinds]
        gone = np.array(given_up, dtype=bool)[judged.code]
        if not gone.any():
            return judged
        _take_back(board, np.flatnonzero(gone).tolist(), judged)
        decisions = decisions.only(~gone)


def _take_back(board: Board, places: list[int], judged: Judged) -> None:
    lines = [board.settled[place].line for place in places]
    board.take_back(places)
    for line, before in zip(lines, judged.before[places].tolist(), strict=True):
        first = before if before >= 0 else board.earlier(line)
        if first is not None:
            board.classify(line, LineClass.DUPLICATE_PAYMENT, "same payer and amount", first)


@dataclass(frozen=True, slots=True)
class _Decisions:
    """What the passes decided, as columns."""

    grades: list[str]
    grade: np.ndarray
    line: np.ndarray
    item: np.ndarray
    """The first item of each, or -1."""
    elsewhere: np.ndarray
    """Those that name an invoice, and settle others."""
    doubtful: np.ndarray

    @classmethod
    def of(cls, board: Board) -> _Decisions:
        settled, rules = board.settled, board.rules
        line = np.array([found.line for found in settled], dtype=np.int64)
        grades = [found.grade for found in settled]
        different = {grade: number for number, grade in enumerate(dict.fromkeys(grades))}
        grade = np.array([different[one] for one in grades], dtype=np.int64)
        item = np.array([found.parts[0][0] if found.parts else -1 for found in settled], dtype=np.int64)
        by_name = np.array([one.startswith(_BY_NAME) for one in different], dtype=bool)
        elsewhere = board.names_invoices[line] & ~by_name[grade]
        for place in np.flatnonzero(elsewhere).tolist():
            elsewhere[place] = not _named(board, settled[place])
        doubtful = np.array([found.alternatives > 0 for found in settled], dtype=bool) | among(line, list(board.cut))
        if rules.auto_limit is not None:
            doubtful |= np.abs(np.asarray(board.cents)[line]) > rules.auto_limit
        return cls(list(different), grade, line, item, elsewhere, doubtful)

    def only(self, kept: np.ndarray) -> _Decisions:
        """Those that are kept."""
        columns = (self.grade, self.line, self.item, self.elsewhere, self.doubtful)
        return _Decisions(self.grades, *(column[kept] for column in columns))


def _judged(board: Board, decisions: _Decisions) -> Judged:
    """The verdict of every decision as the board stands."""
    again, before = repeated(board, decisions.line, decisions.item, decisions.elsewhere)
    told = np.array([one.startswith(_TOLD) for one in decisions.grades], dtype=bool)[decisions.grade]
    before = np.where(told, -1, before)
    prefix = np.select([before >= 0, decisions.elsewhere, again & ~told], [3, 2, 1], 0)
    kinds, code = np.unique((decisions.grade * len(_PREFIXES) + prefix) * 2 + decisions.doubtful, return_inverse=True)
    parts = [(*divmod(kind // 2, len(_PREFIXES)), kind % 2 > 0) for kind in kinds.tolist()]
    names = [(_PREFIXES[doubt] + decisions.grades[which], unsure) for which, doubt, unsure in parts]
    return Judged([_kind(board.rules, name, doubtful=unsure) for name, unsure in names], code, before)


def _kind(rules: MatchingRules, grade: str, *, doubtful: bool) -> tuple[str, float, Verdict]:
    sure = confidence(rules.confidence, grade)
    return grade, sure, Verdict.PROPOSAL if doubtful or sure < rules.auto_confidence else Verdict.AUTO


def _named(board: Board, found: Settled) -> bool:
    """Whether the line names one of the invoices that it settles."""
    said = board.references[found.line]
    return any(board.number[item] in said for item, _ in found.parts)
