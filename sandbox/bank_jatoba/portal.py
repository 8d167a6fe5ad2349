"""Banco Jatobá (COMPE 988, fictitious): Seiva with agency, account, user and a shuffled virtual keyboard.

Its remessas wait in a queue, and the number of one is looked at only when it is handed in.
"""

from __future__ import annotations

import datetime as dt
import secrets
from pathlib import Path
from typing import Any

from flask import Blueprint, render_template, request

from sandbox import banking, faults
from sandbox.bank_jatoba import returns, statement
from sandbox.banking import IDLE, Bank, Problem, attachment, bank, form_value, signed_in
from sandbox.collection import desk, portfolio
from sandbox.collection.portfolio import Portfolio
from sandbox.companies import Company
from sandbox.ledger import Account, of_month
from sandbox.portal import Running, Sandbox, create_app, read_truth, serve
from sandbox.seiva import access, collection
from sandbox.seiva.access import Brand, Reply

NAME = "bank_jatoba"
FORMATS = {"OFX (Money)": ("extrato.ofx", "application/x-ofx"), "CSV (planilha)": ("extrato.csv", "text/csv")}
PAGE = 25
LAST_REMESSA, FIRST_NUMBER = 207, 20_001
"""The company's remessas came by another channel before: the list here knows nothing of them, the numbers run on."""
QUEUE = dt.timedelta(minutes=15)
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
    database = sandbox.database(portfolio.SCHEMA)
    sandbox.secrets.setdefault(f"{NAME}/robo", {"user": "robo.financeiro", "password": f"{secrets.randbelow(10**8):08d}"})
    held = accounts(sandbox.month.us)
    numbers = {"first_return": returns.FIRST_NSA, "last_remessa": LAST_REMESSA}
    told = {"past": returns.told(sandbox.month), "credit": "BOLETOS RECEBIDOS  {day:%d/%m}S"}
    boletos = Portfolio(database, held[-1], queue=QUEUE, **numbers, **told)  # type: ignore[arg-type]
    sandbox.config.update(account=held[-1].label, boletos=portfolio.agreement(held[-1], LAST_REMESSA + 1, FIRST_NUMBER))
    app = create_app(sandbox, database, __name__, portfolio.truth, idle=IDLE, shared=access.TEMPLATES)
    ledgers = of_month(held, sandbox.month, lambda: boletos.lumps(sandbox.clock.now()))
    banking.install(app, Bank(sandbox, database, ledgers))
    desk.install(app, boletos)
    access.install(app, BRAND)
    collection.install(app, number_checked_first=False)
    app.register_blueprint(routes)
    return serve(sandbox, app, database)


def truth(state: Path) -> dict[str, Any]:
    """What the bank holds, read from its file."""
    return read_truth(state, NAME, portfolio.truth)


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
