"""The days in order: each batch of business days is decided before the next, from the exact amount to the netted balance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from retaguarda.reconcile.matching import groups, references, runs, singles
from retaguarda.reconcile.matching.board import Board
from retaguarda.reconcile.matching.differences import Differences

_PAYERS = {"", "tax", "ccee"}
"""Roles of lines that are one payer's or one payee's."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is found out before the first day."""

    likely: dict[int, list[int]]
    """The items of exactly the amount of a line whose payer is doubtful."""
    neighbours: runs.Runs
    silent: dict[int, list[int]]


def in_date_order(board: Board, differences: Differences) -> None:
    """Decide all lines of payers, day by day: later payments never take the items of an earlier one."""
    references.claim(board)
    lines = [line for line in board.open_lines() if board.role[line] in _PAYERS]
    width = board.rules.windows.batch
    likely = singles.lone(board, lines)
    board.index()
    lines = board.undecided(lines)
    known = Known(likely, runs.index_runs(board, lines), _silent(board, lines))
    for _, batch in groupby(lines, key=lambda line: board.business[line] // width):
        _decide(board, differences, known, list(batch))


def _silent(board: Board, lines: list[int]) -> dict[int, list[int]]:
    """The lines without reference by amount, of the amounts that lines with one have."""
    later = "named_in_part" in board.rules.passes
    found: dict[int, list[int]] = {board.cents[line]: [] for line in lines if later and line in board.references}
    for line in lines:
        if line not in board.references and board.cents[line] in found:
            found[board.cents[line]].append(line)
    return found


def _decide(board: Board, differences: Differences, known: Known, lines: list[int]) -> None:
    for _, day in groupby(lines, key=board.day.__getitem__):
        today = list(day)
        singles.exact(board, [line for line in today if line not in board.references], known.likely)
        for line in today:
            if line in board.references and not references.with_difference(board, differences, line):
                references.repeats(board, line)
    fresh = [line for line in board.undecided(lines) if board.earlier(line) is None]
    singles.explained(board, differences, [line for line in fresh if line not in board.references])
    runs.of_neighbours(board, known.neighbours, board.undecided(fresh))
    groups.of_payer(
        board, [line for line in board.undecided(fresh) if line not in board.references or not references.names_open(board, line)]
    )
    groups.netted(board, board.undecided(lines))
    for line in board.undecided(lines):
        if line in board.references and not references.silent_before(board, line, known.silent):
            references.in_part(board, line)
    singles.exact(board, [line for line in board.undecided(lines) if line in board.references], known.likely)
    singles.in_group(board, board.undecided(lines))
