"""The days in order: each batch of business days is decided before the next, from the exact amount to the netted balance."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from retaguarda.reconcile.matching import groups, references, runs, singles
from retaguarda.reconcile.matching.amounts import NearAmounts
from retaguarda.reconcile.matching.board import AP, AR, Board
from retaguarda.reconcile.matching.differences import Differences

_PAYERS = {"", "tax", "ccee"}
"""Roles of lines that are one payer's or one payee's."""


class _Index(NamedTuple):
    """What is looked up for every line of the days."""

    neighbours: runs.Runs
    near: tuple[NearAmounts, NearAmounts]


def in_date_order(board: Board, differences: Differences) -> None:
    """Decide all lines of payers, day by day: later payments never take the items of an earlier one."""
    references.claim(board)
    lines = [line for line, role in enumerate(board.role) if role in _PAYERS and not board.state[line]]
    width = board.rules.windows.batch
    index = _Index(runs.index_runs(board, lines), (NearAmounts(board, AR), NearAmounts(board, AP)))
    for day, batch in groupby(lines, key=lambda line: board.business[line] // width):
        board.advance((day + 1) * width)
        _decide(board, differences, index, list(batch))


def _decide(board: Board, differences: Differences, index: _Index, lines: list[int]) -> None:
    for _, day in groupby(lines, key=board.day.__getitem__):
        today = list(day)
        singles.exact(board, [line for line in today if line not in board.references])
        for line in today:
            if line in board.references and not references.with_difference(board, differences, line):
                references.repeats(board, line)
    fresh = [line for line in board.undecided(lines) if board.earlier(line) is None]
    singles.explained(board, differences, index.near, [line for line in fresh if line not in board.references])
    runs.of_neighbours(board, index.neighbours, board.undecided(fresh))
    groups.of_payer(
        board, [line for line in board.undecided(fresh) if line not in board.references or not references.names_open(board, line)]
    )
    groups.netted(board, board.undecided(lines))
    for line in board.undecided(lines):
        if line in board.references:
            references.in_part(board, line)
    singles.exact(board, [line for line in board.undecided(lines) if line in board.references])
    singles.in_group(board, board.undecided(lines))
