"""The door for those who come by the company's identity provider."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from retaguarda.console.web import provider
from retaguarda.console.web.middleware import reached_from
from retaguarda.console.web.place import house
from retaguarda.console.web.routes import page, person_of
from retaguarda.console.web.sessions import NEXT
from retaguarda.console.web.views.entrance import account_page, begin, safe
from retaguarda.errors import RetaguardaError
from retaguarda.people.roles import EVERYBODY
from retaguarda.report.retell import retell
from retaguarda.store.models import Person

LINKING = "linking"
"""Of a session: whoever went to the provider to link it with the access that he has."""


@page("sign-in/provider", roles=None)
@never_cache
def sign_in_provider(request: HttpRequest) -> HttpResponseBase:
    """To the provider."""
    if not provider.is_set_up():
        raise Http404
    if person_of(request) is None:
        request.session.flush()
    request.session.pop(LINKING, None)
    request.session[NEXT] = safe(request, request.GET.get("next", ""))
    return _gone(request)


@page("account/provider", roles=EVERYBODY, methods=("POST",))
def account_provider(request: HttpRequest) -> HttpResponseBase:
    """Begin to link the provider's account with the access that I have; a link leads on, since no form may lead elsewhere."""
    person = person_of(request)
    if person is None or not provider.is_set_up():
        raise Http404
    request.session[LINKING] = person.pk
    return account_page(request, linking=True)


@page("account/provider/go", roles=EVERYBODY)
@never_cache
def account_provider_go(request: HttpRequest) -> HttpResponseBase:
    """To the provider, to link; only for who asked for it by the form."""
    person = person_of(request)
    if person is None or not provider.is_set_up() or request.session.get(LINKING) != person.pk:
        raise Http404
    return _gone(request)


@page("sign-in/provider/back", roles=None)
@never_cache
def sign_in_provider_back(request: HttpRequest) -> HttpResponseBase:
    """From the provider: signed in, in a session of a new name."""
    if not provider.is_set_up():
        raise Http404
    wanted, linking, here = request.session.get(NEXT, "/"), request.session.get(LINKING), person_of(request)
    try:
        claims = provider.claims_of(request)
        if linking is not None and here is not None and here.pk == linking:
            house().provider().link(here, claims)
            del request.session[LINKING]
            return redirect("account")
        person: Person = house().provider().sign_in(claims, reached_from(request))
    except RetaguardaError as error:
        return _refused(request, error)
    begin(request, person)
    return redirect(wanted)


def _gone(request: HttpRequest) -> HttpResponseBase:
    try:
        return provider.to_provider(request)
    except RetaguardaError as error:
        return _refused(request, error)


def _refused(request: HttpRequest, error: RetaguardaError) -> HttpResponseBase:
    wrong = " ".join(filter(None, (retell(error.text), retell(error.remedy))))
    return render(request, "entrance/sign_in.html", {"wrong": wrong, "provider": _button(), "local": _local()}, status=403)


def _button() -> str:
    return house().settings.oidc.title or house().settings.oidc.issuer


def _local() -> bool:
    return not house().settings.oidc.only
