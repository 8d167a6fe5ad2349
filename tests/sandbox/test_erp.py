"""The ERP of the sandbox: a real Tryton that holds the month, with a password of its own, and that ends with its parent."""

from __future__ import annotations

import os
import signal
import socket
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.erp.month_file import ACCOUNTS, month_file
from sandbox.erp.portal import truth
from sandbox.month import build
from tests.sandbox_fixtures import Factory, eventually, running_sandbox

pytestmark = pytest.mark.erp
MONTH = build(42)


def listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) == 0


def test_holds_the_month(sandbox_factory: Factory) -> None:
    held = truth(sandbox_factory("erp").state)

    wanted = [(str(i.number), i.company.name, i.boleta, f"{i.amount:.2f}") for i in MONTH.invoices]
    assert [(i["number"], i["party"], i["reference"], i["total"]) for i in held["invoices"]] == wanted
    assert {i["state"] for i in held["invoices"]} == {"posted"}
    assert all(i["open"] == i["total"] for i in held["invoices"])
    assert [c["number"] for c in held["contracts"]] == [c.number for c in MONTH.contracts]
    assert sum(Decimal(c["mwh"]) for c in held["contracts"]) == sum(c.mwh for c in MONTH.contracts)
    assert [c["number"] for c in held["contracts"] if not c["buyer_profile"]] == [MONTH.planted["incomplete_register"]]
    assert held["statements"] == []


@pytest.mark.thorough
def test_keeps_its_state_and_password_over_a_restart_and_no_other_sandbox_has_them(tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "one", "erp") as first:
        password = first.credential("tryton/robo").secret("password").reveal()
    mark = tmp_path / "one" / "erp" / "erp.sqlite"
    inode = mark.stat().st_ino
    with running_sandbox(tmp_path / "one", "erp") as again, running_sandbox(tmp_path / "two", "erp") as other:
        assert again.credential("tryton/robo").secret("password").reveal() == password
        assert other.credential("tryton/robo").secret("password").reveal() != password
    assert mark.stat().st_ino == inode


def test_ends_with_its_sandbox_even_when_that_is_killed(sandbox_factory: Factory) -> None:
    running = sandbox_factory("erp")
    url = running.urls["tryton"]
    assert listens(url)

    os.kill(running.pid, signal.SIGKILL)

    eventually(lambda: not listens(url))


def test_month_file_tells_amounts_as_text_and_names_both_accounts() -> None:
    told = month_file(MONTH)

    assert '"amount": "223680.00"' in told
    assert all(account["number"] in told for account in ACCOUNTS)
    assert month_file(build(42)) == told
