"""Pages for what went wrong: one sentence, and what to do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from retaguarda.errors import ConfigurationError, Disposition, NotEntitled, RetaguardaError, VaultUnavailable
from retaguarda.language import say
from retaguarda.report.retell import retell

STATUS = {Disposition.REJECT: 422, Disposition.RETRY: 503, Disposition.PARK: 409}


def told(request: HttpRequest, error: RetaguardaError) -> HttpResponse:
    """An expected error in its own words."""
    return _page(request, status_of(error), retell(error.text), retell(error.remedy))


def status_of(error: RetaguardaError) -> int:
    """The HTTP status of an error: 403 for who may not, 404 for what is not there or does not fit, else by its disposition."""
    if isinstance(error, NotEntitled):
        return 403
    if isinstance(error, VaultUnavailable):
        return 503
    return 409 if isinstance(error, ConfigurationError) else STATUS.get(error.disposition, 409)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """What cannot be read as a request."""
    return _page(request, 400, say("The request is not one that the console understands."), say("Go back, and try again."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """What the person's roles do not allow."""
    return _page(request, 403, say("Your roles do not let you do this."), say("Ask somebody who may, or an administrator for the role."))


def withheld(request: HttpRequest) -> HttpResponse:
    """A file with personal data, for somebody whose work does not need it."""
    text = say("This file holds personal data, which is not shown to your role.")
    return _page(request, 403, text, say("An auditor sees it after saying why, on the pages of the audit."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """What does not exist."""
    return _page(request, 404, say("There is nothing at this address."), say("Use the menu, or the search of the runs."))


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """A form without the token of this console."""
    remedy = say("Open the page again, and send it once more; cookies must be allowed.")
    return _page(request, 403, say("The form was not sent from this console, or it is too old."), remedy)


def defect(request: HttpRequest) -> HttpResponse:
    """What nobody expected."""
    return _page(request, 500, say("The console has a defect here; it is in the server's log."), say("Try again; report it with the hour."))


def _page(request: HttpRequest, status: int, text: str, remedy: str) -> HttpResponse:
    context: dict[str, Any] = {"status": status, "text": text, "remedy": remedy}
    name = "parts/error.html" if "HX-Request" in request.headers else "error.html"
    return render(request, name, context, status=status)
