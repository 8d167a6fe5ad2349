"""Sign-in by an identity provider (OpenID Connect, code with PKCE) in real Chromium, at a provider that is really served."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.store.connection import point_at
from retaguarda.store.models import ConsoleSession, OutboxEvent, Person
from tests.console.web.identity import CLIENT, SECRET, IdentityProvider, identity_provider
from tests.console.web.looking import faults, kept, somebody
from tests.console.web.server import Console, served

pytestmark = pytest.mark.browser
ROLES = '{"back-office": ["operator"], "gestores": ["approver", "auditor"], "ti": ["administrator"]}'


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def console(provider: IdentityProvider, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = tmp_path_factory.mktemp("provider")
    shutil.copyfile(migrated, home / "retaguarda.db")
    url = f"sqlite://{home / 'retaguarda.db'}"
    point_at(url)
    given = {"ISSUER": provider.issuer, "CLIENT": CLIENT, "CREDENTIAL": "oidc/console", "ROLES": ROLES, "TITLE": "Exemplo ID"}
    with served(home, url, **{f"RETAGUARDA_OIDC__{name}": value for name, value in given.items()}) as console:
        console.vault.put("oidc/console", {"client_secret": SECRET})
        console.person("the-administrator", "administrator")
        yield console
    point_at("sqlite://:memory:")


@pytest.fixture
def page(chromium: Browser, console: Console, provider: IdentityProvider) -> Iterator[Page]:
    provider.wrong.clear()
    context = chromium.new_context(base_url=console.url, locale="pt-BR", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(45_000)
    yield page
    context.close()


def come(page: Page, provider: IdentityProvider, who: str, **facts: object) -> None:
    """Go to the console, from there to the provider, sign in there, and come back."""
    provider.people[who] = {"preferred_username": who, "name": who.title()} | facts
    page.goto("/runs?state=FAULTED")
    page.get_by_role("link", name="Entrar com Exemplo ID").click()
    page.get_by_label("Quem").fill(who)
    page.get_by_role("button", name="Entrar").click()


def test_somebody_new_comes_with_the_roles_of_the_provider(page: Page, console: Console, provider: IdentityProvider) -> None:
    page.goto("/sign-in")
    assert faults(page) == []
    kept(page, "sign-in-provider")
    come(page, provider, "clara", groups=["gestores", "qualquer"])
    expect(page.get_by_role("heading", name="Execuções")).to_be_visible()
    assert page.url.endswith("/runs?state=FAULTED"), "back where she wanted to go"
    asked = provider.asked[-1]
    assert (asked["response_type"], asked["code_challenge_method"], asked["client_id"]) == ("code", "S256", CLIENT)
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    person = Person.objects.get(name="clara")
    assert (person.roles, person.password, person.subject) == (["approver", "auditor"], "", f"{provider.issuer} id-clara")
    told = OutboxEvent.objects.filter(line__action="person.signed_in", line__target="clara").last()
    assert told is not None
    assert told.line["data"]["by"] == "oidc"


def test_roles_follow_the_provider_at_the_next_sign_in(page: Page, console: Console, provider: IdentityProvider) -> None:
    come(page, provider, "davi", groups="back-office")
    expect(page.get_by_role("button", name="Sair")).to_be_visible()
    page.get_by_role("button", name="Sair").click()
    come(page, provider, "davi", groups=["gestores"])
    expect(page.get_by_role("button", name="Sair")).to_be_visible()
    assert Person.objects.get(name="davi").roles == ["approver", "auditor"]


def test_who_has_no_role_there_has_none_here(page: Page, console: Console, provider: IdentityProvider) -> None:
    come(page, provider, "eva", groups=["visitantes"])
    expect(page.get_by_text("o provedor não lhe dá nenhum papel aqui")).to_be_visible()
    assert not Person.objects.filter(name="eva").exists()
    assert OutboxEvent.objects.filter(line__action="sign_in.provider_refused", line__data__subject=f"{provider.issuer} id-eva").exists()


def test_a_name_that_the_provider_says_opens_nobodys_account(page: Page, console: Console, provider: IdentityProvider) -> None:
    come(page, provider, "the-administrator", groups=["back-office"])
    expect(page.get_by_text("vincule o provedor em Meu acesso")).to_be_visible()
    assert Person.objects.get(name="the-administrator").roles == ["administrator"]


def test_who_is_shut_out_stays_out(page: Page, console: Console, provider: IdentityProvider) -> None:
    come(page, provider, "fabio", groups=["back-office"])
    expect(page.get_by_role("button", name="Sair")).to_be_visible()
    console.register.disable(Person.objects.get(name="fabio"))
    come(page, provider, "fabio", groups=["back-office"])
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_role("button", name="Sair").count() == 0


@pytest.mark.parametrize("wrong", ["issuer", "audience", "nonce", "key", "late", "subject"])
def test_what_cannot_be_believed_lets_nobody_in(page: Page, console: Console, provider: IdentityProvider, wrong: str) -> None:
    provider.wrong.add(wrong)
    come(page, provider, f"gil-{wrong}", groups=["ti"])
    expect(page.get_by_role("alert")).to_be_visible()
    assert not Person.objects.filter(name=f"gil-{wrong}").exists()
    assert page.get_by_role("button", name="Sair").count() == 0


def test_an_answer_that_was_used_or_is_anothers_is_worth_nothing(
    page: Page, console: Console, provider: IdentityProvider, chromium: Browser
) -> None:
    come(page, provider, "hugo", groups=["back-office"])
    expect(page.get_by_role("button", name="Sair")).to_be_visible()
    back = provider.back[-1]
    assert {"code", "state"} <= parse_qs(urlsplit(back).query).keys()
    before = ConsoleSession.objects.exclude(person=None).count()
    victim = chromium.new_context(locale="pt-BR").new_page()
    victim.goto(back)
    expect(victim.get_by_role("alert")).to_be_visible()
    assert ConsoleSession.objects.exclude(person=None).count() == before
    victim.context.close()


def test_an_account_by_password_is_linked_by_its_owner(page: Page, console: Console, provider: IdentityProvider, chromium: Browser) -> None:
    console.person("ines", "operator")
    provider.people["ines"] = {"preferred_username": "ines", "groups": ["gestores"]}
    with somebody(console, chromium, "ines") as own:
        own.goto(f"{console.url}/account")
        own.get_by_role("button", name="Vincular com Exemplo ID").click()
        own.get_by_role("link", name="Ir para Exemplo ID").click()
        own.get_by_label("Quem").fill("ines")
        own.get_by_role("button", name="Entrar").click()
        expect(own.get_by_text("vinculado", exact=True)).to_be_visible()
    come(page, provider, "ines", groups=["gestores"])
    expect(page.get_by_role("button", name="Sair")).to_be_visible()
    assert Person.objects.get(name="ines").roles == ["approver", "auditor"]


def test_the_session_has_a_new_name(page: Page, console: Console, provider: IdentityProvider) -> None:
    """One that was planted before the sign-in is worth nothing."""
    page.goto("/sign-in/provider")
    planted = next(one["value"] for one in page.context.cookies() if one["name"] == "retaguarda_session")
    provider.people["joel"] = {"preferred_username": "joel", "groups": ["back-office"]}
    page.get_by_label("Quem").fill("joel")
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("button", name="Sair")).to_be_visible()
    cookies = [one["value"] for one in page.context.cookies() if one["name"] == "retaguarda_session"]
    assert planted not in cookies
    assert not ConsoleSession.objects.filter(session_key=planted).exists()
