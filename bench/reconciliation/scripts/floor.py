"""The floor of plain Python: both files read row by row, one dictionary, one look for each line; the fewest that any script does."""

import csv
import sys
from pathlib import Path


def main(data: Path, out: Path) -> None:
    with (data / "open_items.csv").open(encoding="utf-8", newline="") as file:
        items = {item["nosso_numero"]: item for item in csv.DictReader(file) if item["nosso_numero"]}
    with (data / "statement_lines.csv").open(encoding="utf-8", newline="") as file:
        pairs = [(line, items[line["doc_number"]]) for line in csv.DictReader(file) if line["doc_number"] in items]
    with (out / "matches.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["line_id", "item_id", "amount", "decision"])
        table.writerows([line["line_id"], item["item_id"], item["open_amount"], "auto"] for line, item in pairs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
