"""Small hand-written reconciliations: rows as an accountant would write them, and what the engine makes of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl

from retaguarda.reconcile.matching.engine import match
from retaguarda.reconcile.matching.model import Decision, Provenance
from retaguarda.reconcile.matching.result import Result, result_of
from retaguarda.reconcile.matching.rules import MatchingRules, read_matching_rules
from retaguarda.reconcile.matching.tables import ACCOUNTS, HISTORY, ITEMS, LINES, PARTNERS, RETURNS, Inputs, Table, typed
from tests.sandbox_fixtures import ROOT

RULES = read_matching_rules(ROOT / "config" / "matching.toml")
OURS = {
    "account_id": "A1",
    "bank": "341",
    "bank_name": "BANCO UM",
    "agency": "1234",
    "account": "56789-0",
    "fee_netted": "0",
    "boleto_fee": "2.00",
    "owner": "Luz Clara Comercializadora de Energia S.A.",
    "owner_doc": "11222333000181",
}
Row = dict[str, str]


@dataclass
class Case:
    """Rows of the canonical files, added one by one."""

    partners: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    returns: list[Row] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)
    accounts: list[Row] = field(default_factory=lambda: [OURS, {**OURS, "account_id": "A2", "account": "11111-1", "fee_netted": "1"}])

    def partner(self, code: str, name: str, doc: str, group: str = "") -> None:
        self.partners.append({"partner_id": code, "name": name, "doc": doc, "kind": "", "group_id": group})

    def item(self, item_id: str, partner: str, amount: str, due: str = "2026-03-10", **more: str) -> None:
        owner = next(row for row in self.partners if row["partner_id"] == partner)
        number = "".join(filter(str.isdigit, item_id)) or "0"
        row = {
            "item_id": item_id,
            "kind": "AR",
            "doc_type": "NFE",
            "partner_id": partner,
            "partner_name": owner["name"],
            "partner_doc": owner["doc"],
            "nf_number": number,
            "issue_date": "2026-01-02",
            "due_date": due,
            "gross": amount,
            "open_amount": amount,
        }
        self.items.append(row | more)

    def line(self, line_id: str, amount: str, text: str, day: str = "2026-03-10", **more: str) -> None:
        row = {"line_id": line_id, "account_id": "A1", "file_id": "F1", "date": day, "amount": amount, "description": text}
        self.lines.append(row | more)

    def title(self, our_number: str, credited: str, credit_date: str = "2026-03-10", **more: str) -> None:
        row = {
            "account_id": "A1",
            "nsa": "7",
            "occurrence": "06",
            "nosso_numero": our_number,
            "occurrence_date": credit_date,
            "credit_date": credit_date,
            "face_amount": credited,
            "paid_amount": credited,
            "credited_amount": credited,
        }
        self.returns.append(row | more)

    def known(self, text: str, partner: str) -> None:
        self.history.append({"account_id": "A1", "date": "2025-12-01", "amount": "1.00", "description": text, "partner_id": partner})

    def inputs(self, seed: int | None = None) -> Inputs:
        """The rows as tables; in another order for every seed."""
        dice = random.Random(seed)

        def table(rows: Sequence[Row], shape: Table) -> pl.DataFrame:
            mixed = dice.sample(rows, len(rows)) if seed is not None else rows
            raw = pl.DataFrame(
                [{name: row.get(name, "") for name in shape.columns} for row in mixed], schema=dict.fromkeys(shape.columns, pl.String)
            )
            return typed(raw, shape, shape.name, rejections)

        rejections: list = []  # type: ignore[type-arg]
        made = Inputs(
            items=table(self.items, ITEMS),
            partners=table(self.partners, PARTNERS),
            accounts=table(self.accounts, ACCOUNTS),
            lines=table(self.lines, LINES),
            returns=table(self.returns, RETURNS),
            history=table(self.history, HISTORY),
            rejections=rejections,
        )
        assert rejections == []
        return made

    def run(self, seed: int | None = None, rules: MatchingRules = RULES) -> Result:
        result = result_of(match(self.inputs(seed), rules), Provenance("", rules.digest, rules.version), [])
        assert result.tie_out().difference == 0
        return result


def decisions(result: Result) -> dict[str, Decision]:
    return {one.line.line_id: one for one in result.decisions()}


def settled(result: Result) -> dict[str, dict[str, Decimal]]:
    """What each line settles: {line: {item: amount}}."""
    return {one.line.line_id: {part.item_id: part.amount for part in one.allocations} for one in result.decisions()}


def classes(result: Result) -> dict[str, str]:
    return {line_id: result.class_of(number).value for number, line_id in enumerate(result.line_ids)}


def two_customers() -> Case:
    case = Case()
    case.partner("P1", "Cerâmica Três Irmãos Ltda", "12345678000195")
    case.partner("P2", "Hospital Boa Esperança S.A.", "98765432000198")
    return case


__all__ = ["OURS", "RULES", "Case", "Path", "classes", "decisions", "settled", "two_customers"]
