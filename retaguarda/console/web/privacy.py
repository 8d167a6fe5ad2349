"""Personal data on its way out of the console: whatever is answered to a person whose work does not need it is masked here."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import AsyncIterator
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from retaguarda.clock import SAO_PAULO
from retaguarda.console.web.place import house
from retaguarda.console.web.views import errors
from retaguarda.people.privacy import MAY_UNMASK, MINUTES, Mask, sees
from retaguarda.store.models import Person

UNTIL = "unmasked_until"
"""What a session holds while an auditor sees personal data."""
TEXTS = ("text/html", "text/csv", "text/plain")


def shows(request: HttpRequest, person: Person) -> bool:
    """Whether this person sees personal data at this moment."""
    return sees(person.roles) or _until(request, person) > time.time()


def show_for_a_while(request: HttpRequest) -> None:
    """Let this session see personal data; it was asked for with a reason."""
    request.session[UNTIL] = time.time() + MINUTES * 60


def hide_again(request: HttpRequest) -> None:
    """End that."""
    request.session.pop(UNTIL, None)


def standing(request: HttpRequest, person: Person | None) -> dict[str, Any]:
    """What pages say of it."""
    if person is None:
        return {}
    until = _until(request, person)
    shown_until = dt.datetime.fromtimestamp(until, SAO_PAULO) if until > time.time() else None
    return {"needs": sees(person.roles), "may_ask": bool(MAY_UNMASK & set(person.roles)), "until": shown_until}


def guarded(request: HttpRequest, person: Person, answer: HttpResponseBase) -> HttpResponseBase:
    """The answer as this person may see it: texts masked; a file that holds personal data is refused, since evidence is never altered."""
    if shows(request, person):
        return answer
    mask, kind = Mask.of(house().settings), answer.headers.get("Content-Type", "").partition(";")[0]
    if isinstance(answer, StreamingHttpResponse):
        if kind == "text/event-stream":
            answer.streaming_content = _masked(cast("AsyncIterator[bytes]", answer.streaming_content), mask)
        return answer  # a dossier, which is made masked
    assert isinstance(answer, HttpResponse)  # noqa: S101  # Django knows no third kind
    if kind in TEXTS:
        answer.content = mask.text(answer.content.decode()).encode()
    elif kind == "application/json":
        held = json.loads(answer.content or b"null")
        if (masked := mask.value(held)) != held:
            answer.content = json.dumps(masked, ensure_ascii=False).encode()
    elif answer.content and not kind.startswith("image/") and mask.found_in(answer.content):
        return errors.withheld(request)
    return answer


async def _masked(parts: AsyncIterator[bytes], mask: Mask) -> AsyncIterator[bytes]:
    async for part in parts:
        yield mask.text(part.decode()).encode()


def _until(request: HttpRequest, person: Person) -> float:
    return float(request.session.get(UNTIL, 0)) if MAY_UNMASK & set(person.roles) else 0.0
