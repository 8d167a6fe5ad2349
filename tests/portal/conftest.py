"""A session of the kit at a portal made of the test's own pages, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from playwright.sync_api import Browser

from retaguarda.clock import Clock
from retaguarda.model.secrets import Credential
from retaguarda.portal import Manifest, PortalSite, Session
from retaguarda.portal.session import open_session
from tests.portal.pages_server import Pages, serving
from tests.sandbox_fixtures import Pictures

MANIFEST: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "robot": "ToyRobot",
    "capabilities": [],
    "timeout_seconds": 1.5,
    "pages": {"signed_in": "Sair", "login": "Acesso", "maintenance": "Em manutenção"},
    "submit": {"guard": ["/act"]},
    "alerts": [{"says": "inativo", "means": "Refused"}, {"says": "Usuário ou senha", "means": "CredentialRefused"}],
    "popups": {"Pesquisa": "Agora não"},
}
Opener = Callable[..., Session]


@pytest.fixture
def portal() -> Iterator[Pages]:
    with serving() as pages:
        yield pages


@pytest.fixture
def elsewhere() -> Iterator[Pages]:
    """Another host, which the manifest does not name."""
    with serving() as pages:
        yield pages


@pytest.fixture
def recorder() -> Pictures:
    return Pictures()


@pytest.fixture
def open_at(chromium: Browser, portal: Pages, tmp_path: Path, recorder: Pictures) -> Iterator[Opener]:
    """Opens sessions at the portal; keywords change the manifest."""
    with ExitStack() as stack:

        def open_it(**changes: Any) -> Session:
            manifest = Manifest.model_validate(MANIFEST | changes)
            options = {"clock": Clock(), "log": logger, "recorder": recorder, "downloads": tmp_path}
            site = PortalSite(portal.url)
            return stack.enter_context(open_session(chromium, manifest, site, Credential("toy/robo", "robo"), **options))  # type: ignore[arg-type]

        yield open_it


@pytest.fixture
def session(open_at: Opener) -> Session:
    return open_at()
