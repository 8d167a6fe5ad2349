"""Portals and robots: health, maturity, hours, credentials without their secrets, screens that changed."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from retaguarda.console.web import actions
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import portals as queries
from retaguarda.console.web.routes import may, page, person_of
from retaguarda.people.roles import EVERYBODY, Role

READERS = (Role.OPERATOR, Role.AUDITOR, Role.ADMINISTRATOR)
"""Who sees credentials: their names, holders and sign-ins, never their secrets."""


@page("portals", roles=EVERYBODY)
def portals(request: HttpRequest) -> HttpResponse:
    """Every robot: whether it is fit, how its last sign-in went, how mature it is, when its portal is open."""
    context = {"healths": queries.healths(house()), "operates": may(person_of(request), (Role.OPERATOR,))}
    return render(request, "portals/robots.html", context)


@page("portals/check", roles=(Role.OPERATOR,), methods=("POST",))
def portals_check(request: HttpRequest) -> HttpResponseBase:
    """Let a robot sign in at its portal and out again, now."""
    run = actions.launch("check_sign_in", {"credential": request.POST.get("credential", "")[:120]})
    return redirect("run", run_id=run.pk)


@page("portals/credentials", roles=READERS, name="credentials")
def credential_list(request: HttpRequest) -> HttpResponse:
    """Who works with each credential, sign-ins that are left, and when certificates end."""
    context = {"credentials": queries.credentials(house()), "now": house().clock.now()}
    return render(request, "portals/credentials.html", context)


@page("portals/credentials/<path:credential>", roles=READERS)
def credential(request: HttpRequest, credential: str) -> HttpResponse:
    """The latest sign-ins with a credential."""
    rows = queries.sign_ins(credential)
    if not rows and credential not in {one.name for one in queries.credentials(house())}:
        raise Http404
    return render(request, "portals/credential.html", {"credential": credential, "rows": rows})


@page("portals/drift", roles=EVERYBODY)
def portals_drift(request: HttpRequest) -> HttpResponse:
    """Screens that were not as the robots know them, beside what the last good run saw."""
    return render(request, "portals/drift.html", {"drifts": queries.drifts()})
