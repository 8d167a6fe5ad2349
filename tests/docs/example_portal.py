"""Banco Exemplo, the bank of docs/worked-example.md: user and password, one statement screen, OFX.

`python -m tests.docs.example_portal FOLDER` serves it at 127.0.0.1:18790 until it is interrupted, and leaves in FOLDER
what robots need to reach it: `portals.toml` and `credentials.json`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from sandbox import banking
from sandbox.bank_jatoba.statement import ofx
from sandbox.banking import Bank, Problem, Query, attachment, bank, form_value, signed_in, taken_alert
from sandbox.faults import Faults
from sandbox.ledger import Account, Ledger
from sandbox.month import Month, build
from sandbox.portal import Running, Sandbox, create_app, serve
from tests.sandbox_fixtures import SandboxProcess

NAME = "bank_exemplo"
PORT = 18790
Reply = str | Response
routes = Blueprint("portal", __name__)


def account(month: Month) -> Account:
    """The company's account; its movements are those of account A of the month."""
    names = {"key": "A", "kind": "Conta corrente", "bank_name": "Banco Exemplo S.A.", "agreement": ""}
    numbers = {"bank": 987, "branch": "3301", "branch_digit": "", "number": "55021", "digit": "4"}
    return Account(holder=month.us, **names, **numbers)  # type: ignore[arg-type]


def start(sandbox: Sandbox) -> Running:
    """Serve the bank until it is stopped."""
    database = sandbox.database(banking.SCHEMA)
    ours = account(sandbox.month)
    sandbox.secrets.setdefault(f"{NAME}/robo", {"user": "robo.financeiro", "password": sandbox.password()})
    sandbox.config["account"] = ours.label
    app = create_app(sandbox, database, __name__, banking.truth, idle=banking.IDLE)
    banking.install(app, Bank(sandbox, database, (Ledger(ours, sandbox.month.entries, sandbox.month.opening["A"]),)))
    app.register_blueprint(routes)
    return serve(sandbox, app, database)


@contextmanager
def open_portal(state: Path, port: int = 0) -> Iterator[SandboxProcess]:
    """The bank for the block, on any free port; `state` gets its database and the files that robots need."""
    state.mkdir(parents=True, exist_ok=True)
    held = state / "credentials.json"
    secrets = json.loads(held.read_text("utf-8")) if held.exists() else {}
    sandbox = Sandbox(NAME, state, port, build(), faults=Faults((NAME,)), secrets=secrets)
    running = start(sandbox)
    try:
        held.touch(0o600)
        held.write_text(json.dumps(sandbox.secrets), "utf-8")
        table = f'[portals.{NAME}]\nurl = "{running.url}"\naccount = "{sandbox.config["account"]}"\n'
        (state / "portals.toml").write_text(table, "utf-8")
        yield SandboxProcess(state, os.getpid(), {NAME: running.url})
    finally:
        running.stop()


@routes.get("/")
def entrance() -> Reply:
    """The form to enter, with the reason why one is outside again."""
    return render_template("entrance.html", alert=taken_alert())


@routes.post("/")
def enter() -> Reply:
    """Open a session, ending any other of this user, or count the failure: the third locks."""
    user = form_value("usuario")
    held = bank().user(user)
    if bank().tries_left(user) <= 0:
        bank().record(user, "locked")
        return render_template("entrance.html", alert="Usuário bloqueado. Procure a sua agência.")
    if held is None or form_value("senha") != held["password"]:
        bank().record(user, "failed")
        return render_template("entrance.html", alert=f"Usuário ou senha inválidos. Tentativas restantes: {bank().tries_left(user)}.")
    bank().record(user, "ok")
    bank().open_session(user)
    return redirect(url_for("portal.statement"))


@routes.get("/extrato")
@signed_in
def statement() -> Reply:
    """The form and, once a period was asked for, its movements."""
    if "conta" not in request.args:
        return render_template("statement.html", asked=request.args)
    try:
        query = asked(request.args)
    except Problem as problem:
        return render_template("statement.html", asked=request.args, alert=str(problem))
    return render_template("statement.html", asked=request.args, query=query, extract=bank().extract(query))


def asked(form: MultiDict[str, str]) -> Query:
    """The account and period of a form; raises Problem in the bank's words."""
    if form.get("conta") not in {ledger.account.label for ledger in bank().ledgers}:
        raise Problem(f"A conta {form.get('conta')} não está habilitada para este usuário.")
    return bank().query(form)


@routes.post("/extrato/arquivo")
@signed_in
def statement_file() -> Reply:
    """The movements as OFX."""
    query = asked(request.form)
    body = ofx(bank().extract(query), bank().now())
    bank().served("ofx", query.ledger.account.label, query.period, body)
    return attachment(body, "extrato.ofx", "application/x-ofx")


@routes.get("/sair")
def leave() -> Reply:
    """End the session and be at the entrance again."""
    bank().close_session()
    return redirect(url_for("portal.entrance"))


def main(folder: str) -> None:
    """Serve until SIGINT or SIGTERM."""
    wanted: Any = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    with open_portal(Path(folder), PORT) as portal:
        print(f"Banco Exemplo: {portal.urls[NAME]} (portals.toml, credentials.json: {folder})", flush=True)
        signal.sigwait(wanted)


if __name__ == "__main__":
    main(sys.argv[1])
