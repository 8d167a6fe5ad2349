"""`retaguarda user`: people by command, as the console sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from retaguarda.console import cli
from retaguarda.errors import ConfigurationError
from retaguarda.people.register import Register, hash_of
from retaguarda.people.roles import Role, roles_of
from retaguarda.store.models import OneTimeLink, OutboxEvent, Person

Do = Callable[..., Any]


@pytest.fixture
def do(store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Do:
    """Run a command over the test's own store; what it printed."""
    monkeypatch.setenv("RETAGUARDA_HOME", str(store.parent))
    monkeypatch.setenv("RETAGUARDA_STORE__URL", f"sqlite://{store}")
    monkeypatch.setenv("RETAGUARDA_ACTOR", "chefe")
    monkeypatch.setenv("RETAGUARDA_CONSOLE__PUBLIC_URL", "https://retaguarda.example")

    def run(*words: str) -> str:
        typer.main.get_command(cli.app).main(["user", *words], standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_a_person_is_added_with_a_link(do: Do) -> None:
    told = do("add", "Maria", "--role", "operator", "--role", "approver", "--full-name", "Maria")
    secret = told.strip().rpartition("https://retaguarda.example/link/")[2]
    assert OneTimeLink.objects.get(sha256=hash_of(secret)).person.name == "maria"
    (listed,) = json.loads(do("list", "--json"))
    assert (listed["name"], listed["roles"], listed["enrolled"], listed["created_by"]) == (
        "maria",
        ["operator", "approver"],
        False,
        "chefe",
    )
    assert "maria" in do("list")
    recorded = [event.line["action"] for event in OutboxEvent.objects.order_by("id")]
    assert recorded == ["person.added", "person.link_made"]


def test_a_new_link_ends_the_old_one(do: Do) -> None:
    do("add", "maria", "--role", "auditor")
    first = OneTimeLink.objects.get()
    do("link", "maria")
    assert OneTimeLink.objects.get().sha256 != first.sha256


def test_people_are_changed_and_shut_out(do: Do) -> None:
    do("add", "maria", "--role", "auditor")
    do("roles", "maria", "--role", "approver")
    do("disable", "maria")
    person = Person.objects.get()
    assert (person.roles, person.active, person.links.count()) == (["approver"], False, 0)
    with pytest.raises(ConfigurationError, match="shut out"):
        do("link", "maria")
    do("enable", "maria")
    do("unlock", "maria")
    assert Person.objects.get().active


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "maria", "--role", "king"), "no role"),
        (("add", "Ma ria", "--role", "auditor"), "no name"),
        (("add", "x", "--role", "auditor"), "no name"),
        (("link", "nobody"), "no person"),
    ],
)
def test_what_is_wrong_is_told(do: Do, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        do(*words)


def test_the_last_administrator_stays(do: Do, store: Path) -> None:
    do("add", "maria", "--role", "administrator")
    do("add", "joana", "--role", "administrator")
    Person.objects.update(password="argon")
    do("disable", "joana")
    for words in (("disable", "maria"), ("roles", "maria", "--role", "operator")):
        with pytest.raises(ConfigurationError, match="only administrator"):
            do(*words)


def test_roles_come_in_one_order_and_once() -> None:
    assert roles_of(["Auditor", "operator", "auditor"]) == [Role.OPERATOR, Role.AUDITOR]
    with pytest.raises(ConfigurationError, match="needs a role"):
        roles_of([" "])


def test_the_first_link_is_made_until_somebody_can_sign_in(do: Do, store: Path) -> None:
    from retaguarda.clock import Clock
    from retaguarda.settings import ConsoleSettings
    from retaguarda.vault import Vault
    from tests.house import KEY

    register = Register(ConsoleSettings(), Clock(), lambda: Vault(store.parent / "vault.json", KEY))
    first, second = register.first_link(), register.first_link()
    assert first
    assert second
    assert OneTimeLink.objects.get().sha256 == hash_of(second)
    Person.objects.update(password="argon")
    assert register.first_link() is None
