"""How sure a match is, and whether it may be booked without a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.columns import among, ordered
from retaguarda.reconcile.matching.facts import KEY
from retaguarda.reconcile.matching.model import Verdict
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
    before: np.ndarray
    """The line whose payment each rather repeats, or -1."""

    def __iter__(self) -> Iterator[tuple[str, float, Verdict]]:
        return map(self.kinds.__getitem__, self.code.tolist())


def _repeated(board: Board, line: np.ndarray, item: np.ndarray, elsewhere: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which decisions may be payments made twice, and the line that each rather repeats, or -1.

    Those are credits of one customer and amount a few business days apart; rather so when they came into one account on different
    days. Of two payments that each name an invoice of their own neither repeats the other.
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
    names = np.zeros(len(cents), dtype=bool)
    names[list(board.references)] = True
    payers = np.diff(board.payers_of_key[1])[np.asarray(board.key)]
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
    count = np.diff(start, append=len(asked))
    on_later_day = np.repeat(same[start], count)
    later, earlier = asked[on_later_day], asked[np.repeat(start - 1, count)[on_later_day]]
    found = repeats(later, earlier)
    before[later[found]] = line[earlier[found]]
    return again, before


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
    item = np.array([found.parts[0][0] if found.parts else -1 for found in settled], dtype=np.int64)
    elsewhere = np.array([found.line in board.references and not _named(board, found) for found in settled], dtype=bool)
    again, before = _repeated(board, line, item, elsewhere)
    again, twice = again & ~told[grade], (before >= 0) & ~told[grade]
    doubtful = np.array([found.alternatives > 0 for found in settled], dtype=bool) | among(line, list(board.cut))
    if rules.auto_limit is not None:
        doubtful |= np.abs(np.asarray(board.cents)[line]) > rules.auto_limit
    prefix = np.select([twice, elsewhere, again], [3, 2, 1], 0)
    kinds, code = np.unique((grade * len(_PREFIXES) + prefix) * 2 + doubtful, return_inverse=True)
    names = list(different)
    parts = [(*divmod(kind // 2, len(_PREFIXES)), kind % 2 > 0) for kind in kinds.tolist()]
    return Judged([_kind(rules, _PREFIXES[doubt] + names[which], doubtful=unsure) for which, doubt, unsure in parts], code, before)


def _kind(rules: MatchingRules, grade: str, *, doubtful: bool) -> tuple[str, float, Verdict]:
    sure = confidence(rules.confidence, grade)
    return grade, sure, Verdict.PROPOSAL if doubtful or sure < rules.auto_confidence else Verdict.AUTO


def _named(board: Board, found: Settled) -> bool:
    """Whether the line names one of the invoices that it settles."""
    said = board.references[found.line]
    return any(board.number[item] in said for item, _ in found.parts)
