"""Runs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from retaguarda.console.web.routes import page
from retaguarda.people.roles import EVERYBODY


@page("runs", roles=EVERYBODY)
def runs(request: HttpRequest) -> HttpResponse:
    """The list of runs."""
    return render(request, "today/today.html")
