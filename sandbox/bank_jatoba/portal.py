"""Banco Jatobá (COMPE 988, fictitious): internet banking with agency, account, user and a shuffled virtual keyboard."""

from __future__ import annotations

import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from sandbox import banking, faults
from sandbox.bank_jatoba import keyboard, returns, statement
from sandbox.banking import IDLE, SCHEMA, Bank, Problem, attachment, bank, form_value, signed_in, taken_alert
from sandbox.companies import Company
from sandbox.ledger import Account, Ledger
from sandbox.month import Month
from sandbox.portal import Running, Sandbox, create_app, read_truth, serve

NAME = "bank_jatoba"
FORMATS = {"OFX (Money)": ("extrato.ofx", "application/x-ofx"), "CSV (planilha)": ("extrato.csv", "text/csv")}
PAGE = 25
Reply = str | Response | tuple[str, int]
routes = Blueprint("portal", __name__)


def accounts(holder: Company) -> tuple[Account, ...]:
    """The company's accounts here: the one of the month, and an escrow account that never moves."""
    common = {"bank": 988, "bank_name": "Banco Jatobá S.A.", "branch": "4417", "branch_digit": "", "holder": holder}
    escrow = Account(key="", kind="Conta vinculada", number="90112", digit="3", agreement="", **common)  # type: ignore[arg-type]
    current = Account(key="A", kind="Conta corrente", number="38215", digit="6", agreement="4417038215", **common)  # type: ignore[arg-type]
    return escrow, current


def start(sandbox: Sandbox) -> Running:
    """Serve the bank until it is stopped."""
    database = sandbox.database(SCHEMA)
    sandbox.secrets.setdefault(f"{NAME}/robo", {"user": "robo.financeiro", "password": f"{secrets.randbelow(10**8):08d}"})
    sandbox.config["account"] = accounts(sandbox.month.us)[-1].label
    app = create_app(sandbox, database, __name__, banking.truth, idle=IDLE)
    banking.install(app, Bank(sandbox, database, ledgers(sandbox.month)))
    app.register_blueprint(routes)
    return serve(sandbox, app, database)


def ledgers(month: Month) -> tuple[Ledger, ...]:
    """The accounts with their movements, the main one last."""
    return tuple(Ledger(account, month.entries, month.opening.get(account.key, Decimal())) for account in accounts(month.us))


def truth(state: Path) -> dict[str, Any]:
    """What the bank holds, read from its file."""
    return read_truth(state, NAME, banking.truth)


def main_account() -> Ledger:
    """The account whose agency and number the user signs in with."""
    return bank().ledgers[-1]


@routes.get("/")
def index() -> Reply:
    """The bank's address leads to the first step."""
    return entrance()


@routes.route("/acesso")
def entrance() -> Reply:
    """First step: agency, account and user."""
    return render_template("entrance.html", alert=taken_alert(), typed=MultiDict())


@routes.post("/acesso")
def identify() -> Reply:
    """Take the account and the user's name; whether the user exists is not told before the password."""
    account = main_account().account
    given = (form_value("agencia"), form_value("conta").replace("-", ""))
    if given != (account.branch, account.number + account.digit) or not form_value("usuario"):
        return render_template("entrance.html", alert="Agência, conta ou usuário inválido.", typed=request.form)
    session.clear()
    session["claims"] = form_value("usuario").lower()
    return redirect(url_for("portal.password"))


@routes.get("/acesso/senha")
def password() -> Reply:
    """The keyboard, shuffled anew at every visit."""
    return password_page() if "claims" in session else banking.sent_out(banking.EXPIRED)


def password_page(alert: str = "") -> str:
    """Second step: the password on a keyboard that no other page has."""
    session["keyboard"] = keyboard.shuffled()
    return render_template("password.html", alert=alert, keyboard=session["keyboard"])


@routes.post("/acesso/senha")
def check_password() -> Reply:
    """Sign the user in, count the failure, or ask about the session that is already there."""
    user, keys = str(session.get("claims", "")), session.pop("keyboard", {"id": "", "keys": []})
    if not user:
        return banking.sent_out(banking.EXPIRED)
    if not keys["id"] or form_value("teclado") != keys["id"]:
        return password_page("Teclado virtual expirado. Digite a senha novamente.")
    if bank().tries_left(user) <= 0:
        bank().record(user, "locked")
        return password_page("Acesso bloqueado por excesso de tentativas. Procure sua agência ou o administrador da conta.")
    held = bank().user(user)
    if held is None or not keyboard.spells(keys["keys"], form_value("teclas"), held["password"]):
        bank().record(user, "failed")
        return password_page(f"Senha eletrônica incorreta. Tentativas restantes: {bank().tries_left(user)}.")
    bank().record(user, "ok")
    if bank().connected(user):
        session["proven"] = user
        return render_template("connected.html")
    return enter(user)


@routes.post("/acesso/continuar")
def take_over() -> Reply:
    """End the user's other session and go on with this one."""
    user = str(session.get("proven", ""))
    return enter(user) if user else banking.sent_out(banking.EXPIRED)


def enter(user: str) -> Reply:
    """Open the session; its first page greets with a campaign."""
    bank().open_session(user)
    session["campaign"] = True
    return redirect(url_for("portal.home"))


@routes.get("/inicio")
@signed_in
def home() -> Reply:
    """Balances and the latest movements."""
    today = bank().now().date()
    extracts = [ledger.extract(today, today, bank().now()) for ledger in bank().ledgers]
    recent = main_account().extract(today.replace(day=1), today, bank().now()).posted[-6:]
    return render_template("home.html", extracts=extracts, recent=recent[::-1], campaign=session.pop("campaign", False))


@routes.get("/extrato")
@signed_in
def statement_page() -> Reply:
    """The form and, once a period was asked for, its movements."""
    values: dict[str, Any] = {"accounts": [ledger.account for ledger in bank().ledgers], "formats": list(FORMATS), "asked": request.args}
    if "conta" not in request.args:
        return render_template("statement.html", **values)
    try:
        query = bank().query(request.args)
    except Problem as problem:
        return render_template("statement.html", alert=str(problem), **values)
    extract, number = bank().extract(query), max(1, request.args.get("pagina", 1, type=int))
    rows = faults.shown(extract.posted[(number - 1) * PAGE : number * PAGE])
    return render_template("statement.html", query=query, extract=extract, rows=rows, number=number, page_size=PAGE, **values)


@routes.post("/extrato/arquivo")
@signed_in
def statement_file() -> Reply:
    """The file that the page's script fetches and saves through a blob."""
    try:
        query = bank().query(request.form)
        name, mimetype = FORMATS[form_value("formato")]
    except (Problem, KeyError):
        return banking.sent_out("Não foi possível gerar o arquivo.")
    extract = bank().extract(query)
    body = statement.ofx(extract, bank().now()) if name.endswith("ofx") else statement.csv(extract)
    bank().served(name, query.ledger.account.label, query.period, body)
    return attachment(body, name, mimetype)


@routes.get("/cobranca")
@signed_in
def returns_page() -> Reply:
    """The retorno files of a period, one a credit date."""
    if "conta" not in request.args:
        return render_template("returns.html", asked=request.args)
    try:
        query = bank().query(request.args)
    except Problem as problem:
        return render_template("returns.html", alert=str(problem), asked=request.args)
    found = returns.available(bank().sandbox.month, query.start, query.end, faults.newest(bank().now()))
    return render_template("returns.html", query=query, files=faults.shown(found), total=len(found), asked=request.args)


@routes.get("/cobranca/arquivo/<int:sequence>")
@signed_in
def return_file(sequence: int) -> Reply:
    """One retorno by its NSA, always under the same name."""
    now = bank().now()
    month, account = bank().sandbox.month, main_account().account
    found = [f for f in returns.files(month) if f.sequence == sequence and f in returns.available(month, f.day, f.day, now)]
    if not found:
        return render_template("error.html"), 404
    body = returns.cnab240(found[0], account)
    bank().served("retorno", account.label, f"{found[0].day:%d/%m/%Y}", body)
    return attachment(body, "COBRANCA.RET", "application/octet-stream")


@routes.get("/sair")
def leave() -> Reply:
    """End the session."""
    bank().close_session()
    return render_template("left.html")
