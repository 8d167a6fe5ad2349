"""What every bank robot does about boletos: retornos out, remessas in, at three banks of different temper."""

from __future__ import annotations

import datetime as dt
import tomllib

import pytest

from sandbox.bank_cedro import portal as cedro
from sandbox.bank_ipe import portal as ipe
from sandbox.bank_jatoba import portal as jatoba
from sandbox.companies import US
from tests.robots.capability_boletos import BoletoCase, BoletosSuite, beneficiary_of
from tests.robots.capability_returns import ReturnsSuite
from tests.robots.test_banks import CEDRO, IPE, JATOBA, ROBOTS

pytestmark = pytest.mark.browser


@pytest.mark.thorough
class TestBankJatobaReturns(ReturnsSuite):
    case = JATOBA
    days = tuple(dt.date(2026, 11, day) for day in (3, 4, 5, 6, 9, 10))
    heading = "Arquivos retorno de cobrança"
    stranger = "4417 / 90112-3"


@pytest.mark.thorough
class TestBankIpeReturns(ReturnsSuite):
    case = IPE
    days = tuple(dt.date(2026, 11, day) for day in (3, 5, 6, 9, 10))
    heading = "Arquivos retorno de cobrança"
    stranger = "0158 / 11111-1"


@pytest.mark.thorough
class TestBankCedroReturns(ReturnsSuite):
    case = CEDRO
    days = tuple(dt.date(2026, 11, day) for day in (3, 5, 9))
    heading = "Arquivos de retorno"
    form, list, file = "GET /retornos", "POST /retornos", "POST /retornos/arquivo"
    stranger = "0071 / 7700148-9"


SEIVA = {
    "press": "POST /cobranca/remessas/transmitir",
    "form": "GET /cobranca/remessas/enviar",
    "review": "POST /cobranca/remessas/conferir",
    "list": "GET /cobranca/remessas",
    "review_heading": "Conferir remessa",
    "button": "Transmitir remessa",
    "page": 10,
}


@pytest.mark.thorough
class TestBankIpeBoletos(BoletosSuite):
    case = IPE
    boletos = BoletoCase(
        **SEIVA,  # type: ignore[arg-type]
        repeated="refused when checked",
        first=ipe.FREE[0],
        held=1,
        beneficiary=beneficiary_of(ipe.account_of(US)),
    )


@pytest.mark.thorough
class TestBankJatobaBoletos(BoletosSuite):
    case = JATOBA
    boletos = BoletoCase(
        **SEIVA,  # type: ignore[arg-type]
        repeated="refused when pressed",
        first=jatoba.LAST_REMESSA + 1,
        held=0,
        beneficiary=beneficiary_of(jatoba.accounts(US)[-1]),
    )


@pytest.mark.thorough
class TestBankCedroBoletos(BoletosSuite):
    case = CEDRO
    boletos = BoletoCase(
        press="POST /modulo/remessa/confirmar",
        form="GET /modulo/remessa",
        review="POST /modulo/remessa",
        list="POST /remessas",
        review_heading="Confirmação do arquivo",
        button="Confirmar transmissão",
        repeated="taken",
        page=2,
        first=cedro.FREE[0],
        held=3,
        beneficiary=beneficiary_of(cedro.accounts(US)[-1]),
    )


@pytest.mark.parametrize(("capability", "suite"), [("DownloadsReturns", ReturnsSuite), ("IssuesBoletos", BoletosSuite)])
def test_every_bank_robot_passes_the_suite(capability: str, suite: type[ReturnsSuite | BoletosSuite]) -> None:
    manifests = [tomllib.loads(path.read_text("utf-8")) for path in ROBOTS.glob("bank_*/robot.toml")]
    assert {manifest["name"] for manifest in manifests if capability in manifest["capabilities"]} == {m["name"] for m in manifests}
    assert {one.case.portal for one in suite.__subclasses__()} == {manifest["name"] for manifest in manifests}
