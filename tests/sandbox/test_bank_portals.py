"""The banks' own rules, tried over plain HTTP: who gets in, for how long, and what is remembered."""

from __future__ import annotations

import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from retaguarda.model.secrets import one_time_code
from sandbox.companies import US
from sandbox.pki import Pki, cnpj_of, prepare
from sandbox.seiva import keyboard
from tests.sandbox_fixtures import Factory, SandboxProcess, running_sandbox

NOVEMBER = {"inicio": "2026-11-01", "fim": "2026-11-10"}


class Visitor:
    """A browser without a screen: keeps cookies, follows redirects, reads what comes."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPCookieProcessor(CookieJar())]
        handlers += [urllib.request.HTTPSHandler(context=context)] if context else []
        self._opener, self._url = urllib.request.build_opener(*handlers), url

    def get(self, path: str, **query: str) -> str:
        with self._opener.open(self._url + path + (f"?{urllib.parse.urlencode(query)}" if query else ""), timeout=30) as answer:
            return bytes(answer.read()).decode("utf-8")

    def post(self, path: str, **form: str) -> str:
        return self.raw(path, **form).decode("utf-8")

    def raw(self, path: str, **form: str) -> bytes:
        with self._opener.open(self._url + path, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
            return bytes(answer.read())


def heading(html: str) -> str:
    return str(re.findall(r"<h1>(.*?)</h1>", html)[0])


def alert(html: str) -> str:
    return "".join(re.findall(r'role="alert">(.+?)</div>', html)[:1])


# --- Banco Jatobá --------------------------------------------------------------------------------------------------------


@pytest.fixture
def jatoba(sandbox_factory: Factory) -> SandboxProcess:
    return sandbox_factory("bank_jatoba")


def at_the_keyboard(sandbox: SandboxProcess) -> tuple[Visitor, str]:
    """A visitor who has named account and user, and the page with the keyboard."""
    visitor = Visitor(sandbox.urls["bank_jatoba"])
    return visitor, visitor.post("/acesso", agencia="4417", conta="38215-6", usuario="robo.financeiro")


def type_on(visitor: Visitor, page: str, password: str) -> str:
    pairs = re.findall(r'data-place="\d">(\d) ou (\d)<', page)
    places = [next(str(n) for n, pair in enumerate(pairs) if digit in pair) for digit in password]
    return visitor.post("/acesso/senha", teclado=re.findall(r'name="teclado" value="(.+?)"', page)[0], teclas=",".join(places))


def password_of(sandbox: SandboxProcess) -> str:
    return sandbox.credential("bank_jatoba/robo").secret("password").reveal()


def wrong(password: str) -> str:
    return "".join(str((int(digit) + 1) % 10) for digit in password)


def signed_in(sandbox: SandboxProcess) -> Visitor:
    visitor, page = at_the_keyboard(sandbox)
    assert heading(type_on(visitor, page, password_of(sandbox))) == "Visão geral"
    return visitor


def outcomes(sandbox: SandboxProcess, portal: str) -> list[str]:
    return [row["outcome"] for row in sandbox.truth(portal)["sign_ins"]]


def test_the_keyboard_is_another_at_every_load(jatoba: SandboxProcess) -> None:
    visitor, page = at_the_keyboard(jatoba)
    keyboards = [re.findall(r">(\d) ou (\d)<", html) for html in (page, visitor.get("/acesso/senha"), visitor.get("/acesso/senha"))]
    assert all(sorted("".join(map("".join, keys))) == list("0123456789") for keys in keyboards)
    assert len({str(keys) for keys in keyboards}) == 3


def test_a_keyboard_of_an_earlier_page_is_refused_and_not_counted(jatoba: SandboxProcess) -> None:
    visitor, old = at_the_keyboard(jatoba)
    visitor.get("/acesso/senha")
    assert alert(type_on(visitor, old, password_of(jatoba))).startswith("Teclado virtual expirado")
    assert outcomes(jatoba, "bank_jatoba") == []


def test_three_wrong_passwords_lock_even_the_right_one(jatoba: SandboxProcess) -> None:
    right = password_of(jatoba)
    visitor, page = at_the_keyboard(jatoba)
    for left in (2, 1, 0):
        page = type_on(visitor, page, wrong(right))
        assert alert(page) == f"Senha eletrônica incorreta. Tentativas restantes: {left}."
    assert alert(type_on(visitor, page, right)).startswith("Acesso bloqueado")
    assert outcomes(jatoba, "bank_jatoba") == ["failed", "failed", "failed", "locked"]
    assert jatoba.truth("bank_jatoba")["failed_sign_ins"] == 3


def test_a_right_password_forgives_earlier_wrong_ones(jatoba: SandboxProcess) -> None:
    right = password_of(jatoba)
    for _ in range(2):
        visitor, page = at_the_keyboard(jatoba)
        page = type_on(visitor, page, wrong(right))
        page = type_on(visitor, page, wrong(right))
        assert heading(type_on(visitor, page, right)) == "Visão geral"
        visitor.get("/sair")


def test_a_second_session_is_asked_about_only_while_the_first_lives(jatoba: SandboxProcess) -> None:
    signed_in(jatoba)
    visitor, page = at_the_keyboard(jatoba)
    assert heading(type_on(visitor, page, password_of(jatoba))) == "Usuário já conectado"
    jatoba.set_clock("bank_jatoba", "2026-11-11T10:00:00-03:00")
    signed_in(jatoba)


def test_ten_idle_minutes_end_a_session(jatoba: SandboxProcess) -> None:
    jatoba.set_clock("bank_jatoba", "2026-11-11T10:00:00-03:00")
    visitor = signed_in(jatoba)
    jatoba.set_clock("bank_jatoba", "2026-11-11T10:09:00-03:00")
    assert heading(visitor.get("/inicio")) == "Visão geral"
    jatoba.set_clock("bank_jatoba", "2026-11-11T10:20:00-03:00")
    page = visitor.get("/inicio")
    assert heading(page) == "Acesso à conta"
    assert alert(page) == "Sua sessão expirou por segurança. Acesse novamente."


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-11-05", "2026-11-04", "A data final deve ser igual ou posterior à data inicial."),
        ("2026-11-05", "2026-11-12", "A data final não pode ser posterior à data de hoje."),
        ("2026-08-01", "2026-11-11", "O período não pode ser superior a 90 dias."),
        ("2026-06-01", "2026-07-01", "O período solicitado não está mais disponível."),
        ("", "2026-11-04", "Informe a data inicial e a data final."),
    ],
)
def test_the_bank_says_what_is_wrong_about_a_period(jatoba: SandboxProcess, start: str, end: str, said: str) -> None:
    visitor = signed_in(jatoba)
    assert alert(visitor.get("/extrato", conta="4417 / 38215-6", inicio=start, fim=end)) == said


def test_today_is_shown_as_provisional(jatoba: SandboxProcess) -> None:
    jatoba.set_clock("bank_jatoba", "2026-11-10T12:30:00-03:00")
    visitor = signed_in(jatoba)
    page = visitor.get("/extrato", conta="4417 / 38215-6", **NOVEMBER)
    assert "Parcial" in page
    jatoba.set_clock("bank_jatoba", "2026-11-11T09:00:00-03:00")
    final = signed_in(jatoba).get("/extrato", conta="4417 / 38215-6", **NOVEMBER)
    assert "Definitivo" in final
    counts = [int(re.findall(r"(\d+) lançamentos no período", html)[0]) for html in (page, final)]
    assert counts[0] < counts[1]


def test_the_sheet_says_the_same_as_the_ofx(jatoba: SandboxProcess) -> None:
    visitor = signed_in(jatoba)
    form = {"conta": "4417 / 38215-6", **NOVEMBER}
    sheet = visitor.raw("/extrato/arquivo", formato="CSV (planilha)", **form).decode("cp1252").splitlines()
    ofx = visitor.raw("/extrato/arquivo", formato="OFX (Money)", **form).decode("cp1252")
    amounts = [row.split(";")[2].replace(".", "").replace(",", ".") for row in sheet[2:]]
    assert amounts == re.findall(r"<TRNAMT>(.*)\r", ofx)[1:]
    assert sheet[-1].split(";")[3].replace(".", "").replace(",", ".") == re.findall(r"<BALAMT>(.*)\r", ofx)[0]


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "bank_jatoba") as first:
        password = password_of(first)
        signed_in(first)
        held = first.truth("bank_jatoba")
    with running_sandbox(tmp_path, "bank_jatoba") as second:
        assert password_of(second) == password
        assert second.truth("bank_jatoba") == held


def test_a_keyboard_hides_the_password_but_does_not_change_it() -> None:
    keys = ["71", "04", "93", "58", "62"]
    assert keyboard.spells(keys, "0,1,2", "149")
    assert not keyboard.spells(keys, "0,1", "149")
    assert not keyboard.spells(keys, "0,1,3", "149")
    assert not keyboard.spells(keys, "0,1,9", "149")


# --- Banco Cedro ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cedro(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("cedro"), "bank_cedro") as sandbox:
        yield sandbox


def pki_of(sandbox: SandboxProcess) -> Pki:
    return Pki(sandbox.state / "pki")


def tls(sandbox: SandboxProcess, certificate: Path | None = None) -> ssl.SSLContext:
    """A TLS client that trusts the bank, with this PKCS#12 or none."""
    pki = pki_of(sandbox)
    context = ssl.create_default_context(cafile=str(pki.ca))
    if certificate:
        held = pkcs12.load_pkcs12(certificate.read_bytes(), pki.passphrase.encode())
        assert held.key is not None
        assert held.cert is not None
        pem = certificate.with_suffix(".pem")
        key = held.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem.write_bytes(key + held.cert.certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(pem)
    return context


def visitor_with(sandbox: SandboxProcess, certificate: Path | None) -> Visitor:
    return Visitor(sandbox.urls["bank_cedro"], tls(sandbox, certificate))


def test_without_a_valid_certificate_there_is_no_connection(cedro: SandboxProcess) -> None:
    pki = pki_of(cedro)
    for certificate in (None, pki.expired, pki.foreign):
        with pytest.raises((ssl.SSLError, urllib.error.URLError, ConnectionError)) as caught:
            visitor_with(cedro, certificate).get("/")
        assert not isinstance(caught.value, urllib.error.HTTPError)


def test_another_company_is_refused_and_the_right_one_named(cedro: SandboxProcess) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        visitor_with(cedro, pki_of(cedro).stranger).get("/")
    with caught.value as answer:
        assert answer.code == 403
        assert "não está habilitado para esta empresa" in answer.read().decode()
    page = visitor_with(cedro, pki_of(cedro).client).get("/")
    assert "EXEMPLO COMERCIALIZADORA DE ENERGIA LTDA" in page
    assert "11.222.333/0001-81" in page


def test_the_server_proves_itself_to_its_authority_only(cedro: SandboxProcess) -> None:
    strict = ssl.create_default_context()
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        Visitor(cedro.urls["bank_cedro"], strict).get("/")


def enter_code(sandbox: SandboxProcess, code: str) -> str:
    visitor = visitor_with(sandbox, pki_of(sandbox).client)
    assert heading(visitor.post("/acesso", operador="op4471")) == "Módulo de segurança não detectado"
    assert heading(visitor.get("/acesso/codigo")) == "Código de segurança"
    return visitor.post("/acesso/codigo", codigo=code)


def test_no_code_is_taken_twice_nor_an_earlier_one_after_it(sandbox_factory: Factory) -> None:
    """The code of the coming step is within the drift, so it works; after it neither it nor today's works."""
    cedro = sandbox_factory("bank_cedro")
    seed, step = cedro.credential("bank_cedro/robo").secret("totp").reveal(), int(time.time() // 30)
    assert heading(enter_code(cedro, one_time_code(seed, step + 1))) == "Início"
    for spent in (step + 1, step):
        assert alert(enter_code(cedro, one_time_code(seed, spent))).startswith("Código já utilizado")
    assert outcomes(cedro, "bank_cedro") == ["ok", "repeated-code", "repeated-code"]


def test_three_wrong_codes_lock_the_operator(sandbox_factory: Factory) -> None:
    cedro = sandbox_factory("bank_cedro")
    seed, step = cedro.credential("bank_cedro/robo").secret("totp").reveal(), int(time.time() // 30)
    far = one_time_code(seed, step - 1000)
    assert [alert(enter_code(cedro, far)) for _ in range(3)] == [f"Código inválido. Tentativas restantes: {n}." for n in (2, 1, 0)]
    assert alert(enter_code(cedro, one_time_code(seed, step))).startswith("Operador bloqueado")
    assert outcomes(cedro, "bank_cedro") == ["failed", "failed", "failed", "locked"]


def test_files_are_numbered_one_after_the_other(sandbox_factory: Factory) -> None:
    cedro = sandbox_factory("bank_cedro")
    seed, step = cedro.credential("bank_cedro/robo").secret("totp").reveal(), int(time.time() // 30)
    visitor = visitor_with(cedro, pki_of(cedro).client)
    visitor.post("/acesso", operador="op4471")
    visitor.post("/acesso/codigo", codigo=one_time_code(seed, step))
    form = {"conta": "0071 / 9045512-0", **NOVEMBER}
    numbers = [int(visitor.raw("/extratos/arquivo", **form)[157:163]) for _ in range(2)]
    assert numbers[1] == numbers[0] + 1


# --- certificates --------------------------------------------------------------------------------------------------------


def test_the_certificates_are_made_once_and_name_their_companies(tmp_path: Path) -> None:
    pki = prepare(tmp_path, US.name, US.cnpj)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name: path.read_bytes() for path in prepare(tmp_path, US.name, US.cnpj).folder.iterdir()} == before
    passphrase = pki.passphrase.encode()
    owners = []
    for file in (pki.client, pki.expired, pki.foreign, pki.stranger):
        held = pkcs12.load_pkcs12(file.read_bytes(), passphrase).cert
        assert held is not None
        owners.append(cnpj_of(held.certificate))
    assert owners[:3] == [US.cnpj] * 3
    assert owners[3] != US.cnpj


def test_secret_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    pki = prepare(tmp_path, US.name, US.cnpj)
    for path in (pki.client, pki.server, pki.control, tmp_path / "passphrase.txt"):
        assert path.stat().st_mode & 0o077 == 0
