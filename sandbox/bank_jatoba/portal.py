"""Banco Jatobá (COMPE 988, fictitious): internet banking with agency, account, user and a shuffled virtual keyboard."""

from __future__ import annotations

import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Blueprint, render_template, request

from sandbox import banking, faults
from sandbox.bank_jatoba import returns, statement
from sandbox.banking import IDLE, SCHEMA, Bank, Problem, attachment, bank, form_value, signed_in
from sandbox.collection import cnab240
from sandbox.companies import Company
from sandbox.ledger import Account, Ledger
from sandbox.month import Month
from sandbox.portal import Running, Sandbox, create_app, read_truth, serve
from sandbox.seiva import access
from sandbox.seiva.access import Brand, Reply, main_account

NAME = "bank_jatoba"
FORMATS = {"OFX (Money)": ("extrato.ofx", "application/x-ofx"), "CSV (planilha)": ("extrato.csv", "text/csv")}
PAGE = 25
BRAND = Brand(
    "Jatobá", "Banco Jatobá S.A.", "988", ("O caixa da sua empresa", "com raízes firmes."),
    ("Extratos em OFX e CSV por até 90 dias", "Retorno de cobrança disponível a partir das 7h", "Alçadas e usuários por operador"),
)  # fmt: skip
routes = Blueprint("jatoba", __name__)


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
    app = create_app(sandbox, database, __name__, banking.truth, idle=IDLE, shared=access.TEMPLATES)
    banking.install(app, Bank(sandbox, database, ledgers(sandbox.month)))
    access.install(app, BRAND)
    app.register_blueprint(routes)
    return serve(sandbox, app, database)


def ledgers(month: Month) -> tuple[Ledger, ...]:
    """The accounts with their movements, the main one last."""
    return tuple(Ledger(account, month.entries, month.opening.get(account.key, Decimal())) for account in accounts(month.us))


def truth(state: Path) -> dict[str, Any]:
    """What the bank holds, read from its file."""
    return read_truth(state, NAME, banking.truth)


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
    body = cnab240(found[0], account)
    bank().served("retorno", account.label, f"{found[0].day:%d/%m/%Y}", body)
    return attachment(body, "COBRANCA.RET", "application/octet-stream")
