"""Banco Ipê (COMPE 987, fictitious): Seiva behind nginx and a client certificate; closed at night; boletos by remessa and retorno."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography import x509
from flask import Blueprint, redirect, render_template, request, session, url_for

from sandbox import banking, faults, nginx
from sandbox.bank_ipe import statement
from sandbox.bank_ipe.movements import OPENING, movements
from sandbox.banking import IDLE, Bank, Problem, attachment, bank, form_value, signed_in
from sandbox.collection import desk, portfolio
from sandbox.collection.portfolio import Portfolio
from sandbox.companies import Company
from sandbox.database import Database
from sandbox.ledger import Account, Ledger
from sandbox.pki import cnpj_of, prepare
from sandbox.portal import Running, Sandbox, create_app, read_truth, serve
from sandbox.seiva import access, collection
from sandbox.seiva.access import MENU, Brand, Reply

NAME = "bank_ipe"
PAGE = 20
FIRST_RETURN, LAST_REMESSA = 2051, 41
FREE = (LAST_REMESSA + 1, 5001)
"""NSA and ordinal of the nosso número that are free when the sandbox opens."""
OTHER_COMPANY = "O certificado digital apresentado não está habilitado para esta empresa."
CODE_LIFE = banking.IDLE
CODES = """
create table if not exists codes (id integer primary key, at text not null, user text not null, code text not null,
  used integer not null default 0);
"""
BRAND = Brand(
    "Ipê", "Banco Ipê S.A.", "987", ("Cobrança que floresce", "no dia certo."),
    ("Extratos em CAMT.053", "Remessa e retorno de cobrança CNAB 240", "Acesso com certificado digital e-CNPJ"), MENU,
)  # fmt: skip
routes = Blueprint("ipe", __name__)


def account_of(holder: Company) -> Account:
    """The company's account here."""
    return Account("C", "Conta corrente", 987, "Banco Ipê S.A.", "0158", "2", "60417", "8", "0158604178", holder)


def start(sandbox: Sandbox) -> Running:
    """Serve the bank behind nginx until it is stopped."""
    nginx.program()  # before anything is made
    database = sandbox.database(portfolio.SCHEMA + CODES)
    if database.is_new:
        seed(database)
    company = sandbox.month.us
    pki = prepare(sandbox.state / "pki", company.name, company.cnpj)
    held = sandbox.secrets.setdefault(f"{NAME}/robo", {"user": "robo.cobranca", "password": f"{secrets.randbelow(10**8):08d}"})
    held.update(certificate=base64.b64encode(pki.client.read_bytes()).decode(), passphrase=pki.passphrase)
    boletos = Portfolio(database, account_of(company), FIRST_RETURN)
    sandbox.config.update(account=boletos.account.label, ca_file=str(pki.ca), boletos=portfolio.agreement(boletos.account, *FREE))
    app = create_app(sandbox, database, __name__, truth_of, idle=IDLE, shared=access.TEMPLATES)
    ledger = Ledger(boletos.account, movements(sandbox.seed), OPENING, lambda: boletos.lumps(sandbox.clock.now()))
    banking.install(app, Bank(sandbox, database, (ledger,)))
    desk.install(app, boletos)
    banking.closed_at_night(app)
    app.before_request(check_certificate)
    access.install(app, BRAND, second_step)
    collection.install(app, number_checked_first=True)
    app.register_blueprint(routes)
    return _behind_nginx(sandbox, pki, serve(replace(sandbox, port=0), app, database))


def seed(database: Database) -> None:
    """One remessa of the company's past: twelve titles that come due in the days of the month, one of them rejected."""
    dues = [dt.date(2026, 11, 4 + number % 6) for number in range(12)]
    portfolio.seed(database, "2026-10-30T10:12:00-03:00", LAST_REMESSA, 4001, dues, rejected=(4,))


def _behind_nginx(sandbox: Sandbox, pki: Any, portal: Running) -> Running:
    try:
        front = nginx.start(sandbox.state / "nginx", sandbox.port, int(urlsplit(portal.url).port or 0), pki)
    except BaseException:
        portal.stop()
        raise

    def stop() -> None:
        front.stop()
        portal.stop()

    return Running(f"https://127.0.0.1:{sandbox.port}", stop, portal.truth)


def truth_of(database: Database) -> dict[str, Any]:
    """What the bank holds; `codes` is what the administrator's telephone shows."""
    codes = [dict(row) for row in database.rows("select at, user, code, used from codes order by id")]
    return {**portfolio.truth(database), "codes": codes}


def truth(state: Path) -> dict[str, Any]:
    """What the bank holds, read from its file."""
    return read_truth(state, NAME, truth_of)


def check_certificate() -> Reply | None:
    """nginx let the certificate through: its CNPJ must be the company's. The control endpoints take any certificate of ours."""
    if request.path.startswith(("/_sandbox/", "/static/", "/layout/", "/seiva/")) or "sandbox.session" in request.environ:
        return None
    certificate = x509.load_pem_x509_certificate(unquote(request.headers[nginx.HEADER]).encode())
    if cnpj_of(certificate) == bank().sandbox.month.us.cnpj:
        return None
    return render_template("refused.html", alert=OTHER_COMPANY), 403


def second_step(user: str) -> Reply | None:
    """On an unusual sign-in (fault `ask-code`) the administrator's telephone gets a code; one that is still good is not sent again."""
    if not faults.active("ask-code"):
        return None
    session["asked"] = user
    if _good_code(user) is None:
        with bank().database.transaction() as connection:
            values = (bank().now().isoformat(), user, f"{secrets.randbelow(10**6):06d}")
            connection.execute("insert into codes (at, user, code) values (?, ?, ?)", values)
    return redirect(url_for("ipe.code_page"))


def _good_code(user: str) -> str | None:
    since = (bank().now() - CODE_LIFE).isoformat()
    row = bank().database.row("select code from codes where user = ? and used = 0 and at > ? order by id desc", user, since)
    return str(row["code"]) if row else None


@routes.get("/acesso/codigo")
def code_page() -> Reply:
    """The bank wants to be sure: the code that only a person can read."""
    return render_template("code.html") if "asked" in session else banking.sent_out(banking.EXPIRED)


@routes.post("/acesso/codigo")
def check_code() -> Reply:
    """A right code lets the user in, a wrong one counts as a wrong password."""
    user = str(session.get("asked", ""))
    if not user:
        return banking.sent_out(banking.EXPIRED)
    if bank().tries_left(user) <= 0:
        bank().record(user, "locked")
        return render_template("code.html", alert="Acesso bloqueado por excesso de tentativas.")
    if form_value("codigo") != _good_code(user):
        bank().record(user, "failed")
        return render_template("code.html", alert=f"Código de confirmação incorreto. Tentativas restantes: {bank().tries_left(user)}.")
    bank().database.run("update codes set used = 1 where user = ?", user)
    return access.admit(user)


@routes.get("/extrato")
@signed_in
def statement_page() -> Reply:
    """The frame around the statements, which are a system of their own."""
    return render_template("statement.html")


@routes.get("/modulos/extrato")
@signed_in
def statement_module() -> Reply:
    """Inside the frame: the form and, once a period was asked for, its movements."""
    values: dict[str, Any] = {"accounts": [ledger.account for ledger in bank().ledgers], "asked": request.args}
    if "conta" not in request.args:
        return render_template("statement_module.html", **values)
    try:
        query = bank().query(request.args)
    except Problem as problem:
        return render_template("statement_module.html", alert=str(problem), **values)
    extract, number = bank().extract(query), max(1, request.args.get("pagina", 1, type=int))
    rows, way = faults.shown(extract.posted[(number - 1) * PAGE : number * PAGE]), faults.active("hand-over")
    values |= {"query": query, "extract": extract, "rows": rows, "number": number, "page_size": PAGE}
    return render_template("statement_module.html", way=way.value if way else "window", **values)


@routes.route("/modulos/extrato/arquivo", methods=["GET", "POST"])
@signed_in
def statement_file() -> Reply:
    """The file: in a window of its own (GET), by a form (POST) or by a script (POST), as the page says."""
    try:
        query = bank().query(request.values)
    except Problem as problem:
        return banking.sent_out(str(problem))
    count = int(str(bank().database.value("select count(*) from downloads where kind = 'extrato'")))
    body = statement.camt053(bank().extract(query), 7001 + count, bank().now())
    bank().served("extrato", query.ledger.account.label, query.period, body)
    return attachment(body, "extrato.xml", "application/xml")
