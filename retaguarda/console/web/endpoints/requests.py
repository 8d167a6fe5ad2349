"""The API of questions to people."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Schema

from retaguarda.audit import events
from retaguarda.console.screen import iso
from retaguarda.console.web.api import TROUBLES, NothingThere, Number, endpoint
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import requests as requests_read
from retaguarda.errors import ConfigurationError
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.store.models import Request


class RequestOut(Schema):
    """A question to a person."""

    number: int
    kind: str
    subject: str
    run: str
    digest: str
    facts: dict[str, Any]
    state: str
    asked_at: str
    expires_at: str | None
    answered_by: str
    reason: str


class DecisionIn(Schema):
    """A yes or no to the plan of that digest."""

    approve: bool
    digest: str
    reason: str = ""


class AnswerIn(Schema):
    """The code that a portal asks for; empty: it may send a new one."""

    code: str = ""


@endpoint("GET", "/requests", roles=EVERYBODY, response={200: list[RequestOut], **TROUBLES})
def list_requests(request: HttpRequest) -> Any:  # noqa: ARG001
    """What waits for people, the oldest first."""
    return [_request(asked) for asked in requests_read.open_ones()]


@endpoint("GET", "/uncertain", roles=EVERYBODY, response={200: list[dict[str, Any]], **TROUBLES})
def list_uncertain(request: HttpRequest) -> Any:  # noqa: ARG001
    """Presses whose outcome nobody knows, with the hashes of their pictures; POST /runs/{run_id}/retry lets the robot look again."""
    return [_doubt(one) for one in requests_read.doubts()]


@endpoint("GET", "/requests/{number}", roles=EVERYBODY, response={200: RequestOut, **TROUBLES})
def get_request(request: HttpRequest, number: Number) -> Any:  # noqa: ARG001
    """One question."""
    return _request(_asked(number))


@endpoint("POST", "/requests/{number}/decide", roles=(Role.APPROVER,), response={200: RequestOut, **TROUBLES})
def decide_request(request: HttpRequest, number: Number, decision: DecisionIn) -> Any:  # noqa: ARG001
    """Say yes or no to a plan that somebody else launched."""
    asked = _asked(number)
    if decision.digest != asked.digest:
        raise ConfigurationError("the plan is another one by now", remedy="look at it again")
    house().requests().decide(asked, events.actor(), yes=decision.approve, reason=decision.reason[:1000])
    return _request(asked)


@endpoint("POST", "/requests/{number}/answer", roles=(Role.OPERATOR,), response={200: RequestOut, **TROUBLES})
def answer_request(request: HttpRequest, number: Number, answer: AnswerIn) -> Any:  # noqa: ARG001
    """Give the code that a portal asks for."""
    asked = _asked(number)
    house().requests().answer(asked, events.actor(), answer.code[:64])
    return _request(asked)


def _asked(number: int) -> Request:
    found = requests_read.get(number)
    if found is None:
        raise NothingThere
    return found


def _request(asked: Request) -> dict[str, Any]:
    plain = {name: getattr(asked, name) for name in ("kind", "subject", "digest", "facts", "state", "answered_by", "reason")}
    return {"number": asked.pk, "run": asked.run_id, **plain, "asked_at": iso(asked.asked_at), "expires_at": iso(asked.expires_at)}


def _doubt(one: requests_read.Doubt) -> dict[str, Any]:
    intent = one.intent
    told = {name: getattr(intent, name) for name in ("portal", "act", "reference", "attempt", "state", "unreadable", "protocol", "text")}
    pictures = {"before": one.before and one.before.sha256, "after": [kept.sha256 for kept in one.after]}
    return {"run": one.root.pk, "at": iso(intent.at), **told, **pictures, "item": one.item.fields if one.item else {}}
