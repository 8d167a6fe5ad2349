"""Boletos: the titles of return files against the bank's credits, and single credits by nosso número."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import polars as pl

from retaguarda.reconcile.matching.board import Board, Settled
from retaguarda.reconcile.matching.differences import DIVERGENT, Differences
from retaguarda.reconcile.matching.model import DifferenceKind
from retaguarda.reconcile.matching.subsets import subsets
from retaguarda.reconcile.matching.texts import our_number

_RETURN = DifferenceKind.RETURN_FILE.value
_INVOICE = r"^\D{0,6}0*([0-9]{1,9})(?:[-/][0-9]{1,2})?\s*$"
"""A seu número that is an invoice's, whole or one of its parcels: `NF 4203`, `54241-3`."""
Credits = dict[tuple[str, int, int], list[int]]
"""The open credits of boletos by account, day and amount."""
Titles = list[tuple[int, int, int]]
"""(item, credited cents, cents that it settles) of each title; the item is -1 when the ERP does not know the title."""


def by_return_file(board: Board, returns: pl.DataFrame) -> None:
    """One credit for all titles of a return file: their sum, on the day of credit, to the cent."""
    with ThreadPoolExecutor(1) as aside:  # polars looks for what credits name on one core, while Python lists the files on the other
        named = aside.submit(_named_titles, board)
        files, there = _files(board, returns), _credits(board)
        board.title = dict(named.result())
    _single_titles(board, files)
    for apart in (0, 1, -1, 2):
        _equal_sums(board, files, there, apart)
    _joined_files(board, files, there)


def _files(board: Board, returns: pl.DataFrame) -> dict[tuple[str, str, int], Titles]:
    """The titles that bring money, by account, file number and business day of credit; what came twice counts once."""
    paid = returns.filter(pl.col("occurrence").is_in(list(board.rules.settling)) & (pl.col("credited_amount") != 0)).unique()
    if paid.is_empty():
        return {}
    items = (
        board.items.select("account_id", _bare(pl.col("nosso_numero")).alias("bare")).with_row_index("item").filter(pl.col("bare") != "")
    )
    known = paid.with_columns(
        _bare(pl.col("nosso_numero")).alias("bare"),
        pl.coalesce("credit_date", "occurrence_date").alias("day"),
        (pl.col("paid_amount") - pl.col("interest") + pl.col("discount")).alias("settles"),
    ).join(items, on=["account_id", "bare"], how="left")
    known = _by_invoice_number(board, known)
    known = known.sort("account_id", "nsa", "day", "bare", "credited_amount").unique(
        ["account_id", "nsa", "day", "bare", "occurrence", "credited_amount"], keep="first", maintain_order=True
    )
    titles = iter(known.select(pl.col("item").cast(pl.Int64).fill_null(-1), "credited_amount", "settles").rows())
    files = known.group_by("account_id", "nsa", pl.col("day").to_physical(), maintain_order=True).len()
    return {(account, nsa, day): list(islice(titles, count)) for account, nsa, day, count in files.iter_rows()}


def _by_invoice_number(board: Board, titles: pl.DataFrame) -> pl.DataFrame:
    """Titles whose nosso número no item has, for whoever issues boletos outside the ERP: by their seu número, to the cent.

    An item is taken when it is the only one with this seu número, or with this invoice number, of what the title settles, and no
    other title bears the number.
    """
    alone = (pl.len().over(pl.col("seu_numero").str.strip_chars()) == 1) & (pl.col("seu_numero") != "") & (pl.col("settles") > 0)
    unknown = titles.with_row_index("title").filter(pl.col("item").is_null() & alone)
    if unknown.is_empty():
        return titles
    items = board.items.select(
        "kind",
        pl.col("open_amount").alias("settles"),
        pl.col("seu_numero").str.strip_chars().alias("own"),
        pl.Series("number", board.number, dtype=pl.Int64),
    )
    items = items.with_row_index("item").filter((pl.col("kind") == "AR") & (pl.col("settles") > 0))
    said = unknown.select(
        "title",
        "settles",
        pl.col("seu_numero").str.strip_chars().alias("own"),
        pl.col("seu_numero").str.extract(_INVOICE, 1).cast(pl.Int64, strict=False).alias("number"),
    )
    own = said.join(items.filter(pl.col("own") != ""), on=["own", "settles"])
    number = said.filter(~pl.col("title").is_in(own["title"].implode())).join(items.filter(pl.col("number") > 0), on=["number", "settles"])
    pairs = pl.concat([pair.select("title", pl.col("item").alias("named")) for pair in (own, number)])
    pairs = pairs.filter(pl.len().over("title") == 1, pl.len().over("named") == 1)
    found = titles.with_row_index("title").join(pairs, on="title", how="left")
    return found.with_columns(pl.coalesce("item", "named").alias("item")).drop("title", "named")


def _bare(column: pl.Expr) -> pl.Expr:
    return column.str.strip_chars(" ").str.strip_chars_start("0")


def _credits(board: Board) -> Credits:
    found: Credits = defaultdict(list)
    accounts = board.account
    for line in board.open_lines():
        if board.role[line] == "boleto":
            found[accounts[line], board.day[line], board.cents[line]].append(line)
    return found


def _single_titles(board: Board, files: dict[tuple[str, str, int], Titles]) -> None:
    """Credits that name their nosso número, when a return file tells the same title with the same amount."""
    told: dict[tuple[int, int], tuple[str, str, int]] = {}
    named_items = set(board.title.values())
    for file, titles in files.items():
        for item, cents, _ in titles:
            if item in named_items:
                told.setdefault((item, cents), file)
    for line, item in board.title.items():
        named = told.get((item, board.cents[line]))
        if named and board.open[item]:
            own = next((title for title in files[named] if title[:2] == (item, board.cents[line])), None)
            if own:
                board.settle(_of_titles(board, line, [own], "return.title", named))
                files[named].remove(own)


def _equal_sums(board: Board, files: dict[tuple[str, str, int], Titles], there: Credits, apart: int) -> None:
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


def _joined_files(board: Board, files: dict[tuple[str, str, int], Titles], there: Credits) -> None:
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
    said = board.lines[rows].select("account_id", our_number(pl.col("description")).alias("text"), _bare(pl.col("doc_number")).alias("doc"))
    known = _known_numbers(board)
    told = said.with_columns(rows.alias("line"))
    for name in ("text", "doc"):
        cut = pl.when(pl.col(name).str.len_chars() > len("1234")).then(pl.col(name).str.head(-1))
        told = told.with_columns(cut.alias("cut"))
        for column in (name, "cut"):
            found = known.rename({"written": column, "item": f"{name}_{column}"})
            told = told.join(found, on=["account_id", column], how="left", maintain_order="left")
    by_text, by_document = pl.coalesce("text_text", "text_cut"), pl.coalesce("doc_doc", "doc_cut")
    item = pl.when(by_text >= 0).then(by_text).otherwise(by_document)
    return told.select("line", item.alias("item")).filter(pl.col("item") >= 0).rows()


def _known_numbers(board: Board) -> pl.DataFrame:
    """The item of every way in which banks write a nosso número: whole or its last digits; -1 when two items share it."""
    bare = board.items.select("account_id", _bare(pl.col("nosso_numero")).alias("written")).with_row_index("item")
    ends = [
        bare.filter(pl.col("written").str.len_chars() > width).with_columns(pl.col("written").str.tail(width).str.strip_chars_start("0"))
        for width in (15, 12, 10)
    ]
    every = pl.concat([bare, *ends]).filter(pl.col("written") != "")
    item = pl.when(pl.col("item").n_unique() == 1).then(pl.col("item").first().cast(pl.Int64)).otherwise(-1)
    return every.group_by("account_id", "written").agg(item.alias("item"))


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
