"""Killed, cut off or refused in the middle: nothing twice, nothing lost, and what is told is true."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.month.installation import Installation, write_sheet
from tests.sandbox_fixtures import Factory, SandboxProcess

CONCLUDE = "POST /contratos/novo/concluir"
QUIET = {"RETAGUARDA_PORTALS__CCEE__QUIET_SECONDS": "4"}
pytestmark = pytest.mark.browser


@pytest.fixture
def ccee(sandbox_factory: Factory) -> SandboxProcess:
    return sandbox_factory("ccee")


def registered(sandbox: SandboxProcess, references: list[str]) -> Counter[str]:
    """How often each reference stands registered at CCEE."""
    held = [contract["reference"] for contract in sandbox.truth("ccee")["contracts"]]
    return Counter({reference: held.count(reference) for reference in references})


def wait_until(happened: Callable[[], bool], process: object) -> None:
    """Spin on an observable fact; the test's own timeout bounds it."""
    poll = getattr(process, "poll")  # noqa: B009
    while not happened():
        assert poll() is None, "the run ended before it could be interrupted"


@pytest.mark.parametrize("fault", [pytest.param("slow", marks=pytest.mark.thorough), "late-commit"])
def test_killed_between_intent_and_verify(tmp_path: Path, ccee: SandboxProcess, fault: str) -> None:
    """kill -9 while the press is on its way: the resumed run looks first, and presses again only what is proven absent."""
    house = Installation(tmp_path / "house", ccee, settings=dict(QUIET))
    references = write_sheet(tmp_path / "sheet.csv", 4)
    ccee.faults("ccee", {"portal": "ccee", "at": CONCLUDE, "kind": fault, "skip": 1, "times": 1, "seconds": 3})
    process = house.start_process("run", "start", "register_contracts", "--param=month=2026-10", f"--param=sheet={tmp_path / 'sheet.csv'}")
    database = tmp_path / "house" / "state" / "retaguarda.db"
    with process:
        wait_until(database.exists, process)
        wait_until(lambda: bool(house.query("select 1 from sqlite_master where name = 'store_intent'")), process)
        wait_until(lambda: house.query("select count(*) from store_intent") == [(2,)] and ccee.fired("ccee") == [1], process)
        process.send_signal(signal.SIGKILL)
    assert house.query("select count(*) from store_intent where state in ('OPEN', 'UNCERTAIN')") == [(1,)]

    [(run_id,)] = house.query("select id from store_runrecord")
    told = house.resume(run_id)

    assert registered(ccee, references) == Counter(dict.fromkeys(references, 1))
    assert {item["state"] for item in told.root["items"]} == {"SUCCESSFUL"}
    assert told.exit_code == 0
    presses = house.query("select reference, count(*) from store_intent group by reference having count(*) > 1")
    assert presses == [], "the press reached the portal, so it must not have been pressed again"


@pytest.mark.thorough
def test_connection_cut_after_commit(tmp_path: Path, ccee: SandboxProcess) -> None:
    """The portal commits and dies before it answers: the run finds it by another screen and goes on."""
    house = Installation(tmp_path / "house", ccee, settings=dict(QUIET))
    references = write_sheet(tmp_path / "sheet.csv", 2)
    ccee.faults("ccee", {"portal": "ccee", "at": CONCLUDE, "kind": "die-after-commit", "times": 1})
    told = house.run("register_contracts", month="2026-10", sheet=str(tmp_path / "sheet.csv"))
    assert ccee.fired("ccee") == [1]
    assert registered(ccee, references) == Counter(dict.fromkeys(references, 1))
    assert told.exit_code == 0


@pytest.mark.thorough
def test_swallowed_form_is_pressed_again_after_quiet(tmp_path: Path, ccee: SandboxProcess) -> None:
    """The portal says yes and stores nothing: UNCERTAIN, quiet, proven absent, pressed once more."""
    house = Installation(tmp_path / "house", ccee, settings=dict(QUIET))
    references = write_sheet(tmp_path / "sheet.csv", 2)
    ccee.faults("ccee", {"portal": "ccee", "at": CONCLUDE, "kind": "swallow", "times": 1})
    told = house.run("register_contracts", month="2026-10", sheet=str(tmp_path / "sheet.csv"))
    assert registered(ccee, references) == Counter(dict.fromkeys(references, 1))
    states = house.query("select state from store_intent where reference = (select reference from store_intent limit 1) order by attempt")
    assert states == [("ABSENT",), ("DONE",)]
    assert told.exit_code == 0


@pytest.mark.thorough
def test_wrong_password_stops_after_one_try(tmp_path: Path, ccee: SandboxProcess) -> None:
    """The portal sees one attempt, however often the process is launched, until a person sets the credential anew."""
    credentials = ccee.state / "credentials.json"
    right = credentials.read_text("utf-8")
    credentials.write_text(right.replace(ccee.credential("ccee/robo").secret("password").reveal(), "senha-errada-1"), "utf-8")
    house = Installation(tmp_path / "house", ccee)
    write_sheet(tmp_path / "sheet.csv", 1)
    given = {"month": "2026-10", "sheet": str(tmp_path / "sheet.csv")}
    assert [house.run("register_contracts", **given).exit_code for _ in range(3)] == [3, 3, 3]
    assert failed_attempts(ccee) == 1

    credentials.write_text(right, "utf-8")
    assert house.command("vault", "import", str(credentials)).returncode == 0
    assert house.run("register_contracts", **given).exit_code == 0
    assert failed_attempts(ccee) == 1


def failed_attempts(sandbox: SandboxProcess) -> int:
    return int(sandbox.truth("ccee")["sign_ins"].get("wrong-password", 0))


@pytest.mark.thorough
def test_refused_item_is_not_sent_again(tmp_path: Path, ccee: SandboxProcess) -> None:
    """CCEE's words are recorded; a second run presses nothing; an operator may ask to send it again."""
    from sandbox.month import build

    house = Installation(tmp_path / "house", ccee)
    month = build()
    write_sheet(tmp_path / "sheet.csv", 99)
    refused = month.planted["refused_by_ccee"]
    rows = (tmp_path / "sheet.csv").read_text("utf-8").splitlines()
    (tmp_path / "sheet.csv").write_text("\n".join([rows[0], *(row for row in rows if row.startswith(refused))]) + "\n", "utf-8")
    given = {"month": "2026-10", "sheet": str(tmp_path / "sheet.csv")}
    first = house.run("register_contracts", **given)
    [item] = first.root["items"]
    assert (item["state"], item["outcome"]) == ("FAILED_BUSINESS", "refused")
    assert "não está ativo" in item["reason"]
    posts = ccee.truth("ccee")["posts"][CONCLUDE.removeprefix("POST ")]
    again = house.run("register_contracts", **given)
    assert again.root["items"][0]["outcome"] == "refused_before"
    assert ccee.truth("ccee")["posts"][CONCLUDE.removeprefix("POST ")] == posts
    assert first.exit_code == again.exit_code == 1
