"""The API of the reconciliation."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import WithJsonSchema

from retaguarda.audit import events
from retaguarda.console.commands_ticket import described
from retaguarda.console.statement_status import as_values
from retaguarda.console.web import decide
from retaguarda.console.web.api import TROUBLES, NothingThere, endpoint
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import reconciliation as queries
from retaguarda.console.web.views.reconciliation import DECIDERS, SIGNERS
from retaguarda.decisions import breaks as break_book
from retaguarda.decisions import lineage, register, sign_off
from retaguarda.errors import ConfigurationError, RetaguardaError
from retaguarda.model.values import Month
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.store.models import BreakRecord, LedgerItem, MatchDecision, SignOff

_AMOUNT = r"^[0-9]{1,10}(\.[0-9]{1,2})?$"


class VerdictIn(Schema):
    """What is decided about matches: confirm, reject or undo."""

    keys: list[str]
    verdict: str
    reason: str = ""


class VerdictOut(Schema):
    """What became of each of them."""

    done: list[str]
    refused: dict[str, str]


class PartIn(Schema):
    """An item, and how much of it the line settles."""

    item: str
    amount: Annotated[Decimal, WithJsonSchema({"type": "string", "pattern": _AMOUNT})]


class MatchIn(Schema):
    """A line of a statement and what it settles."""

    line: str
    items: list[PartIn]


class ReasonIn(Schema):
    """Why."""

    reason: str


class SignIn(Schema):
    """The digest that was seen, and why the month is signed although points are open."""

    digest: str
    reason: str = ""


class PageOut(Schema):
    """A page of a list; `after` leads to the next one."""

    rows: list[dict[str, Any]]
    after: str


@endpoint("GET", "/reconciliation/statements", roles=EVERYBODY, response={200: PageOut, **TROUBLES})
def statements(request: HttpRequest, month: str, after: str = "") -> Any:  # noqa: ARG001
    """Account by day of a month."""
    found, following = queries.accounts_of(_month(month), house().clock.today(), after)
    return {"rows": as_values({one.name: one.days for one in found}, {one.name: one.returns for one in found}), "after": following}


@endpoint("GET", "/reconciliation/decisions", roles=EVERYBODY, response={200: PageOut, **TROUBLES})
def decisions(request: HttpRequest, state: str = "PROPOSED", account: str = "", q: str = "", after: str = "") -> Any:  # noqa: ARG001
    """Matches of a state, the latest lines first."""
    rows, following = queries.decisions(state, account, q, after)
    return {"rows": [_decision(row) for row in rows], "after": following}


@endpoint("GET", "/reconciliation/decisions/{key}", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def decision(request: HttpRequest, key: str) -> Any:  # noqa: ARG001
    """One match with everything that happened to it."""
    row = _there(register.find, key)
    told = [{"action": one.action, "by": one.by, "at": one.at.isoformat(), "reason": one.reason} for one in row.events.order_by("id")[:200]]
    return _decision(row) | {"events": told}


@endpoint("POST", "/reconciliation/decide", roles=DECIDERS, response={200: VerdictOut, **TROUBLES})
def decide_matches(request: HttpRequest, body: VerdictIn) -> Any:  # noqa: ARG001
    """Confirm, reject or undo matches; each is told by itself."""
    told = decide.many(body.keys, body.verdict, body.reason[:1000], events.actor())
    return {"done": told.done, "refused": dict(told.refused)}


@endpoint("GET", "/reconciliation/breaks", roles=EVERYBODY, response={200: PageOut, **TROUBLES})
def breaks(request: HttpRequest, kind: str = "", owner: str = "", after: str = "") -> Any:  # noqa: ARG001
    """Open breaks, the most urgent first."""
    rows, following = queries.breaks(kind, owner, after)
    return {"rows": [_break(row) for row in rows], "after": following}


@endpoint("GET", "/reconciliation/breaks/{key}", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def one_break(request: HttpRequest, key: str) -> Any:  # noqa: ARG001
    """One break."""
    return _break(_there(break_book.find, key))


@endpoint("POST", "/reconciliation/breaks/{key}/work", roles=(Role.OPERATOR,), response={200: dict[str, Any], **TROUBLES})
def work_on_break(request: HttpRequest, key: str) -> Any:  # noqa: ARG001
    """Start what is done about a break of this kind."""
    row = _there(break_book.find, key)
    decide.start_work(row, events.actor())
    return _break(row)


@endpoint("POST", "/reconciliation/breaks/{key}/ask", roles=(Role.OPERATOR,), response={201: dict[str, Any], **TROUBLES})
def ask_about_break(request: HttpRequest, key: str, body: ReasonIn) -> Any:  # noqa: ARG001
    """Ask the owner of a break what it is: a request that is answered in time."""
    return 201, described(decide.ask_owner(_there(break_book.find, key), body.reason, events.actor()))


@endpoint("GET", "/reconciliation/items", roles=EVERYBODY, response={200: list[dict[str, Any]], **TROUBLES})
def open_items(request: HttpRequest, q: str = "") -> Any:  # noqa: ARG001
    """Items that the ERP told as open, by number, document, contract or partner."""
    return [_item(row) for row in queries.open_items(q)]


@endpoint("POST", "/reconciliation/match", roles=DECIDERS, response={201: dict[str, Any], **TROUBLES})
def match_by_hand(request: HttpRequest, body: MatchIn) -> Any:  # noqa: ARG001
    """Propose that a line settles these items; another person confirms it."""
    return 201, _decision(decide.match(body.line, [(one.item, one.amount) for one in body.items], events.actor()))


@endpoint("GET", "/reconciliation/contracts", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def contracts(request: HttpRequest, month: str = "", outcome: str = "", start: Annotated[int, Query(ge=0, lt=10**6)] = 0) -> Any:  # noqa: ARG001
    """CCEE beside the ERP, contract by contract, as the latest reconciliation found them."""
    found = queries.comparison(house().evidence_folder, house().clock, str(_month(month)) if month else "")
    if found is None:
        return {"run": None, "counts": {}, "contracts": []}
    return {"run": found.run.pk, "counts": found.counts, "contracts": list(found.of(outcome, start))}


@endpoint("POST", "/reconciliation/breaks/{key}/close", roles=DECIDERS, response={200: dict[str, Any], **TROUBLES})
def close_break(request: HttpRequest, key: str, body: ReasonIn) -> Any:  # noqa: ARG001
    """Close a break, with the reason."""
    if not body.reason.strip():
        raise ConfigurationError("a break is not closed without a reason", remedy="say why")
    row = _there(break_book.find, key)
    break_book.close(row, events.actor(), house().clock.now(), body.reason[:1000])
    return _break(row)


@endpoint("GET", "/reconciliation/lineage", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def way(request: HttpRequest, q: str) -> Any:  # noqa: ARG001
    """The way of a contract's money, from any of its stations."""
    found = _there(lineage.walk, q)
    names = ("stage", "reference", "facts", "run")
    told = [
        {name: getattr(one, name) for name in names} | {"amount": one.amount and f"{one.amount:.2f}", "day": one.day and f"{one.day}"}
        for one in found.stations
    ]
    return {"id": found.id, "stations": told}


@endpoint("GET", "/reconciliation/months/{month}", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def month_state(request: HttpRequest, month: str) -> Any:  # noqa: ARG001
    """How a month stands, by its digest, and who signed it."""
    asked = _month(month)
    state = sign_off.state_of(asked)
    return {"month": str(asked), "digest": state.digest, "facts": state.facts, "signed": [_signed(row, state) for row in _rows(asked)]}


@endpoint("POST", "/reconciliation/months/{month}/sign", roles=SIGNERS, response={200: dict[str, Any], **TROUBLES})
def sign_month(request: HttpRequest, month: str, body: SignIn) -> Any:  # noqa: ARG001
    """Sign a month as it was seen, or countersign it when somebody else did."""
    asked, who, now = _month(month), events.actor(), house().clock.now()
    row = SignOff.objects.filter(month=str(asked), digest=body.digest).first()
    if row is not None:
        sign_off.countersign(row, who, now)
    else:
        row = sign_off.sign(asked, body.digest, who, now, body.reason[:1000])
    return _signed(row, sign_off.state_of(asked))


def _there(find: Any, key: str) -> Any:
    try:
        return find(key)
    except RetaguardaError:
        raise NothingThere from None


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError:
        raise NothingThere from None


def _rows(month: Month) -> list[SignOff]:
    return list(SignOff.objects.filter(month=str(month)).order_by("-signed_at")[: queries.PAGE])


def _signed(row: SignOff, state: sign_off.State) -> dict[str, Any]:
    moments = {name: value.isoformat() if (value := getattr(row, name)) else None for name in ("signed_at", "countersigned_at")}
    names = ("digest", "facts", "reason", "signed_by", "countersigned_by")
    return {name: getattr(row, name) for name in names} | moments | {"still_so": row.digest == state.digest}


def _decision(row: MatchDecision) -> dict[str, Any]:
    names = (
        "key",
        "state",
        "account",
        "line",
        "description",
        "rule",
        "rules",
        "confidence",
        "alternatives",
        "evidence",
        "difference",
        "maker",
    )
    items = [{"item": part.item, "kind": part.kind, "amount": f"{part.amount:.2f}"} for part in row.allocations.all()]
    told = {"date": f"{row.date}", "amount": f"{row.amount:.2f}", "run": row.run_id, "items": items}
    return {name: getattr(row, name) for name in names} | told


def _break(row: BreakRecord) -> dict[str, Any]:
    names = ("key", "kind", "account", "line", "item", "text", "owner", "closed_by", "closed_because")
    told = {"date": f"{row.date}", "amount": f"{row.amount:.2f}", "due_on": f"{row.due_on}", "opened_at": row.opened_at.isoformat()}
    return (
        {name: getattr(row, name) for name in names}
        | told
        | {"closed_at": row.closed_at and row.closed_at.isoformat(), "work": row.work_id}
    )


def _item(row: LedgerItem) -> dict[str, Any]:
    names = ("item", "kind", "document", "contract", "partner", "partner_name")
    return {name: getattr(row, name) for name in names} | {"due_date": f"{row.due_date}", "open_amount": f"{row.open_amount:.2f}"}
