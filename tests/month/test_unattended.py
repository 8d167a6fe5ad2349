"""Unattended, with a real Chromium: a worker registers what is queued, parks a run that lacks a code, and goes on with the answer."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from retaguarda.clock import Clock
from retaguarda.portal.mailbox import open_mailbox, wait_for_code
from robots.ccee.robot import CODE, SENDER
from tests.month.installation import Installation, write_sheet
from tests.sandbox_fixtures import Factory, eventually

pytestmark = pytest.mark.browser


def waiting(house: Installation) -> list[dict[str, Any]]:
    return list(json.loads(house.command("request", "list", "--json").stdout))


@pytest.mark.thorough
def test_a_parked_run_goes_on_with_the_code_that_a_person_types(tmp_path: Path, sandbox_factory: Factory) -> None:
    ccee = sandbox_factory("ccee")
    mailbox = ccee.site("ccee").mailbox
    settings = {"RETAGUARDA_PORTALS__CCEE__MAILBOX": f"maildir:{tmp_path}", "RETAGUARDA_PORTALS__CCEE__CHALLENGE_SECONDS": "20"}
    house = Installation(tmp_path / "house", ccee, settings=settings)
    references = write_sheet(tmp_path / "sheet.csv", 2)
    queued = house.command(
        "run", "start", "register_contracts", "-p", "month=2026-10", "-p", f"sheet={tmp_path / 'sheet.csv'}", "--queue", "default"
    )
    assert queued.returncode == 0, queued.stderr
    worker = house.start_process("worker", "start", "--concurrency", "1")

    def state() -> str:
        [(state,)] = house.query("select state from store_runrecord")
        return str(state)

    try:
        eventually(lambda: state() == "SUSPENDED", 60)
        [request] = waiting(house)
        assert (request["kind"], request["subject"]) == ("challenge", "ccee/robo")
        assert ccee.truth("ccee")["contracts"] == [] or not {c["reference"] for c in ccee.truth("ccee")["contracts"]} & set(references)

        resumed_at = Clock().now()
        assert house.command("request", "answer", str(request["number"]), "--ready").returncode == 0
        eventually(lambda: bool(house.query("select 1 from store_request where state = 'OPEN'")), 60)
        [(number,)] = house.query("select id from store_request where state = 'OPEN'")
        with house.start_process("request", "answer", str(number), "--stdin", stdin=True) as typing:
            code = wait_for_code(open_mailbox(mailbox), Clock(), resumed_at, CODE, SENDER, 30)  # a person looks into her own mail
            typing.communicate(f"{code}\n", timeout=30)
        eventually(lambda: state() == "SUCCESSFUL", 60)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    held = Counter(c["reference"] for c in ccee.truth("ccee")["contracts"] if c["reference"] in references)
    assert held == dict.fromkeys(references, 1)
    assert house.query("select count(*) from store_lease where released_at is null") == [(0,)]
