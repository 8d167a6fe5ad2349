"""The labelled data are what they say, the scorer counts right, and others are beaten by rules that know returns and names."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.reconciliation.__main__ import main
from bench.reconciliation.draw import Draw, interest, share
from bench.reconciliation.generate import generate
from bench.reconciliation.peers import MATCHERS, compare, table
from bench.reconciliation.register import bare, cnpj, cpf
from bench.reconciliation.score import Score, score, score_contracts, show
from retaguarda.model.values import Cnpj

LINES = 2_500
COLUMNS = {
    "statement_lines.csv": "line_id,account_id,file_id,date,amount,hist_code,doc_number,fitid,description",
    "partners.csv": "partner_id,name,doc,kind,group_id",
    "bank_accounts.csv": "account_id,bank,bank_name,agency,account,fee_netted,boleto_fee,owner,owner_doc",
    "history.csv": "account_id,date,amount,description,partner_id",
    "labels.csv": "line_id,item_id,amount",
    "labels_lines.csv": "line_id,class,scenario,difficulty,dup_of,pair_of,diff_type,diff,note",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled") / "set"
    generate(LINES, 23, folder)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_seed_writes_the_same_bytes_and_another_others(data: Path, tmp_path: Path) -> None:
    generate(LINES, 23, tmp_path / "again")
    generate(LINES, 24, tmp_path / "other")
    for path in sorted(data.iterdir()):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "other" / "statement_lines.csv").read_bytes() != (data / "statement_lines.csv").read_bytes()


def test_the_columns_are_those_of_the_product_inputs(data: Path) -> None:
    for name, columns in COLUMNS.items():
        assert (data / name).read_text(encoding="utf-8").splitlines()[0] == columns


def test_every_settled_line_is_the_sum_of_what_it_settles(data: Path) -> None:
    lines, items = {r["line_id"]: r for r in rows(data / "statement_lines.csv")}, {r["item_id"]: r for r in rows(data / "open_items.csv")}
    info = {r["line_id"]: r for r in rows(data / "labels_lines.csv")}
    paid: dict[str, Decimal] = defaultdict(Decimal)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for edge in rows(data / "labels.csv"):
        item, amount = items[edge["item_id"]], Decimal(edge["amount"])
        sums[edge["line_id"]] += amount if item["kind"] == "AR" else -amount
        paid[edge["item_id"]] += amount
        assert info[edge["line_id"]]["class"] == "match"
    assert set(sums) == {line for line, told in info.items() if told["class"] == "match"}
    assert all(total + Decimal(info[line]["diff"]) == Decimal(lines[line]["amount"]) for line, total in sums.items())
    assert all(total <= Decimal(items[item]["open_amount"]) for item, total in paid.items())


def test_a_batch_is_what_its_return_credits(data: Path) -> None:
    lines = {r["line_id"]: r for r in rows(data / "statement_lines.csv")}
    items = {r["item_id"]: r for r in rows(data / "open_items.csv")}
    paid = {
        (r["account_id"], r["nosso_numero"]): Decimal(r["credited_amount"]) for r in rows(data / "retorno.csv") if r["occurrence"] == "06"
    }
    batches: dict[str, Decimal] = defaultdict(Decimal)
    scenario = {r["line_id"]: r["scenario"] for r in rows(data / "labels_lines.csv")}
    for edge in rows(data / "labels.csv"):
        item = items[edge["item_id"]]
        if scenario[edge["line_id"]] == "boleto_batch":
            batches[edge["line_id"]] += paid[item["account_id"], item["nosso_numero"]]
        if scenario[edge["line_id"]] == "boleto_batch_nr":
            assert (item["account_id"], item["nosso_numero"]) not in paid
    assert len(batches) > 50
    assert all(total == Decimal(lines[line]["amount"]) for line, total in batches.items())


def test_the_hard_cases_are_there(data: Path) -> None:
    info, lines = rows(data / "labels_lines.csv"), {r["line_id"]: r for r in rows(data / "statement_lines.csv")}
    classes = Counter(r["class"] for r in info)
    assert set(classes) == {
        "match", "noise", "balance", "transfer", "reversed", "reversal", "duplicate_payment", "duplicate_import",
    }  # fmt: skip
    assert {r["scenario"] for r in info} >= {"twin", "netting", "third_party_noref", "grouped_branch", "boleto_batch_nr", "tax_unknown"}
    for repeated in (r for r in info if r["class"] == "duplicate_import"):
        first, again = lines[repeated["dup_of"]], lines[repeated["line_id"]]
        assert first["file_id"] != again["file_id"]
        assert all(first[name] == again[name] for name in ("account_id", "date", "amount", "doc_number", "fitid", "description"))
    twins = Counter(
        (lines[r["line_id"]]["date"], lines[r["line_id"]]["description"]) for r in info if r["scenario"] == "twin" and not r["dup_of"]
    )
    assert set(twins.values()) == {2}
    docs = [r["doc"] for r in rows(data / "partners.csv")]
    assert 0 < sum(any(c.isalpha() for c in doc) for doc in docs) / len(docs) < 0.06
    assert all(Cnpj.parse(doc) for doc in docs if len(doc) == 14)


def test_one_in_eight_customers_pays_under_a_trade_name_that_only_history_tells(tmp_path: Path) -> None:
    generate(8_000, 5, tmp_path / "set")
    partners = {r["partner_id"]: r for r in rows(tmp_path / "set" / "partners.csv")}
    known = defaultdict(list)
    for row in rows(tmp_path / "set" / "history.csv"):
        known[row["partner_id"]].append(row["description"])
    told = {p: texts for p, texts in known.items() if partners[p]["kind"] in {"varejo", "grande"} and len(partners[p]["doc"]) == 14}
    hidden = [p for p, texts in told.items() if not any(bare(partners[p]["name"])[:4] in t or partners[p]["doc"] in t for t in texts)]
    assert 0.04 < len(hidden) / len(told) < 0.25


def truth(data: Path, path: Path, change: Any = lambda edge: [edge]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["line_id", "item_id", "amount", "decision"], lineterminator="\n")
        table.writeheader()
        for edge in rows(data / "labels.csv"):
            table.writerows(change({**edge, "decision": "auto"}))
    return path


def classes(data: Path, path: Path, change: Any = lambda row: row["class"]) -> Path:
    held = rows(data / "labels_lines.csv")
    path.write_text("line_id,class\n" + "".join(f"{r['line_id']},{change(r)}\n" for r in held), encoding="utf-8")
    return path


def test_the_truth_scores_one(data: Path, tmp_path: Path) -> None:
    found = score(data, truth(data, tmp_path / "m.csv"), classes(data, tmp_path / "l.csv"))
    figures = found.figures()
    assert {
        name: figures[name] for name in ("tie_f1", "strict_f1", "lines_exact", "auto_share", "import_duplicates_removed", "twins_kept")
    } == dict.fromkeys(("tie_f1", "strict_f1", "lines_exact", "auto_share", "import_duplicates_removed", "twins_kept"), 1.0)
    assert (found.wrong, found.false_on_lines_without_item) == (0, 0)


def small(folder: Path) -> Path:
    """Three invoices, two of them alike; two lines that settle, one that settles nothing, one repeated."""
    folder.mkdir()
    (folder / "open_items.csv").write_text(
        "item_id,partner_id,kind,open_amount\nI1,P,AR,10.00\nI2,P,AR,10.00\nI3,Q,AR,7.00\n", encoding="utf-8"
    )
    (folder / "labels.csv").write_text("line_id,item_id,amount\nL1,I1,10.00\nL2,I3,7.00\n", encoding="utf-8")
    (folder / "labels_lines.csv").write_text(
        "line_id,class,scenario\nL1,match,pix\nL2,match,twin\nL3,noise,tarifa\nL4,duplicate_import,pix\n", encoding="utf-8"
    )
    return folder


@pytest.mark.parametrize(
    ("told", "tie_right", "strict_right", "exact", "wrong", "auto_wrong", "on_nothing"),
    [
        ("L1,I1,auto\nL2,I3,auto", 2, 2, 2, 0, 0, 0),
        ("L1,I2,auto\nL2,I3,auto", 2, 1, 2, 0, 0, 0),  # equal invoices are interchangeable
        ("L1,I1,auto\nL1,I2,auto", 1, 1, 0, 1, 1, 0),  # one too many is wrong
        ("L1,I3,proposal", 0, 0, 0, 1, 0, 0),
        ("L3,I1,auto\nL2,I3,auto", 1, 1, 1, 1, 1, 1),
        ("L1,I9,auto", 0, 0, 0, 1, 1, 0),  # an invoice that is none
        ("L1,I1,auto\nL1,I1,auto", 1, 1, 1, 0, 0, 0),  # said twice counts once
    ],
)
def test_a_score_by_hand(
    tmp_path: Path, told: str, tie_right: int, strict_right: int, exact: int, wrong: int, auto_wrong: int, on_nothing: int
) -> None:
    (tmp_path / "m.csv").write_text(f"line_id,item_id,decision\n{told}\n", encoding="utf-8")
    found = score(small(tmp_path / "set"), tmp_path / "m.csv")
    assert (found.tie.right, found.strict.right, found.exact, found.wrong, found.auto_wrong, found.false_on_lines_without_item) == (
        tie_right, strict_right, exact, wrong, auto_wrong, on_nothing,
    )  # fmt: skip


def test_a_twin_taken_for_a_copy_and_a_copy_that_stays_are_seen(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("line_id,item_id,decision\nL1,I1,auto\n", encoding="utf-8")
    (tmp_path / "l.csv").write_text("line_id,class\nL1,match\nL2,duplicate_import\nL3,noise\nL4,match\n", encoding="utf-8")
    found = score(small(tmp_path / "set"), tmp_path / "m.csv", tmp_path / "l.csv")
    assert (found.twins_kept, found.imports_removed, found.classes["noise"]) == (0, 0, (1, 1))


def test_peers_run_on_the_same_files(data: Path) -> None:
    found = {m.name: m for m in compare(data, ["floor", "pandas script", "polars cascade"])}
    assert {name: m.failed for name, m in found.items()} == {"floor": "", "pandas script": "", "polars cascade": ""}
    figures = {name: m.score.figures() for name, m in found.items() if isinstance(m.score, Score)}
    assert figures["floor"]["tie_f1"] < 0.3 < figures["pandas script"]["tie_f1"] < figures["polars cascade"]["tie_f1"] < 0.9
    assert all(m.cpu > 0 and m.megabytes > 10 for m in found.values())
    assert table(found.values()).count("\n") == 4


def test_a_matcher_that_fails_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MATCHERS, "pandas script", lambda data, out: ["python3", "-c", "raise SystemExit('no such luck')"])
    (found,) = compare(data, ["pandas script"])
    assert (found.score, found.failed) == (None, "no such luck")
    assert "failed: no such luck" in table([found])


def test_the_commands(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    matches = truth(data, tmp_path / "m.csv")
    monkeypatch.setattr("sys.argv", ["bench", "score", str(data), str(matches), "--json"])
    main()
    assert json.loads(capsys.readouterr().out)["figures"]["tie_f1"] == 1.0
    assert "boleto_batch" in show(score(data, matches))


def test_taxes_interest_and_check_digits() -> None:
    assert (share(100_050, 65), share(1, 5000), interest(120_000, 1)) == (650, 1, 2440)
    assert Cnpj.parse(cnpj("12ABC345", 1)).root == "12ABC345"
    assert len(cpf(Draw(1))) == 11


def test_contracts_are_scored_by_pair_and_status(data: Path, tmp_path: Path) -> None:
    told = tmp_path / "contracts.csv"
    told.write_bytes((data / "labels_ccee.csv").read_bytes())
    assert score_contracts(data, told)["f1"] == 1.0
    lines = told.read_text(encoding="utf-8").splitlines()
    missing = next(line for line in lines if line.endswith(",missing"))
    told.write_text("\n".join(line for line in lines if line != missing) + "\n", encoding="utf-8")
    found = score_contracts(data, told)
    assert (found["missed_missing"], found["missed_not_validated"]) == (1, 0)
    assert 0.99 < found["f1"] < 1.0
