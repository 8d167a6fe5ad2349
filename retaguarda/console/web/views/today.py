"""Today: what is planned, runs, is late, failed, or waits for a person."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from retaguarda.console.web.routes import page
from retaguarda.people.roles import EVERYBODY


@page("", roles=EVERYBODY)
def today(request: HttpRequest) -> HttpResponse:
    """The first page."""
    return render(request, "today/today.html")
