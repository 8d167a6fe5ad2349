"""Probabilistic record linkage with Splink: four blocking rules, weights by EM, the best pair of each line.

Runs in an environment of its own, which `python -m bench.reconciliation peers` installs.
"""

import logging
import sys
from pathlib import Path

import pandas as pd
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_library as cl

WORDS = r"(?:NFE?|NF-E|NFS|FATURA|DUPL\w*|FISCAL|DOC)[ .N]*0*(\d{3,})"


def tables(data: Path) -> list[pd.DataFrame]:
    """Lines and items in the same columns."""
    items = pd.read_csv(data / "open_items.csv", dtype=str)
    lines = pd.read_csv(data / "statement_lines.csv", dtype=str).drop_duplicates(
        ["account_id", "date", "amount", "doc_number", "fitid", "description"]
    )
    sign = items["kind"].map({"AR": "", "AP": "-"})
    name = items["partner_name"].str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii").str.upper()
    right = pd.DataFrame(
        {"unique_id": items["item_id"], "amount": sign + items["open_amount"], "day": items["due_date"], "nf": items["nf_number"],
         "doc": items["partner_doc"], "boleto": items["nosso_numero"].str.lstrip("0"), "name": name.str.replace(r"[.\-]", "", regex=True)}
    )  # fmt: skip
    text = lines["description"]
    left = pd.DataFrame(
        {"unique_id": lines["line_id"], "amount": lines["amount"], "day": lines["date"], "nf": text.str.extract(WORDS, expand=False),
         "doc": text.str.replace(r"[./-]", "", regex=True).str.extract(r"\b([0-9A-Z]{12}\d{2}|\d{11})\b", expand=False),
         "boleto": lines["doc_number"].fillna("").str.lstrip("0").where(lines["hist_code"] == "201"),
         "name": text.str.replace(r"^(PIX|TED|TRANSFERENCIA|CRED|RECEBIMENTO)[A-Z :.-]*", "", regex=True)}
    )  # fmt: skip
    return [left, right]


def main(data: Path, out: Path) -> None:
    logging.disable(logging.WARNING)
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            cl.ExactMatch("amount"),
            cl.ExactMatch("nf"),
            cl.ExactMatch("doc"),
            cl.ExactMatch("boleto"),
            cl.JaroWinklerAtThresholds("name", [0.92, 0.8]),
            cl.AbsoluteDateDifferenceAtThresholds("day", input_is_string=True, metrics=["day", "day", "day"], thresholds=[1, 7, 45]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("boleto"),
            block_on("nf", "amount"),
            block_on("doc", "amount"),
            block_on("amount", "day"),
        ],
    )
    base = DuckDBAPI()
    linker = Linker(
        [base.register(table, dataset_display_name=name) for table, name in zip(tables(data), ("lines", "items"), strict=True)], settings
    )
    certain = [block_on("boleto"), block_on("nf", "amount"), block_on("doc", "amount")]
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("amount", "day"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("doc", "amount"))
    pairs = linker.inference.predict(threshold_match_probability=0.5).as_pandas_dataframe()
    swap = pairs["unique_id_l"].str.startswith("I")
    pairs["line_id"] = pairs["unique_id_l"].mask(swap, pairs["unique_id_r"])
    pairs["item_id"] = pairs["unique_id_r"].mask(swap, pairs["unique_id_l"])
    best = pairs.sort_values(["match_probability", "line_id", "item_id"], ascending=[False, True, True])
    best = best.drop_duplicates("line_id").drop_duplicates("item_id")
    best[["line_id", "item_id"]].assign(decision="auto").to_csv(out / "matches.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
