"""The result of a reconciliation: columns for files, objects for those who store or print, and the proof that it adds up."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property

import numpy as np

from retaguarda.errors import RetaguardaError
from retaguarda.reconcile.matching.board import CLASSES, CODE, MATCHED, OPEN, Board, Settled
from retaguarda.reconcile.matching.facts import AP, AR
from retaguarda.reconcile.matching.model import (
    Allocation,
    Candidate,
    Classified,
    Count,
    Decision,
    Difference,
    DifferenceKind,
    Evidence,
    Line,
    LineClass,
    OpenItem,
    Provenance,
    Rejection,
    Summary,
    Tie,
    TieOut,
    Unmatched,
    Verdict,
)
from retaguarda.reconcile.matching.verdicts import DOUBTS, Judged, judge

_EPOCH = dt.date(1970, 1, 1)
_CANDIDATES = 3
_DIVERGENT, _OVERPAYMENT = DifferenceKind.DIVERGENT.value, DifferenceKind.OVERPAYMENT.value
_SIDES = {AR: "AR", AP: "AP"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Decisions (`line`, `difference`) and their parts (`row` of the decision, `item`, `cents`), in the order in which they were taken."""

    line: np.ndarray
    difference: np.ndarray
    row: np.ndarray
    item: np.ndarray
    cents: np.ndarray


@dataclass(slots=False)
class Result:
    """What was decided; decisions and lines become objects only when asked for."""

    board: Board
    provenance: Provenance
    judged: Judged
    rejections: tuple[Rejection, ...] = ()

    @cached_property
    def line_ids(self) -> list[str]:
        return self.board.lines["line_id"].to_list()

    @cached_property
    def item_ids(self) -> list[str]:
        return self.board.items["item_id"].to_list()

    def class_of(self, line: int) -> LineClass:
        """What a line is."""
        return CLASSES[self.board.state[line]]

    def _told(self, numbers: Sequence[int]) -> Iterator[Line]:
        """Lines by their rows; all at once, for a table gives single rows slowly."""
        for row in self.board.lines[numbers].select([column.name for column in fields(Line)]).iter_rows(named=True):
            yield Line(**row | {"amount": money(row["amount"])})

    def decisions(self) -> Iterator[Decision]:
        """Every match, in the order in which it was found."""
        settled = self.board.settled
        for found, line, (grade, sure, verdict) in zip(settled, self._told([one.line for one in settled]), self.judged, strict=True):
            yield Decision(
                line=line,
                allocations=tuple(
                    Allocation(self.item_ids[item], _SIDES[self.board.side[item]], money(cents)) for item, cents in found.parts
                ),
                verdict=verdict,
                rule=grade,
                confidence=sure,
                evidence=self.evidence(found, DOUBTS.get(grade.partition(".")[0], "")),
                difference=self.difference(found),
                alternatives=found.alternatives,
            )

    def difference(self, found: Settled) -> Difference | None:
        """The difference of a match with the account to post it to."""
        if not found.difference:
            return None
        kind, accounts = self.kind_of(found), self.board.rules.explain.accounts
        account = accounts.get(kind, accounts["divergent"])
        if kind == DifferenceKind.INTEREST.value and self.board.cents[found.line] < 0:
            account = accounts["interest_paid"]
        return Difference(DifferenceKind(kind), money(found.difference), account, found.formula)

    def kind_of(self, found: Settled) -> str:
        """What the difference of a match is; "" when there is none."""
        if not found.difference:
            return ""
        if found.kind in {"", _DIVERGENT}:
            return _OVERPAYMENT if found.difference * self.board.cents[found.line] > 0 else _DIVERGENT
        return found.kind

    def evidence(self, found: Settled, doubt: str = "") -> Evidence:
        """Which words and which numbers a match rests on, and what speaks against it."""
        board, line = self.board, found.line
        payers, how = board.identity(line)
        words = [*found.words, board.lines["description"][line]]
        if payers:
            owners = {board.partner[item] for item, _ in found.parts}
            named = next((payer for payer in payers if payer in owners), payers[0])
            words.append(f"{how}: {' '.join(board.payers.names[named])} {board.payers.documents[named]}".strip())
        words += [doubt] if doubt else []
        numbers = [f"{self.item_ids[item]}: {money(cents)}, {_day(board.due[item]):%d/%m/%Y}" for item, cents in found.parts[:12]]
        if found.formula:
            numbers.append(f"{found.kind}: {found.formula} = {money(found.difference)}")
        return Evidence(tuple(words), tuple(numbers))

    def classified(self) -> Iterator[Classified]:
        """The lines that settle nothing."""
        return self._classified(np.flatnonzero(np.frombuffer(self.board.state, dtype=np.uint8) > MATCHED).tolist())

    def repeated(self, most: int | None = None) -> Iterator[Classified]:
        """The payments made twice; all of them, or the first ones."""
        twice = np.frombuffer(self.board.state, dtype=np.uint8) == CODE[LineClass.DUPLICATE_PAYMENT]
        return self._classified(np.flatnonzero(twice).tolist()[:most])

    def _classified(self, rows: list[int]) -> Iterator[Classified]:
        board = self.board
        for line, told in zip(rows, self._told(rows), strict=True):
            other = board.counterpart.get(line)
            counterpart = self.line_ids[other] if other is not None else ""
            what = CLASSES[board.state[line]]
            near = self._candidates(line, board.identity(line)[0]) if what is LineClass.DUPLICATE_PAYMENT else ()
            same = tuple(one for one in near if one.open_amount == abs(told.amount))
            yield Classified(told, what, board.reason.get(line, ""), counterpart, same)

    def unmatched(self, most: int | None = None) -> Iterator[Unmatched]:
        """The lines that nothing explains, with the items they may be about; all of them, or the first ones."""
        rows = self.unmatched_lines[:most]
        for line, told in zip(rows, self._told(rows), strict=True):
            payers = self.board.identity(line)[0]
            names = tuple(" ".join(self.board.payers.names[payer]) for payer in payers[:_CANDIDATES])
            yield Unmatched(told, names, tuple(self._candidates(line, payers)))

    @cached_property
    def unmatched_lines(self) -> list[int]:
        return self.board.open_lines()

    def _candidates(self, line: int, payers: tuple[int, ...]) -> Iterator[Candidate]:
        board, paid = self.board, abs(self.board.cents[line])
        near = board.fitting(line, payers[:8])
        if near.size:
            apart, late = np.abs(np.asarray(board.open)[near] - paid), np.abs(board.day[line] - np.asarray(board.due)[near])
            near = near[np.lexsort((near, late, apart))[:_CANDIDATES]]
        ids = board.items["item_id"]
        for item in near.tolist():
            yield Candidate(ids[item], money(board.open[item]), f"{money(paid - board.open[item])}, {_day(board.due[item])}")

    def open_items(self) -> Iterator[OpenItem]:
        """What is carried over."""
        partners = self.board.items["partner_id"].to_list()
        for item, cents in enumerate(self.board.open):
            if cents:
                board = self.board
                yield OpenItem(self.item_ids[item], _SIDES[board.side[item]], partners[item], _day(board.due[item]), money(cents))

    def tie_out(self) -> TieOut:
        """The sums of both sides; raises RetaguardaError when a cent is missing, for then the result is worthless."""
        board = self.board
        items, left = int(board.items["open_amount"].sum()), int(np.asarray(board.open).sum())
        told = TieOut(self._tie(1), self._tie(-1), money(items), money(int(self.columns.cents.sum())), money(left))
        if told.difference:
            raise RetaguardaError(f"The reconciliation does not add up: {told.difference}.", remedy="Report this with the files.")
        return told

    @cached_property
    def columns(self) -> Columns:
        """The decisions as columns."""
        settled = self.board.settled
        parts = [found.parts for found in settled]
        row = np.repeat(np.arange(len(settled)), list(map(len, parts)))
        flat = itertools.chain.from_iterable(itertools.chain.from_iterable(parts))
        item, cents = np.fromiter(flat, dtype=np.int64, count=2 * len(row)).reshape(-1, 2).T
        line = np.array([found.line for found in settled], dtype=np.int64)
        return Columns(line, np.array([found.difference for found in settled], dtype=np.int64), row, item, cents)

    def _tie(self, sign: int) -> Tie:
        board, columns = self.board, self.columns
        signed, state = np.asarray(board.cents), np.frombuffer(board.state, dtype=np.uint8)
        ours = np.where(signed * sign > 0, signed, 0)
        decided = signed[columns.line] * sign > 0
        settled = np.where(decided[columns.row], columns.cents, 0)
        payable = np.asarray(board.side)[columns.item] == AP
        sums = {
            "lines": ours.sum(),
            "receivables": settled[~payable].sum(),
            "payables": settled[payable].sum(),
            "differences": columns.difference[decided].sum(),
            "classified": ours[state > MATCHED].sum(),
            "unmatched": ours[state == OPEN].sum(),
        }
        return Tie(**{name: money(int(cents)) for name, cents in sums.items()})

    def summary(self) -> Summary:
        """The figures."""
        board = self.board
        classes = dict(
            zip(
                [one.value for one in CLASSES],
                np.bincount(np.frombuffer(board.state, dtype=np.uint8), minlength=len(CLASSES)).tolist(),
                strict=True,
            )
        )
        judged, cents = self.judged, np.asarray(board.cents)[self.columns.line]
        counts, sums = np.bincount(judged.code, minlength=len(judged.kinds)), np.zeros(len(judged.kinds), dtype=np.int64)
        np.add.at(sums, judged.code, cents)
        lines: Counter[tuple[str, Verdict]] = Counter()
        amounts: Counter[tuple[str, Verdict]] = Counter()
        for (rule, _, verdict), count, amount in zip(judged.kinds, counts.tolist(), sums.tolist(), strict=True):
            lines[rule, verdict] += count
            amounts[rule, verdict] += amount
        auto = sum(count for (_, verdict), count in lines.items() if verdict is Verdict.AUTO)
        return Summary(
            lines=len(board.state),
            matched=len(board.settled),
            auto=auto,
            proposals=len(board.settled) - auto,
            unmatched=classes[LineClass.UNMATCHED.value],
            classes={name: number for name, number in sorted(classes.items()) if number},
            counts=tuple(Count(rule, verdict, count, money(amounts[rule, verdict])) for (rule, verdict), count in sorted(lines.items())),
            searches_cut=len(board.cut),
        )


def result_of(board: Board, provenance: Provenance, rejections: list[Rejection]) -> Result:
    """The judged result of a board, which gives back what is never proposed."""
    return Result(board, provenance, judge(board), tuple(rejections))


def money(cents: int) -> Decimal:
    """Cents as an amount with two places."""
    return Decimal(cents).scaleb(-2)


def _day(number: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=number)
