"""Credits of boletos whose return file never came: titles with neighbouring numbers whose expected payments are the credit."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from retaguarda.reconcile.matching.board import AR, Board, Settled
from retaguarda.reconcile.matching.differences import Differences
from retaguarda.reconcile.matching.model import DifferenceKind

_LONGEST = 60
"""Titles that one credit may hold."""
_EXCEPTIONS = 2
"""Titles of a run that may have been paid without interest, or with a discount."""


@dataclass(frozen=True, slots=True)
class _Title:
    item: int
    number: int
    due: int
    interest: int
    net: int
    """What the bank credits when it is paid on the day: interest where it is late, less the bank's fee where that is netted."""

    def exceptions(self, discounts: Sequence[int]) -> list[int]:
        """How much less it may be: the interest waived, a discount taken."""
        less = [self.interest + (self.due * percent + 5_000) // 10_000 for percent in discounts]
        return [self.interest, *less] if self.interest else less


def by_neighbours(board: Board, accounts: pl.DataFrame, differences: Differences) -> None:
    """A proposal for each credit that exactly one run of open titles of the account explains."""
    netted = accounts.with_columns(pl.when(pl.col("fee_netted") == "1").then("boleto_fee").otherwise(0).alias("netted"))
    fees = dict(netted.select("account_id", "netted").iter_rows())
    named = board.lines["account_id"].to_list()
    lines = [line for line, role in enumerate(board.role) if role == "boleto" and not board.state[line] and line not in board.title]
    titles = _open_titles(board, {named[line] for line in lines})
    days = np.array([board.day[line] - 1 for line in lines], dtype="datetime64[D]")
    paid = np.busday_offset(days, 0, roll="backward", holidays=np.array(board.holidays, dtype="datetime64[D]")).astype(int).tolist()
    for line, day in zip(lines, paid, strict=True):
        fee = fees.get(named[line], 0)
        there = [one for one in titles[named[line]] if board.open[one[1]] and board.in_window(one[1], line)]
        runs = list(_runs([_expected(board, differences, day, *one, fee) for one in there]))
        _settle(board, differences.discounts, line, runs)


def _open_titles(board: Board, accounts: set[str]) -> dict[str, list[tuple[int, int]]]:
    titles: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for item, (account, written) in enumerate(board.items.select("account_id", "nosso_numero").iter_rows()):
        if account in accounts and board.open[item] and board.side[item] == AR and written.strip().isdigit():
            titles[account].append((int(written), item))
    for found in titles.values():
        found.sort()
    return titles


def _expected(board: Board, differences: Differences, day: int, number: int, item: int, fee: int) -> _Title:
    rules, due, late = differences.rules, board.open[item], day - board.due[item]
    interest = (due * rules.fine + 5_000) // 10_000 + (due * rules.monthly * late + 150_000) // 300_000 if late > 0 else 0
    return _Title(item, number, due, interest, due + interest - fee)


def _runs(titles: Sequence[_Title]) -> Iterator[list[_Title]]:
    """Titles numbered one after the other."""
    run: list[_Title] = []
    for title in titles:
        if run and title.number != run[-1].number + 1:
            yield run
            run = []
        run.append(title)
    if run:
        yield run


def _settle(board: Board, discounts: Sequence[int], line: int, runs: list[list[_Title]]) -> None:
    paid = board.cents[line]
    found = [part for run in runs for part in _parts(run, paid)]
    grade = "lost_return"
    if not found:
        found = [run for run in runs if 1 < len(run) <= _LONGEST and _excepted(run, paid, discounts)]
        grade = "lost_return.exceptions"
    if len(found) == 1:
        parts = [(title.item, board.open[title.item]) for title in found[0]]
        difference = paid - sum(cents for _, cents in parts)
        kind = DifferenceKind.RETURN_FILE.value if difference else ""
        board.settle(Settled(line, grade, parts, difference, kind, words=(f"{found[0][0].number}-{found[0][-1].number}",)))


def _parts(run: list[_Title], paid: int) -> Iterator[list[_Title]]:
    """The stretches of a run that add up, give or take a cent for each title; at least two titles."""
    first = total = 0
    for last, title in enumerate(run):
        total += title.net
        while first < last and total > paid + (last - first + 1):
            total -= run[first].net
            first += 1
        if first < last < first + _LONGEST and abs(total - paid) <= (last - first + 1) // 4 + 1:
            yield run[first : last + 1]


def _excepted(run: list[_Title], paid: int, discounts: Sequence[int]) -> bool:
    """Whether the whole run adds up when one or two of its titles were paid with less."""
    missing = sum(title.net for title in run) - paid
    if not 0 < missing <= paid // 4:
        return False
    less = [title.exceptions(discounts) for title in run]
    for count in range(1, _EXCEPTIONS + 1):
        for chosen in itertools.combinations(less, count):
            if any(abs(sum(one) - missing) <= 1 for one in itertools.product(*chosen)):
                return True
    return False
