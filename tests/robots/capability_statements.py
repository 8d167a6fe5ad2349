"""What every robot that declares ListsStatements must do, whatever the bank: subclass `StatementsSuite` and give it a `Case`.

The tests drive the robot in a real Chromium at the live sandbox; misbehaviour is ordered from the portal, and what
happened is asked from the portal's own records.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from loguru import logger
from playwright.sync_api import Browser

from retaguarda.clock import Clock
from retaguarda.errors import CredentialRefused, IncompleteDownload, InvalidItem, NotEntitled, PortalChanged, PortalUnavailable, SessionLost
from retaguarda.model.secrets import Credential, Secret
from retaguarda.model.values import Period
from retaguarda.portal import Download
from retaguarda.portal.session import open_session
from sandbox.month import BankEntry, build
from tests.sandbox_fixtures import Pictures, SandboxProcess

MONTH = Period(dt.date(2026, 11, 1), dt.date(2026, 11, 10))
TWO_DAYS = Period(dt.date(2026, 11, 5), dt.date(2026, 11, 6))
WEEKEND = Period(dt.date(2026, 11, 7), dt.date(2026, 11, 8))
PATIENCE, HURRY = 15, 3
"""Seconds the robots wait for a page; the shorter one where a test knows that nothing will come."""


@dataclass(frozen=True)
class Case:
    """A bank as the suite needs to know it."""

    robot: type[Any]
    portal: str
    month_account: str  # the account's name in sandbox.month
    heading: str  # of the screen that asks for the period
    form: str  # request that shows this screen, e.g. "GET /extrato"
    file: str  # request that answers with the file
    login: str  # request that shows the sign-in page
    refusal: str  # what the bank says to a wrong secret
    spoil: Callable[[Credential], Credential]
    amounts: Callable[[bytes], list[tuple[str, str]]]  # (yyyymmdd, signed amount) of the movements, read by hand
    movements: Callable[[], Sequence[BankEntry]] = lambda: build().entries


@dataclass
class Bench:
    """A live bank, and robots in front of it."""

    case: Case
    sandbox: SandboxProcess
    browser: Browser
    folder: Path
    credential: Credential = field(init=False)

    def __post_init__(self) -> None:
        self.credential = self.sandbox.credential(f"{self.case.portal}/robo")

    @property
    def account(self) -> str:
        return self.sandbox.site(self.case.portal).account

    @contextmanager
    def robot(self) -> Iterator[Any]:
        """A robot at the door, in a browser context of its own."""
        downloads = self.folder / f"downloads-{len(list(self.folder.iterdir()))}"
        downloads.mkdir()
        manifest = self.case.robot.manifest().model_copy(update={"timeout_seconds": PATIENCE})
        options: dict[str, Any] = {"clock": Clock(), "log": logger, "recorder": Pictures(), "downloads": downloads}
        with open_session(self.browser, manifest, self.sandbox.site(self.case.portal), self.credential, **options) as session:
            yield self.case.robot(session)

    @contextmanager
    def in_a_hurry(self, robot: Any) -> Iterator[None]:
        """Let the robot give up early, where the bank will send nothing."""
        robot.session.page.set_default_timeout(HURRY * 1000)
        try:
            yield
        finally:
            robot.session.page.set_default_timeout(PATIENCE * 1000)

    def faults(self, *faults: dict[str, Any]) -> None:
        self.sandbox.faults(self.case.portal, *faults)

    def truth(self) -> dict[str, Any]:
        return self.sandbox.truth(self.case.portal)

    def outcomes(self) -> list[str]:
        """How the sign-in attempts ended, by the bank's records."""
        return [row["outcome"] for row in self.truth()["sign_ins"]]

    def expected(self, period: Period) -> list[tuple[str, str]]:
        return [(f"{e.date:%Y%m%d}", f"{e.amount:.2f}") for e in self.entries(period)]

    def entries(self, period: Period) -> list[BankEntry]:
        return [e for e in self.case.movements() if e.account == self.case.month_account and e.date in period]


def with_secret(credential: Credential, name: str, value: str) -> Credential:
    """The same user with one secret changed."""
    return Credential(credential.name, credential.user, {**credential.secrets, name: Secret(value)})


@pytest.mark.browser
class StatementsSuite:
    """Inherit, set `case`, and bring two fixtures.

    `bank_sandbox`: a sandbox whose banks have no faults, sessions or records yet; `bank_browser`: a browser that trusts
    their certificates.
    """

    case: ClassVar[Case]

    @pytest.fixture
    def bench(self, bank_sandbox: SandboxProcess, bank_browser: Browser, tmp_path: Path) -> Bench:
        return Bench(self.case, bank_sandbox, bank_browser, tmp_path)

    def test_it_fetches_the_whole_period(self, bench: Bench) -> None:
        got = self.fetched(bench, MONTH)
        assert self.case.amounts(got) == bench.expected(MONTH)
        served = bench.truth()["downloads"]
        assert [row["sha256"] for row in served] == [hashlib.sha256(got).hexdigest()]
        assert served[0]["account"] == bench.account

    def test_it_fetches_the_period_asked_for_and_no_other(self, bench: Bench) -> None:
        assert self.case.amounts(self.fetched(bench, TWO_DAYS)) == bench.expected(TWO_DAYS)

    def test_a_period_without_movement_is_a_file_without_movement(self, bench: Bench) -> None:
        assert bench.expected(WEEKEND) == []
        assert self.case.amounts(self.fetched(bench, WEEKEND)) == []

    def test_it_leaves_no_session_behind(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            assert len(bench.truth()["sessions"]) == 1
            robot.sign_out()
        assert bench.truth()["sessions"] == []

    def test_a_wrong_secret_is_tried_exactly_once(self, bench: Bench) -> None:
        with bench.robot() as robot, pytest.raises(CredentialRefused, match=self.case.refusal):
            robot.sign_in(self.case.spoil(bench.credential))
        assert bench.outcomes() == ["failed"]

    @pytest.mark.parametrize("request_of", ["form", "file"])
    def test_a_session_lost_on_the_way_is_told_and_can_be_renewed(self, bench: Bench, request_of: str) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": getattr(self.case, request_of), "kind": "drop-session"})
            with pytest.raises(SessionLost), bench.in_a_hurry(robot):
                robot.statement(bench.account, MONTH)
            assert bench.sandbox.fired(self.case.portal) == [1]
            assert bench.truth()["downloads"] == []
            robot.sign_in(bench.credential)  # the bank still holds the lost session: "já conectado"
            assert self.case.amounts(robot.statement(bench.account, MONTH).read_bytes()) == bench.expected(MONTH)

    def test_a_second_sign_in_ends_the_first(self, bench: Bench) -> None:
        with bench.robot() as first, bench.robot() as second:
            first.sign_in(bench.credential)
            second.sign_in(bench.credential)
            assert second.statement(bench.account, TWO_DAYS).size
            with pytest.raises(SessionLost):
                first.statement(bench.account, TWO_DAYS)
        assert bench.outcomes() == ["ok", "ok"]

    def test_an_unknown_alert_stops_it_in_the_words_of_the_portal(self, bench: Bench) -> None:
        said = "Aviso 4417: consulte o seu gerente."
        injected = f'{self.case.heading}</h1><div role="alert">{said}</div><h1 hidden>'
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.case.form, "kind": "rename-heading", "value": injected})
            with pytest.raises(PortalChanged, match=said):
                robot.statement(bench.account, MONTH)
        assert bench.truth()["downloads"] == []

    def test_a_renamed_heading_stops_it(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.case.form, "kind": "rename-heading", "value": "Movimentações"})
            with pytest.raises(PortalChanged, match="Movimentações"):
                robot.statement(bench.account, MONTH)
        assert bench.truth()["downloads"] == []

    @pytest.mark.parametrize("request_of", ["login", "form"])
    def test_a_maintenance_page_means_later(self, bench: Bench, request_of: str) -> None:
        bench.faults({"at": getattr(self.case, request_of), "kind": "maintenance", "value": "Voltamos às 6h."})
        with pytest.raises(PortalUnavailable, match="manutenção"):
            self.fetched(bench, MONTH)
        assert bench.truth()["downloads"] == []

    def test_a_server_error_means_later(self, bench: Bench) -> None:
        bench.faults({"at": self.case.form, "kind": "error-500"})
        with pytest.raises(PortalUnavailable, match="500"):
            self.fetched(bench, MONTH)
        assert bench.truth()["downloads"] == []

    def test_a_slow_page_is_waited_for(self, bench: Bench) -> None:
        bench.faults({"at": self.case.form, "kind": "slow", "seconds": 2}, {"at": self.case.file, "kind": "slow", "seconds": 2})
        assert self.case.amounts(self.fetched(bench, TWO_DAYS)) == bench.expected(TWO_DAYS)
        assert bench.sandbox.fired(self.case.portal) == [1, 1]

    @pytest.mark.parametrize("how", ["", "empty", "cut"])
    def test_a_truncated_download_is_noticed(self, bench: Bench, how: str) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.case.file, "kind": "truncate-download", "value": how, "times": 0})
            with pytest.raises(IncompleteDownload), bench.in_a_hurry(robot):
                robot.statement(bench.account, MONTH)
        assert bench.sandbox.fired(self.case.portal)[0] >= 1

    def test_a_known_popup_is_put_away_and_an_unknown_one_stops_it(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.case.form, "kind": "popup"})
            assert robot.statement(bench.account, TWO_DAYS).size
            bench.faults({"at": self.case.form, "kind": "popup", "value": "Atualização cadastral"})
            with pytest.raises(PortalChanged), bench.in_a_hurry(robot):
                robot.statement(bench.account, MONTH)
        assert len(bench.truth()["downloads"]) == 1

    def test_a_period_that_the_bank_shortens_is_not_taken_for_the_whole(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            with pytest.raises(IncompleteDownload, match=r"01/08/2026 a 20/10/2026, the page shows .*13/08/2026 a 20/10/2026"):
                robot.statement(bench.account, Period(dt.date(2026, 8, 1), dt.date(2026, 10, 20)))
        assert bench.truth()["downloads"] == []

    def test_a_period_that_the_bank_refuses_is_told_in_its_words(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            with pytest.raises(InvalidItem, match="A data final não pode ser posterior à data de hoje"):
                robot.statement(bench.account, Period(dt.date(2026, 11, 1), dt.date(2026, 12, 1)))

    def test_an_account_of_somebody_else_is_not_asked_for(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            with pytest.raises(NotEntitled, match="0001 / 11111-1"):
                robot.statement("0001 / 11111-1", MONTH)

    def fetched(self, bench: Bench, period: Period) -> bytes:
        """The bytes of a statement from a fresh sign-in to a proper sign-out."""
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            got: Download = robot.statement(bench.account, period)
            robot.sign_out()
            return got.read_bytes()
