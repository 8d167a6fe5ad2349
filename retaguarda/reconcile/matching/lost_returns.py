"""Credits of boletos whose return file never came: titles with neighbouring numbers whose expected payments are the credit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.columns import spread
from retaguarda.reconcile.matching.differences import Differences
from retaguarda.reconcile.matching.facts import AR, KEY
from retaguarda.reconcile.matching.model import DifferenceKind

_LONGEST = 60
"""Titles that one credit may hold."""
_NUMBER = r"^[0-9]{1,18}$"


@dataclass(frozen=True, slots=True)
class _Titles:
    """Open titles of one account in the order of their numbers, as columns."""

    item: np.ndarray
    number: np.ndarray
    due: np.ndarray
    day: np.ndarray
    business: np.ndarray
    issued: np.ndarray

    def where(self, chosen: np.ndarray) -> _Titles:
        return _Titles(*(getattr(self, column.name)[chosen] for column in fields(self)))


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a bank credits for titles that were paid on one day: `net` is their amount, `interest` where late, less a netted fee."""

    titles: _Titles
    interest: np.ndarray
    net: np.ndarray


def by_neighbours(board: Board, accounts: pl.DataFrame, differences: Differences) -> None:
    """A proposal for each credit that exactly one run of open titles of the account explains."""
    netted = accounts.with_columns(pl.when(pl.col("fee_netted") == "1").then("boleto_fee").otherwise(0).alias("netted"))
    fees = dict(netted.select("account_id", "netted").iter_rows())
    named = board.account
    lines = [line for line in board.open_lines() if board.role[line] == "boleto" and line not in board.title]
    titles = _numbered(board, {named[line] for line in lines})
    days = np.array([board.day[line] - 1 for line in lines], dtype="datetime64[D]")
    paid = np.busday_offset(days, 0, roll="backward", holidays=np.array(board.holidays, dtype="datetime64[D]")).astype(int).tolist()
    expected: dict[tuple[str, int], _Expected] = {}
    for line, day in zip(lines, paid, strict=True):
        account, today = named[line], board.day[line]
        if (there := titles.get(account)) is None:
            continue
        if (account, today) not in expected:
            expected = {(account, today): _expected(board, differences, line, day, there, fees.get(account, 0))}
        if _settle(board, differences.discounts, line, expected[account, today]):
            expected.clear()


def _numbered(board: Board, accounts: set[str]) -> dict[str, _Titles]:
    """The open titles of these accounts."""
    bare = pl.col("nosso_numero").str.strip_chars()
    there = (
        board.items.select("account_id", bare)
        .with_row_index("item")
        .with_columns(pl.Series("due", board.open, dtype=pl.Int64), pl.Series("side", np.asarray(board.side)))
        .filter(
            pl.col("account_id").is_in(list(accounts))
            & (pl.col("due") > 0)
            & (pl.col("side") == AR)
            & pl.col("nosso_numero").str.contains(_NUMBER)
        )
        .with_columns(pl.col("nosso_numero").cast(pl.Int64).alias("number"))
        .sort("account_id", "number", "item")
    )
    day, business, issued = np.asarray(board.due), np.asarray(board.due_business), np.asarray(board.issued)
    found = {}
    for (account,), own in there.group_by("account_id"):
        item = own["item"].to_numpy().astype(np.int64)
        found[str(account)] = _Titles(item, own["number"].to_numpy(), own["due"].to_numpy(), day[item], business[item], issued[item])
    return found


def _expected(board: Board, differences: Differences, line: int, day: int, titles: _Titles, fee: int) -> _Expected:
    """The open titles that the credit may hold by their dates."""
    apart = board.business[line] - titles.business
    windows, rules = board.rules.windows, differences.rules
    due = (apart >= -windows.early) & (apart <= windows.late) & (titles.issued <= day)
    titles = titles.where(due & (np.asarray(board.open)[titles.item] > 0))
    late = day - titles.day
    owed = (titles.due * rules.fine + 5_000) // 10_000 + (titles.due * rules.monthly * late + 150_000) // 300_000
    interest = np.where(late > 0, owed, 0)
    return _Expected(titles, interest, titles.due + interest - fee)


def _settle(board: Board, discounts: Sequence[int], line: int, there: _Expected) -> bool:
    """Settle the credit when exactly one run explains it."""
    paid, titles = board.cents[line], there.titles
    edges = np.concatenate(([0], np.flatnonzero(np.diff(titles.number) != 1) + 1, [len(titles.number)]))
    first, last = edges[:-1], edges[1:]
    summed, at_most = _sums(there.net, edges), _sums(np.maximum(there.net, 0), edges)
    several = last - first > 1
    enough = np.flatnonzero(several & (at_most + (last - first) // 4 + 1 >= paid) & _may_hold(there.net, edges, paid))
    found = [
        part
        for start, end in zip(first[enough].tolist(), last[enough].tolist(), strict=True)
        for part in _parts(there.net, start, end, paid)
    ]
    grade = "lost_return"
    if not found:
        near = np.flatnonzero(several & (summed > paid) & (summed - paid <= paid // 4) & (last - first <= _LONGEST))
        near = near[_may_be_excepted(there, first[near], last[near], summed[near] - paid, discounts)]
        runs = [(int(first[run]), int(last[run]), int(summed[run]) - paid) for run in near.tolist()]
        found, grade = [run[:2] for run in runs if _excepted(there, *run, discounts)], "lost_return.exceptions"
    if len(found) != 1:
        return False
    start, end = found[0]
    parts = list(zip(titles.item[start:end].tolist(), titles.due[start:end].tolist(), strict=True))
    difference = paid - sum(cents for _, cents in parts)
    kind = DifferenceKind.RETURN_FILE.value if difference else ""
    board.settle(Settled(line, grade, parts, difference, kind, words=(f"{titles.number[start]}-{titles.number[end - 1]}",)))
    return True


def _sums(amounts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The sum between each edge and the next."""
    summed: np.ndarray = np.diff(np.concatenate(([0], np.cumsum(amounts)))[edges])
    return summed


def _may_hold(amounts: np.ndarray, edges: np.ndarray, paid: int) -> np.ndarray:
    """Which runs may hold a stretch that adds up; those with an amount that is no gain are looked at in any case."""
    if not len(amounts):
        return np.ones(len(edges) - 1, dtype=bool)
    summed, most = np.concatenate(([0], np.cumsum(np.maximum(amounts, 1)))), _LONGEST // 4 + 2
    begin, title = summed[:-1] + paid, np.arange(len(amounts))
    first, last = summed.searchsorted(begin - most, "left"), summed.searchsorted(begin + most, "right")
    end = np.repeat(edges[1:], np.diff(edges))  # of the run in which each title stands
    found = np.maximum(first, title + 2) < np.minimum(last, np.minimum(end, title + _LONGEST) + 1)
    may: np.ndarray = np.logical_or.reduceat(found | (amounts <= 0), edges[:-1])
    return may


def _parts(amounts: np.ndarray, start: int, end: int, paid: int) -> Iterator[tuple[int, int]]:
    """The stretches of a run that add up, give or take a cent for every four titles; at least two titles."""
    net = amounts[start:end].tolist()
    first, total = 0, 0
    for last, amount in enumerate(net):
        total += amount
        while first < last and total > paid + (last - first + 1):
            total -= net[first]
            first += 1
        if first < last < first + _LONGEST and abs(total - paid) <= (last - first + 1) // 4 + 1:
            yield start + first, start + last + 1


def _may_be_excepted(there: _Expected, first: np.ndarray, last: np.ndarray, missing: np.ndarray, discounts: Sequence[int]) -> np.ndarray:
    """Which runs have one or two deductions that are what is missing, of whatever titles."""
    run, title = spread(first, last)
    due, interest = there.titles.due[title], there.interest[title]
    less = np.concatenate([interest, *(interest + (due * percent + 5_000) // 10_000 for percent in discounts)])
    run = np.tile(run, 1 + len(discounts))
    run, less = run[less > 0], less[less > 0]
    keys, wanted = np.sort(run * KEY + less), run * KEY + missing[run] - less
    found = np.abs(less - missing[run]) <= 1
    found |= keys.searchsorted(wanted - 1, "left") < keys.searchsorted(wanted + 1, "right")
    return np.unique(run[found])


def _excepted(there: _Expected, first: int, last: int, missing: int, discounts: Sequence[int]) -> bool:
    """Whether the whole run adds up when one or two of its titles were paid with less: interest waived, a discount taken."""
    due, interest = there.titles.due[first:last].tolist(), there.interest[first:last].tolist()
    cheaper: dict[int, set[int]] = defaultdict(set)
    for title, (amount, owed) in enumerate(zip(due, interest, strict=True)):
        for less in (owed, *(owed + (amount * percent + 5_000) // 10_000 for percent in discounts)):
            if less:
                cheaper[less].add(title)
    if any(missing + cent in cheaper for cent in (-1, 0, 1)):
        return True
    return any(
        any(cheaper.get(missing - less + cent, ours) - ours for cent in (-1, 0, 1)) or (abs(2 * less - missing) <= 1 and len(ours) > 1)
        for less, ours in cheaper.items()
    )
