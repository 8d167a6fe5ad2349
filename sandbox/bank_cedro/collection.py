"""Banco Cedro's cobrança: files go through a transfer module in a frame, what came is asked for by period, the retornos as well.

The module takes every file that holds together: a number that was used before is taken again. Only the titles tell, tomorrow.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request, session
from werkzeug.wrappers import Response

from sandbox import faults
from sandbox.banking import Problem, attachment, bank, form_value, signed_in
from sandbox.collection import desk
from sandbox.collection.desk import portfolio

SERVICES = ("Cobrança – CNAB 240 (remessa)", "Pagamentos – CNAB 240")
Reply = str | Response | tuple[str, int]
routes = Blueprint("collection", __name__)


@routes.get("/remessas/transmitir")
@signed_in
def transfer_page() -> Reply:
    """The page around the transfer module, which is a system of its own."""
    return render_template("transfer.html")


@routes.get("/modulo/remessa")
@signed_in
def module() -> Reply:
    """Inside the frame, first step: service and file."""
    return module_form()


def module_form(alert: str = "") -> str:
    """The form of the file, with what is wrong about it."""
    return render_template("transfer_file.html", services=SERVICES, alert=alert)


@routes.post("/modulo/remessa")
@signed_in
def check() -> Reply:
    """Second step: what the bank read in the file; without a confirmation it is forgotten."""
    if form_value("servico") != SERVICES[0]:
        return module_form("Serviço não contratado.")
    try:
        return render_template("transfer_check.html", checked=desk.uploaded())
    except Problem as problem:
        return module_form(str(problem))


@routes.post("/modulo/remessa/confirmar")
@signed_in
def hand_in() -> Reply:
    """Take the file in, whatever its number; the answer to this very request is the receipt."""
    try:
        checked = portfolio().checked(form_value("arquivo"), session["user"])
    except Problem as problem:
        return module_form(str(problem))
    protocol = portfolio().receive(checked, bank().now())
    return render_template("transfer_receipt.html", checked=checked, protocol=protocol)


@routes.get("/remessas")
@signed_in
def sent_page() -> Reply:
    """The form of the period that remessas came in."""
    return period_form("Remessas transmitidas")


@routes.post("/remessas")
@signed_in
def sent_result() -> Reply:
    """The remessas that came in the period, all of them on one page."""
    try:
        query = bank().query(request.form)
    except Problem as problem:
        return period_form("Remessas transmitidas", str(problem))
    rows = [row for row in portfolio().received(faults.newest(bank().now()), query.start) if row["created_at"][:10] <= f"{query.end}"]
    return render_template("sent.html", query=query, rows=faults.shown(rows), total=len(rows))


@routes.get("/retornos")
@signed_in
def returns_page() -> Reply:
    """The form of the period that retornos are of."""
    return period_form("Arquivos de retorno")


@routes.post("/retornos")
@signed_in
def returns_result() -> Reply:
    """The retornos of the period, one row each."""
    try:
        query = bank().query(request.form)
    except Problem as problem:
        return period_form("Arquivos de retorno", str(problem))
    files = portfolio().returns(query.start, query.end, faults.newest(bank().now()))
    return render_template("returns.html", query=query, files=faults.shown(files), total=len(files))


@routes.post("/retornos/arquivo")
@signed_in
def return_file() -> Reply:
    """One retorno by its number, always under the same name."""
    body = desk.return_file(form_value("numero"))
    return attachment(body, "RETORNO.RET", "application/octet-stream") if body else (render_template("error.html"), 404)


def period_form(heading: str, alert: str = "") -> str:
    """A form of account and period, as it was filled, with what is wrong about it; only an account with boletos can be asked for."""
    return render_template("period.html", heading=heading, account=portfolio().account, asked=request.form, alert=alert)
