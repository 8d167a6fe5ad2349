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


@dataclass(frozen=True, slots=True)
class _Titles:
    """The open titles of one account by number, as columns."""

    item: np.ndarray
    number: np.ndarray
    due: np.ndarray
    day: np.ndarray
    interest: np.ndarray
    net: np.ndarray
    """What the bank credits when a title is paid on the day: interest where it is late, less the bank's fee where that is netted."""


def by_neighbours(board: Board, accounts: pl.DataFrame, differences: Differences) -> None:
    """A proposal for each credit that exactly one run of open titles of the account explains."""
    netted = accounts.with_columns(pl.when(pl.col("fee_netted") == "1").then("boleto_fee").otherwise(0).alias("netted"))
    fees = dict(netted.select("account_id", "netted").iter_rows())
    named = board.lines["account_id"].to_list()
    lines = [line for line, role in enumerate(board.role) if role == "boleto" and not board.state[line] and line not in board.title]
    titles = _numbered(board, {named[line] for line in lines})
    days = np.array([board.day[line] - 1 for line in lines], dtype="datetime64[D]")
    paid = np.busday_offset(days, 0, roll="backward", holidays=np.array(board.holidays, dtype="datetime64[D]")).astype(int).tolist()
    for line, day in zip(lines, paid, strict=True):
        there = _expected(board, differences, line, day, titles.get(named[line], []), fees.get(named[line], 0))
        _settle(board, differences.discounts, line, there)


def _numbered(board: Board, accounts: set[str]) -> dict[str, list[tuple[int, int]]]:
    titles: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for item, (account, written) in enumerate(board.items.select("account_id", "nosso_numero").iter_rows()):
        if account in accounts and board.open[item] and board.side[item] == AR and written.strip().isdigit():
            titles[account].append((int(written), item))
    for found in titles.values():
        found.sort()
    return titles


def _expected(board: Board, differences: Differences, line: int, day: int, titles: list[tuple[int, int]], fee: int) -> _Titles:
    """The titles that the credit may hold by their dates."""
    today, early, late = board.business[line], board.rules.windows.early, board.rules.windows.late
    known = [
        (number, item, board.open[item], board.due[item])
        for number, item in titles
        if board.open[item] and -early <= today - board.due_business[item] <= late and board.issued[item] <= day
    ]
    number, item, due, due_day = np.array(known, dtype=np.int64).reshape(-1, 4).T
    rules, after = differences.rules, day - due_day
    interest = np.where(after > 0, (due * rules.fine + 5_000) // 10_000 + (due * rules.monthly * after + 150_000) // 300_000, 0)
    return _Titles(item, number, due, due_day, interest, due + interest - fee)


def _settle(board: Board, discounts: Sequence[int], line: int, titles: _Titles) -> None:
    paid, net = board.cents[line], titles.net.tolist()
    edges = [0, *(np.flatnonzero(np.diff(titles.number) != 1) + 1).tolist(), len(net)]
    runs = [(first, last) for first, last in itertools.pairwise(edges) if last - first > 1]
    found, grade = [part for run in runs for part in _parts(net, *run, paid)], "lost_return"
    if not found:
        found, grade = [run for run in runs if _excepted(titles, *run, paid, discounts)], "lost_return.exceptions"
    if len(found) == 1:
        first, last = found[0]
        parts = [(item, board.open[item]) for item in titles.item[first:last].tolist()]
        difference = paid - sum(cents for _, cents in parts)
        kind = DifferenceKind.RETURN_FILE.value if difference else ""
        board.settle(Settled(line, grade, parts, difference, kind, words=(f"{titles.number[first]}-{titles.number[last - 1]}",)))


def _parts(net: list[int], start: int, end: int, paid: int) -> Iterator[tuple[int, int]]:
    """The stretches of a run that add up, give or take a cent for every four titles; at least two titles."""
    first, total = start, 0
    for last in range(start, end):
        total += net[last]
        while first < last and total > paid + (last - first + 1):
            total -= net[first]
            first += 1
        if first < last < first + _LONGEST and abs(total - paid) <= (last - first + 1) // 4 + 1:
            yield first, last + 1


def _excepted(titles: _Titles, first: int, last: int, paid: int, discounts: Sequence[int]) -> bool:
    """Whether the whole run adds up when one or two of its titles were paid with less: interest waived, a discount taken."""
    missing = int(titles.net[first:last].sum()) - paid
    if not 0 < missing <= paid // 4 or last - first > _LONGEST:
        return False
    cheaper: dict[int, set[int]] = defaultdict(set)
    for title, (due, interest) in enumerate(zip(titles.due[first:last].tolist(), titles.interest[first:last].tolist(), strict=True)):
        for less in (interest, *(interest + (due * percent + 5_000) // 10_000 for percent in discounts)):
            if less:
                cheaper[less].add(title)
    if any(missing + cent in cheaper for cent in (-1, 0, 1)):
        return True
    return any(
        any(cheaper.get(missing - less + cent, ours) - ours for cent in (-1, 0, 1)) or (abs(2 * less - missing) <= 1 and len(ours) > 1)
        for less, ours in cheaper.items()
    )
