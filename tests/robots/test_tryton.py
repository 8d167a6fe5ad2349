"""The robot of Tryton against a real Tryton in a real Chromium; what it did is verified past the screens, by JSON-RPC."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from retaguarda.errors import Conflict, CredentialRefused, IncompleteDownload, PortalError, Refused, SessionLost
from retaguarda.model.acts import Permit
from retaguarda.model.receivables import Settlement, SettlementBatch, StatementState
from retaguarda.model.secrets import Credential, Secret
from retaguarda.model.values import Month
from retaguarda.portal.capabilities import ExportsErp, PostsSettlements
from robots.tryton.pages import ImportPage, StatementPage, StatementsPage
from robots.tryton.robot import CONTRACT_FIELDS, INVOICE_FIELDS, TrytonRobot, ofx
from sandbox.month import Invoice, build
from tests.month.installation import Installation
from tests.robots.tryton_oracle import Rpc, cutting_proxy
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


@pytest.fixture(scope="module")
def rpc(erp: SandboxProcess) -> Rpc:
    return Rpc(erp)


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


def press(robot: TrytonRobot, wanted: SettlementBatch) -> str:
    """One act, as the protocol goes about it."""
    draft = robot.draft_settlement(wanted)
    assert draft.shown() == wanted.fields()
    return draft.submit(Permit(wanted.reference, 1)).protocol


def validated(wanted: SettlementBatch) -> SettlementBatch:
    """The batch as it is wanted by the first of its two acts."""
    return replace(wanted, state="validated")


def settle(robot: TrytonRobot, wanted: SettlementBatch) -> str:
    """Both acts of a batch."""
    protocol = press(robot, validated(wanted))
    assert press(robot, wanted) == protocol
    return protocol


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
    assert robot.find_settlement(validated(wanted)) is None

    protocol = settle(robot, wanted)

    for reached in (wanted, validated(wanted)):
        found = robot.find_settlement(reached)
        assert found is not None
        assert (found.fields, found.count, found.protocol) == (reached.fields(), 1, protocol)
    held = rpc.invoices(*(line.receivable for line in wanted.lines))
    rest = next(invoice.amount for invoice in MONTH.invoices if invoice.number == 4204) - Decimal("1000.00")
    assert held.pop("4204") == ("posted", rest)
    assert set(held.values()) == {("paid", Decimal(0))}
    (statement,) = rpc.statements(wanted.reference)
    assert (statement["state"], statement["journal."]["name"]) == ("posted", "Banco Jatobá c/c 38215-6")
    assert len(statement["lines"]) == 12


@pytest.mark.thorough
def test_settles_a_long_batch_of_the_other_account(robot: TrytonRobot, rpc: Rpc) -> None:
    """More lines than the client shows at once."""
    wanted = batch(list(range(4240, 4281)), account=CEDRO)

    settle(robot, wanted)

    found = robot.find_settlement(wanted)
    assert found is not None
    assert found.fields == wanted.fields()
    assert set(rpc.invoices(*(line.receivable for line in wanted.lines)).values()) == {("paid", Decimal(0))}


@pytest.mark.thorough
def test_a_draft_books_nothing_and_is_gone_on_with(erp: SandboxProcess, chromium: Browser, tmp_path: Path, rpc: Rpc) -> None:
    """A robot died before the first press: the next one finds its draft, and imports no second one."""
    wanted = batch([4213, 4214])
    with signed_in(erp, chromium, tmp_path) as dying:
        dying.draft_settlement(validated(wanted))
    assert set(rpc.invoices("4213", "4214").values()) == {("posted", _amount(4213)), ("posted", _amount(4214))}

    with signed_in(erp, chromium, tmp_path / "next") as heir:
        assert heir.find_settlement(validated(wanted)) is None
        settle(heir, wanted)

    assert [(s["state"], len(s["lines"])) for s in rpc.statements(wanted.reference)] == [("posted", 2)]


def test_a_validated_statement_is_settled_and_not_posted(robot: TrytonRobot, rpc: Rpc) -> None:
    """As a robot leaves it that died between the two presses: the invoices are paid, the post is still to come."""
    wanted = batch([4225, 4226])
    protocol = press(robot, validated(wanted))

    found = robot.find_settlement(validated(wanted))
    assert found is not None
    assert (found.fields, found.protocol) == (validated(wanted).fields(), protocol)
    assert robot.find_settlement(wanted) is None
    assert set(rpc.invoices("4225", "4226").values()) == {("paid", Decimal(0))}
    assert [statement["state"] for statement in rpc.statements(wanted.reference)] == ["validated"]
    assert press(robot, wanted) == protocol


def test_nothing_is_posted_that_was_not_validated(robot: TrytonRobot, rpc: Rpc) -> None:
    wanted = batch([4227])
    with pytest.raises(Conflict, match="0 statements"):
        robot.draft_settlement(wanted)
    assert rpc.statements(wanted.reference) == []

    robot.draft_settlement(validated(wanted))
    with pytest.raises(Conflict, match="0 statements"):
        robot.draft_settlement(wanted)


def test_goes_on_with_an_import_whose_rules_were_not_applied(robot: TrytonRobot, rpc: Rpc) -> None:
    wanted = batch([4215, 4216])
    _import(robot, wanted)

    settle(robot, wanted)

    assert [(s["state"], len(s["lines"])) for s in rpc.statements(wanted.reference)] == [("posted", 2)]


def test_two_drafts_of_one_reference_need_a_person(robot: TrytonRobot, rpc: Rpc) -> None:
    wanted = batch([4217])
    _import(robot, wanted)
    _import(robot, wanted)

    with pytest.raises(Conflict, match="2 statements"):
        robot.draft_settlement(validated(wanted))

    assert rpc.invoices("4217")["4217"][0] == "posted"


def test_a_payment_of_no_open_invoice_is_refused_and_books_nothing(robot: TrytonRobot, rpc: Rpc) -> None:
    once = batch([4218])
    settle(robot, once)
    again = batch([4218, 4219])  # 4218 is paid by now

    with pytest.raises(Refused, match=r"no open invoice: 4218$"):
        robot.draft_settlement(validated(again))

    assert rpc.invoices("4219") == {"4219": ("posted", _amount(4219))}
    assert [statement["state"] for statement in rpc.statements(again.reference)] == ["draft"]


@pytest.mark.thorough
def test_no_press_without_a_permit_leaves_the_browser(robot: TrytonRobot, rpc: Rpc) -> None:
    """Neither the one that pays the invoices nor the one that posts."""
    wanted, page = batch([4220], account=CEDRO), robot.session.page

    robot.draft_settlement(validated(wanted))
    with page.expect_event("requestfailed"):
        page.locator("#tabcontent > .active button[name=validate_statement]").click()
    assert stopped(robot)
    assert [statement["state"] for statement in rpc.statements(wanted.reference)] == ["draft"]
    assert rpc.invoices("4220") == {"4220": ("posted", _amount(4220))}

    press(robot, validated(wanted))
    robot.draft_settlement(wanted)
    page.locator("#tabcontent > .active button[name=post]").click()
    with page.expect_event("requestfailed"):
        page.locator(".confirmation-dialog .btn-primary").click()
    assert stopped(robot)
    assert [statement["state"] for statement in rpc.statements(wanted.reference)] == ["validated"]
    press(robot, wanted)


def stopped(robot: TrytonRobot) -> bool:
    """Whether the gate stopped one request, which the client then told; the gate forgets it."""
    robot.session.page.locator(".message-dialog.in").wait_for()
    told = robot.session.gate.stopped == ["/erp/rpc/"]
    robot.session.gate.stopped.clear()
    return told


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("state", "method", "numbers"), [("validated", b"validate_statement", [4221, 4222]), ("posted", b"post", [4223, 4224])]
)
def test_an_answer_that_never_comes_leaves_one_press_and_is_found_again(
    erp: SandboxProcess, chromium: Browser, tmp_path: Path, rpc: Rpc, state: StatementState, method: bytes, numbers: list[int]
) -> None:
    wanted, permit = replace(batch(numbers), state=state), Permit("cut", 1)
    mark = b'"model.account.statement.%s"' % method
    with cutting_proxy(erp, mark, tmp_path) as (cut, seen), signed_in(cut, chromium, tmp_path) as unlucky:
        if state == "posted":
            press(unlucky, validated(wanted))
        draft = unlucky.draft_settlement(wanted)

        with pytest.raises(PortalError):
            draft.submit(permit)
        found = unlucky.find_settlement(wanted)

    assert permit.used
    assert len(seen) == 1
    assert found is not None
    assert found.fields == wanted.fields()
    assert [statement["state"] for statement in rpc.statements(wanted.reference)] == [state]
    if state == "validated":
        with signed_in(erp, chromium, tmp_path / "next") as heir:
            press(heir, replace(wanted, state="posted"))


def test_a_validated_statement_bars_the_next_of_its_account(robot: TrytonRobot, rpc: Rpc) -> None:
    waiting, next_one = batch([4228]), batch([4229])
    press(robot, validated(waiting))

    with pytest.raises(Conflict, match="validated but not posted"):
        robot.draft_settlement(validated(next_one))

    assert rpc.statements(next_one.reference) == []
    press(robot, waiting)


@pytest.mark.thorough
def test_the_task_goes_on_between_the_two_acts_and_presses_nothing_twice(
    erp: SandboxProcess, robot: TrytonRobot, tmp_path: Path, rpc: Rpc
) -> None:
    """One batch is new, one was left validated: both end posted, by three presses; a second run presses none."""
    new, left = batch([4230, 4231]), batch([4232], account=CEDRO)
    press(robot, validated(left))
    house = Installation(tmp_path / "house", erp)
    told = json.dumps([asdict(one) for one in (left, new)], default=str).encode()
    sha256 = hashlib.sha256(told).hexdigest()
    kept = house.folder / "state" / "evidence" / sha256[:2] / sha256
    kept.parent.mkdir(parents=True)
    kept.write_bytes(told)

    first, again = (house.run("settle_receivables", batches=f"sha256:{sha256}/batches.json") for _ in range(2))

    assert [(i["state"], i["outcome"]) for i in first.root["items"]] == [("SUCCESSFUL", "done")] * 2
    assert [(i["state"], i["outcome"]) for i in again.root["items"]] == [("SUCCESSFUL", "already")] * 2
    pressed = house.query("select act, reference, state from store_intent order by id")
    assert pressed == [("post", left.reference, "DONE"), ("settle", new.reference, "DONE"), ("post", new.reference, "DONE")]
    assert house.query("select batch, count(*) from store_booking group by batch order by 2") == [(left.reference, 1), (new.reference, 2)]
    assert [s["state"] for one in (new, left) for s in rpc.statements(one.reference)] == ["posted", "posted"]


def test_wrong_password_is_tried_once(erp: SandboxProcess, chromium: Browser, tmp_path: Path) -> None:
    wrong = Credential("tryton/robo", "robo", {"password": Secret("not-the-password")})
    with robot_at(erp, chromium, TrytonRobot, tmp_path) as stranger, pytest.raises(CredentialRefused):
        stranger.sign_in(wrong)

    with closing(sqlite3.connect(f"file:{erp.state}/erp/erp.sqlite?mode=ro", uri=True)) as held:
        assert held.execute("select count(*) from res_user_login_attempt where login = 'robo'").fetchone() == (1,)


@pytest.mark.thorough
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
