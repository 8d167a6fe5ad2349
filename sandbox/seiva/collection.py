"""Seiva's cobrança: a remessa is uploaded, checked, and only then handed in; what came is listed elsewhere, the retornos as well."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, current_app, redirect, render_template, request, session, url_for

from sandbox import banking, faults
from sandbox.banking import Problem, attachment, bank, form_value, signed_in
from sandbox.collection import desk
from sandbox.collection.desk import portfolio
from sandbox.seiva.access import Reply

PAGE = 10
routes = Blueprint("collection", __name__)


def install(app: Flask, *, number_checked_first: bool) -> None:
    """Give `app` the screens; a bank looks at a remessa's number when it checks the file, or only when it is handed in."""
    app.config["NUMBER_CHECKED_FIRST"] = number_checked_first
    app.register_blueprint(routes)


@routes.get("/cobranca")
@signed_in
def returns_page() -> Reply:
    """The retorno files of a period."""
    if "conta" not in request.args:
        return render_template("returns.html", asked=request.args)
    try:
        query = bank().query(request.args)
    except Problem as problem:
        return render_template("returns.html", alert=str(problem), asked=request.args)
    found = portfolio().returns(query.start, query.end, faults.newest(bank().now()))
    return render_template("returns.html", query=query, files=faults.shown(found), total=len(found), asked=request.args)


@routes.get("/cobranca/arquivo/<int:sequence>")
@signed_in
def return_file(sequence: int) -> Reply:
    """One retorno by its NSA, always under the same name."""
    body = desk.return_file(f"{sequence}")
    return attachment(body, "COBRANCA.RET", "application/octet-stream") if body else (render_template("error.html"), 404)


@routes.get("/cobranca/remessas")
@signed_in
def received_page() -> Reply:
    """Every remessa that the bank took, newest first, ten a page."""
    rows = portfolio().received(faults.newest(bank().now()))
    number = max(1, request.args.get("pagina", 1, type=int))
    shown = faults.shown(rows[(number - 1) * PAGE : number * PAGE])
    pages = max(1, -(-len(rows) // PAGE))
    values: dict[str, Any] = {"rows": shown, "total": len(rows), "number": number, "pages": pages}
    return render_template("received.html", **values)


@routes.get("/cobranca/remessas/enviar")
@signed_in
def upload_page() -> Reply:
    """First step: the file."""
    return render_template("upload.html")


@routes.post("/cobranca/remessas/conferir")
@signed_in
def check() -> Reply:
    """Second step: what the bank read in the file; nothing is handed in yet."""
    try:
        checked = desk.uploaded()
        if current_app.config["NUMBER_CHECKED_FIRST"]:
            portfolio().must_be_new(checked.read)
    except Problem as problem:
        return render_template("upload.html", alert=str(problem))
    return render_template("review.html", checked=checked)


@routes.post("/cobranca/remessas/transmitir")
@signed_in
def hand_in() -> Reply:
    """Take the file in, as it was checked; a file that came in meanwhile is refused by its NSA."""
    try:
        checked = portfolio().checked(form_value("arquivo"), session["user"])
        portfolio().must_be_new(checked.read)
    except Problem as problem:
        return render_template("upload.html", alert=str(problem))
    protocol = portfolio().receive(checked, bank().now())
    session["receipt"] = {"protocol": protocol, "sequence": f"{checked.read.sequence:06d}", "titles": len(checked.read.titles)}
    return redirect(url_for("collection.receipt"))


@routes.get("/cobranca/remessas/protocolo")
@signed_in
def receipt() -> Reply:
    """The protocol number of the remessa that was just handed in."""
    return render_template("receipt.html", **session["receipt"]) if "receipt" in session else banking.sent_out(banking.EXPIRED)
