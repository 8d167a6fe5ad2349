"""Every route as every role and as a stranger, generated from the register of routes."""

from __future__ import annotations

import importlib
import re

import pytest

from retaguarda.console.web.routes import ROUTES, Route
from tests.console.web.conftest import ROLES
from tests.console.web.samples import Samples, fill
from tests.console.web.server import Console, Visitor

importlib.import_module("retaguarda.console.web.urls")  # every area registers its routes
PLACE = re.compile(r"[<{](?:\w+:)?(\w+)[>}]")
ENDS_SESSIONS = {"sign_out", "end_other_sessions"}
CASES = [(route, method) for route in ROUTES if route.name not in ENDS_SESSIONS for method in route.methods if method != "HEAD"]
PUBLIC = {"sign_in", "sign_in_code", "sign_in_provider", "sign_in_provider_back", "link", "choose_language", "ticket_mark"}


@pytest.fixture(scope="module")
def samples(console: Console) -> Samples:
    return fill(console)


@pytest.fixture(scope="module")
def visitors(console: Console) -> dict[str, Visitor]:
    return {role: console.signed_in(f"the-{role}") for role in ROLES}


def address(route: Route, samples: Samples) -> str:
    return "/" + PLACE.sub(lambda place: str(samples.values()[place[1]]), route.path.lstrip("/"))


def asked(visitor: Visitor, method: str, path: str) -> int:
    if method == "GET":
        with visitor.get(visitor.console.url + path, allow_redirects=False, timeout=30, stream=True) as answer:
            return answer.status_code if answer.headers.get("Location", "").split("?")[0] != "/sign-in" else 401
    headers = {"X-CSRFToken": visitor.token("/sign-in" if "retaguarda_session" not in visitor.cookies else "/account")}
    answer = visitor.request(method, visitor.console.url + path, headers=headers, allow_redirects=False, timeout=60)
    return answer.status_code if answer.headers.get("Location", "").split("?")[0] != "/sign-in" else 401


def test_the_register_is_not_empty() -> None:
    assert len(ROUTES) > 25
    assert {route.name for route in ROUTES if route.roles is None} == PUBLIC
    assert len({(route.path, method) for route in ROUTES for method in route.methods}) == sum(len(route.methods) for route in ROUTES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("route", "method"), CASES, ids=[f"{method} {route.path or '/'}" for route, method in CASES])
def test_each_role_reaches_what_it_may_and_nothing_else(
    route: Route, method: str, role: str, samples: Samples, visitors: dict[str, Visitor]
) -> None:
    if route.roles is None:
        pytest.skip("open to everybody")
    status = asked(visitors[role], method, address(route, samples))
    if role in route.roles:
        assert status not in {401, 403, 405, 500}
    else:
        assert status == 403


@pytest.mark.parametrize(("route", "method"), CASES, ids=[f"{method} {route.path or '/'}" for route, method in CASES])
def test_strangers_are_sent_to_the_door(route: Route, method: str, console: Console, samples: Samples) -> None:
    if route.roles is None:
        pytest.skip("open to everybody")
    assert asked(console.visitor(), method, address(route, samples)) == 401
