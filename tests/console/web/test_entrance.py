"""Sign-up by link, sign-in by password and code, lock-out, sessions: over HTTP, at a console that is served."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from retaguarda.people.register import hash_of
from retaguarda.store.models import ConsoleSession, FailedAttempt, OneTimeLink, OutboxEvent, Person
from tests.console.web.server import PASSWORD, Console, served
from tests.sandbox_fixtures import eventually

TOKENS = re.compile(r'value="[A-Za-z0-9]{64}"|"X-CSRFToken": "[A-Za-z0-9]+"')
"""What differs from page to page."""


@pytest.fixture(autouse=True)
def _nobody_locked_out(console: Console) -> None:
    FailedAttempt.objects.all().delete()


def actions(name: str) -> list[str]:
    return [event.line["action"] for event in OutboxEvent.objects.order_by("id") if event.line["target"] == name]


def test_a_link_makes_a_person_once(console: Console) -> None:
    person = console.register.add("nova", ["operator"])
    secret = console.register.link(person)
    visitor = console.visitor()
    page = visitor.see(f"/link/{secret}")
    assert page.status_code == 200
    assert "<svg" in page.text
    link = OneTimeLink.objects.get(sha256=hash_of(secret))
    seed = console.entrance.seed(link)
    assert " ".join(seed[n : n + 4] for n in range(0, 32, 4)) in page.text
    form = {"password": PASSWORD, "again": PASSWORD, "code": console.code_of(seed)}
    assert visitor.submit(f"/link/{secret}", form | {"again": "outra coisa bem longa"}, seen=f"/link/{secret}").status_code == 422
    assert visitor.submit(f"/link/{secret}", form | {"code": "000000"}, seen=f"/link/{secret}").status_code == 422
    assert visitor.submit(f"/link/{secret}", form, seen=f"/link/{secret}").headers["Location"] == "/"
    assert visitor.see("/").status_code == 200
    assert visitor.see(f"/link/{secret}").status_code == 410
    assert Person.objects.get(name="nova").password.startswith("$argon2id$")
    assert actions("nova") == ["person.added", "person.link_made", "person.enrolled", "person.signed_in"]
    for shown in (seed, secret):  # by another process: reading SQLite's file here would give up this process's locks on it
        found = subprocess.run(["grep", "-rlasF", shown, str(console.home)], capture_output=True, text=True, check=False)
        assert found.stdout == ""  # not its code: a journal may vanish while it looks


@pytest.mark.parametrize("password", ["curta", "password", "nova-pessoa-e-so", "159753159753"])
def test_weak_passwords_are_refused(console: Console, password: str) -> None:
    person = Person.objects.filter(name="nova-pessoa").first() or console.register.add("nova-pessoa", ["auditor"])
    secret = console.register.link(person)
    seed = console.entrance.seed(OneTimeLink.objects.get(sha256=hash_of(secret)))
    form = {"password": password, "again": password, "code": console.code_of(seed)}
    answer = console.visitor().submit(f"/link/{secret}", form, seen=f"/link/{secret}")
    assert answer.status_code == 422
    assert Person.objects.get(name="nova-pessoa").password == ""


def test_password_alone_opens_nothing(console: Console) -> None:
    visitor = console.visitor()
    assert visitor.submit("/sign-in", {"name": "the-operator", "password": PASSWORD}, seen="/sign-in").status_code == 302
    assert visitor.see("/").headers["Location"].startswith("/sign-in")
    assert visitor.see("/api/v1/openapi.json").status_code == 401


def test_a_code_is_good_once(console: Console) -> None:
    first = console.signed_in("the-operator")
    assert first.see("/").status_code == 200
    second = console.visitor()
    second.submit("/sign-in", {"name": "the-operator", "password": PASSWORD}, seen="/sign-in")
    used = console.code_of(console.vault.entry("person/the-operator")["totp"])
    assert second.submit("/sign-in/code", {"code": used}, seen="/sign-in/code").status_code == 403


def test_sessions_change_their_name_at_sign_in(console: Console) -> None:
    """Fixation: a session that somebody planted before the sign-in is worth nothing afterwards."""
    visitor = console.visitor()
    visitor.cookies.set("retaguarda_session", "planted0planted0planted0planted0", domain="127.0.0.1")
    visitor.submit("/sign-in", {"name": "the-operator", "password": PASSWORD}, seen="/sign-in")
    half = visitor.cookies.get("retaguarda_session", domain="127.0.0.1") or [c.value for c in visitor.cookies][-1]
    visitor.submit("/sign-in/code", {"code": console.code("the-operator")}, seen="/sign-in/code")
    whole = {cookie.value for cookie in visitor.cookies if cookie.name == "retaguarda_session"} - {"planted0planted0planted0planted0", half}
    assert len(whole) == 1
    for stale in ("planted0planted0planted0planted0", half):
        thief = console.visitor()
        thief.cookies.set("retaguarda_session", stale, domain="127.0.0.1")
        assert thief.see("/").status_code == 302


def test_signing_out_ends_the_session_in_the_store(console: Console) -> None:
    visitor = console.signed_in("the-operator")
    kept = visitor.cookies.get("retaguarda_session")
    assert visitor.submit("/sign-out").status_code == 302
    assert not ConsoleSession.objects.filter(session_key=kept).exists()
    thief = console.visitor()
    thief.cookies.set("retaguarda_session", kept, domain="127.0.0.1")
    assert thief.see("/").status_code == 302


def test_cookies_are_out_of_reach_of_scripts(console: Console) -> None:
    visitor = console.signed_in("the-operator")
    by_name = {cookie.name: cookie for cookie in visitor.cookies}
    assert set(by_name) == {"retaguarda_session", "retaguarda_csrf"}
    assert all(cookie.has_nonstandard_attr("HttpOnly") for cookie in by_name.values())
    headers = visitor.see("/").headers
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert "no-store" in headers["Cache-Control"]


def test_brute_force_locks_out_even_the_right_password(console: Console) -> None:
    visitor = console.visitor()
    for _ in range(console.settings.attempts):
        wrong = visitor.submit("/sign-in", {"name": "the-approver", "password": "errada errada"}, seen="/sign-in")
        assert wrong.status_code == 403
    assert visitor.submit("/sign-in", {"name": "the-approver", "password": PASSWORD}, seen="/sign-in").status_code == 403
    assert "sign_in.locked_out" in actions("the-approver")
    console.entrance.unlock(Person.objects.get(name="the-approver"))
    assert visitor.submit("/sign-in", {"name": "the-approver", "password": PASSWORD}, seen="/sign-in").status_code == 302


def test_an_address_is_locked_out_whatever_the_names(console: Console) -> None:
    visitor = console.visitor()
    for number in range(console.settings.attempts * 4):
        visitor.submit("/sign-in", {"name": f"nobody{number}", "password": "errada errada"}, seen="/sign-in")
    assert visitor.submit("/sign-in", {"name": "the-operator", "password": PASSWORD}, seen="/sign-in").status_code == 403


def test_wrong_codes_lock_out(console: Console) -> None:
    visitor = console.visitor()
    visitor.submit("/sign-in", {"name": "the-auditor", "password": PASSWORD}, seen="/sign-in")
    for _ in range(console.settings.attempts):
        visitor.submit("/sign-in/code", {"code": "000000"}, seen="/sign-in/code")
    assert visitor.submit("/sign-in/code", {"code": console.code("the-auditor")}, seen="/sign-in/code").status_code == 403


def test_unknown_and_known_names_get_one_answer(console: Console) -> None:
    answers = [
        console.visitor().submit("/sign-in", {"name": name, "password": "errada errada"}, seen="/sign-in").text
        for name in ("the-operator", "ninguem")
    ]
    plain = [TOKENS.sub("", text.replace("the-operator", "").replace("ninguem", "")) for text in answers]
    assert plain[0] == plain[1]


def test_who_is_shut_out_is_out_at_once(console: Console) -> None:
    person = console.person("de-saida", "operator")
    visitor = console.signed_in("de-saida")
    assert visitor.see("/").status_code == 200
    console.register.disable(person)
    assert visitor.see("/").status_code == 302
    refused = console.visitor().submit("/sign-in", {"name": "de-saida", "password": PASSWORD}, seen="/sign-in")
    assert refused.status_code == 403


def test_forms_of_other_sites_are_refused(console: Console) -> None:
    visitor = console.signed_in("the-operator")
    assert visitor.post(f"{console.url}/sign-out", allow_redirects=False, timeout=30).status_code == 403
    elsewhere = visitor.submit("/language", {"language": "en"}, headers={"Origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert visitor.see("/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"])
def test_nobody_is_led_elsewhere(console: Console, wanted: str) -> None:
    visitor = console.visitor()
    visitor.submit("/sign-in", {"name": "the-operator", "password": PASSWORD, "next": wanted}, seen="/sign-in")
    answer = visitor.submit("/sign-in/code", {"code": console.code("the-operator")}, seen="/sign-in/code")
    assert answer.headers["Location"] == "/"


def test_an_auditors_reads_are_events(console: Console) -> None:
    visitor = console.signed_in("the-auditor")
    visitor.see("/account?x=1")
    assert "console.read" in actions("/account?x=1")


def test_the_language_is_the_persons(console: Console) -> None:
    visitor = console.signed_in("the-operator")
    assert "Meu acesso" in visitor.see("/account").text
    visitor.submit("/language", {"language": "en", "next": "/account"})
    assert "My access" in visitor.see("/account").text
    assert "Meu acesso" in console.signed_in("the-approver").see("/account").text
    visitor.submit("/language", {"language": "pt-BR", "next": "/account"})


def test_idle_sessions_end(migrated: Path, console: Console, tmp_path: Path) -> None:
    """A second console over the same store that trusts for a second only."""
    url = f"sqlite://{console.home / 'retaguarda.db'}"
    with served(console.home, url, RETAGUARDA_CONSOLE__IDLE_MINUTES="0.02") as brief:
        visitor = brief.signed_in("the-operator")
        assert visitor.see("/").status_code == 200
        eventually(lambda: visitor.see("/").status_code == 302, 10)
        assert not ConsoleSession.objects.filter(session_key=visitor.cookies.get("retaguarda_session") or "").exists()
