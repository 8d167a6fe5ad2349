"""Banco Cedro (COMPE 989, fictitious): corporate banking behind a client certificate and a one-time code."""

from __future__ import annotations

import base64
import datetime as dt
import ssl
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from flask import Blueprint, g, redirect, render_template, request, session, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from sandbox import banking, faults
from sandbox.bank_cedro import collection, statement, token
from sandbox.banking import IDLE, Bank, Problem, Query, attachment, bank, form_value, signed_in, taken_alert
from sandbox.collection import desk, portfolio
from sandbox.collection.portfolio import Portfolio
from sandbox.companies import Company
from sandbox.database import Database
from sandbox.ledger import Account, of_month
from sandbox.pki import Pki, cnpj_of, prepare
from sandbox.portal import Running, Sandbox, create_app, read_truth, serve

NAME = "bank_cedro"
FIRST_EXTRACT = 301
LAYOUTS = ("CNAB 240 – Conciliação (segmento E)",)
PAGE = 30
FIRST_RETURN, FREE = 611, (89, 1010)
"""NSA of the first retorno; NSA of a remessa and ordinal of the nosso número that are free when the sandbox opens."""
QUEUE = dt.timedelta(minutes=10)
OTHER_COMPANY = "O certificado digital apresentado não está habilitado para esta empresa."
Reply = str | Response | tuple[str, int]
routes = Blueprint("portal", __name__)


def accounts(holder: Company) -> tuple[Account, ...]:
    """The company's accounts here: an investment account that never moves, and the one of the month."""
    common = {"bank": 989, "bank_name": "Banco Cedro S.A.", "branch": "0071", "branch_digit": "3", "holder": holder}
    invested = Account(key="", kind="Conta investimento", number="7700148", digit="9", agreement="", **common)  # type: ignore[arg-type]
    current = Account(key="B", kind="Conta movimento", number="9045512", digit="0", agreement="000719045512", **common)  # type: ignore[arg-type]
    return invested, current


def start(sandbox: Sandbox) -> Running:
    """Serve the bank over mutual TLS until it is stopped."""
    database = sandbox.database(portfolio.SCHEMA)
    if database.is_new:
        seed(database)
    company = sandbox.month.us
    pki = prepare(sandbox.state / "pki", company.name, company.cnpj)
    held = sandbox.secrets.setdefault(f"{NAME}/robo", {"user": "op4471", "totp": token.new_seed()})
    held.update(certificate=base64.b64encode(pki.client.read_bytes()).decode(), passphrase=pki.passphrase)
    owned = accounts(company)
    boletos = Portfolio(database, owned[-1], FIRST_RETURN, queue=QUEUE, credit="CREDITO COBRANCA {day:%d/%m}")
    sandbox.config.update(account=owned[-1].label, ca_file=str(pki.ca), boletos=portfolio.agreement(owned[-1], *FREE))
    app = create_app(sandbox, database, __name__, portfolio.truth, idle=IDLE)
    ledgers = of_month(owned, sandbox.month, lambda: boletos.lumps(sandbox.clock.now()))
    banking.install(app, Bank(sandbox, database, ledgers))
    desk.install(app, boletos)
    app.before_request(check_certificate)
    app.register_blueprint(routes)
    app.register_blueprint(collection.routes)
    return serve(sandbox, app, database, ssl_context=mutual_tls(pki))


def seed(database: Database) -> None:
    """Three remessas of the company's past; none of their titles is due within the month."""
    due = dt.date(2026, 12, 10)
    for number, came in enumerate(("2026-10-30T15:40", "2026-11-04T11:05", "2026-11-06T17:22")):
        rejected = (1,) if number == 1 else ()
        portfolio.seed(database, f"{came}:00-03:00", FREE[0] - 3 + number, FREE[1] - 9 + 3 * number, [due] * 3, rejected)


def mutual_tls(pki: Pki) -> ssl.SSLContext:
    """No handshake without a certificate that our own authorities signed and that is still valid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server)
    context.load_verify_locations(pki.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def truth(state: Path) -> dict[str, Any]:
    """What the bank holds, read from its file."""
    return read_truth(state, NAME, portfolio.truth)


def check_certificate() -> Reply | None:
    """The CNPJ in the certificate must be the company's; control endpoints take any certificate of ours."""
    if request.path.startswith(("/_sandbox/", "/static/", "/layout/")):
        return None
    g.certificate = x509.load_pem_x509_certificate(request.environ["SSL_CLIENT_CERT"].encode())
    if cnpj_of(g.certificate) == bank().sandbox.month.us.cnpj:
        return None
    return render_template("refused.html", alert=OTHER_COMPANY), 403


@routes.get("/")
def index() -> Reply:
    """The bank's address leads to the first step."""
    return entrance()


@routes.get("/acesso")
def entrance() -> Reply:
    """First step: whose certificate it is, and which operator comes with it."""
    common_name = g.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    return render_template("entrance.html", alert=taken_alert(), owner=str(common_name).partition(":")[0], certificate=g.certificate)


@routes.post("/acesso")
def identify() -> Reply:
    """Take the operator's name; whether it exists is not told before the code."""
    session.clear()
    session["claims"] = form_value("operador").lower()
    return redirect(url_for("portal.module_notice" if session["claims"] else "portal.entrance"))


@routes.get("/acesso/modulo")
def module_notice() -> Reply:
    """The security module cannot be found: headless machines do not have it."""
    return render_template("module.html") if "claims" in session else banking.sent_out(banking.EXPIRED)


@routes.get("/acesso/codigo")
def code_page() -> Reply:
    """Second step: the code that the operator's token shows."""
    return render_template("code.html") if "claims" in session else banking.sent_out(banking.EXPIRED)


@routes.post("/acesso/codigo")
def check_code() -> Reply:
    """Sign the operator in, count the failure, or ask about the session that is already there."""
    user = str(session.get("claims", ""))
    if not user:
        return banking.sent_out(banking.EXPIRED)
    outcome = judge(user, form_value("codigo"))
    bank().record(user, outcome)
    if outcome != "ok":
        return render_template("code.html", alert=refusal(user, outcome))
    if bank().connected(user):
        if faults.active("no-take-over"):
            return render_template("code.html", alert=banking.ALREADY_CONNECTED)
        session["proven"] = user
        return redirect(url_for("portal.connected"))
    return enter(user)


def judge(user: str, given: str) -> str:
    """What a code is worth: ok, failed, locked, or repeated-code when its 30 seconds were used before (real time counts)."""
    if bank().tries_left(user) <= 0:
        return "locked"
    held = bank().user(user)
    step = token.step_of(held["totp"], given, time.time()) if held else None
    if step is None:
        return "failed"
    last = int(str(bank().database.value("select last_step from users where name = ?", user) or 0))
    if step <= last:
        return "repeated-code"
    with bank().database.transaction() as connection:
        connection.execute("insert or ignore into users (name) values (?)", (user,))
        connection.execute("update users set last_step = ? where name = ?", (step, user))
    return "ok"


def refusal(user: str, outcome: str) -> str:
    """How the bank says no."""
    texts = {
        "locked": "Operador bloqueado por excesso de tentativas. Solicite o desbloqueio ao administrador master.",
        "repeated-code": "Código já utilizado. Aguarde o próximo código do seu token.",
        "failed": f"Código inválido. Tentativas restantes: {bank().tries_left(user)}.",
    }
    return texts[outcome]


@routes.get("/acesso/conectado")
def connected() -> Reply:
    """Somebody is signed in as this operator already."""
    return render_template("connected.html") if "proven" in session else banking.sent_out(banking.EXPIRED)


@routes.post("/acesso/conectado")
def take_over() -> Reply:
    """End the operator's other session and go on with this one."""
    user = str(session.get("proven", ""))
    return enter(user) if user else banking.sent_out(banking.EXPIRED)


def enter(user: str) -> Reply:
    """Open the session."""
    bank().open_session(user)
    return redirect(url_for("portal.home"))


@routes.get("/inicio")
@signed_in
def home() -> Reply:
    """Balances and notices."""
    today = bank().now().date()
    extracts = [ledger.extract(today, today, bank().now()) for ledger in bank().ledgers]
    return render_template("home.html", extracts=extracts[::-1], certificate=g.certificate)


@routes.get("/extratos")
@signed_in
def statement_page() -> Reply:
    """The form of the period."""
    return statement_form(MultiDict())


def statement_form(asked: MultiDict[str, str], alert: str = "") -> str:
    """The form as it was filled, with what is wrong about it."""
    held = [ledger.account for ledger in bank().ledgers]
    return render_template("statement.html", accounts=held, layouts=LAYOUTS, asked=asked, alert=alert)


@routes.post("/extratos")
@signed_in
def statement_result() -> Reply:
    """What was found, and the button that makes the file."""
    try:
        query = bank().query(request.form)
    except Problem as problem:
        return statement_form(request.form, str(problem))
    extract = bank().extract(query)
    rows = faults.shown(extract.posted[:PAGE])
    return render_template("result.html", query=query, extract=extract, rows=rows, layout=form_value("leiaute"))


@routes.post("/extratos/arquivo")
@signed_in
def statement_file() -> Reply:
    """The CNAB 240 file; every file has the next number."""
    try:
        query = bank().query(request.form)
    except Problem as problem:
        return statement_form(request.form, str(problem))
    body = statement.cnab240(bank().extract(query), next_number(query), bank().now())
    bank().served("extrato", query.ledger.account.label, query.period, body)
    return attachment(body, "EXTRATO.RET", "application/octet-stream")


def next_number(query: Query) -> int:
    """Number of the account's next extrato file."""
    count = bank().database.value("select count(*) from downloads where account = ?", query.ledger.account.label)
    return FIRST_EXTRACT + int(str(count))


@routes.get("/sair")
def leave() -> Reply:
    """End the session."""
    bank().close_session()
    return render_template("left.html")
