"""The sandbox's CCEE portal: its flow, its words, its refusals, its files, and the truth behind them."""

from __future__ import annotations

import datetime as dt
import html
import io
import json
import re
import stat
import subprocess
import sys
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from retaguarda.clock import Clock
from retaguarda.portal.mailbox import Mail, open_mailbox, wait_for_code
from sandbox.ccee import mail, portal
from sandbox.faults import Faults
from sandbox.month import build
from sandbox.portal import Running, Sandbox
from tests.sandbox_fixtures import ROOT, Client, Factory, running_sandbox

CODE = r"codigo de acesso e (\d{6})"
GENERAL = {"seller": "86853", "buyer": "70401", "submarket": "NORTE", "month": "10/2026", "start": "01/10/2026 00", "end": "31/10/2026 23"}

NOVEMBER = {"month": "11/2026", "start": "01/11/2026 00", "end": "30/11/2026 23"}


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return Sandbox("ccee", tmp_path, 0, build(), faults=Faults(("ccee",)))


@pytest.fixture
def ccee(box: Sandbox) -> Iterator[Running]:
    running = portal.start(box)
    yield running
    running.stop()


@pytest.fixture
def client(ccee: Running, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Signed in; the code comes at once, since its lateness has a test of its own."""
    monkeypatch.setattr(mail, "LATE", (0.0, 0.0))
    client = Client(ccee.url)
    sign_in(client, box)
    return client


def sign_in(client: Client, box: Sandbox) -> str:
    credential = box.secrets["ccee/robo"]
    client.post("/ui/login", usuario=credential["user"], senha=credential["password"])
    asked = dt.datetime.now(dt.UTC)
    client.post("/ui/mfa", canal="email")
    code = wait_for_code(open_mailbox(str(box.config["mailbox"])), Clock(), asked, CODE, "nao-responda@ccee", 10)
    assert "Menu de acessos" in client.post("/ui/mfa/codigo", codigo=code)[1]
    return code


def alert(page: str) -> str:
    found = re.search(r'<div class="note \w+" role="alert"[^>]*>(.*?)</div>', page)
    return html.unescape(found[1]) if found else ""


def heading(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page)
    return html.unescape(found[1]) if found else ""


def fill_wizard(client: Client, reference: str, mw: str = "12,345678", **changes: str) -> tuple[str, str]:
    """Go through the wizard; the form's token and the page it ends on."""
    found = re.search(r'name="formulario" value="([^"]+)"', client.get("/contratos/novo")[1])
    assert found
    token = found[1]
    _, page = client.post("/contratos/novo/dados", formulario=token, reference=reference, **(GENERAL | changes))
    if not alert(page):
        client.post("/contratos/novo/montantes", formulario=token, mw=mw)
        _, page = client.post("/contratos/novo/modulacao", formulario=token, modulation="Flat")
    return token, page


def test_the_code_comes_late_among_stale_and_foreign_mail(ccee: Running, box: Sandbox) -> None:
    box_url = str(box.config["mailbox"])
    stale = [found[1] for found in (re.search(CODE, m.text) for m in open_mailbox(box_url).newest()) if found]
    assert stale == ["485920", "730164"]
    client = Client(ccee.url)
    asked = dt.datetime.now(dt.UTC)
    code = sign_in(client, box)
    delivered: dict[str, Mail] = {found[1]: m for m in open_mailbox(box_url).newest() if (found := re.search(CODE, m.text))}
    assert 1.4 < (delivered[code].delivered - asked).total_seconds() < 4
    assert client.truth()["sign_ins"] == {"password-ok": 1, "signed-in": 1}


def test_stale_wrong_and_expired_codes_are_refused(ccee: Running, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "LATE", (0.0, 0.0))
    client, credential = Client(ccee.url), box.secrets["ccee/robo"]
    client.post("/ui/login", usuario=credential["user"], senha=credential["password"])
    client.post("/ui/mfa", canal="email")
    assert alert(client.post("/ui/mfa/codigo", codigo="485920")[1]) == "Código de acesso inválido ou expirado."
    asked = dt.datetime.now(dt.UTC)
    client.post("/ui/mfa", canal="email")
    code = wait_for_code(open_mailbox(str(box.config["mailbox"])), Clock(), asked, CODE)
    client.send("/_sandbox/clock", {"now": (box.clock.now() + dt.timedelta(minutes=6)).isoformat()})
    assert alert(client.post("/ui/mfa/codigo", codigo=code)[1]) == "Código de acesso inválido ou expirado."
    assert client.truth()["sign_ins"]["wrong-code"] == 2


def test_three_wrong_passwords_lock_the_user(ccee: Running, box: Sandbox) -> None:
    client, credential = Client(ccee.url), box.secrets["ccee/robo"]
    said = [alert(client.post("/ui/login", usuario=credential["user"], senha="errada")[1]) for _ in range(3)]
    assert said[0] == "Usuário ou senha inválidos. Tentativas restantes: 2."
    assert said[2] == "Usuário bloqueado por excesso de tentativas."
    page = client.post("/ui/login", usuario=credential["user"], senha=credential["password"])[1]
    assert alert(page).startswith("Usuário bloqueado")
    truth = client.truth()
    assert (truth["sign_ins"], truth["locked"]) == ({"wrong-password": 3, "locked": 1}, [credential["user"]])


def test_sms_is_not_possible_and_pages_need_a_session(ccee: Running, box: Sandbox) -> None:
    client, credential = Client(ccee.url), box.secrets["ccee/robo"]
    assert heading(client.get("/contratos")[1]) == "Acesso ao sistema"
    client.post("/ui/login", usuario=credential["user"], senha=credential["password"])
    assert alert(client.post("/ui/mfa", canal="sms")[1]) == "Nenhum telefone celular cadastrado para envio de SMS."
    assert heading(client.get("/contratos")[1]) == "Acesso ao sistema"


def test_ids_change_at_every_render(client: Client) -> None:
    first, second = (set(re.findall(r'id="([^"]+)"', client.get("/contratos")[1])) for _ in range(2))
    assert len(first) > 8
    assert not first & second


def test_the_wizard_registers_with_a_protocol(client: Client) -> None:
    token, page = fill_wizard(client, "BOL-X-1", "1.234,567890")
    assert heading(page) == "Novo contrato – Conferência"
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html.unescape(page)))
    assert facts["Perfil comprador"] == "70401 – AURORA CL"
    assert (facts["Montante (MWmédio)"], facts["Montante (MWh)"]) == ("1.234,567890", "918.518,510")
    assert client.truth()["registered"] == 0
    _, page = client.post("/contratos/novo/concluir", formulario=token)
    assert heading(page) == "Contrato registrado"
    made = client.truth()["contracts"][-1]
    assert f"Protocolo {made['protocol']}" in page
    assert (made["reference"], made["mw"], made["state"]) == ("BOL-X-1", "1234.567890", "NAO_VALIDADO")
    assert re.fullmatch(r"2026\d{8}", made["protocol"])


def test_the_same_form_sent_twice_makes_two_contracts(client: Client) -> None:
    token, _ = fill_wizard(client, "BOL-X-2")
    for _ in range(2):
        client.post("/contratos/novo/concluir", formulario=token)
    truth = client.truth()
    assert [c["reference"] for c in truth["contracts"]].count("BOL-X-2") == 2
    assert truth["posts"]["/contratos/novo/concluir"] == 2


def test_a_swallowed_registration_looks_registered(client: Client) -> None:
    token, _ = fill_wizard(client, "BOL-X-3")
    client.faults({"at": "POST /contratos/novo/concluir", "kind": "swallow"})
    assert heading(client.post("/contratos/novo/concluir", formulario=token)[1]) == "Contrato registrado"
    assert client.truth()["registered"] == 0


@pytest.mark.parametrize(
    ("changes", "now", "says"),
    [
        ({"buyer": "70408"}, "", "O perfil comprador 70408 (SERRA AZUL CL) não está ativo na CCEE. Registro não permitido."),
        ({}, "2026-11-11T18:00:01-03:00", "Prazo de registro para 10/2026 encerrado em 11/11/2026 18:00."),
        (NOVEMBER, "", "Mês de suprimento 11/2026 não está aberto para registro."),
    ],
)  # fmt: skip
def test_refusals_come_at_the_button(client: Client, box: Sandbox, changes: dict[str, str], now: str, says: str) -> None:
    token, page = fill_wizard(client, "BOL-X-4", **changes)
    assert heading(page) == "Novo contrato – Conferência"
    if now:
        box.clock.set(dt.datetime.fromisoformat("2026-11-11T17:59:00-03:00"))
        client.get("/contratos")  # stays signed in while the clock moves on
        sign_in(client, box)
        box.clock.set(dt.datetime.fromisoformat(now))
    assert alert(client.post("/contratos/novo/concluir", formulario=token)[1]) == says
    assert client.truth()["registered"] == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"buyer": "99999"}, "Perfil 99999 não encontrado na CCEE."),
        ({"seller": "70401"}, "Usuário não está autorizado a registrar contratos com o perfil vendedor informado."),
        ({"end": "30/10/2026 23"}, "A vigência deve ir da primeira à última hora do mês de suprimento (DD/MM/AAAA HH)."),
        ({"reference": "R" * 31}, "Informe a referência com até 30 caracteres."),
    ],
)
def test_the_first_step_says_what_is_wrong(client: Client, changes: dict[str, str], says: str) -> None:
    assert alert(fill_wizard(client, changes.pop("reference", "BOL-X-5"), **changes)[1]) == says


def test_the_same_key_raises_the_duplicate_warning(client: Client) -> None:
    held = next(c for c in client.truth()["contracts"] if c["seller"] == 86853)
    _, page = fill_wizard(client, "OUTRA-REF", buyer=str(held["buyer"]), submarket=held["submarket"])
    assert heading(page) == "Novo contrato – Possível duplicidade"
    assert alert(page).startswith(f"Já existe o contrato {held['code']} (referência {held['reference']})")


def test_the_list_pages_by_twenty_and_states_its_total(client: Client) -> None:
    for number in range(9):
        token, _ = fill_wizard(
            client, f"LISTA-{number}", submarket=("SUL", "NORDESTE", "NORTE")[number % 3], buyer=f"7040{number // 3 + 2}"
        )
        client.post("/contratos/novo/concluir", formulario=token)
    total = len(client.truth()["contracts"])
    assert 20 < total <= 40
    pages = [html.unescape(client.get(f"/contratos?pagina={n}")[1]) for n in (1, 2)]
    codes = [re.findall(r"<td>(1692\d{3})</td>", page) for page in pages]
    assert [len(found) for found in codes] == [20, total - 20]
    assert all(f"{total} contratos encontrados" in page for page in pages)
    assert ("Próxima" in pages[0], "Próxima" in pages[1]) == (True, False)
    only = client.get("/contratos?reference=LISTA-7")[1]
    assert "1 contrato encontrado" in only
    assert "0 contratos encontrados" in client.get("/contratos?" + urllib.parse.urlencode({"month": "09/2026"}))[1]


def test_validation_shows_everything_and_happens_once(client: Client, box: Sandbox) -> None:
    waiting = next(c for c in client.truth()["contracts"] if c["seller"] == 70411)
    path = f"/validacoes/{waiting['code']}"
    assert waiting["reference"] in client.get(path)[1]
    page = client.post(f"{path}/validar")[1]
    assert heading(page) == "Montante validado"
    assert waiting["code"] in client.truth()["validated"]
    assert alert(client.post(f"{path}/validar")[1]).startswith(f"O montante do contrato {waiting['code']} já foi validado")
    other = next(c for c in client.truth()["contracts"] if c["seller"] == 70412)
    box.clock.set(dt.datetime.fromisoformat("2026-11-12T18:01:00-03:00"))
    sign_in(client, box)
    said = alert(client.post(f"/validacoes/{other['code']}/validar")[1])
    assert said == "Prazo de validação para 10/2026 encerrado em 12/11/2026 18:00."


def test_the_export_is_a_latin1_zip_that_downloads_once(client: Client, ccee: Running, box: Sandbox) -> None:
    page = client.post("/contratos/exportar", month="10/2026")[1]
    [path] = re.findall(r'href="(/contratos/exportar/arquivo/[^"]+)"', page)
    stranger = Client(ccee.url)
    sign_in(stranger, box)
    with zipfile.ZipFile(io.BytesIO(client.bytes_of(path))) as archive:
        assert sorted(archive.namelist()) == ["EXEMPLO_202610_cceal_firme.csv", "EXEMPLO_202610_cceal_parcela.csv"]
        raw = archive.read("EXEMPLO_202610_cceal_firme.csv")
    lines = raw.decode("latin-1").split("\r\n")
    assert b"Relat\xf3rio de Contratos" in raw
    assert lines[1].split("\t")[:5] == [
        "CODIGO_CONTRATO",
        "REFERENCIA",
        "SIGLA_PERFIL_VENDEDOR",
        "CODIGO_PERFIL_VENDEDOR",
        "SIGLA_PERFIL_COMPRADOR",
    ]
    cells = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    newest = client.truth()["contracts"][-1]
    assert cells["CODIGO_CONTRATO"] == str(newest["code"])
    assert cells["MWmedio"] == newest["mw"].replace(".", ",")
    assert (cells["MES_REFERENCIA"], cells["SITUACAO_CONTRATO"]) == ("10/2026", "Pendente de validação")
    assert len([line for line in lines[2:] if line]) == len(client.truth()["contracts"])
    assert client.get(path)[0] == 403
    assert client.truth()["exports_used"] == 1


def test_a_download_link_of_another_browser_is_forbidden(client: Client, ccee: Running, box: Sandbox) -> None:
    [path] = re.findall(r'href="(/contratos/exportar/arquivo/[^"]+)"', client.post("/contratos/exportar", month="10/2026")[1])
    stranger = Client(ccee.url)
    sign_in(stranger, box)
    assert stranger.get(path)[0] == 403


def test_the_survey_comes_now_and_then(client: Client) -> None:
    pages = [client.get("/contratos")[1] for _ in range(8)]
    assert ['aria-label="Pesquisa de satisfação"' in page for page in pages].count(True) == 1


def test_an_idle_session_ends_with_a_notice(client: Client, box: Sandbox) -> None:
    box.clock.set(box.clock.now() + dt.timedelta(minutes=21))
    page = client.get("/contratos")[1]
    assert heading(page) == "Acesso ao sistema"
    assert "Sua sessão expirou" in page


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "kept") as first:
        kept, truth = (first.state / "credentials.json").read_text(), first.truth("ccee")
    assert not (tmp_path / "kept" / "ready.json").exists()
    with running_sandbox(tmp_path / "kept") as second:
        assert second.truth("ccee") == truth
        assert (second.state / "credentials.json").read_text() == kept


def test_up_writes_what_the_product_needs(sandbox_factory: Factory) -> None:
    running = sandbox_factory("ccee")
    ready = json.loads((running.state / "ready.json").read_text())
    assert (ready["pid"], ready["today"], ready["month"]) == (running.pid, "2026-11-11", "2026-10")
    assert running.site("ccee").mailbox == f"maildir:{running.state / 'mail' / 'robo'}"
    assert stat.S_IMODE((running.state / "credentials.json").stat().st_mode) == 0o600
    command = [sys.executable, "-m", "sandbox", "truth", "--state", str(running.state)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["ccee"]["contracts"] == running.truth("ccee")["contracts"]


@pytest.mark.browser
def test_the_page_looks_up_the_buyer_and_computes_the_energy(client: Client, chromium: Browser) -> None:
    with chromium.new_context(locale="pt-BR") as context:
        cookies = [{"name": c.name, "value": str(c.value), "url": client.url} for c in client.cookies]
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(client.url + "/contratos/novo")
        sigla, submarket = page.get_by_label("Sigla do comprador"), page.get_by_label("Submercado de entrega")
        assert not sigla.is_visible()
        assert submarket.is_disabled()
        page.get_by_label("Perfil comprador").fill("99999")
        page.get_by_label("Perfil comprador").blur()
        page.get_by_role("alert").filter(has_text="Perfil 99999 não encontrado na CCEE.").wait_for()
        page.get_by_label("Perfil comprador").fill("70401")
        page.get_by_label("Perfil comprador").blur()
        sigla.wait_for()
        assert (sigla.input_value(), submarket.is_enabled()) == ("AURORA CL", True)
        token, _ = fill_wizard(client, "BOL-X-9")
        page.goto(f"{client.url}/contratos/novo/montantes?formulario={token}")
        page.get_by_label("Montante (MWmédio)", exact=True).fill("1.000,5")
        assert page.get_by_label("Montante (MWh)").inner_text() == "744.372,000"
