"""The lists of a report: which lines, which columns, in which order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from retaguarda.language import say
from retaguarda.report.content import (
    BreakLine,
    ContractLine,
    EvidenceLine,
    ItemLine,
    LogLine,
    MatchLine,
    RejectionLine,
    RunReport,
    StatementLine,
)
from retaguarda.report.figures import closing_gap, gap, proven, verdict
from retaguarda.report.headline import parameter
from retaguarda.report.labels import SEVERE, Label, Tone, label
from retaguarda.report.listing import Column, Listing, Target, Value
from retaguarda.report.retell import retell
from retaguarda.report.show import amounts, shown
from retaguarda.report.vocabulary import (
    AREAS,
    BREAKS,
    CODES,
    CONTRACT_OUTCOMES,
    CONTRACT_STATES,
    DECIMALS,
    EVIDENCE_KINDS,
    FIELDS,
    ITEM_STATES,
    LEVELS,
    PROCESSES,
    RULES,
)

MAX_LOG = 5_000
_FIELD_KINDS = {0: "count", 2: "money", 3: "mwh", 6: "mw"}


def listings(report: RunReport) -> list[Listing[Any]]:
    """Every list of the report, in the order of the workbook's sheets."""
    return [
        Listing("items", say("Items"), say("Work items"), [*_ITEMS, *field_columns(report.items)], report.items, len(_ITEMS)),
        Listing("rejections", say("Rejections"), say("Rows rejected at intake"), _REJECTIONS, report.rejections),
        Listing("matches", say("Matches"), say("Payments matched with receivables"), _MATCHES, report.matches, len(_MATCHES) - 1),
        Listing("breaks", say("Breaks"), say("What did not match"), _break_columns(report), report.breaks),
        Listing("contracts", say("CCEE × ERP"), say("Contracts: CCEE against the ERP"), _CONTRACTS, report.contracts),
        Listing("evidence", say("Evidence"), say("Files kept by their SHA-256"), _EVIDENCE, report.evidence),
    ]


def _step(code: str) -> str:
    return label(PROCESSES, code).text


def field_columns(items: Sequence[ItemLine]) -> list[Column[ItemLine]]:
    """One column for each known field that the items carry; what else they carry (rows as they came) stands in the last one."""
    names = dict.fromkeys(name for item in items for name in item.fields)
    known = [_field_column(name) for name in names if name in FIELDS]
    rest = [Column("Other values", _others, "wrap")] if set(names) - set(FIELDS) - {"reference"} else []
    return [*known, *rest]


def _others(item: ItemLine) -> str:
    return " · ".join(f"{n}: {v}" for n, v in item.fields.items() if n not in FIELDS and n != "reference" and v)


def _field_column(name: str) -> Column[ItemLine]:
    decimals = DECIMALS.get(name)
    if decimals is None:
        return Column(FIELDS.get(name, name), lambda item: _field(item.fields, name))
    return Column(FIELDS.get(name, name), lambda item: _number(item.fields.get(name)), _FIELD_KINDS[decimals])


def _field(fields: Mapping[str, Any], name: str) -> Value:
    value = fields.get(name)
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else say(str(value))


def _number(value: Any) -> Value:
    """A field's number, or its text where it is none."""
    try:
        return Decimal(str(value)) if value not in {None, ""} else None
    except InvalidOperation:
        return str(value)


def _month(text: str) -> Value:
    """A month of supply as the first day of it, so that Excel sorts and groups it."""
    try:
        return dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        return text


def _unit_kind(line: BreakLine) -> str:
    return "mwh" if line.unit == "MWh" else "money"


def _contract_outcome(line: ContractLine) -> Label:
    return label(CONTRACT_OUTCOMES, line.outcome)


def _break_columns(report: RunReport) -> list[Column[BreakLine]]:
    """The columns of the breaks; a reference that stands in another list leads there."""
    targets: dict[str, Target] = {line.reference: ("contracts", n) for n, line in enumerate(report.contracts)}
    targets |= {line.receivable: ("matches", n) for n, line in enumerate(report.matches)}
    return [
        Column("Reference", lambda b: b.reference, "code", link=lambda b: targets.get(b.reference) if b.reference else None),
        Column("Area", lambda b: label(AREAS, b.area).text, choice=True),
        Column("Kind", lambda b: label(BREAKS, b.kind), "badge", choice=True),
        Column("Date", lambda b: b.date, "date"),
        Column("Partner", lambda b: b.partner),
        Column("Found", lambda b: b.found, _unit_kind),
        Column("Expected", lambda b: b.expected, _unit_kind),
        Column("Difference", gap, _unit_kind, formula=lambda row: f"=F{row}-G{row}"),
        Column("Unit", lambda b: b.unit),
        Column("Detail", lambda b: retell(b.detail), "wrap"),
    ]


_ITEMS: list[Column[ItemLine]] = [
    Column("Reference", lambda i: i.reference, "wrap", width=27),
    Column("Step", lambda i: _step(i.step), choice=True),
    Column("Title", lambda i: i.title if i.title != i.reference else "", "wrap", width=38),
    Column("State", lambda i: label(ITEM_STATES, i.state), "badge"),
    Column("Outcome", verdict, "badge", choice=True),
    Column("Cause", lambda i: label(CODES, i.code).text if i.code else ""),
    Column("Reason", lambda i: retell(i.reason), "wrap", width=40),
    Column("What to do", lambda i: retell(i.remedy), "wrap", width=30),
    Column("Protocol", lambda i: i.protocol, "code"),
    Column("When", lambda i: i.at, "moment"),
]
_REJECTIONS: list[Column[RejectionLine]] = [
    Column("File", lambda r: r.file),
    Column("Line", lambda r: r.line, "count"),
    Column("Field", lambda r: say(FIELDS.get(r.field, r.field))),
    Column("Value", lambda r: r.value),
    Column("Reason", lambda r: retell(r.reason), "wrap"),
    Column("What to do", lambda r: retell(r.remedy), "wrap"),
]
_MATCHES: list[Column[MatchLine]] = [
    Column("Invoice", lambda m: m.receivable),
    Column("Customer", lambda m: m.partner, "wrap", width=30),
    Column("Account", lambda m: m.account, "code", choice=True),
    Column("Date", lambda m: m.date, "date"),
    Column("Statement text", lambda m: m.text, "wrap", width=34),
    Column("Document", lambda m: m.document, "code"),
    Column("Due date", lambda m: m.due_date, "date"),
    Column("Credit", lambda m: m.credit, "money", total=True),
    Column("Open before", lambda m: m.open_before, "money"),
    Column("Booked", lambda m: m.booked, "money", total=True),
    Column("Difference", lambda m: m.difference, "money", total=True),
    Column("Settlement", lambda m: Label(say("Full"), Tone.GOOD) if m.full else Label(say("Part"), Tone.WARN), "badge", width=11),
    Column("Rule", lambda m: label(RULES, m.rule).text, "wrap", width=26, choice=True),
    Column("Reasoning", lambda m: amounts(retell(m.evidence)), "wrap", width=34),
]
_CONTRACTS: list[Column[ContractLine]] = [
    Column("Reference", lambda c: c.reference, "code"),
    Column("Outcome", _contract_outcome, "badge", choice=True),
    Column("CCEE code", lambda c: c.code, "code"),
    Column("Seller", lambda c: c.seller, "code"),
    Column("Buyer", lambda c: c.buyer, "code"),
    Column("Submarket", lambda c: c.submarket, choice=True),
    Column("Month of supply", lambda c: _month(c.month), "month"),
    Column("MWh in the ERP", lambda c: c.erp_mwh, "mwh", total=True),
    Column("MWh at CCEE", lambda c: c.ccee_mwh, "mwh", total=True),
    Column("Difference in MWh", lambda c: c.difference, "mwh", total=True, formula=lambda row: f"=I{row}-H{row}"),
    Column("MWmédio in the ERP", lambda c: c.erp_mw, "mw", total=True),
    Column("MWmédio at CCEE", lambda c: c.ccee_mw, "mw", total=True),
    Column("State at CCEE", lambda c: label(CONTRACT_STATES, c.state) if c.state else None, "badge"),
    Column("Detail", lambda c: retell(c.detail), "wrap", width=34),
]
_EVIDENCE: list[Column[EvidenceLine]] = [
    Column("When", lambda e: e.at, "moment"),
    Column("Step", lambda e: _step(e.step), "code", choice=True),
    Column("Type", lambda e: label(EVIDENCE_KINDS, e.kind).text, choice=True),
    Column("Label", lambda e: retell(e.label), width=58),
    Column("Bytes", lambda e: e.size, "count", total=True),
    Column("SHA-256", lambda e: e.sha256, "mono"),
]


def page_listings(report: RunReport, pictures: Mapping[str, int]) -> dict[str, Listing[Any]]:
    """The lists as the page shows them, by key: items with their fields under their title and a link to their pictures.

    `pictures` gives, by reference, the index of an item's group of pictures.
    """

    def target(item: ItemLine) -> Target | None:
        return ("pictures", pictures[item.reference]) if item.reference in pictures else None

    lists = {listing.key: listing for listing in listings(report)}
    whole = {column.heading: column for column in _ITEMS}
    columns: list[Column[ItemLine]] = [
        Column("Reference", lambda i: i.reference, "wrap", link=target),
        whole["Step"],
        replace(whole["Title"], note=_together),
        whole["Outcome"],
        Column("Reason and what to do", _why, "wrap"),
        whole["Protocol"],
        whole["When"],
    ]
    return lists | {"items": replace(lists["items"], columns=columns)}


def _why(item: ItemLine) -> str:
    """Cause, reason and remedy in one text."""
    reason = ": ".join(filter(None, (label(CODES, item.code).text if item.code else "", retell(item.reason))))
    return say("{reason} — What to do: {remedy}", reason=reason, remedy=retell(item.remedy)) if item.remedy else reason


def _together(item: ItemLine) -> str:
    """An item's fields in one text: `Submercado: SUL · MWmédio: 1,234567`."""
    return " · ".join(f"{say(FIELDS.get(n, n))}: {_shown_field(item, n)}" for n, v in item.fields.items() if n != "reference" and v)


def _shown_field(item: ItemLine, name: str) -> str:
    decimals = DECIMALS.get(name)
    value = _number(item.fields.get(name)) if decimals is not None else _field(item.fields, name)
    return parameter(shown(value, _FIELD_KINDS[decimals] if decimals is not None else "text"))


def log_listing(report: RunReport) -> Listing[LogLine]:
    """The lines of the log that the page carries: the last ones, and every warning and error before them."""
    latest = report.log[-MAX_LOG:]
    severe = [line for line in report.log[: -len(latest) or None] if label(LEVELS, line.level).tone in SEVERE]
    return Listing("log", say("Log"), say("What the robots did, minute by minute"), _LOG, (*severe[-MAX_LOG:], *latest))


_LOG: list[Column[LogLine]] = [
    Column("When", lambda x: x.at, "moment"),
    Column("Level", lambda x: label(LEVELS, x.level), "badge", choice=True),
    Column("Step", lambda x: _step(x.step), "code", choice=True),
    Column("Item", lambda x: x.item, "code"),
    Column("Text", lambda x: retell(x.text), "wrap"),
]


def statement_listing(report: RunReport) -> Listing[StatementLine]:
    """The completeness proofs of the statement files."""
    return Listing("statements", say("Statements"), say("Completeness of the statements"), _STATEMENTS, report.statements)


_STATEMENTS: list[Column[StatementLine]] = [
    Column("Statement file", lambda s: s.file),
    Column("Account", lambda s: s.account, "code"),
    Column("Period", lambda s: parameter(s.period), "code"),
    Column("Entries", lambda s: s.entries, "count"),
    Column("Opening balance", lambda s: s.opening, "money"),
    Column("Movement", lambda s: s.movement, "money"),
    Column("Stated closing", lambda s: s.closing, "money"),
    Column("Difference", closing_gap, "money"),
    Column("Proof", proven, "badge"),
    Column("Detail", lambda s: retell(s.detail), "wrap"),
]
