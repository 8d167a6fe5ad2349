"""What the accountants' workbook shows, as tables: the decisions of a reconciliation joined with its lines and items.

Money is whole cents. Every movement of the statements stands in exactly one of: matched, proposed, classified, breaks.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from retaguarda.errors import ConfigurationError, IncompleteDownload
from retaguarda.language import say
from retaguarda.report.labels import label
from retaguarda.report.vocabulary import DIFFERENCES

NO_MOVEMENT = ("balance", "duplicate_import")
"""Lines of the files that moved no money: printed balances, and lines that another file already told."""
OPEN_CLASSES = ("unmatched", "match", "duplicate_payment")
"""Classes that wait for somebody when no decision settles them."""
AGES = ((7, "0–7"), (30, "8–30"), (60, "31–60"), (90, "61–90"))


@dataclass(frozen=True)
class Sources:
    """Where the files of one reconciliation lie; `folder` holds what the engine wrote."""

    folder: Path
    open_items: Path
    statements: tuple[Path, ...]
    accounts: Path | None = None
    contracts: Path | None = None
    others: tuple[Path, ...] = ()

    def files(self) -> list[Path]:
        named = [self.open_items, *self.statements, self.accounts, self.contracts, *self.others]
        written = [self.folder / name for name in ("matches.csv", "lines.csv", "result.json")]
        return [path for path in (*named, *written) if path is not None and path.is_file()]


@dataclass(frozen=True, eq=False)
class Books:
    """The tables of one reconciliation; made by `load`."""

    lines: pl.DataFrame
    items: pl.DataFrame
    edges: pl.DataFrame
    accounts: pl.DataFrame
    contracts: pl.DataFrame | None
    result: dict[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def until(self) -> dt.date:
        """The last day of the statements: ages are counted from it."""
        last = self.lines["date"].max()
        return last if isinstance(last, dt.date) else dt.date(2000, 1, 1)

    @functools.cached_property
    def since(self) -> dt.date:
        first = self.lines["date"].min()
        return first if isinstance(first, dt.date) else dt.date(2000, 1, 1)


def load(sources: Sources) -> Books:
    """Read the files; raises ConfigurationError naming the file that is not there or lacks a column."""
    matches = _read(sources.folder / "matches.csv", "line_id", "item_id", "amount", "decision", "rule", "difference", "difference_type")
    classes = _read(sources.folder / "lines.csv", "line_id", "class").select("line_id", "class")
    lines = pl.concat([_read(path, "line_id", "account_id", "date", "amount", "description") for path in sources.statements])
    lines = lines.select(
        "line_id",
        "account_id",
        pl.col("date").str.to_date(),
        pl.col("description"),
        pl.col("doc_number").fill_null(""),
        cents=_cents("amount"),
    ).join(classes, on="line_id", how="left")
    items = _read(sources.open_items, "item_id", "kind", "partner_name", "partner_doc", "nf_number", "parcel", "due_date", "open_amount")
    items = items.select(
        "item_id",
        "kind",
        "partner_name",
        "partner_doc",
        title=_title(),
        due=pl.col("due_date").str.to_date(),
        open=_cents("open_amount"),
    )
    edges = matches.select(
        "line_id",
        "item_id",
        "decision",
        "rule",
        "difference_type",
        applied=_cents("amount"),
        told=_cents("difference"),
        sure=_sure(matches),
    )
    decided = edges.group_by("line_id").agg(pl.col("decision").first())
    accounts = _read(sources.accounts, "account_id") if sources.accounts else lines.select("account_id").unique().sort("account_id")
    contracts = _read(sources.contracts, "month", "status", "erp_mwh", "ccee_mwh") if sources.contracts else None
    told = sources.folder / "result.json"
    result = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
    result["hash"] = _hash(sources.folder)
    books = Books(lines.join(decided, on="line_id", how="left"), items, edges, accounts, contracts, result)
    _add_up(books)
    return books


def _add_up(books: Books) -> None:
    """Every decision is its line to the cent, with the difference that it tells; or nothing of the files is worth a workbook."""
    held = books.edges.join(books.items.select("item_id", "kind"), on="item_id", how="left")
    signed = pl.when(pl.col("kind") == "AP").then(-pl.col("applied")).otherwise(pl.col("applied"))
    sums = held.group_by("line_id").agg(signed.sum().alias("settled"), pl.col("told").first(), lost=pl.col("kind").is_null().any())
    sums = sums.join(books.lines.select("line_id", "cents"), on="line_id", how="left").sort("line_id")
    wrong = sums.filter(pl.col("lost") | (pl.col("settled") + pl.col("told")).ne_missing(pl.col("cents")))
    if wrong.height:
        raise IncompleteDownload(
            f"{wrong.height} decisions of matches.csv do not add up to their lines; the first is that of {wrong['line_id'][0]}.",
            remedy="Reconcile again, with the same files as here.",
        )


def _hash(folder: Path) -> str:
    """One SHA-256 over the decisions and classes: whoever has the same has the same result."""
    whole = hashlib.sha256()
    for name in ("matches.csv", "lines.csv"):
        whole.update((folder / name).read_bytes())
    return whole.hexdigest()


def _read(path: Path, *columns: str) -> pl.DataFrame:
    if not path.is_file():
        raise ConfigurationError(f"{path} is not there", remedy="name the folder that `reconcile receipts --out` wrote, and its inputs")
    table = pl.read_csv(path, infer_schema=False)
    lacking = [name for name in columns if name not in table.columns]
    if lacking:
        raise ConfigurationError(f"{path.name} lacks the columns {', '.join(lacking)}.", remedy="write it again with this version")
    return table


def _title() -> pl.Expr:
    """`NFE 24722 (2/3)`; a single parcel is not told."""
    number = pl.concat_str(pl.col("doc_type", "nf_number").fill_null(""), separator=" ").str.strip_chars()
    parcel = pl.col("parcel").fill_null("1/1")
    return pl.when(parcel.is_in(["", "1/1"])).then(number).otherwise(pl.concat_str(number, pl.lit(" ("), parcel, pl.lit(")")))


def _cents(name: str) -> pl.Expr:
    return (pl.col(name).cast(pl.Float64) * 100).round().cast(pl.Int64)


def _sure(matches: pl.DataFrame) -> pl.Expr:
    return pl.col("confidence").cast(pl.Float64) if "confidence" in matches.columns else pl.lit(None, dtype=pl.Float64)


@functools.lru_cache(maxsize=4)
def settled(books: Books, decision: str) -> pl.DataFrame:
    """A row an item that a line settles; what belongs to the line as a whole stands in its first row only."""
    edges = books.edges.filter(pl.col("decision") == decision)
    held = edges.join(books.lines.drop("decision"), on="line_id", how="left").join(books.items, on="item_id", how="left")
    held = held.with_columns(signed=pl.when(pl.col("kind") == "AP").then(-pl.col("applied")).otherwise(pl.col("applied")))
    held = held.sort("date", "line_id", "due", "item_id")
    words = {kind: label(DIFFERENCES, kind).text for kind in DIFFERENCES}
    first = pl.int_range(pl.len()).over("line_id") == 0
    rest = pl.col("cents") - pl.col("signed").sum().over("line_id")
    return held.with_columns(
        moved=pl.when(first).then(pl.col("cents")),
        rest=pl.when(first & (rest != 0)).then(rest),
        reason=pl.when(first & (rest != 0)).then(named("difference_type", {"": say("Difference"), **words})),
        share=pl.len().over("line_id"),
    )


def proposed(books: Books) -> pl.DataFrame:
    """A row a line that waits for a person, with what is proposed in words."""
    held = settled(books, "proposal")
    words = pl.concat_str("title", pl.lit(" · "), "partner_name", pl.lit(" · R$ "), _spelled(pl.col("applied")))
    return held.group_by("line_id", maintain_order=True).agg(
        pl.col("date", "account_id", "description", "cents", "rule", "sure").first(),
        proposal=words.sort().str.join("; "),
        items=pl.len(),
        rest=pl.col("rest").sum(),
        reason=pl.col("reason").drop_nulls().first(),
    )


def _spelled(cents: pl.Expr) -> pl.Expr:
    """`1234,50`: cents in words, without points for thousands."""
    return pl.concat_str((cents // 100).cast(pl.String), pl.lit(","), (cents % 100).cast(pl.String).str.zfill(2))


@functools.lru_cache(maxsize=4)
def classified(books: Books) -> pl.DataFrame:
    """Lines that settle no item and are known for what they are; `moved` is empty where no money moved."""
    held = books.lines.filter(pl.col("decision").is_null(), ~_waits()).sort("date", "line_id")
    return held.with_columns(moved=pl.when(~pl.col("class").is_in(NO_MOVEMENT)).then(pl.col("cents")), label=named("class", class_words()))


@functools.lru_cache(maxsize=4)
def breaks(books: Books) -> pl.DataFrame:
    """Lines that nothing explains and payments that came twice, oldest first, with their age."""
    held = books.lines.filter(pl.col("decision").is_null(), _waits()).sort("date", "line_id")
    age = (pl.lit(books.until) - pl.col("date")).dt.total_days().cast(pl.Int64)
    twice = pl.col("class") == "duplicate_payment"
    kind = (
        pl.when(twice)
        .then(pl.lit(say("Payment repeated")))
        .when(pl.col("cents") > 0)
        .then(pl.lit(say("Credit without title")))
        .otherwise(pl.lit(say("Debit without title")))
    )
    step = (
        pl.when(twice)
        .then(pl.lit(say("Give it back, credit it or match it by hand with another invoice.")))
        .when(pl.col("cents") > 0)
        .then(pl.lit(say("Ask the payer which invoice it is about.")))
        .otherwise(pl.lit(say("Find the document of the payment.")))
    )
    told = held.with_columns(age=age, label=kind, step=step).with_columns(bucket=bucket("age"))
    return told.join(_candidates(books), on="line_id", how="left").sort("date", "line_id")


def _candidates(books: Books) -> pl.DataFrame:
    """The item that each line without decision may be about first of all, where the engine names one."""
    told = (*books.result.get("unmatched", ()), *books.result.get("repeated", ()))
    named = [(one["line_id"], one["candidates"][0]["item_id"]) for one in told if one.get("candidates")]
    found = pl.DataFrame(named, schema={"line_id": pl.String, "item_id": pl.String}, orient="row").join(books.items, on="item_id")
    return found.select("line_id", candidate=pl.concat_str("title", pl.lit(" · "), "partner_name"))


def _waits() -> pl.Expr:
    return pl.col("class").is_null() | pl.col("class").is_in(OPEN_CLASSES)


def bucket(name: str) -> pl.Expr:
    """An age in days as the range it falls in."""
    told = pl.lit("> 90")
    for most, text in reversed(AGES):
        told = pl.when(pl.col(name) <= most).then(pl.lit(text)).otherwise(told)
    return pl.when(pl.col(name) < 0).then(pl.lit(say("not due"))).otherwise(told)


@functools.lru_cache(maxsize=4)
def still_open(books: Books) -> pl.DataFrame:
    """What is left of each item after the decisions that need nobody, by due date."""
    done = books.edges.filter(pl.col("decision") == "auto").group_by("item_id").agg(pl.col("applied").sum())
    held = books.items.join(done, on="item_id", how="left").with_columns(pl.col("applied").fill_null(0))
    left = held.with_columns(
        left=pl.col("open") - pl.col("applied"), age=(pl.lit(books.until) - pl.col("due")).dt.total_days().cast(pl.Int64)
    )
    waiting = books.edges.filter(pl.col("decision") == "proposal").select("item_id", waiting=pl.lit(say("yes"))).unique("item_id")
    sides = {"AR": say("To receive"), "AP": say("To pay")}
    return (
        left.filter(pl.col("left") > 0)
        .with_columns(bucket=bucket("age"), kind=named("kind", sides))
        .join(waiting, on="item_id", how="left")
        .sort("due", "item_id")
    )


def postings(books: Books) -> pl.DataFrame:
    """Taxes, interest, discounts and fees of what is matched, and the bank's own fees: what is to be posted, signed as at the bank."""
    held = settled(books, "auto").filter(pl.col("rest").is_not_null())
    of_matches = held.select("date", "account_id", "line_id", label="reason", cents="rest", text="title", party="partner_name")
    noise = classified(books).filter(pl.col("class") == "noise")
    empty = pl.lit("")
    of_bank = noise.select(
        "date", "account_id", "line_id", label=pl.lit(say("Bank's own movement")), cents="cents", text="description", party=empty
    )
    return pl.concat([of_matches, of_bank]).sort("label", "date", "line_id")


@functools.lru_cache(maxsize=4)
def by_account(books: Books) -> pl.DataFrame:
    """Each account: what moved, and what became of it."""
    moved = books.lines.filter(~pl.col("class").fill_null("").is_in(NO_MOVEMENT) | pl.col("decision").is_not_null())
    cents, decision = pl.col("cents"), pl.col("decision")
    waits = decision.is_null() & _waits()
    table = moved.group_by("account_id").agg(
        count=pl.len(),
        credits=cents.filter(cents > 0).sum(),
        debits=cents.filter(cents < 0).sum(),
        auto=cents.filter(decision == "auto").sum(),
        proposals=cents.filter(decision == "proposal").sum(),
        classified=cents.filter(decision.is_null() & ~waits).sum(),
        waiting=cents.filter(waits).sum(),
    )
    return (
        books.accounts.join(table, on="account_id", how="left")
        .with_columns(pl.col("count", "credits", "debits", "auto", "proposals", "classified", "waiting").fill_null(0))
        .sort("account_id")
    )


def proof(sources: Sources) -> pl.DataFrame:
    """Every file that went in or came out: its rows and its SHA-256."""
    rows = []
    for path in sources.files():
        data = path.read_bytes()
        count = max(0, data.count(b"\n") - 1) if path.suffix == ".csv" else None
        rows.append({"file": path.name, "rows": count, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    return pl.DataFrame(rows, schema={"file": pl.String, "rows": pl.Int64, "size": pl.Int64, "sha256": pl.String})


def named(column: str, words: dict[str, str]) -> pl.Expr:
    """Codes as words; an unknown code stays as it is."""
    return pl.col(column).fill_null("").replace(words)


def class_words() -> dict[str, str]:
    """Classes of lines as people call them."""
    return {
        "noise": say("Fees and yields"),
        "balance": say("Balance line"),
        "transfer": say("Transfers between own accounts"),
        "reversed": say("Credit that was reversed"),
        "reversal": say("Reversal"),
        "duplicate_import": say("Line of another file again"),
    }


def weeks(books: Books) -> pl.DataFrame:
    """By week: how much of what asks for a decision got one, by lines."""
    wanted = books.lines.filter(pl.col("decision").is_not_null() | _waits()).sort("date")
    grouped = wanted.group_by(week=pl.col("date").dt.truncate("1w")).agg(
        auto=(pl.col("decision") == "auto").sum() / pl.len(), decided=pl.col("decision").is_not_null().sum() / pl.len()
    )
    return grouped.sort("week")


def ages(books: Books) -> pl.DataFrame:
    """Breaks by age: how many, and how much money."""
    order: Sequence[str] = [*(text for _, text in AGES), "> 90"]
    counted = breaks(books).group_by("bucket").agg(count=pl.len(), cents=pl.col("cents").abs().sum())
    return pl.DataFrame({"bucket": order}).join(counted, on="bucket", how="left").with_columns(pl.col("count", "cents").fill_null(0))


def received(books: Books) -> pl.DataFrame:
    """Money of customers by day: credits that a decision explains."""
    held = books.lines.filter(pl.col("decision").is_not_null(), pl.col("cents") > 0)
    return held.group_by("date").agg(pl.col("cents").sum()).sort("date")


def energy(books: Books) -> pl.DataFrame:
    """MWh by month of supply: contracted in the ERP, registered at CCEE; each contract of either side once."""
    if books.contracts is None:
        return pl.DataFrame(schema={"month": pl.String, "erp": pl.Float64, "ccee": pl.Float64})
    table = books.contracts.with_columns(pl.col("erp_mwh", "ccee_mwh").cast(pl.Float64))
    shared = pl.col("erp_id").n_unique().over("month", "ccee_id")  # several contracts of the ERP carry their sum
    each = table.with_columns(erp_mwh=pl.when(pl.col("ccee_id").fill_null("") == "").then("erp_mwh").otherwise(pl.col("erp_mwh") / shared))
    ours = (
        each.filter(pl.col("erp_id").fill_null("") != "")
        .unique(["erp_id", "month"], keep="first", maintain_order=True)
        .group_by("month", maintain_order=True)
        .agg(erp=pl.col("erp_mwh").sum())
    )
    theirs = (
        table.filter(pl.col("ccee_id").fill_null("") != "")
        .unique(["ccee_id", "month"], keep="first", maintain_order=True)
        .group_by("month", maintain_order=True)
        .agg(ccee=pl.col("ccee_mwh").sum())
    )
    return ours.join(theirs, on="month", how="full", coalesce=True).fill_null(0).sort("month")
