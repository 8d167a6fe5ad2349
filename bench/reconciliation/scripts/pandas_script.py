"""The script that people write first: three merges with pandas, on boleto number, on invoice and amount, on day and amount."""

import sys
from pathlib import Path

import pandas as pd


def main(data: Path, out: Path) -> None:
    items = pd.read_csv(data / "open_items.csv", dtype=str)
    lines = pd.read_csv(data / "statement_lines.csv", dtype=str).drop_duplicates(
        ["account_id", "date", "amount", "doc_number", "fitid", "description"]
    )
    items["value"], lines["value"] = items["open_amount"].astype(float), lines["amount"].astype(float)
    items["signed"] = items["value"].where(items["kind"] == "AR", -items["value"]).round(2)
    found = []

    def keep(pairs: pd.DataFrame) -> None:
        nonlocal items, lines
        pairs = pairs.drop_duplicates("line_id").drop_duplicates("item_id")
        found.append(pairs[["line_id", "item_id", "open_amount"]])
        items = items[~items["item_id"].isin(pairs["item_id"])]
        lines = lines[~lines["line_id"].isin(pairs["line_id"])]

    keep(lines.merge(items.dropna(subset=["nosso_numero"]), left_on="doc_number", right_on="nosso_numero"))
    lines["nf"] = lines["description"].str.extract(r"(?:NF|NFE|NF-E|FATURA|DUPL\w*|FISCAL|DOC)[ .N]*0*(\d{3,})", expand=False)
    keep(lines.dropna(subset=["nf"]).merge(items, left_on=["nf", "value"], right_on=["nf_number", "value"]))
    keep(lines.merge(items, left_on=["date", "value"], right_on=["due_date", "signed"]))
    pairs = lines.merge(items, left_on="value", right_on="signed")
    days = (pd.to_datetime(pairs["date"]) - pd.to_datetime(pairs["due_date"])).dt.days.abs()
    keep(pairs.assign(days=days)[days <= 30].sort_values("days"))
    pd.concat(found).rename(columns={"open_amount": "amount"}).assign(decision="auto").to_csv(out / "matches.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
