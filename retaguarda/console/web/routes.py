"""The register of everything that can be asked of the console, with the roles that may ask.

A view becomes reachable only by `page` (or `endpoint`, for the API), so that none is without rights, and tests can try every
route as every role.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse

from retaguarda.people.roles import Role
from retaguarda.store.models import Person

READ = ("GET", "HEAD")
View = Callable[..., Any]


class Forbidden(Exception):  # a plain fact
    """The person who is signed in may not do this."""


@dataclass(frozen=True)
class Route:
    """One thing that can be asked for; `roles` None: by anybody, signed in or not."""

    path: str
    name: str
    methods: tuple[str, ...]
    roles: frozenset[Role] | None
    view: View
    api: bool = False


ROUTES: list[Route] = []


def page(path: str, *, roles: Collection[Role] | None, methods: tuple[str, ...] = READ, name: str = "") -> Callable[[View], View]:
    """Make a view reachable at `path` to people with one of `roles`; its name is the function's."""

    def register(view: View) -> View:
        guarded = _guarded(view, frozenset(roles) if roles is not None else None, methods)
        ROUTES.append(Route(path, name or view.__name__, methods, frozenset(roles) if roles is not None else None, guarded))
        return view

    return register


def person_of(request: HttpRequest) -> Person | None:
    """Who is signed in."""
    found: Person | None = getattr(request, "person", None)
    return found


def may(person: Person | None, roles: Collection[Role] | None) -> bool:
    """Whether a person has one of these roles."""
    return roles is None or (person is not None and any(role in person.roles for role in roles))


def may_reach(person: Person | None, name: str) -> bool:
    """Whether a person may open the route of that name."""
    return any(route.name == name and may(person, route.roles) for route in ROUTES)


def _guarded(view: View, roles: frozenset[Role] | None, methods: tuple[str, ...]) -> View:
    def refusal(request: HttpRequest) -> HttpResponseBase | None:
        if request.method not in methods:
            return HttpResponseNotAllowed(methods)
        if roles is None or may(person_of(request), roles):
            return None
        if person_of(request) is not None:
            raise Forbidden
        return _to_sign_in(request)

    if inspect.iscoroutinefunction(view):

        @functools.wraps(view)
        async def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return refusal(request) or await view(request, *args, **kwargs)

        return answered

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return refusal(request) or view(request, *args, **kwargs)

    return answer


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """To the door, and back here afterwards; a part of a page that is asked for takes the whole page along."""
    place = reverse("sign_in")
    wanted = request.get_full_path()
    if request.method in READ and wanted != "/" and "HX-Request" not in request.headers:
        place += "?" + urlencode({"next": wanted})
    answer: HttpResponseBase = redirect(place)
    if "HX-Request" in request.headers:
        answer.headers["HX-Redirect"] = place
        answer.status_code = 401
    return answer
