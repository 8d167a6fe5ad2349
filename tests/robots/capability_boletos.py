"""What every robot that declares IssuesBoletos must do, whatever the bank: subclass `BoletosSuite` and give it a `BoletoCase`.

Each test hands in, or does not hand in, a remessa of its own at the live sandbox, in a real Chromium; what the bank then holds is
asked from the bank's own records.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from playwright.sync_api import Browser

from retaguarda.clock import SAO_PAULO
from retaguarda.errors import (
    Conflict,
    CredentialRefused,
    OutcomeUnknown,
    PortalChanged,
    PortalUnavailable,
    Refused,
    SessionLost,
)
from retaguarda.formats.cnab240_remessa import write
from retaguarda.model.acts import Permit, Receipt
from retaguarda.model.charges import Beneficiary, Charge, Payer, Remittance, RemittanceFile
from retaguarda.model.values import Cnpj
from retaguarda.portal.capabilities import IssuesBoletos
from sandbox.collection import portfolio
from sandbox.companies import CUSTOMERS
from sandbox.ledger import Account
from tests.robots.capability_statements import Bench, Case
from tests.sandbox_fixtures import SandboxProcess, eventually


@dataclass(frozen=True)
class BoletoCase:
    """The bank's own way of taking remessas, as the suite needs to know it."""

    press: str  # the request that hands a file in
    form: str  # the request that shows where a file is given
    review: str  # the request that answers with the bank's check of the file
    list: str  # the request that lists what came in
    review_heading: str
    button: str
    repeated: Literal["refused when checked", "refused when pressed", "taken"]  # what becomes of a number that was used before
    page: int  # rows on a page of the list
    first: int  # the next sequence number that the bank takes
    held: int  # remessas that it holds from before
    beneficiary: Beneficiary


def remittance(owner: Beneficiary, sequence: int, count: int = 3) -> Remittance:
    """So many titles, numbered after the sequence, due in the days to come."""
    charges = tuple(_charge(sequence * 100 + n, n) for n in range(1, count + 1))
    return Remittance(owner, sequence, dt.datetime(2026, 11, 11, 10, 0, tzinfo=SAO_PAULO), charges)


def _charge(number: int, n: int) -> Charge:
    company = CUSTOMERS[n % len(CUSTOMERS)]
    payer = Payer(company.cnpj, company.name, f"RUA DAS FLORES {n}", "CENTRO", "01310100", "SAO PAULO", "SP")
    day = dt.date(2026, 11, 16) + dt.timedelta(days=n)
    return Charge(f"{number}", f"NF-{number}", dt.date(2026, 11, 11), day, Decimal("1500.10") + n, payer)


def file_of(account: str, made: Remittance) -> RemittanceFile:
    """The file of a remittance, as a task hands it to the robot."""
    data = write(made)
    digest = hashlib.sha256(data).hexdigest()
    return RemittanceFile(account, made.sequence, len(made.charges), made.total, digest, f"CB{made.sequence:06d}.REM", data)


@pytest.mark.browser
class BoletosSuite:
    """Inherit, set `case` and `boletos`, and have the fixtures of tests/robots/conftest.py."""

    case: ClassVar[Case]
    boletos: ClassVar[BoletoCase]

    @pytest.fixture
    def bench(self, bank_sandbox: SandboxProcess, bank_browser: Browser, tmp_path: Path) -> Bench:
        return Bench(self.case, bank_sandbox, bank_browser, tmp_path)

    @pytest.fixture
    def empty_list(self, bank_sandbox: SandboxProcess) -> Iterator[None]:
        """The bank has lost its remessas of before, for the while of a test."""
        with closing(sqlite3.connect(bank_sandbox.state / f"{self.case.portal}.sqlite")) as held:
            rows = held.execute("select * from remessas").fetchall()
            assert len(rows) == self.boletos.held
            held.execute("delete from remessas")
            held.commit()
            yield
            held.executemany(f"insert into remessas values ({', '.join('?' * 10)})", rows)
            held.commit()

    def wanted(self, bench: Bench, offset: int = 0, count: int = 3) -> RemittanceFile:
        return file_of(bench.account, remittance(self.boletos.beneficiary, self.boletos.first + offset, count))

    def issue(self, robot: IssuesBoletos, wanted: RemittanceFile) -> Receipt:
        form = robot.draft_remittance(wanted)
        assert form.shown() == wanted.fields()
        return form.submit(Permit(wanted.reference, 1))

    def looked_and_drafted(self, robot: Any, wanted: RemittanceFile) -> None:
        assert robot.find_remittance(wanted) is None
        robot.draft_remittance(wanted)

    def presses(self, bench: Bench) -> int:
        return int(bench.truth()["posts"].get(self.boletos.press.partition(" ")[2], 0))

    def held(self, bench: Bench) -> list[int]:
        """The sequence numbers of what came in, besides what was there before."""
        return [row["sequence"] for row in bench.truth()["remessas"]][self.boletos.held :]

    def test_find_draft_submit_verify(self, bench: Bench) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            assert isinstance(robot, IssuesBoletos)
            assert robot.find_remittance(wanted) is None
            form = robot.draft_remittance(wanted)
            assert form.shown() == wanted.fields()
            assert self.held(bench) == []  # a draft hands nothing in
            receipt = form.submit(Permit(wanted.reference, 1))
            found = robot.find_remittance(wanted)
            assert found is not None
            assert (dict(found.fields), found.count, found.protocol) == (wanted.fields(), 1, receipt.protocol)
        [row] = bench.truth()["remessas"][self.boletos.held :]
        assert (row["protocol"], row["sha256"]) == (receipt.protocol, wanted.sha256)
        assert len([t for t in bench.truth()["titles"] if t["remessa"] == row["id"] and t["reasons"] == ""]) == wanted.titles

    def test_a_wrong_secret_is_tried_exactly_once(self, bench: Bench) -> None:
        with bench.robot() as robot, pytest.raises(CredentialRefused, match=self.case.refusal):
            robot.sign_in(self.case.spoil(bench.credential))
        assert bench.outcomes() == ["failed"]

    @pytest.mark.parametrize("where", ["form", "review", "list"])
    def test_a_session_lost_mid_form_hands_nothing_in(self, bench: Bench, where: str) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": getattr(self.boletos, where), "kind": "drop-session"})
            with pytest.raises(SessionLost):
                self.looked_and_drafted(robot, wanted)
            assert (self.held(bench), self.presses(bench)) == ([], 0)
            robot.sign_in(bench.credential)
            self.issue(robot, wanted)
        assert self.held(bench) == [wanted.sequence]

    def test_a_session_lost_at_the_press_is_not_taken_for_a_no(self, bench: Bench) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            form = robot.draft_remittance(wanted)
            bench.faults({"at": self.boletos.press, "kind": "drop-session"})
            with pytest.raises((SessionLost, OutcomeUnknown)):
                form.submit(Permit(wanted.reference, 1))
            robot.sign_in(bench.credential)
            assert robot.find_remittance(wanted) is None
        assert self.held(bench) == []

    def test_an_unknown_alert_stops_it(self, bench: Bench) -> None:
        said = "Aviso 12: convênio em revisão."
        injected = f'{self.boletos.review_heading}</h1><div role="alert">{said}</div><h1 hidden>'
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": self.boletos.review, "kind": "rename-heading", "value": injected})
            with pytest.raises(PortalChanged, match=said):
                robot.draft_remittance(self.wanted(bench))
        assert self.presses(bench) == 0

    @pytest.mark.parametrize("where", ["form", "review", "list"])
    def test_a_renamed_heading_stops_it(self, bench: Bench, where: str) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": getattr(self.boletos, where), "kind": "rename-heading", "value": "Arquivos"})
            with pytest.raises(PortalChanged, match="Arquivos"):
                self.looked_and_drafted(robot, wanted)
        assert self.presses(bench) == 0

    @pytest.mark.parametrize("where", ["form", "list"])
    def test_a_maintenance_page_means_later_and_is_no_absence(self, bench: Bench, where: str) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            bench.faults({"at": getattr(self.boletos, where), "kind": "maintenance"})
            with pytest.raises(PortalUnavailable, match="manutenção"):
                self.looked_and_drafted(robot, wanted)
        assert self.presses(bench) == 0

    def test_slow_pages_are_waited_for(self, bench: Bench) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            slow = [{"at": at, "kind": "slow", "seconds": 2} for at in (self.boletos.review, self.boletos.press)]
            bench.faults(*slow)
            assert self.issue(robot, wanted).protocol
        assert bench.sandbox.fired(self.case.portal) == [1, 1]
        assert self.held(bench) == [wanted.sequence]

    def test_a_swallowed_form_is_proven_absent(self, bench: Bench) -> None:
        """The bank says yes and stores nothing: only the other screen tells."""
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            form = robot.draft_remittance(wanted)
            bench.faults({"at": self.boletos.press, "kind": "swallow"})
            assert form.submit(Permit(wanted.reference, 1)).protocol
            assert robot.find_remittance(wanted) is None
        assert (self.held(bench), self.presses(bench)) == ([], 1)

    @pytest.mark.parametrize("fault", ["die-after-commit", "error-500"])
    def test_a_bank_that_dies_after_the_click_is_looked_up(self, bench: Bench, fault: str) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            form = robot.draft_remittance(wanted)
            bench.faults({"at": self.boletos.press, "kind": fault, "value": "after"})
            permit = Permit(wanted.reference, 1)
            with pytest.raises(OutcomeUnknown):
                form.submit(permit)
            assert permit.used
            found = robot.find_remittance(wanted)
            assert found is not None
            assert found.count == 1
        assert (self.held(bench), self.presses(bench)) == ([wanted.sequence], 1)

    def test_a_late_commit_is_found_once_it_is_there(self, bench: Bench) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            form = robot.draft_remittance(wanted)
            bench.faults({"at": self.boletos.press, "kind": "late-commit", "seconds": 3})
            with pytest.raises(OutcomeUnknown):
                form.submit(Permit(wanted.reference, 1))
            eventually(lambda: self.held(bench) == [wanted.sequence])
            assert robot.find_remittance(wanted) is not None

    def test_a_number_that_comes_twice(self, bench: Bench) -> None:
        """Two drafts of one file, both pressed: the bank refuses the second in words that we know, or takes it and shows it twice."""
        wanted = self.wanted(bench)
        with bench.robot() as first, bench.robot() as second:
            first.sign_in(bench.credential)
            form = first.draft_remittance(wanted)
            self.issue(first, wanted)
            # the first form was left: it cannot be pressed any more
            with pytest.raises(PortalChanged), bench.in_a_hurry(first):
                form.submit(Permit(wanted.reference, 2))
            second.sign_in(bench.credential)
            if self.boletos.repeated == "taken":
                self.issue(second, wanted)
                assert (found := second.find_remittance(wanted))
                assert found.count == 2  # which the act protocol takes for a conflict
            else:
                with pytest.raises(Conflict, match="já recebido"):
                    self.issue(second, wanted)
        came, presses = {"refused when checked": (1, 1), "refused when pressed": (1, 2), "taken": (2, 2)}[self.boletos.repeated]
        assert (self.held(bench), self.presses(bench)) == ([wanted.sequence] * came, presses)

    def test_a_session_idle_between_check_and_press_hands_nothing_in(self, bench: Bench) -> None:
        """Eleven minutes by the bank's clock: the button says that the session is over, and the file is drafted anew."""
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            form = robot.draft_remittance(wanted)
            bench.sandbox.set_clock(self.case.portal, "2026-11-11T09:30:00-03:00")
            with pytest.raises(SessionLost, match="expirou"):
                form.submit(Permit(wanted.reference, 1))
            robot.sign_in(bench.credential)
            assert robot.find_remittance(wanted) is None
            self.issue(robot, wanted)
        assert self.held(bench) == [wanted.sequence]

    def test_nothing_leaves_without_a_permit(self, bench: Bench) -> None:
        wanted = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            form = robot.draft_remittance(wanted)
            spent = Permit(wanted.reference, 1)
            spent.use()
            with pytest.raises(PortalChanged), bench.in_a_hurry(robot):
                form.page.press(self.boletos.button, type(form.page))
        assert self.presses(bench) == 0

    def test_an_empty_list_is_proven_absence(self, bench: Bench, empty_list: None) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            assert robot.find_remittance(self.wanted(bench)) is None

    def test_the_second_page_of_the_list_is_read(self, bench: Bench) -> None:
        oldest = self.wanted(bench)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            self.issue(robot, oldest)
            for offset in range(1, self.boletos.page):
                self.issue(robot, self.wanted(bench, offset, count=1))
            self.issue(robot, self.wanted(bench, self.boletos.page, count=1))
            found = robot.find_remittance(oldest)
            assert found is not None
            assert dict(found.fields) == oldest.fields()
            assert robot.find_remittance(self.wanted(bench, self.boletos.page + 1)) is None

    def test_a_list_that_shows_a_row_twice_proves_nothing(self, bench: Bench) -> None:
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            self.issue(robot, self.wanted(bench))
            bench.faults({"at": self.boletos.list, "kind": "duplicate-rows"})
            with pytest.raises(PortalChanged, match="rows and lists"):
                robot.find_remittance(self.wanted(bench))

    def test_another_file_of_the_same_number_is_shown_as_it_is(self, bench: Bench) -> None:
        wanted, other = self.wanted(bench), self.wanted(bench, count=2)
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            self.issue(robot, other)
            found = robot.find_remittance(wanted)
            assert found is not None
            assert dict(found.fields) != wanted.fields()

    def test_a_file_that_the_bank_refuses_is_told_in_its_words(self, bench: Bench) -> None:
        wanted = self.wanted(bench)
        agreement = self.boletos.beneficiary.agreement.encode()
        torn = replace(wanted, content=wanted.content.replace(agreement, b"0" * len(agreement)))
        with bench.robot() as robot:
            robot.sign_in(bench.credential)
            with pytest.raises(Refused, match="linha 1, posições 33 a 52: convênio"):
                robot.draft_remittance(torn)
        assert self.presses(bench) == 0


def beneficiary_of(account: Account) -> Beneficiary:
    """The company as the bank's configuration describes it."""
    told = portfolio.agreement(account, 1, 1)
    known = {key: value for key, value in told.items() if key not in {"first_sequence", "first_number", "cnpj"}}
    return Beneficiary(**known, cnpj=Cnpj.parse(account.holder.cnpj))  # type: ignore[arg-type]
