"""A relational cascade with polars: joins from certain to plausible, each one to one, oldest item first; no search of sums."""

import sys
from pathlib import Path

import polars as pl

SMALL = r" (LTDA|SA|S/A|ME|EPP|EIRELI|EM RECUPERACAO JUDICIAL)\b"


class Cascade:
    """Lines and items that are still free, and what was found."""

    def __init__(self, lines: pl.DataFrame, items: pl.DataFrame) -> None:
        self.lines, self.items = lines, items
        self.found: list[pl.DataFrame] = []

    def keep(self, pairs: pl.DataFrame) -> None:
        """Take pairs (line_id, item_id, cents); what they use is free no more."""
        self.found.append(pairs.select("line_id", "item_id", "cents"))
        self.lines = self.lines.join(pairs, on="line_id", how="anti")
        self.items = self.items.join(pairs, on="item_id", how="anti")

    def one_to_one(self, keys: list[str], lines: pl.DataFrame | None = None, window: int | None = None) -> None:
        """Join on keys and signed cents, the n-th line of a key with its n-th item."""
        on = [*keys, "signed"]
        held = (self.lines if lines is None else lines).drop_nulls(on)
        left = held.sort("date", "line_id").with_columns(turn=pl.int_range(pl.len()).over(on))
        right = self.items.drop_nulls(on).sort("due_date", "item_id").with_columns(turn=pl.int_range(pl.len()).over(on))
        pairs = left.join(right, on=[*on, "turn"], suffix="_item")
        if window is not None:
            days = (pl.col("date").str.to_date() - pl.col("due_date").str.to_date()).dt.total_days()
            pairs = pairs.filter(days.is_between(-10, window))
        self.keep(pairs.unique("line_id").unique("item_id"))


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def cents(name: str) -> pl.Expr:
    return (pl.col(name).cast(pl.Float64) * 100).round().cast(pl.Int64)


def bare(name: str) -> pl.Expr:
    text = pl.col(name).str.normalize("NFKD").str.replace_all(r"\p{Mn}", "").str.to_uppercase()
    return text.str.replace_all(r"[.\-]", "").str.replace_all(r"\s+", " ")


def main(data: Path, out: Path) -> None:
    partners = read(data / "partners.csv").select("partner_id", "doc")
    items = read(data / "open_items.csv").with_columns(cents=cents("open_amount"))
    items = items.with_columns(
        signed=pl.when(pl.col("kind") == "AR").then(pl.col("cents")).otherwise(-pl.col("cents")), nf=pl.col("nf_number")
    )
    items = items.with_columns(name=bare("partner_name").str.slice(0, 14), boleto=pl.col("nosso_numero").str.strip_chars_start("0"))
    words = r"(?:NFE?|NF-E|NFS|FATURA|DUPL\w*|FISCAL|DOC)[ .N]*0*(\d{3,})"
    lines = read(data / "statement_lines.csv").unique(
        ["account_id", "date", "amount", "doc_number", "fitid", "description"], keep="first", maintain_order=True
    )
    lines = lines.with_columns(signed=cents("amount"), nf=pl.col("description").str.extract(words))
    lines = lines.with_columns(doc=pl.col("description").str.replace_all(r"[./-]", "").str.extract(r"\b([0-9A-Z]{12}\d{2}|\d{11})\b"))
    cascade = Cascade(lines.join(partners, on="doc", how="left"), items)
    by_return(cascade, data)
    for number in (pl.col("doc_number"), pl.col("description").str.extract(r"(\d{5,})(?:-\d)?$")):
        held = cascade.lines.filter(pl.col("hist_code") == "201").with_columns(boleto=number.str.strip_chars_start("0"))
        pairs = held.drop_nulls("boleto").join(cascade.items.drop_nulls("boleto"), on=["account_id", "boleto"], suffix="_item")
        cascade.keep(pairs.unique("line_id").unique("item_id"))
    cascade.one_to_one(["nf"])
    cascade.one_to_one(["partner_id"], window=140)
    by_name(cascade)
    alone = cascade.items.group_by("signed").agg(alone=pl.len() == 1).filter("alone")
    cascade.one_to_one([], cascade.lines.join(alone, on="signed", how="semi"), window=20)
    table = pl.concat(cascade.found).select("line_id", "item_id", amount=pl.col("cents") / 100, decision=pl.lit("auto"))
    table.write_csv(out / "matches.csv", float_precision=2)


def by_return(cascade: Cascade, data: Path) -> None:
    """A credit equal to the sum of one return file settles the titles of that file."""
    rows = read(data / "retorno.csv").filter(pl.col("occurrence") == "06").with_columns(credited=cents("credited_amount"))
    files = rows.group_by("account_id", "nsa", "credit_date").agg(signed=pl.col("credited").sum())
    batches = files.join(cascade.lines, left_on=["account_id", "credit_date", "signed"], right_on=["account_id", "date", "signed"])
    titles = (
        batches.unique(["account_id", "nsa"], keep="none")
        .unique("line_id", keep="none")
        .select("account_id", "nsa", "line_id")
        .join(rows, on=["account_id", "nsa"])
    )
    cascade.keep(titles.join(cascade.items, on=["account_id", "nosso_numero"], suffix="_item").unique("item_id"))


def by_name(cascade: Cascade) -> None:
    """The first fourteen letters of a name anywhere in the text, and the amount."""
    names = cascade.items.select("name", "partner_id").unique()
    alone = names.unique("name", keep="none")
    items = cascade.items.select("signed", "name").unique().join(alone, on="name")
    pairs = cascade.lines.join(items, on="signed", suffix="_named").filter(pl.col("description").str.contains(pl.col("name"), literal=True))
    one = pairs.unique(["line_id"], keep="none").select("line_id", named="partner_id_named")
    lines = cascade.lines.join(one, on="line_id").with_columns(partner_id=pl.col("named"))
    cascade.one_to_one(["partner_id"], lines, window=140)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
