"""The door: sign in with password and code, take a one-time link, sign out, change the language."""

from __future__ import annotations

import time

import segno
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache

from retaguarda.audit import events
from retaguarda.console.web.middleware import LANGUAGE_COOKIE, reached_from
from retaguarda.console.web.place import house
from retaguarda.console.web.routes import page, person_of
from retaguarda.console.web.sessions import HALF, NEXT, PERSON, SEEN, SINCE
from retaguarda.errors import RetaguardaError
from retaguarda.language import LANGUAGES, say
from retaguarda.people.entrance import otpauth
from retaguarda.people.roles import EVERYBODY
from retaguarda.report.retell import retell
from retaguarda.store.models import Person

BOTH = ("GET", "HEAD", "POST")
HALF_LIFE = 300
"""Seconds from the right password to the code."""
YEAR = 365 * 24 * 3600


@page("sign-in", roles=None, methods=BOTH)
@never_cache
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Name and password."""
    wanted, oidc = request.GET.get("next", ""), house().settings.oidc
    shown = {"next": wanted, "provider": (oidc.title or oidc.issuer) if oidc.client else "", "local": not oidc.only}
    if request.method != "POST":
        return redirect(safe(request, wanted)) if person_of(request) else render(request, "entrance/sign_in.html", shown)
    if oidc.only:
        return render(request, "entrance/sign_in.html", shown | {"wrong": say("Here everybody signs in by the provider.")}, status=403)
    name = request.POST.get("name", "").strip().lower()
    person = house().entrance().check_password(name, request.POST.get("password", ""), reached_from(request))
    if person is None:
        text = say("Name or password is wrong, or there were too many attempts: wait some minutes, or ask an administrator.")
        return render(request, "entrance/sign_in.html", shown | {"wrong": text, "name": name}, status=403)
    request.session.flush()
    request.session[HALF], request.session[SINCE] = person.pk, time.time()
    request.session[NEXT] = safe(request, request.POST.get("next", ""))
    request.session.set_expiry(HALF_LIFE)
    return redirect("sign_in_code")


@page("sign-in/code", roles=None, methods=BOTH)
@never_cache
def sign_in_code(request: HttpRequest) -> HttpResponseBase:
    """The code of the second factor; only now the person is signed in, in a session of a new name."""
    person = Person.objects.filter(pk=request.session.get(HALF, 0), active=True).first()
    if person is None or time.time() - request.session.get(SINCE, 0) > HALF_LIFE:
        return redirect("sign_in")
    if request.method != "POST":
        return render(request, "entrance/code.html")
    if not house().entrance().check_code(person, request.POST.get("code", ""), reached_from(request)):
        text = say("The code is wrong or was used already, or there were too many attempts.")
        return render(request, "entrance/code.html", {"wrong": text}, status=403)
    wanted = request.session.get(NEXT, "/")
    begin(request, person)
    return redirect(wanted)


@page("sign-out", roles=EVERYBODY, methods=("POST",))
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End the session, here and in the store."""
    with transaction.atomic():
        events.record("person.signed_out", target=events.actor())
    request.session.flush()
    answer = redirect("sign_in")
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@page("link/<str:secret>", roles=None, methods=BOTH, name="link")
@never_cache
def one_time_link(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Choose a password and a second factor; looking at the page does not use the link up."""
    entrance = house().entrance()
    link = None if house().settings.oidc.only else entrance.link(secret, reached_from(request))
    if link is None:
        return render(request, "entrance/link_over.html", status=410)
    wrong = ""
    if request.method == "POST":
        wrong = _accepted(request, link)
        if not wrong:
            return redirect("/")
    seed = entrance.seed(link)
    code = segno.make(otpauth(link.person, seed, house().settings.company), error="m")
    picture = code.svg_inline(scale=4, border=4, dark="#12344d", light="#fff", omitsize=True, svgclass="code")
    grouped = " ".join(seed[start : start + 4] for start in range(0, len(seed), 4))
    context = {"who": link.person, "picture": mark_safe(picture), "seed": grouped, "wrong": wrong}  # noqa: S308  # made by segno alone
    return render(request, "entrance/link.html", context, status=422 if wrong else 200)


@page("language", roles=None, methods=("POST",), name="choose_language")
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Portuguese or English, for this person from here on."""
    wanted = request.POST.get("language", "")
    answer = redirect(safe(request, request.POST.get("next", "")))
    if wanted in LANGUAGES:
        if person := person_of(request):
            Person.objects.filter(pk=person.pk).update(language=wanted)
        answer.set_cookie(LANGUAGE_COOKIE, wanted, max_age=YEAR, samesite="Lax", httponly=True, secure=request.is_secure())
    return answer


@page("account", roles=EVERYBODY, name="account")
def account(request: HttpRequest) -> HttpResponse:
    """Who I am, what I may do, where else I am signed in."""
    return account_page(request)


@page("account/tokens", roles=EVERYBODY, methods=("POST",))
def token_make(request: HttpRequest) -> HttpResponse:
    """Make a token for a program of mine; its secret is shown once."""
    person = _me(request)
    days = request.POST.get("days", "")
    try:
        secret = (
            house().tokens().make(person, request.POST.get("name", ""), request.POST.getlist("role"), int(days) if days.isdecimal() else 0)
        )
    except RetaguardaError as error:
        return account_page(request, wrong=" ".join(filter(None, (retell(error.text), retell(error.remedy)))), status=422)
    return account_page(request, secret=secret)


@page("account/tokens/<int:token>/revoke", roles=EVERYBODY, methods=("POST",))
def token_revoke(request: HttpRequest, token: int) -> HttpResponseBase:
    """End a token of mine at once."""
    found = _me(request).tokens.filter(pk=token).first()
    if found is None:
        raise Http404
    house().tokens().revoke(found)
    return redirect("account")


@page("account/sessions", roles=EVERYBODY, methods=("POST",), name="end_other_sessions")
def end_other_sessions(request: HttpRequest) -> HttpResponseBase:
    """Sign me out everywhere else."""
    person = person_of(request)
    if person is not None:
        with transaction.atomic():
            ended, _ = person.sessions.exclude(session_key=request.session.session_key).delete()
            events.record("person.sessions_ended", target=person.name, data={"sessions": ended})
    return redirect("account")


def account_page(request: HttpRequest, *, secret: str = "", wrong: str = "", linking: bool = False, status: int = 200) -> HttpResponse:
    """The page of one's own access."""
    person = _me(request)
    others = person.sessions.exclude(session_key=request.session.session_key).count()
    oidc = house().settings.oidc
    context = {"provider": (oidc.title or oidc.issuer) if oidc.client else "", "linked": bool(person.subject), "linking": linking}
    context |= {"others": others, "tokens": house().tokens().of(person), "now": house().clock.now(), "secret": secret, "wrong": wrong}
    return render(request, "entrance/account.html", context | {"most_days": house().settings.console.token_days}, status=status)


def _me(request: HttpRequest) -> Person:
    person = person_of(request)
    if person is None:
        raise Http404
    return person


def _accepted(request: HttpRequest, link: object) -> str:
    """Take a link over and sign its person in; what is wrong, in the reader's words."""
    first, again = request.POST.get("password", ""), request.POST.get("again", "")
    if first != again:
        return say("The two passwords are not the same.")
    try:
        person = house().entrance().accept(link, first, request.POST.get("code", ""))  # type: ignore[arg-type]
    except RetaguardaError as error:
        return " ".join(filter(None, (retell(error.text), retell(error.remedy))))
    with transaction.atomic():
        events.record("person.signed_in", target=person.name, who=person.name, data={"address": reached_from(request), "by": "link"})
    begin(request, person)
    return ""


def begin(request: HttpRequest, person: Person) -> None:
    """A session of a new name: one that was planted before the sign-in is worth nothing."""
    request.session.flush()
    request.session[PERSON] = person.pk
    request.session[SINCE] = request.session[SEEN] = time.time()
    request.session.set_expiry(int(house().settings.console.session_hours * 3600))


def safe(request: HttpRequest, wanted: str) -> str:
    """An address of this console, or its first page: nobody is led elsewhere."""
    own = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if own and wanted.startswith("/") else reverse("today")
