"""The API of one's own access: who I am, and the tokens of my programs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Schema

from retaguarda.console.commands_token import described
from retaguarda.console.web.api import TROUBLES, NothingThere, Number, endpoint, is_by_token
from retaguarda.console.web.place import house
from retaguarda.console.web.routes import person_of
from retaguarda.errors import NotEntitled
from retaguarda.people.roles import EVERYBODY
from retaguarda.store.models import Person

ANY = dict[str, Any]


class TokenIn(Schema):
    """A new token: which program it is for, which of my roles it may use, and for how many days."""

    name: str
    roles: list[str]
    days: int = 30


@endpoint("GET", "/account", roles=EVERYBODY, response={200: ANY, **TROUBLES})
def get_account(request: HttpRequest) -> Any:
    """Who asks, and with which roles."""
    person = _me(request)
    return {"name": person.name, "full_name": person.full_name, "roles": person.roles, "by_token": is_by_token(request)}


@endpoint("GET", "/account/tokens", roles=EVERYBODY, response={200: list[ANY], **TROUBLES})
def list_tokens(request: HttpRequest) -> Any:
    """My tokens, without their secrets."""
    return [described(token) for token in house().tokens().of(_me(request))]


@endpoint("POST", "/account/tokens", roles=EVERYBODY, response={201: ANY, **TROUBLES})
def make_token(request: HttpRequest, wanted: TokenIn) -> Any:
    """Make a token, in a session alone: a token makes no others. Its secret is given this once."""
    if is_by_token(request):
        raise NotEntitled("a token makes no tokens", remedy="sign in, and make it on the page of your access")
    return 201, {"secret": house().tokens().make(_me(request), wanted.name, wanted.roles, wanted.days)}


@endpoint("DELETE", "/account/tokens/{number}", roles=EVERYBODY, response={200: ANY, **TROUBLES})
def revoke_token(request: HttpRequest, number: Number) -> Any:
    """End a token of mine at once."""
    found = _me(request).tokens.filter(pk=number).first()
    if found is None:
        raise NothingThere
    house().tokens().revoke(found)
    found.refresh_from_db()
    return described(found)


def _me(request: HttpRequest) -> Person:
    person = person_of(request)
    if person is None:
        raise NothingThere
    return person
