"""How right decisions are: against the labels of a data set, edge by edge and line by line.

An edge is a line and an item that it settles. Strict counts compare items by their id; tie-tolerant ones hold open items of one
partner, kind and amount to be interchangeable, which they are for everybody but the one who numbered them. A line is exact when
its items are (tie-tolerantly) all and only the true ones. A decision without a word in the column `decision` counts as auto.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

_TIE = ("partner_id", "kind", "open_amount")


@dataclass(frozen=True)
class Edges:
    """Precision, recall and their harmonic mean."""

    right: int
    told: int
    true: int

    @property
    def precision(self) -> float:
        return self.right / self.told if self.told else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.told + self.true) if self.right else 0.0


@dataclass(frozen=True)
class Scenario:
    """Lines of one scenario: how many got a decision, how many the right one; edges tie-tolerantly."""

    lines: int
    decided: int
    exact: int
    right: int
    told: int
    true: int


@dataclass(frozen=True)
class Score:
    """Everything that is measured of one set of decisions."""

    strict: Edges
    tie: Edges
    lines_with_items: int
    exact: int
    wrong: int
    auto: int
    auto_exact: int
    auto_wrong: int
    false_on_lines_without_item: int
    auto_on_lines_without_item: int
    imports: int
    imports_removed: int
    twins: int
    twins_kept: int
    classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """The rates that targets are set for."""
        with_items = max(1, self.lines_with_items)
        return {
            "tie_f1": self.tie.f1,
            "tie_precision": self.tie.precision,
            "tie_recall": self.tie.recall,
            "strict_f1": self.strict.f1,
            "lines_exact": self.exact / with_items,
            "wrong_among_decided": self.wrong / max(1, self.wrong + self.exact),
            "auto_share": (self.auto_exact + self.auto_wrong) / with_items,
            "wrong_among_auto": self.auto_wrong / max(1, self.auto_wrong + self.auto_exact),
            "decisions_on_lines_without_item": self.false_on_lines_without_item,
            "auto_on_lines_without_item": self.auto_on_lines_without_item,
            "import_duplicates_removed": self.imports_removed / max(1, self.imports),
            "twins_kept": self.twins_kept / max(1, self.twins),
        }

    def as_dict(self) -> dict[str, object]:
        return {"figures": self.figures(), **asdict(self)}


def score(data: Path, matches: Path, lines: Path | None = None) -> Score:
    """Compare `matches` (line_id,item_id[,amount][,decision]) and perhaps `lines` (line_id,class) with the labels in `data`."""
    keys = (
        _read(data / "open_items.csv")
        .select("item_id", *_TIE)
        .with_columns(key=pl.struct(_TIE).rank("dense").cast(pl.Int64))
        .select("item_id", "key")
    )
    true = _read(data / "labels.csv").select("line_id", "item_id").unique().join(keys, on="item_id", how="left")
    info = _read(data / "labels_lines.csv").select("line_id", "class", "scenario")
    told = _read(matches)
    if "decision" not in told.columns:
        told = told.with_columns(decision=pl.lit("auto"))
    auto = told.filter(pl.col("decision").fill_null("").is_in(["", "auto"])).select("line_id").unique().with_columns(auto=True)
    edges = told.select("line_id", "item_id").unique().join(keys, on="item_id", how="left").with_columns(pl.col("key").fill_null(-1))
    edges = edges.join(info.select("line_id"), on="line_id", how="semi")
    per_line = _per_line(info, true, edges).join(auto, on="line_id", how="left").with_columns(pl.col("auto").fill_null(value=False))
    classes = None if lines is None else info.join(_read(lines).select("line_id", said="class"), on="line_id")
    return _score(per_line, true.join(edges, on=["line_id", "item_id"]).height, true.height, edges.height, classes)


def _read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def _per_line(info: pl.DataFrame, true: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """A row a line: true items, told items, and how many agree when equal items are interchangeable."""
    pairs = _count(true, "t").join(_count(edges, "g"), on=["line_id", "key"], how="full", coalesce=True)
    sums = (
        pairs.with_columns(pl.col("t", "g").fill_null(0))
        .group_by("line_id")
        .agg(pl.col("t", "g").sum(), right=pl.min_horizontal("t", "g").sum())
    )
    held = info.join(sums, on="line_id", how="left").with_columns(pl.col("t", "g", "right").fill_null(0).cast(pl.Int64))
    return held.with_columns(exact=(pl.col("t") > 0) & (pl.col("t") == pl.col("g")) & (pl.col("t") == pl.col("right")))


def _count(edges: pl.DataFrame, name: str) -> pl.DataFrame:
    return edges.group_by("line_id", "key").agg(pl.len().alias(name))


def _score(held: pl.DataFrame, strict: int, true: int, told: int, classes: pl.DataFrame | None) -> Score:
    decided, exact, auto, items = pl.col("g") > 0, pl.col("exact"), pl.col("auto"), pl.col("t") > 0

    def lines(*conditions: pl.Expr) -> int:
        return held.filter(*conditions).height

    no_item = pl.col("class") != "match"
    imports, twins = pl.col("class") == "duplicate_import", (pl.col("class") == "match") & (pl.col("scenario") == "twin")
    removed, kept = lines(imports, ~decided), lines(twins)
    if classes is not None:
        said = pl.col("said") == "duplicate_import"
        removed = classes.filter(imports, said).height
        kept = lines(twins) - classes.filter(twins, said).height
    return Score(
        strict=Edges(strict, told, true),
        tie=Edges(int(held["right"].sum()), told, true),
        lines_with_items=lines(items),
        exact=lines(exact),
        wrong=lines(decided, ~exact),
        auto=lines(decided, auto),
        auto_exact=lines(exact, auto),
        auto_wrong=lines(decided, ~exact, auto),
        false_on_lines_without_item=lines(decided, no_item),
        auto_on_lines_without_item=lines(decided, no_item, auto),
        imports=lines(imports),
        imports_removed=removed,
        twins=lines(twins),
        twins_kept=kept,
        classes=_classes(classes),
        scenarios=_scenarios(held.filter(items | decided)),
    )


def _classes(classes: pl.DataFrame | None) -> dict[str, tuple[int, int]]:
    """Lines of each true class, and how many of them were called so."""
    if classes is None:
        return {}
    held = classes.group_by("class").agg(lines=pl.len(), right=(pl.col("class") == pl.col("said")).sum()).sort("class")
    return {name: (lines, right) for name, lines, right in held.iter_rows()}


def _scenarios(held: pl.DataFrame) -> dict[str, Scenario]:
    named = held.with_columns(name=pl.when(pl.col("t") > 0).then("scenario").otherwise(pl.lit("class:") + pl.col("class")))
    table = named.group_by("name").agg(
        lines=pl.len(),
        decided=(pl.col("g") > 0).sum(),
        exact=pl.col("exact").sum(),
        right=pl.col("right").sum(),
        told=pl.col("g").sum(),
        true=pl.col("t").sum(),
    )
    return {row[0]: Scenario(*row[1:]) for row in table.sort("name").iter_rows()}


def score_contracts(data: Path, contracts: Path) -> dict[str, float]:
    """Compare `contracts` (erp_id,ccee_id,status) with the labels: by pair and status; what must never be missed is counted apart."""
    columns = ["erp_id", "ccee_id", "status"]
    true = _read(data / "labels_ccee.csv").select(columns).fill_null("").unique()
    told = _read(contracts).select(columns).fill_null("").unique()
    right = true.join(told, on=columns).height
    missed = true.join(told, on=columns, how="anti").group_by("status").len()
    lost = dict(missed.iter_rows())
    return {
        "f1": Edges(right, told.height, true.height).f1,
        "pairs": true.height,
        "missed_missing": lost.get("missing", 0),
        "missed_not_validated": lost.get("not_validated", 0),
    }


def show(score: Score) -> str:
    """Figures and the table of scenarios as text."""
    out = [f"{name:34} {value:.4f}" if isinstance(value, float) else f"{name:34} {value}" for name, value in score.figures().items()]
    out += ["", f"{'class':34} {'lines':>9} {'right':>9}"] if score.classes else []
    out += [f"{name:34} {lines:9} {right:9}" for name, (lines, right) in score.classes.items()]
    out += ["", f"{'scenario':34} {'lines':>9} {'decided':>9} {'exact':>9} {'exact %':>9} {'F1':>7}"]
    for name, s in score.scenarios.items():
        f1 = 2 * s.right / (s.told + s.true) if s.told + s.true else 0.0
        out.append(f"{name:34} {s.lines:9} {s.decided:9} {s.exact:9} {100 * s.exact / s.lines:9.1f} {f1:7.3f}")
    return "\n".join(out)
