"""The sandbox's banks, and a browser that trusts their certificates."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser

from retaguarda.portal.browser import open_browser
from sandbox.collection.portfolio import SEEDED
from sandbox.companies import US
from sandbox.pki import Pki, prepare
from tests.sandbox_fixtures import SandboxProcess, running_sandbox


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """One infrastructure for the module: the browser's driver reads the authority once, when it starts."""
    return prepare(tmp_path_factory.mktemp("bank") / "pki", US.name, US.cnpj)


@pytest.fixture(scope="module")
def bank_browser(pki: Pki) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODE_EXTRA_CA_CERTS", str(pki.ca))  # put back for the modules after this one
        with open_browser(ca_bundle=pki.ca) as browser:
            yield browser


@pytest.fixture(scope="module")
def banks(pki: Pki) -> Iterator[SandboxProcess]:
    """All banks, in the folder that holds the module's certificates."""
    with running_sandbox(pki.folder.parent, "bank_jatoba,bank_cedro,bank_ipe") as sandbox:
        yield sandbox


@pytest.fixture
def bank_sandbox(banks: SandboxProcess) -> SandboxProcess:
    """The banks as on their first morning: no faults, no sessions, no remessas of ours, nobody has ever signed in."""
    for name in banks.urls:
        banks.faults(name)
        banks.set_clock(name, "2026-11-11T09:00:00-03:00")
        with closing(sqlite3.connect(banks.state / f"{name}.sqlite")) as held:
            for table in ("sign_ins", "live", "downloads", "users", "posts", "sessions"):
                held.execute(f"delete from {table}")
            if name == "bank_ipe":
                held.execute("delete from codes")
            held.execute("delete from remessas where user != ?", (SEEDED,))
            held.execute("delete from titles where remessa not in (select id from remessas)")
            held.commit()
    return banks
