"""The API of the console, /api/v1: the same rights, functions and audit as the pages; its description is at /api/v1/openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI, Path, Schema
from ninja.errors import AuthenticationError, ValidationError
from ninja.security import APIKeyCookie, APIKeyHeader

from retaguarda import __version__
from retaguarda.console.web.routes import ROUTES, Route, View, may, person_of
from retaguarda.console.web.views.errors import status_of
from retaguarda.errors import RetaguardaError
from retaguarda.people.roles import EVERYBODY, Role

ROOT = "api/v1"
FORBIDDEN = {"code": "forbidden", "text": "Your roles do not let you do this.", "remedy": "ask an administrator for the role"}
Number = Annotated[int, Path(ge=1, lt=2**53)]
STRANGER = {
    "code": "not-signed-in",
    "text": "Nobody is signed in.",
    "remedy": "send a token that holds (Authorization: Bearer …), or sign in at /sign-in and send the cookie of the session",
}


class SignedIn(APIKeyCookie):
    """The session of the console; whatever changes something also needs the header X-CSRFToken."""

    param_name = "retaguarda_session"

    def __init__(self, roles: Collection[Role]) -> None:
        super().__init__(csrf=True)
        self._roles = roles

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:  # noqa: ARG002  # ninja's signature
        if is_by_token(request):
            return None
        person = person_of(request)
        if person is not None and not may(person, self._roles):
            raise NotAllowed
        return person


class ByToken(APIKeyHeader):
    """A token of the person's, made on the page "My access" or with `retaguarda token make`: `Authorization: Bearer rtg_…`."""

    param_name = "Authorization"

    def __init__(self, roles: Collection[Role]) -> None:
        super().__init__()
        self._roles = roles

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:  # noqa: ARG002  # the middleware looked at it
        if not is_by_token(request):
            return None
        person = person_of(request)
        if person is not None and not may(person, self._roles):
            raise NotAllowed
        return person


def is_by_token(request: HttpRequest) -> bool:
    """Whether a program asks by a token, not a person by a session."""
    return bool(getattr(request, "by_token", False))


class NotAllowed(Exception):  # a plain fact
    """The person who is signed in may not do this."""


class NothingThere(Exception):
    """There is nothing of that id."""


class Trouble(Schema):
    """What went wrong, and what to do."""

    code: str
    text: str
    remedy: str


TROUBLES: dict[int, Any] = {401: Trouble, 403: Trouble, 404: Trouble, 409: Trouble, 422: Trouble, 503: Trouble}
"""The answers that every endpoint may give besides its own."""


api = NinjaAPI(
    title="Retaguarda",
    version=__version__,
    description="What the console does, for programs. Sessions and roles are those of the pages.",
    docs_url=None,  # its page wants scripts inline
    openapi_url=None,  # served below, to those who are signed in
)


def endpoint(method: str, path: str, *, roles: Collection[Role], **more: Any) -> Callable[[View], View]:
    """Make a function reachable under /api/v1, and register it with its roles."""

    def register(view: View) -> View:
        decorated = getattr(api, method.lower())(path, auth=[ByToken(roles), SignedIn(roles)], **more)(view)
        ROUTES.append(Route(f"{ROOT}{path}", f"api_{view.__name__}", (method.upper(),), frozenset(roles), view, api=True))
        return decorated  # type: ignore[no-any-return]

    return register


@api.exception_handler(NotAllowed)
def _not_allowed(request: HttpRequest, _error: Exception) -> HttpResponse:
    return api.create_response(request, FORBIDDEN, status=403)


@api.exception_handler(NothingThere)
def _nothing_there(request: HttpRequest, _error: Exception) -> HttpResponse:
    facts = {"code": "not-found", "text": "There is nothing of that id.", "remedy": "list what there is"}
    return api.create_response(request, facts, status=404)


@api.exception_handler(AuthenticationError)
def _stranger(request: HttpRequest, _error: Exception) -> HttpResponse:
    return api.create_response(request, STRANGER, status=401)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    first = error.errors[0]
    where = ".".join(str(part) for part in first.get("loc", ()))
    facts = {"code": "invalid-request", "text": f"{where}: {first.get('msg', '')}", "remedy": "see /api/v1/openapi.json"}
    return api.create_response(request, facts, status=422)


@api.exception_handler(RetaguardaError)
def _told(request: HttpRequest, error: Any) -> HttpResponse:
    facts = {"code": error.code, "text": error.text, "remedy": error.remedy}
    status = status_of(error)
    return api.create_response(request, facts, status=409 if status == 422 else status)  # 422 says that a request is not as described


@endpoint("GET", "/openapi.json", roles=EVERYBODY, include_in_schema=False)
def openapi(request: HttpRequest) -> HttpResponseBase:
    """The description of this API."""
    return api.create_response(request, api.get_openapi_schema(path_prefix="/api/v1/"), status=200)
