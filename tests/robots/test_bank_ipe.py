"""Every odd thing that a bank can do to a session or a file, shown at Banco Ipê."""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from retaguarda.errors import ChallengeRequired, CredentialRefused, IncompleteDownload, PortalUnavailable, SessionLost
from retaguarda.model.values import Period
from sandbox.pki import Pki
from tests.robots.capability_statements import TWO_DAYS, Bench, with_secret
from tests.robots.test_banks import IPE, JATOBA, camt_amounts, wrong_password
from tests.sandbox_fixtures import SandboxProcess

pytestmark = pytest.mark.browser


@pytest.fixture
def ipe(bank_sandbox: SandboxProcess, bank_browser: Browser, tmp_path: Path) -> Bench:
    return Bench(IPE, bank_sandbox, bank_browser, tmp_path)


@pytest.fixture(params=["bank_jatoba", "bank_ipe"])
def seiva(request: pytest.FixtureRequest, bank_sandbox: SandboxProcess, bank_browser: Browser, tmp_path: Path) -> Bench:
    return Bench({"bank_jatoba": JATOBA, "bank_ipe": IPE}[request.param], bank_sandbox, bank_browser, tmp_path)


# --- what banks do to sessions -------------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("knob", ["idle-session", "old-session", "taken-session"])
def test_a_session_that_the_bank_ends_is_told_and_can_be_renewed(seiva: Bench, knob: str) -> None:
    with seiva.robot() as robot:
        robot.sign_in(seiva.credential)
        seiva.faults({"at": seiva.case.form, "kind": knob})
        with pytest.raises(SessionLost):
            robot.statement(seiva.account, TWO_DAYS)
        robot.sign_in(seiva.credential)
        assert robot.statement(seiva.account, TWO_DAYS).size


@pytest.mark.thorough
def test_an_hour_of_work_ends_a_session_however_busy_it_is(ipe: Bench) -> None:
    ipe.sandbox.set_clock("bank_ipe", "2026-11-11T09:00:00-03:00")
    with ipe.robot() as robot:
        robot.sign_in(ipe.credential)
        for minute in range(9, 60, 9):
            ipe.sandbox.set_clock("bank_ipe", f"2026-11-11T09:{minute:02d}:00-03:00")
            robot.session.goto("/inicio")
        ipe.sandbox.set_clock("bank_ipe", "2026-11-11T10:02:00-03:00")
        with pytest.raises(SessionLost, match="tempo máximo de 60 minutos"):
            robot.statement(ipe.account, TWO_DAYS)


def test_a_locked_user_is_told_and_nothing_more_is_tried(seiva: Bench) -> None:
    seiva.faults({"at": "POST /acesso/senha", "kind": "locked-user", "times": 0})
    with seiva.robot() as robot, pytest.raises(CredentialRefused, match="Acesso bloqueado"):
        robot.sign_in(seiva.credential)
    assert seiva.outcomes() == ["locked"]


@pytest.mark.thorough
def test_three_wrong_passwords_lock_even_the_right_one(ipe: Bench) -> None:
    for _ in range(3):
        with ipe.robot() as robot, pytest.raises(CredentialRefused, match="incorreta"):
            robot.sign_in(wrong_password(ipe.credential))
    with ipe.robot() as robot, pytest.raises(CredentialRefused, match="Acesso bloqueado"):
        robot.sign_in(ipe.credential)
    assert ipe.outcomes() == ["failed", "failed", "failed", "locked"]


def test_a_bank_that_lets_nobody_take_over_means_later(seiva: Bench) -> None:
    with seiva.robot() as first, seiva.robot() as second:
        first.sign_in(seiva.credential)
        seiva.faults({"at": "POST /acesso/*", "kind": "no-take-over", "times": 0})
        with pytest.raises(PortalUnavailable, match="já conectado em outro equipamento"):
            second.sign_in(seiva.credential)
        first.sign_out()
        second.sign_in(seiva.credential)  # once the other one has signed out
    assert "failed" not in seiva.outcomes()


def test_a_bank_closed_at_night_means_later(ipe: Bench) -> None:
    ipe.sandbox.set_clock("bank_ipe", "2026-11-11T22:30:00-03:00")
    with ipe.robot() as robot, pytest.raises(PortalUnavailable, match="manutenção"):
        robot.sign_in(ipe.credential)
    ipe.sandbox.set_clock("bank_ipe", "2026-11-12T06:01:00-03:00")
    with ipe.robot() as robot:
        robot.sign_in(ipe.credential)


# --- the code that a person reads ----------------------------------------------------------------------------------------


class Administrator:
    """Reads the code from the telephone: the bank's own record of what it sent."""

    def __init__(self, bench: Bench, spoil: bool = False) -> None:
        self.bench, self.spoil, self.asked = bench, spoil, list[str]()

    def ask(self, question: str) -> None:
        self.asked.append(question)

    def code(self, since: dt.datetime | None = None) -> str | None:
        if not self.asked:
            return None
        code = str(self.bench.truth()["codes"][-1]["code"])
        return f"{(int(code) + 1) % 10**6:06d}" if self.spoil else code

    def not_needed(self) -> None:
        raise AssertionError("nothing else can give this code")


def test_a_person_reads_the_code_and_the_robot_goes_in(ipe: Bench) -> None:
    ipe.faults({"at": "POST /acesso/senha", "kind": "ask-code"})
    with ipe.robot() as robot:
        robot.session.person = administrator = Administrator(ipe)
        robot.sign_in(ipe.credential)
        assert len(administrator.asked) >= 1
        assert robot.statement(ipe.account, TWO_DAYS).size


@pytest.mark.thorough
def test_a_wrong_code_asks_the_person_again_instead_of_trying(ipe: Bench) -> None:
    ipe.faults({"at": "POST /acesso/senha", "kind": "ask-code"})
    with ipe.robot() as robot:
        robot.session.person = Administrator(ipe, spoil=True)
        with pytest.raises(ChallengeRequired, match="Código de confirmação incorreto"):
            robot.sign_in(ipe.credential)
    assert ipe.outcomes() == ["ok", "failed"]


@pytest.mark.thorough
def test_a_code_that_is_still_good_is_not_sent_anew(ipe: Bench) -> None:
    """A parked run signs in again with the code that the person read for the first try."""
    ipe.faults({"at": "POST /acesso/senha", "kind": "ask-code", "times": 0})
    with ipe.robot() as robot:
        robot.session.person = Administrator(ipe, spoil=True)
        with pytest.raises(ChallengeRequired):
            robot.sign_in(ipe.credential)
    with ipe.robot() as robot:
        robot.session.person = Administrator(ipe)
        robot.sign_in(ipe.credential)
    assert len(ipe.truth()["codes"]) == 1


# --- certificates, checked by nginx --------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("which", ["foreign", "stranger"])
def test_a_certificate_that_is_not_ours_is_refused(ipe: Bench, pki: Pki, which: str) -> None:
    said = {"foreign": "não foi aceito: FAILED", "stranger": "não está habilitado"}[which]
    given = base64.b64encode(getattr(pki, which).read_bytes()).decode()
    ipe.credential = with_secret(ipe.credential, "certificate", given)
    with ipe.robot() as robot, pytest.raises(CredentialRefused, match=said):
        robot.sign_in(ipe.credential)
    assert ipe.outcomes() == []


# --- what banks do to files and pages ------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["blob", "window", "post"])
def test_a_file_comes_however_the_bank_hands_it_over(ipe: Bench, way: str) -> None:
    file = "GET /modulos/extrato/arquivo" if way == "window" else "POST /modulos/extrato/arquivo"
    with ipe.robot() as robot:
        robot.sign_in(ipe.credential)
        ipe.faults({"at": "GET /modulos/extrato", "kind": "hand-over", "value": way, "times": 0}, {"at": file, "kind": "slow"})
        got = robot.statement(ipe.account, TWO_DAYS)
        assert camt_amounts(got.read_bytes()) == ipe.expected(TWO_DAYS)
    assert ipe.sandbox.fired("bank_ipe")[1] == 1


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["download", "extrato (1).xml", "../../extrato.xml"])
def test_the_name_of_a_file_means_nothing(ipe: Bench, name: str) -> None:
    with ipe.robot() as robot:
        robot.sign_in(ipe.credential)
        ipe.faults({"at": "GET /modulos/extrato/arquivo", "kind": "file-name", "value": name})
        got = robot.statement(ipe.account, TWO_DAYS)
        assert camt_amounts(got.read_bytes()) == ipe.expected(TWO_DAYS)
        assert got.path.parent == robot.session._downloads


@pytest.mark.thorough
@pytest.mark.parametrize("knob", ["cookie-banner", "popup"])
@pytest.mark.parametrize("at", ["GET /extrato", "GET /modulos/extrato"])
def test_what_covers_the_page_or_the_frame_is_put_away(ipe: Bench, knob: str, at: str) -> None:
    with ipe.robot() as robot:
        robot.sign_in(ipe.credential)
        ipe.faults({"at": at, "kind": knob, "times": 0})
        assert robot.statement(ipe.account, TWO_DAYS).size


@pytest.mark.thorough
def test_a_history_that_is_shorter_than_agreed_is_noticed(seiva: Bench) -> None:
    with seiva.robot() as robot:
        robot.sign_in(seiva.credential)
        seiva.faults({"at": seiva.case.form, "kind": "short-history", "value": "5", "times": 0})
        with pytest.raises(IncompleteDownload, match="the page shows"):
            robot.statement(seiva.account, Period(dt.date(2026, 11, 3), dt.date(2026, 11, 10)))


def test_a_provisional_day_says_so_in_the_file(ipe: Bench) -> None:
    with ipe.robot() as robot:
        robot.sign_in(ipe.credential)
        ipe.faults({"at": "* /modulos/extrato*", "kind": "provisional", "times": 0})
        assert b"<Cd>ITBD</Cd>" in robot.statement(ipe.account, TWO_DAYS).read_bytes()
        ipe.faults()
        assert b"<Cd>ITBD</Cd>" not in robot.statement(ipe.account, TWO_DAYS).read_bytes()


@pytest.mark.thorough
def test_a_frame_that_fails_means_later(ipe: Bench) -> None:
    with ipe.robot() as robot:
        robot.sign_in(ipe.credential)
        ipe.faults({"at": "GET /modulos/extrato", "kind": "error-500"})
        with pytest.raises(PortalUnavailable, match="500"):
            robot.statement(ipe.account, TWO_DAYS)
