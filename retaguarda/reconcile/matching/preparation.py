"""From tables to a board: rows in the order of their content, repeated imports out, lines known by their words, payers named."""

from __future__ import annotations

import datetime as dt
from array import array
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from retaguarda.errors import InvalidItem
from retaguarda.reconcile.matching.board import CODE, Board
from retaguarda.reconcile.matching.columns import among, business_days, packed
from retaguarda.reconcile.matching.facts import AP, AR, BOLETO, PLAIN
from retaguarda.reconcile.matching.model import LineClass
from retaguarda.reconcile.matching.payers import Payers
from retaguarda.reconcile.matching.rules import MatchingRules
from retaguarda.reconcile.matching.tables import MOST_PARTNERS, Inputs
from retaguarda.reconcile.matching.texts import features, kind_of, numbers_of, plain, plain_texts
from retaguarda.reconcile.matching.titles import told

_AT_ONCE = 20_000
"""Lines whose texts are read together."""
_PAYERS = {"", "reversal"}
"""Roles of lines whose texts name who paid."""
_KEPT = ["item_id", "kind", "doc_type", "partner_id", "due_date", "open_amount", "nosso_numero", "seu_numero", "account_id"]
_OF_BOLETOS = ["account_id", "kind", "number", "open_amount", "nosso_numero", "seu_numero"]
_SAME = ["account_id", "date", "amount", "description", "doc_number", "fitid"]


def prepare(inputs: Inputs, rules: MatchingRules, holidays: Sequence[dt.date]) -> Board:
    """The board that a reconciliation starts with; the inputs hand over their lines and items."""
    lines = inputs.hand_over("lines").sort("date", "account_id", "amount", "description", "doc_number", "fitid", "file_id", "line_id")
    partners = _register(inputs)
    with ThreadPoolExecutor(1) as aside:  # polars orders the items and reads texts and titles on one core, while Python knows the partners
        items = aside.submit(_items, inputs, partners)
        texts = [aside.submit(_texts, lines, first, rules) for first in range(0, max(lines.height, 1), _AT_ONCE)]
        payers = Payers(partners, rules.words)
        payers.learn(inputs.history, dict(zip(partners["partner_id"], range(partners.height), strict=True)))
        board = Board(rules, lines, items.result().select(_KEPT), payers, holidays)
        boletos = aside.submit(told, items.result().select(_OF_BOLETOS), inputs.hand_over("returns"), rules.settling)
        _columns(board, items.result())
        del items
        _repeated_imports(board)
        _read_texts(board, [part.result() for part in texts], inputs.accounts)
        board.told = boletos.result()
    return board


def _columns(board: Board, items: pl.DataFrame) -> None:
    """Lines and items as columns."""
    board.state = bytearray(board.lines.height)
    _item_columns(board, items)
    _line_columns(board)


def _items(inputs: Inputs, partners: pl.DataFrame) -> pl.DataFrame:
    """The items with the rows of their partners, in the order of their content."""
    row = pl.col("partner_id").cast(pl.Enum(partners["partner_id"])).to_physical().alias("partner")
    number = pl.col("nf_number").str.extract(r"([0-9]{1,15})[^0-9]*$", 1).cast(pl.Int64).fill_null(0).alias("number")
    return (
        inputs.hand_over("items")
        .drop("partner_name", "partner_doc")
        .with_columns(row, number)
        .sort("partner", "due_date", "issue_date", "kind", "number", "parcel", "open_amount", "item_id")
    )


def _register(inputs: Inputs) -> pl.DataFrame:
    """Every partner once, in the order of document and name; items may name partners that the register lacks."""
    known = inputs.partners.select("partner_id", "name", "doc", "group_id")
    named = inputs.items.select("partner_id", pl.col("partner_name").alias("name"), pl.col("partner_doc").alias("doc"))
    missing = named.join(known, on="partner_id", how="anti").sort("partner_id", "name", "doc").unique("partner_id", keep="first")
    both = pl.concat([known, missing.with_columns(pl.lit("").alias("group_id"))])
    if both.height > MOST_PARTNERS:
        raise InvalidItem(f"{both.height} partners are more than {MOST_PARTNERS}", remedy="leave out those without open items")
    clean = pl.col("doc").str.replace_all(r"[./\s-]", "").str.to_uppercase()
    return both.with_columns(clean.alias("doc")).sort("doc", "name", "partner_id")


def _item_columns(board: Board, items: pl.DataFrame) -> None:
    board.partner = packed(items["partner"])
    board.open, board.held_cents = packed(items["open_amount"]), array("q", bytes(8 * items.height))
    first = np.searchsorted(items["partner"].to_numpy(), np.arange(len(board.payers.names) + 1))
    board.first = array("q", first.astype(np.int64).tobytes())
    board.gross = packed(items["gross"])
    coded = items.select(
        pl.when(pl.col("kind") == "AP").then(AP).otherwise(AR).alias("side"),
        pl.when(pl.col("nosso_numero") != "").then(BOLETO).otherwise(PLAIN).alias("carrier"),
        pl.col("due_date").to_physical().alias("due"),
        pl.col("issue_date").to_physical().alias("issued"),
    )
    board.side, board.carrier = packed(coded["side"]), packed(coded["carrier"])
    board.due, board.issued, board.number = packed(coded["due"]), packed(coded["issued"]), packed(items["number"])
    board.due_business = business_days(items["due_date"], board.holidays)


def _line_columns(board: Board) -> None:
    lines = board.lines
    board.cents = packed(lines["amount"])
    board.day = packed(lines["date"].to_physical())
    board.business = business_days(lines["date"], board.holidays)


def _repeated_imports(board: Board) -> None:
    """Lines that two files of one account both tell; genuine twins, told twice by one file, stay two.

    The n-th line of its kind in one file is the n-th in the other. The file that begins first is believed.
    """
    lines = board.lines.select(*_SAME, "file_id").with_row_index("line")
    shared = pl.col("file_id").n_unique().over("account_id", "date") > 1
    doubtful = lines.filter(shared)
    if doubtful.is_empty():
        return
    starts = lines.group_by("account_id", "file_id").agg(pl.col("date").min().alias("first"), pl.col("date").max().alias("last"))
    ranked = (
        doubtful.join(starts, on=["account_id", "file_id"])
        .sort("first", "last", "file_id", "line")
        .with_columns(pl.int_range(pl.len()).over(*_SAME, "file_id").alias("occurrence"))
        .with_columns(pl.col("line").first().over(*_SAME, "occurrence").alias("kept"))
        .filter(pl.col("line") != pl.col("kept"))
    )
    for line, kept in ranked.select("line", "kept").iter_rows():
        board.classify(line, LineClass.DUPLICATE_IMPORT, "told by another file", kept)


def _texts(lines: pl.DataFrame, first: int, rules: MatchingRules) -> tuple[pl.Series, pl.DataFrame]:
    """The kind of every line of a part, which bounds the memory, and what the texts of those say that a payer wrote."""
    payers = [-1, *(number for number, kind in enumerate(rules.kinds) if kind.role in _PAYERS and not kind.line_class)]
    part = lines.select("amount", "description").slice(first, _AT_ONCE).with_row_index("line", offset=first)
    said = part.lazy().select("line", "amount", plain_texts(part["description"]).alias("text"))
    known = said.with_columns(kind_of(pl.col("text"), pl.col("amount"), rules.kinds).alias("kind")).collect()
    theirs = known.lazy().filter(pl.col("kind").is_in(payers)).select("line", "text")
    return known["kind"], features(theirs, rules.words).drop("text").collect()


def _read_texts(board: Board, texts: Sequence[tuple[pl.Series, pl.DataFrame]], accounts: pl.DataFrame) -> None:
    """Kinds for all lines; document, references and payer for those that are still open."""
    known, said = pl.concat([kind for kind, _ in texts]).to_numpy(), pl.concat([part for _, part in texts])
    kinds = board.rules.kinds
    roles = ["", *(kind.role for kind in kinds)]
    board.role = np.array(roles, dtype=object)[known + 1].tolist()
    for number, kind in enumerate(kinds):
        if kind.line_class:
            board.classify_all(np.flatnonzero((known == number) & board.is_open), kind.line_class, kind.name)
    board.key = array("q", bytes(8 * board.lines.height))
    board.identities = [((), "")]
    said = said.filter(board.is_open[said["line"].to_numpy()])
    board.payers.look_up(said["name"])
    dropped = board.payers.unprefixed(said["name"].unique().sort())
    if dropped:
        said = said.with_columns(pl.col("name").replace(dropped))
    _references(board, said)
    _identities(board, said)
    _own_transfers(board, said, accounts)
    _role_identities(board)


def _references(board: Board, said: pl.DataFrame) -> None:
    for line, reference in said.filter(pl.col("reference") != "").select("line", "reference").iter_rows():
        board.references[line] = numbers_of(reference)


def _identities(board: Board, said: pl.DataFrame) -> None:
    """One identity for each different (document, mask, name); lines that tell both teach trade names on the way."""
    unique = said.select("document", "masked", "name").unique().sort("document", "masked", "name").with_row_index("key", offset=1)
    payers = board.payers
    told = unique.filter((pl.col("document") != "") & (pl.col("name") != "")).select("document", "name").unique(maintain_order=True)
    payers.associate(
        (document, name, codes[0]) for document, name in told.iter_rows() if len(codes := payers.by_document.get(document, ())) == 1
    )
    board.identities += [payers.identify(*row) for row in unique.select("document", "masked", "name").iter_rows()]
    keyed = said.join(unique, on=["document", "masked", "name"], maintain_order="left")
    np.asarray(board.key)[keyed["line"].to_numpy()] = keyed["key"].to_numpy()


def _role_identities(board: Board) -> None:
    """Lines of a role (taxes, market settlement) are about the partners of the role's items."""
    partner, said, key = np.asarray(board.partner), np.array(board.role, dtype=object), np.asarray(board.key)
    for role, settled in sorted(board.rules.roles.items()):
        items = board.items["doc_type"].is_in(list(settled)).to_numpy()
        key[said == role] = len(board.identities)
        board.identities.append((tuple(np.unique(partner[items]).tolist()), role))


def _own_transfers(board: Board, said: pl.DataFrame, accounts: pl.DataFrame) -> None:
    """Money between our own accounts: our document or the beginning of our name stands where the payer's should."""
    documents = accounts["owner_doc"].str.replace_all(r"[./-]", "").unique().to_list()
    owners = accounts.select(plain(pl.col("owner")).str.replace_all(r"[^0-9A-Z]", ""))["owner"].unique().to_list()
    glued = said.with_columns(pl.col("name").str.replace_all(" ", "").alias("glued"))
    own = pl.col("document").is_in([document for document in documents if document])
    for owner in owners:
        if len(owner) >= 8:
            own |= (pl.col("glued").str.len_chars() >= 8) & pl.lit(owner).str.starts_with(pl.col("glued"))
    for line in glued.filter(own)["line"]:
        if not board.state[line]:
            board.classify(line, LineClass.TRANSFER, "our own document or name")
    _pair_transfers(board)


def _pair_transfers(board: Board) -> None:
    """Both ends of a transfer: the opposite amount at another account, a day apart at most; an end that names nobody is found so."""
    accounts = board.account
    cents, state = np.asarray(board.cents), np.frombuffer(board.state, dtype=np.uint8)
    ends = np.flatnonzero(state == CODE[LineClass.TRANSFER])
    there: dict[int, list[int]] = defaultdict(list)
    for line in np.flatnonzero(among(cents, -cents[ends])).tolist():
        if state[line] == CODE[LineClass.TRANSFER] or not (state[line] or board.role[line]):
            there[board.cents[line]].append(line)
    for line in ends.tolist():
        if line in board.counterpart:
            continue
        for other in there[-board.cents[line]]:
            near = abs(board.business[line] - board.business[other]) <= board.rules.windows.own_transfer
            if near and accounts[other] != accounts[line] and other not in board.counterpart:
                if not board.state[other]:
                    if board.identity(other)[0]:
                        continue
                    board.classify(other, LineClass.TRANSFER, "the other end of a transfer")
                board.counterpart[line], board.counterpart[other] = other, line
                break
