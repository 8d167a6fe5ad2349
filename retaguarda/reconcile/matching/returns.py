"""Boletos: the titles of return files against the bank's credits, and single credits by nosso número."""

from __future__ import annotations

from collections import defaultdict

import polars as pl

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.differences import DIVERGENT, Differences
from retaguarda.reconcile.matching.model import DifferenceKind
from retaguarda.reconcile.matching.subsets import subsets
from retaguarda.reconcile.matching.texts import our_number
from retaguarda.reconcile.matching.titles import Files, Titles, bare

_RETURN = DifferenceKind.RETURN_FILE.value
Credits = dict[tuple[str, int, int], list[int]]
"""The open credits of boletos by account, day and amount."""


def by_return_file(board: Board) -> None:
    """One credit for all titles of a return file: their sum, on the day of credit, to the cent."""
    files, there = board.told.files, _credits(board)
    board.title = dict(_named_titles(board))
    _single_titles(board, files)
    for apart in (0, 1, -1, 2):
        _equal_sums(board, files, there, apart)
    _joined_files(board, files, there)


def _credits(board: Board) -> Credits:
    found: Credits = defaultdict(list)
    accounts = board.account
    for line in board.open_lines():
        if board.role[line] == "boleto":
            found[accounts[line], board.day[line], board.cents[line]].append(line)
    return found


def _single_titles(board: Board, files: Files) -> None:
    """Credits that name their nosso número, when a return file tells the same title with the same amount."""
    told: dict[tuple[int, int], tuple[str, str, int]] = {}
    named_items = set(board.title.values())
    for file, titles in files.items():
        for item, cents, _ in titles:
            if item in named_items:
                told.setdefault((item, cents), file)
    for line, item in board.title.items():
        cents = board.cents[line]
        named = told.get((item, cents))
        if named and board.open[item]:
            own = next((title for title in files[named] if title[0] == item and title[1] == cents), None)
            if own:
                board.settle(_of_titles(board, line, [own], "return.title", named))
                files[named].remove(own)


def _equal_sums(board: Board, files: Files, there: Credits, apart: int) -> None:
    """Files whose sum is a credit of the day (or of a day beside it); files of one sum are taken in their order."""
    sums: dict[tuple[str, int, int], list[tuple[str, str, int]]] = defaultdict(list)
    for file in sorted(files):
        if files[file]:
            sums[file[0], file[2] + apart, sum(cents for _, cents, _ in files[file])].append(file)
    for (account, day, cents), same in sums.items():
        lines = board.undecided(there.get((account, day, cents), ()))
        for line, file in zip(lines, same, strict=False):
            grade = "return.file" if not apart else "return.other_day"
            found = _of_titles(board, line, files[file], grade, file)
            found.alternatives = 0 if len(same) == len(lines) else len(same) - 1
            board.settle(found)
            files[file] = []


def _joined_files(board: Board, files: Files, there: Credits) -> None:
    """One credit for several files of one day."""
    days: dict[tuple[str, int], list[tuple[str, str, int]]] = defaultdict(list)
    for file in sorted(files):
        if files[file]:
            days[file[0], file[2]].append(file)
    left_over: dict[tuple[str, int], list[int]] = defaultdict(list)
    for (account, day, _), lines in there.items():
        left_over[account, day] += board.undecided(lines)
    for (account, day), of_day in days.items():
        for line in sorted(left_over[account, day]):
            left = [file for file in of_day if files[file]]
            sums = [sum(cents for _, cents, _ in files[file]) for file in left]
            found = subsets(sums[: board.rules.subset.nearest], board.cents[line], len(sums), board.rules.subset.budget)
            if len(found.solutions) == 1:
                joined = [left[index] for index in found.solutions[0]]
                titles = [title for file in joined for title in files[file]]
                board.settle(_of_titles(board, line, titles, "return.joined", joined[0]))
                files.update({file: [] for file in joined})


def _of_titles(board: Board, line: int, titles: Titles, grade: str, file: tuple[str, str, int]) -> Settled:
    """What titles settle: all that is open of an item, or the part of it that was paid where the file tells of less."""
    parts: dict[int, int] = {}
    for item, _, settles in titles:
        left = board.open[item] - parts.get(item, 0) if item >= 0 else 0
        if left:
            parts[item] = parts.get(item, 0) + (min(left, settles) if settles > 0 else left)
        else:
            grade = "return.unknown_title"
    difference = board.cents[line] - sum(parts.values())
    return Settled(line, grade, list(parts.items()), difference, _RETURN if difference else "", "", 0, ("NSA " + file[1],))


def _named_titles(board: Board) -> list[tuple[int, int]]:
    """The open credits of boletos whose document number or text is the nosso número of an item of the account.

    A number is tried as it stands, then without a last digit, which may be a check digit; the text before the document number.
    """
    rows = pl.Series([line for line in board.open_lines() if board.role[line] == "boleto"], dtype=pl.UInt32)
    said = board.lines[rows].select("account_id", our_number(pl.col("description")).alias("text"), bare(pl.col("doc_number")).alias("doc"))
    told = said.with_columns(rows.alias("line"))
    for name in ("text", "doc"):
        cut = pl.when(pl.col(name).str.len_chars() > len("1234")).then(pl.col(name).str.head(-1))
        told = told.with_columns(cut.alias("cut"))
        for column in (name, "cut"):
            found = board.told.numbers.rename({"written": column, "item": f"{name}_{column}"})
            told = told.join(found, on=["account_id", column], how="left", maintain_order="left")
    by_text, by_document = pl.coalesce("text_text", "text_cut"), pl.coalesce("doc_doc", "doc_cut")
    item = pl.when(by_text >= 0).then(by_text).otherwise(by_document)
    return told.select("line", item.alias("item")).filter(pl.col("item") >= 0).rows()


def by_our_number(board: Board, differences: Differences) -> None:
    """Single boletos without return file: the item of this nosso número, paid exactly or with a formula."""
    for line, item in board.title.items() or _named_titles(board):
        due, paid = board.open[item], board.cents[line]
        if not due or board.state[line]:
            continue
        parts, words = [(item, due)], ("nosso número",)
        late = board.day[line] - board.due[item]
        lates = range(late, max(late - 5, 0), -1)  # the payer paid up to a long weekend before the bank credited
        if paid == due:
            board.settle(Settled(line, "our_number", parts, words=words))
        elif explained := next((why for days in (late, *lates) if (why := differences.explain(paid, due, board.gross[item], days))), None):
            board.settle(Settled(line, "our_number.explained", parts, paid - due, *explained, words=words))
        else:
            board.settle(Settled(line, "our_number.divergent", [(item, min(due, paid))], paid - min(due, paid), DIVERGENT, words=words))
