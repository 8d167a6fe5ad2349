"""The bank robots: what any robot with statements must do, and what only these two do."""

from __future__ import annotations

import base64
import datetime as dt
import re
import sqlite3
import tempfile
import time
import tomllib
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from retaguarda.errors import ChallengeRequired, ConfigurationError, CredentialRefused
from retaguarda.model.secrets import Credential
from robots.bank_cedro.robot import BankCedroRobot
from robots.bank_ipe.robot import BankIpeRobot
from robots.bank_jatoba.robot import BankJatobaRobot
from sandbox.bank_ipe import portal as ipe
from sandbox.bank_ipe.movements import movements
from sandbox.clock import SAO_PAULO
from sandbox.collection import portfolio
from sandbox.collection.portfolio import Portfolio
from sandbox.companies import US
from sandbox.database import Database
from sandbox.month import BankEntry
from sandbox.pki import Pki
from tests.robots.capability_statements import Bench, Case, StatementsSuite, with_secret
from tests.sandbox_fixtures import SandboxProcess

ROBOTS = Path(__file__).parents[2] / "robots"


def ofx_amounts(body: bytes) -> list[tuple[str, str]]:
    blocks = re.findall(r"<STMTTRN>(.*?)</STMTTRN>", body.decode("cp1252"), re.DOTALL)
    rows = [dict(re.findall(r"<(\w+)>([^\r\n<]*)", block)) for block in blocks]
    return [(row["DTPOSTED"][:8], row["TRNAMT"]) for row in rows if row["MEMO"] != "SALDO ANTERIOR"]


def extrato_amounts(body: bytes) -> list[tuple[str, str]]:
    lines = [line for line in body.decode("latin-1").split("\r\n") if line[7:8] == "3"]
    days = [line[146:150] + line[144:146] + line[142:144] for line in lines]
    return [(day, f"{'-' if line[168] == 'D' else ''}{Decimal(line[150:168]) / 100:.2f}") for day, line in zip(days, lines, strict=True)]


def camt_amounts(body: bytes) -> list[tuple[str, str]]:
    found = re.findall(r'<Ntry><Amt Ccy="BRL">([0-9.]+)</Amt><CdtDbtInd>(\w+)<.*?<BookgDt><Dt>([0-9-]+)<', body.decode(), re.DOTALL)
    return [(day.replace("-", ""), f"{'-' if side == 'DBIT' else ''}{amount}") for amount, side, day in found]


def ipe_movements() -> list[BankEntry]:
    """The account's own lines, and what the boletos of the company's last remessa brought."""
    with tempfile.TemporaryDirectory() as folder, closing(Database(Path(folder) / "bank.sqlite", portfolio.SCHEMA)) as held:
        ipe.seed(held)
        boletos = Portfolio(held, ipe.account_of(US), ipe.FIRST_RETURN)
        lumps = boletos.lumps(dt.datetime(2026, 11, 11, 9, tzinfo=SAO_PAULO))
    assert len(lumps) >= 3
    return sorted([*movements(), *lumps], key=lambda entry: entry.date)


def wrong_password(credential: Credential) -> Credential:
    """Every digit is the next one: a keyboard of pairs can hide one wrong digit, never all of them."""
    right = credential.secret("password").reveal()
    return with_secret(credential, "password", "".join(str((int(digit) + 1) % 10) for digit in right))


def wrong_seed(credential: Credential) -> Credential:
    return with_secret(credential, "totp", base64.b32encode(b"the token of another").decode())


JATOBA = Case(
    robot=BankJatobaRobot,
    portal="bank_jatoba",
    month_account="A",
    heading="Extrato de conta corrente",
    form="GET /extrato",
    file="POST /extrato/arquivo",
    login="GET /",
    refusal="Senha eletrônica incorreta. Tentativas restantes: 2",
    spoil=wrong_password,
    amounts=ofx_amounts,
)


class TestBankJatobaStatements(StatementsSuite):
    case = JATOBA


IPE = Case(
    robot=BankIpeRobot,
    portal="bank_ipe",
    month_account="C",
    heading="Extrato de conta corrente",
    form="GET /modulos/extrato",
    file="GET /modulos/extrato/arquivo",
    login="GET /",
    refusal="Senha eletrônica incorreta. Tentativas restantes: 2",
    spoil=wrong_password,
    amounts=camt_amounts,
    movements=ipe_movements,
)


@pytest.mark.thorough
class TestBankIpeStatements(StatementsSuite):
    case = IPE


CEDRO = Case(
    robot=BankCedroRobot,
    portal="bank_cedro",
    month_account="B",
    heading="Extrato para conciliação",
    form="GET /extratos",
    file="POST /extratos/arquivo",
    login="GET /",
    refusal="Código inválido. Tentativas restantes: 2",
    spoil=wrong_seed,
    amounts=extrato_amounts,
)


@pytest.mark.thorough
class TestBankCedroStatements(StatementsSuite):
    case = CEDRO


def test_every_robot_with_statements_passes_the_suite() -> None:
    manifests = [tomllib.loads(path.read_text("utf-8")) for path in ROBOTS.glob("[!_]*/robot.toml")]
    declared = {manifest["name"] for manifest in manifests if "ListsStatements" in manifest["capabilities"]}
    assert declared == {suite.case.portal for suite in StatementsSuite.__subclasses__()}


# --- Banco Jatobá --------------------------------------------------------------------------------------------------------


@pytest.fixture
def jatoba(bank_sandbox: SandboxProcess, bank_browser: Browser, tmp_path: Path) -> Bench:
    return Bench(TestBankJatobaStatements.case, bank_sandbox, bank_browser, tmp_path)


@pytest.fixture
def cedro(bank_sandbox: SandboxProcess, bank_browser: Browser, tmp_path: Path) -> Bench:
    return Bench(TestBankCedroStatements.case, bank_sandbox, bank_browser, tmp_path)


@pytest.mark.browser
def test_jatoba_does_not_send_a_password_that_cannot_be_one(jatoba: Bench) -> None:
    with jatoba.robot() as robot, pytest.raises(ConfigurationError):
        robot.sign_in(with_secret(jatoba.credential, "password", "senha-velha"))
    assert jatoba.outcomes() == []


# --- Banco Cedro ---------------------------------------------------------------------------------------------------------


def with_certificate(cedro: Bench, file: Path) -> Bench:
    cedro.credential = with_secret(cedro.credential, "certificate", base64.b64encode(file.read_bytes()).decode())
    return cedro


@pytest.mark.browser
def test_cedro_lets_nobody_in_with_a_certificate_of_an_unknown_authority(cedro: Bench, pki: Pki) -> None:
    with with_certificate(cedro, pki.foreign).robot() as robot, pytest.raises(CredentialRefused, match="client certificate"):
        robot.sign_in(cedro.credential)


@pytest.mark.browser
def test_cedro_refuses_the_certificate_of_another_company(cedro: Bench, pki: Pki) -> None:
    with with_certificate(cedro, pki.stranger).robot() as robot, pytest.raises(CredentialRefused, match="não está habilitado"):
        robot.sign_in(cedro.credential)


@pytest.mark.browser
def test_cedro_is_not_even_called_with_an_expired_certificate(cedro: Bench, pki: Pki) -> None:
    with pytest.raises(ConfigurationError, match="expired"), with_certificate(cedro, pki.expired).robot():
        pytest.fail("a session was opened")


@pytest.mark.browser
def test_cedro_takes_the_next_code_when_another_run_spent_this_one(cedro: Bench) -> None:
    """Two runs within 30 seconds: each has its own memory of spent codes, the bank has the only common one."""
    for attempt in (1, 2):
        fresh = cedro.sandbox.credential("bank_cedro/robo")
        with cedro.robot() as robot:
            robot.sign_in(fresh)
            robot.sign_out()
        assert cedro.outcomes().count("ok") == attempt
    assert "failed" not in cedro.outcomes()


@pytest.mark.browser
def test_cedro_asks_a_person_when_no_code_is_left(cedro: Bench) -> None:
    spend_every_code(cedro)
    with cedro.robot() as robot, pytest.raises(ChallengeRequired, match="Código já utilizado"):
        robot.sign_in(cedro.credential)
    assert cedro.outcomes() == ["repeated-code", "repeated-code"]


def spend_every_code(cedro: Bench) -> None:
    """In the bank's own records: all codes of the coming year count as used."""
    with closing(sqlite3.connect(cedro.sandbox.state / "bank_cedro.sqlite")) as held:
        held.execute("insert into users (name, last_step) values (?, ?)", (cedro.credential.user, int(time.time() // 30) + 1_000_000))
        held.commit()
