"""The robot of Tryton against a real Tryton in a real Chromium; what it did is verified past the screens, by JSON-RPC."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import http.client
import json
import select
import shutil
import socket
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route

from retaguarda.errors import Conflict, CredentialRefused, IncompleteDownload, PortalError, Refused, SessionLost
from retaguarda.model.acts import Permit
from retaguarda.model.receivables import Settlement, SettlementBatch
from retaguarda.model.secrets import Credential, Secret
from retaguarda.model.values import Month
from retaguarda.portal.capabilities import ExportsErp, PostsSettlements
from robots.tryton.pages import ImportPage, StatementPage, StatementsPage
from robots.tryton.robot import CONTRACT_FIELDS, INVOICE_FIELDS, TrytonRobot, ofx
from sandbox.month import Invoice, build
from tests.sandbox_fixtures import SandboxProcess, robot_at, running_sandbox

pytestmark = [pytest.mark.erp, pytest.mark.browser]
OCTOBER = Month(2026, 10)
MONTH = build(42)
SAMPLES = Path(__file__).parent.parent / "data" / "tryton"
JATOBA, CEDRO = "773/4417/38215-6", "0071 / 9045512-0"


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("erp") / "state", "erp") as process:
        yield process


@contextmanager
def signed_in(erp: SandboxProcess, chromium: Browser, folder: Path) -> Iterator[TrytonRobot]:
    """A robot that has entered, in a context of its own that ends without ceremony, as when its process dies."""
    with robot_at(erp, chromium, TrytonRobot, folder / "downloads") as entered:
        entered.sign_in(erp.credential("tryton/robo"))
        yield entered


@pytest.fixture(scope="module")
def robot(erp: SandboxProcess, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonRobot]:
    """One robot at work for all tests that do not end its session."""
    with signed_in(erp, chromium, tmp_path_factory.mktemp("robot")) as entered:
        yield entered


class Rpc:
    """Tryton's own JSON-RPC: what the ERP holds, past every screen."""

    def __init__(self, erp: SandboxProcess) -> None:
        self._host = urlsplit(erp.urls["tryton"]).netloc
        self._cookie = ""
        credential = erp.credential("tryton/robo")
        password = {"password": credential.secret("password").reveal()}
        self._call("/erp/session/login", "common.db.login", [credential.user, password, "pt"])

    def rows(self, model: str, domain: list[Any], fields: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("/erp/rpc/", f"model.{model}.search_read", [domain, 0, None, None, fields, {}])
        return found

    def invoices(self, *numbers: str) -> dict[str, tuple[str, Decimal]]:
        """State and open amount by invoice number."""
        rows = self.rows("account.invoice", [["number", "in", list(numbers)]], ["number", "state", "amount_to_pay"])
        return {row["number"]: (row["state"], Decimal(row["amount_to_pay"]["decimal"])) for row in rows}

    def statements(self, reference: str) -> list[dict[str, Any]]:
        return self.rows("account.statement", [["name", "=", reference]], ["state", "lines", "journal.name"])

    def _call(self, path: str, method: str, params: list[Any]) -> Any:
        with closing(http.client.HTTPConnection(self._host, timeout=30)) as connection:
            body = json.dumps({"id": 1, "method": method, "params": params})
            connection.request("POST", path, body, {"Content-Type": "application/json", "Cookie": self._cookie})
            answer = connection.getresponse()
            told = json.load(answer)
            self._cookie = (answer.getheader("Set-Cookie") or self._cookie).partition(";")[0]
            assert "error" not in told, told["error"]
            return told["result"]


@pytest.fixture(scope="module")
def rpc(erp: SandboxProcess) -> Rpc:
    return Rpc(erp)


@contextmanager
def cutting_proxy(erp: SandboxProcess, mark: bytes, folder: Path) -> Iterator[tuple[SandboxProcess, list[bytes]]]:
    """The ERP behind a wire that breaks when the answer to a request with `mark` comes; and the requests that had it."""
    target, seen = urlsplit(erp.urls["tryton"]), list[bytes]()

    class Wire(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((target.hostname or "", target.port or 0)) as server:
                marked = False
                while ready := select.select([self.request, server], [], [])[0]:
                    data = ready[0].recv(65536)
                    if ready[0] is server and marked:
                        return
                    if mark in data:
                        marked = True
                        seen.append(data)
                    if not data:
                        return
                    (server if ready[0] is self.request else self.request).sendall(data)

    class Proxy(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Proxy(("127.0.0.1", 0), Wire) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        url = f"http://localhost:{proxy.server_address[1]}"
        state = folder / "cut"
        state.mkdir()
        shutil.copy(erp.state / "credentials.json", state)
        (state / "portals.toml").write_text((erp.state / "portals.toml").read_text("utf-8").replace(erp.urls["tryton"], url))
        yield SandboxProcess(state, erp.pid, {"tryton": url}), seen
        proxy.shutdown()


def batch(numbers: list[int], account: str = JATOBA, parts: dict[int, str] | None = None) -> SettlementBatch:
    """A batch that pays these invoices of the month, some in part."""
    chosen = [invoice for invoice in MONTH.invoices if invoice.number in numbers]
    lines = tuple(_payment(invoice, (parts or {}).get(invoice.number)) for invoice in chosen)
    digest = hashlib.sha256(repr(lines).encode()).hexdigest()[:12]
    return SettlementBatch(f"{account} 2026-11-01..2026-11-10 {digest}", account, dt.date(2026, 11, 1), dt.date(2026, 11, 10), lines)


def _payment(invoice: Invoice, part: str | None) -> Settlement:
    day = dt.date(2026, 11, 3 + invoice.number % 7)
    amount = Decimal(part) if part else invoice.amount
    return Settlement(str(invoice.number), day, amount, invoice.company.name, f"{invoice.number:016x}")


def settle(robot: TrytonRobot, wanted: SettlementBatch) -> str:
    draft = robot.draft_settlement(wanted)
    assert draft.shown() == wanted.fields()
    return draft.submit(Permit(wanted.reference, 1)).protocol


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode("utf-8").splitlines()))


def test_declares_what_it_does(robot: TrytonRobot) -> None:
    assert isinstance(robot, ExportsErp)
    assert isinstance(robot, PostsSettlements)
    assert set(robot.manifest().capabilities) == {"ExportsErp", "PostsSettlements"}


def test_exports_every_contract_of_the_month(robot: TrytonRobot) -> None:
    content = robot.contracts(OCTOBER).read_bytes()

    rows = table(content)
    assert content.decode().splitlines()[:3] == (SAMPLES / "contracts.csv").read_text("utf-8").splitlines()[:3]
    assert list(rows[0]) == list(CONTRACT_FIELDS.values())
    assert [row["Número"] for row in rows] == [contract.number for contract in MONTH.contracts]
    for row, contract in zip(rows, MONTH.contracts, strict=True):
        assert row["Direção (cadeia de caracteres)"] == {"sale": "Venda", "purchase": "Compra"}[contract.direction]
        assert row["CNPJ"] == _masked(contract.counterparty.cnpj)
        assert row["Perfil vendedor"] == (str(contract.seller.code) if contract.seller else "")
        assert row["Perfil comprador"] == (str(contract.buyer.code) if contract.buyer else "")
        assert (row["Submercado"], row["Tipo de energia"], row["Modulação"]) == (contract.submarket, contract.energy, "Flat")
        assert (Decimal(row["MWh"]), Decimal(row["Preço"])) == (contract.mwh, contract.price)
        assert row["Mês"] == "2026-10-01"


def test_a_month_without_contracts_is_an_empty_list_and_no_error(robot: TrytonRobot) -> None:
    assert table(robot.contracts(Month(2026, 12)).read_bytes()) == []


def test_exports_every_invoice_open_or_paid(robot: TrytonRobot, rpc: Rpc) -> None:
    """One customer has an alphanumeric CNPJ."""
    content = robot.receivables(OCTOBER).read_bytes()

    rows = {row["Numero"]: row for row in table(content)}
    held = rpc.invoices(*rows)
    assert content.decode().splitlines()[0] == (SAMPLES / "receivables.csv").read_text("utf-8").splitlines()[0]
    assert list(next(iter(rows.values()))) == list(INVOICE_FIELDS.values())
    assert sorted(rows) == [str(invoice.number) for invoice in MONTH.invoices]
    for invoice in MONTH.invoices:
        row = rows[str(invoice.number)]
        assert row["Identificador de Tributos da Pessoa/Código"] == _masked(invoice.company.cnpj)
        assert (row["Pessoa"], row["Referência"], row["Descrição"]) == (invoice.company.name, invoice.boleta, invoice.description)
        assert row["Data da Fatura"] == invoice.issue_date.isoformat()
        assert row["Linhas a Pagar/Data de Vencimento"] == invoice.due_date.isoformat()
        assert (Decimal(row["Total"]), Decimal(row["Montante a Pagar"])) == (invoice.amount, held[str(invoice.number)][1])


def test_a_download_with_a_record_less_is_told(robot: TrytonRobot) -> None:
    def lose_one(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        if '"model.energy.contract.export_data_domain"' in (route.request.post_data or ""):
            del told["result"][7]
        route.fulfill(response=answer, json=told)

    robot.session.page.route("**/rpc/*", lose_one)
    try:
        with pytest.raises(IncompleteDownload, match="holds 58 records, the list states 59"):
            robot.contracts(OCTOBER)
    finally:
        robot.session.page.unroute("**/rpc/*")


def test_settles_a_batch_and_leaves_the_rest_of_a_part_open(robot: TrytonRobot, rpc: Rpc) -> None:
    wanted = batch(list(range(4201, 4213)), parts={4204: "1000.00"})
    assert robot.find_settlement(wanted) is None

    protocol = settle(robot, wanted)

    found = robot.find_settlement(wanted)
    assert found is not None
    assert (found.fields, found.count, found.protocol) == (wanted.fields(), 1, protocol)
    held = rpc.invoices(*(line.receivable for line in wanted.lines))
    rest = next(invoice.amount for invoice in MONTH.invoices if invoice.number == 4204) - Decimal("1000.00")
    assert held.pop("4204") == ("posted", rest)
    assert set(held.values()) == {("paid", Decimal(0))}
    (statement,) = rpc.statements(wanted.reference)
    assert (statement["state"], statement["journal."]["name"]) == ("posted", "Banco Jatobá c/c 38215-6")
    assert len(statement["lines"]) == 12


def test_settles_a_long_batch_of_the_other_account(robot: TrytonRobot, rpc: Rpc) -> None:
    """More lines than the client shows at once."""
    wanted = batch(list(range(4240, 4281)), account=CEDRO)

    settle(robot, wanted)

    found = robot.find_settlement(wanted)
    assert found is not None
    assert found.fields == wanted.fields()
    assert set(rpc.invoices(*(line.receivable for line in wanted.lines)).values()) == {("paid", Decimal(0))}


def test_goes_on_with_the_draft_of_a_robot_that_died(erp: SandboxProcess, chromium: Browser, tmp_path: Path, rpc: Rpc) -> None:
    wanted = batch([4213, 4214])
    with signed_in(erp, chromium, tmp_path) as dying:
        dying.draft_settlement(wanted)

    with signed_in(erp, chromium, tmp_path / "next") as heir:
        assert heir.find_settlement(wanted) is None
        settle(heir, wanted)

    assert [statement["state"] for statement in rpc.statements(wanted.reference)] == ["posted"]


def test_goes_on_with_an_import_whose_rules_were_not_applied(robot: TrytonRobot, rpc: Rpc) -> None:
    wanted = batch([4215, 4216])
    _import(robot, wanted)

    settle(robot, wanted)

    assert [(s["state"], len(s["lines"])) for s in rpc.statements(wanted.reference)] == [("posted", 2)]


def test_two_drafts_of_one_reference_need_a_person(robot: TrytonRobot, rpc: Rpc) -> None:
    wanted = batch([4217])
    _import(robot, wanted)
    _import(robot, wanted)

    with pytest.raises(Conflict, match="2 drafts"):
        robot.draft_settlement(wanted)

    assert rpc.invoices("4217")["4217"][0] == "posted"


def test_a_payment_of_no_open_invoice_is_refused_and_books_nothing(robot: TrytonRobot, rpc: Rpc) -> None:
    once = batch([4218])
    settle(robot, once)
    again = batch([4218, 4219])  # 4218 is paid by now

    with pytest.raises(Refused, match=r"no open invoice: 4218$"):
        robot.draft_settlement(again)

    assert rpc.invoices("4219") == {"4219": ("posted", _amount(4219))}
    assert [statement["state"] for statement in rpc.statements(again.reference)] == ["draft"]


def test_the_press_without_a_permit_does_not_leave_the_browser(robot: TrytonRobot, rpc: Rpc) -> None:
    wanted = batch([4220], account=CEDRO)
    robot.draft_settlement(wanted)
    page = robot.session.page

    page.locator("#tabcontent > .active button[name=post]").click()
    with page.expect_event("requestfailed"):
        page.locator(".confirmation-dialog .btn-primary").click()
    page.locator(".message-dialog.in").wait_for()

    assert robot.session.gate.stopped == ["/erp/rpc/"]
    robot.session.gate.stopped.clear()
    assert [statement["state"] for statement in rpc.statements(wanted.reference)] == ["validated"]


def test_an_answer_that_never_comes_leaves_one_press_and_is_found_again(
    erp: SandboxProcess, chromium: Browser, tmp_path: Path, rpc: Rpc
) -> None:
    wanted, permit = batch([4223, 4224]), Permit("4223", 1)
    with cutting_proxy(erp, b'"model.account.statement.post"', tmp_path) as (cut, seen), signed_in(cut, chromium, tmp_path) as unlucky:
        draft = unlucky.draft_settlement(wanted)

        with pytest.raises(PortalError):
            draft.submit(permit)
        found = unlucky.find_settlement(wanted)

    assert permit.used
    assert len(seen) == 1
    assert found is not None
    assert found.fields == wanted.fields()
    assert [statement["state"] for statement in rpc.statements(wanted.reference)] == ["posted"]


def test_a_validated_statement_bars_the_next_of_its_account(robot: TrytonRobot, rpc: Rpc) -> None:
    waiting, next_one = batch([4221]), batch([4222])
    robot.draft_settlement(waiting)

    with pytest.raises(Conflict, match="validated but not posted"):
        robot.draft_settlement(next_one)

    assert rpc.statements(next_one.reference) == []
    settle(robot, waiting)


def test_wrong_password_is_tried_once(erp: SandboxProcess, chromium: Browser, tmp_path: Path) -> None:
    wrong = Credential("tryton/robo", "robo", {"password": Secret("not-the-password")})
    with robot_at(erp, chromium, TrytonRobot, tmp_path) as stranger, pytest.raises(CredentialRefused):
        stranger.sign_in(wrong)

    with closing(sqlite3.connect(f"file:{erp.state}/erp/erp.sqlite?mode=ro", uri=True)) as held:
        assert held.execute("select count(*) from res_user_login_attempt where login = 'robo'").fetchone() == (1,)


def test_a_lost_session_is_told_and_entered_anew(erp: SandboxProcess, chromium: Browser, tmp_path: Path) -> None:
    with signed_in(erp, chromium, tmp_path) as other:
        StatementsPage(other.session).look([["state", "=", "posted"]])
        with closing(sqlite3.connect(erp.state / "erp" / "erp.sqlite", timeout=30)) as held, held:
            held.execute("delete from ir_session")

        with pytest.raises(SessionLost):
            other.contracts(OCTOBER)
        other.sign_in(erp.credential("tryton/robo"))

        assert StatementsPage(other.session).look([["name", "=", "none"]]).records() == []
        other.sign_out()
        assert other.session.page.locator(".login-dialog #login").is_visible()


def _import(robot: TrytonRobot, wanted: SettlementBatch) -> StatementPage:
    window = ImportPage(robot.session)
    window.open("wizard/account.statement.import")
    return window.prove().bring("extrato.ofx", ofx(wanted))


def _amount(number: int) -> Decimal:
    return next(invoice.amount for invoice in MONTH.invoices if invoice.number == number)


def _masked(cnpj: str) -> str:
    return f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"
