"""Who asks: from a request's session to its person, language and audit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from retaguarda import __version__
from retaguarda.audit import events
from retaguarda.console.web import navigation, privacy
from retaguarda.console.web.place import house
from retaguarda.console.web.routes import READ, Forbidden, person_of
from retaguarda.console.web.sessions import PERSON, SEEN, SINCE
from retaguarda.console.web.views import errors
from retaguarda.errors import RetaguardaError
from retaguarda.language import LANGUAGES, language, spoken_in
from retaguarda.people.roles import Role
from retaguarda.store.models import Person

SEEN_EVERY = 60.0
"""Seconds between two notes that a session is used: a page must not cost a write."""
LANGUAGE_COOKIE = "retaguarda_language"
AUTHORIZATION = "HTTP_AUTHORIZATION"
BACKGROUND = "X-Background"
"""Header of what a page asks for by itself: it does not keep a session awake."""


class Identity:
    """Knows the person of a request, speaks his language, and lets whatever happens be recorded as done by him."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        person = _by_token(request) if AUTHORIZATION in request.META and request.path.startswith("/api/") else _signed_in(request)
        request.person = person  # type: ignore[attr-defined]  # Django's own way: request.user
        with spoken_in(_language_of(request, person)), events.acting(person.name if person else ""):
            answer = self._get_response(request)
            if person is not None:
                answer = privacy.guarded(request, person, answer)
                answer.headers.setdefault("Cache-Control", "private, no-store")
                _note_reading(request, person, answer)
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What is expected is told in one sentence with its remedy; a defect goes on to Django, which answers 500."""
        if isinstance(error, Forbidden):
            return errors.forbidden(request)
        if isinstance(error, RetaguardaError):
            return errors.told(request, error)
        return None


def _signed_in(request: HttpRequest) -> Person | None:
    """The person of a session that is neither idle nor old for too long; such a session ends here."""
    session, now = request.session, time.time()
    key = session.get(PERSON)
    if key is None:
        return None
    limits = house().settings.console
    idle, old = now - session.get(SEEN, 0), now - session.get(SINCE, 0)
    person = Person.objects.filter(pk=key, active=True).first()
    if person is None or idle > limits.idle_minutes * 60 or old > limits.session_hours * 3600:
        session.flush()
        return None
    if idle > SEEN_EVERY and BACKGROUND not in request.headers:
        session[SEEN] = now
    return person


def _by_token(request: HttpRequest) -> Person | None:
    """Who asks the API by a token; the session of the same request counts for nothing then."""
    request.by_token = True  # type: ignore[attr-defined]
    kind, _, secret = request.META[AUTHORIZATION].partition(" ")
    return house().entrance().token(secret.strip(), reached_from(request)) if kind.lower() == "bearer" else None


def _language_of(request: HttpRequest, person: Person | None) -> str:
    chosen = person.language if person else request.COOKIES.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else house().settings.language


def _note_reading(request: HttpRequest, person: Person, answer: HttpResponseBase) -> None:
    """What an auditor reads is an event: whole pages, files and the API; not what an open page asks for by itself."""
    if Role.AUDITOR not in person.roles or request.method not in READ or answer.status_code != 200:
        return
    if BACKGROUND in request.headers or request.path.startswith("/static/"):
        return
    with transaction.atomic():
        seen = {"unmasked": True} if privacy.standing(request, person)["until"] else {}
        events.record("console.read", target=request.get_full_path()[:400], who=person.name, data=seen)


def frame(request: HttpRequest) -> dict[str, Any]:
    """What every page shows around its contents."""
    person = person_of(request)
    return {
        "person": person,
        "language": language(),
        "company": house().settings.company,
        "version": __version__,
        "printed": house().clock.now(),
        "navigation": navigation.entries(person, request.path),
        "signs": navigation.signs(person),
        "privacy": privacy.standing(request, person),
    }


def reached_from(request: HttpRequest) -> str:
    """The address that a request came from."""
    return str(request.META.get("REMOTE_ADDR", "")) or "?"


def respond(request: HttpRequest, make: Callable[[], Any]) -> Any:
    """What `make` gives, as the person of the request: for work that begins after the middleware has ended, like a stream."""
    person = person_of(request)
    with spoken_in(_language_of(request, person)), events.acting(person.name if person else ""):
        return make()
