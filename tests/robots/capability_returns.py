"""What every robot that declares DownloadsReturns must do, whatever the bank: subclass `ReturnsSuite` and say which days have files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import ClassVar

import pytest
from playwright.sync_api import Browser

from retaguarda.errors import IncompleteDownload, NotEntitled, PortalChanged, PortalUnavailable, SessionLost
from retaguarda.formats import read_return
from retaguarda.portal.capabilities import DownloadsReturns
from tests.robots.capability_statements import MONTH, TWO_DAYS, WEEKEND, Bench, Case
from tests.sandbox_fixtures import SandboxProcess


@pytest.mark.browser
class ReturnsSuite:
    """Inherit, set what stands below, and have the fixtures of tests/robots/conftest.py."""

    case: ClassVar[Case]
    days: ClassVar[tuple[dt.date, ...]]  # of MONTH that have a retorno
    heading: ClassVar[str]  # of the screen that lists them
    form: ClassVar[str] = "GET /cobranca"
    list: ClassVar[str] = "GET /cobranca"  # the request that answers with the rows
    file: ClassVar[str] = "GET /cobranca/arquivo/*"
    stranger: ClassVar[str]  # an account of the same bank that the user does not see there

    @pytest.fixture
    def bench(self, bank_sandbox: SandboxProcess, bank_browser: Browser, tmp_path: Path) -> Bench:
        return Bench(self.case, bank_sandbox, bank_browser, tmp_path)

    def test_it_gives_every_return_of_the_period_and_no_other(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            assert isinstance(robot, DownloadsReturns)
            got = robot.returns(bench.account, MONTH)
            some = robot.returns(bench.account, TWO_DAYS)
            none = robot.returns(bench.account, WEEKEND)
            facts = [return_facts(one.read_bytes()) for one in got]
            assert [day for _, day in facts] == [f"{day:%d%m%Y}" for day in self.days]
            assert [number for number, _ in facts] == list(range(facts[0][0], facts[0][0] + len(self.days)))
            assert [return_facts(one.read_bytes()) for one in some] == [fact for fact in facts if fact[1] in {"05112026", "06112026"}]
            assert none == []
            assert len({one.name for one in got}) == 1  # the bank names them all alike
            assert len({one.path for one in got}) == len(self.days)
            assert all(read_return(one.read_bytes()).titles for one in got)

    def test_a_list_that_shows_a_return_twice_is_noticed(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.list, "kind": "duplicate-rows", "times": 0})
            with pytest.raises(PortalChanged, match=f"states {len(self.days)} rows and lists"):
                robot.returns(bench.account, MONTH)
        assert bench.truth()["downloads"] == []

    @pytest.mark.parametrize("how", ["", "empty"])
    def test_a_truncated_return_is_noticed(self, bench: Bench, how: str) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.file, "kind": "truncate-download", "value": how, "skip": 1})
            with pytest.raises(IncompleteDownload):
                robot.returns(bench.account, MONTH)

    def test_returns_of_another_account_are_not_taken(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            with pytest.raises(NotEntitled):
                robot.returns(self.stranger, MONTH)

    def test_a_lost_session_is_told_and_can_be_renewed(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.form, "kind": "drop-session"})
            with pytest.raises(SessionLost):
                robot.returns(bench.account, MONTH)
            robot.sign_in(bench.credential)
            assert len(robot.returns(bench.account, MONTH)) == len(self.days)

    def test_a_renamed_heading_stops_it(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.form, "kind": "rename-heading", "value": "Arquivos"})
            with pytest.raises(PortalChanged, match="Arquivos"):
                robot.returns(bench.account, MONTH)

    def test_an_unknown_alert_stops_it(self, bench: Bench) -> None:
        said = "Aviso 77: leiaute em mudança."
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            injected = f'{self.heading}</h1><div role="alert">{said}</div><h1 hidden>'
            bench.faults({"at": self.form, "kind": "rename-heading", "value": injected})
            with pytest.raises(PortalChanged, match=said):
                robot.returns(bench.account, MONTH)

    def test_a_maintenance_page_means_later(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.form, "kind": "maintenance"})
            with pytest.raises(PortalUnavailable, match="manutenção"):
                robot.returns(bench.account, MONTH)

    def test_a_slow_page_is_waited_for(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.form, "kind": "slow", "seconds": 2}, {"at": self.file, "kind": "slow", "seconds": 1})
            assert robot.returns(bench.account, TWO_DAYS)
        assert bench.sandbox.fired(self.case.portal) == [1, 1]


def return_facts(body: bytes) -> tuple[int, str]:
    """NSA and date of a retorno."""
    head = body.decode("latin-1")[:240]
    return int(head[157:163]), head[143:151]
