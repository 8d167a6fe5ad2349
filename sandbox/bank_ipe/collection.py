"""Banco Ipê's cobrança: a remessa is uploaded, checked, and only then handed in; what came is listed elsewhere, the retornos as well."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for

from sandbox import banking, faults
from sandbox.bank_ipe import remessa, titles
from sandbox.banking import Problem, attachment, bank, form_value, signed_in
from sandbox.business_days import next_business_day
from sandbox.collection import cnab240
from sandbox.seiva.access import Reply, main_account

PAGE = 10
GONE = "O arquivo conferido não está mais disponível. Envie-o novamente."
routes = Blueprint("collection", __name__)
_waiting: dict[str, tuple[str, bytes, str]] = {}
"""Files that were checked and not handed in: token → user, bytes, name. A restart forgets them, as it forgets half-filled forms."""


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
    found = titles.returns(bank().database, query.start, query.end, faults.newest(bank().now()))
    return render_template("returns.html", query=query, files=faults.shown(found), total=len(found), asked=request.args)


@routes.get("/cobranca/arquivo/<int:sequence>")
@signed_in
def return_file(sequence: int) -> Reply:
    """One retorno by its NSA."""
    now, account = bank().now(), main_account().account
    found = [file for file in titles.returns(bank().database, now.date().min, now.date(), now) if file.sequence == sequence]
    if not found:
        return render_template("error.html"), 404
    body = cnab240(found[0], account)
    bank().served("retorno", account.label, f"{found[0].day:%d/%m/%Y}", body)
    return attachment(body, "RETORNO.RET", "application/octet-stream")


@routes.get("/cobranca/remessas")
@signed_in
def received_page() -> Reply:
    """Every remessa that the bank took, newest first, ten a page."""
    rows = titles.received(bank().database, faults.newest(bank().now()))
    number = max(1, request.args.get("pagina", 1, type=int))
    shown = faults.shown(rows[(number - 1) * PAGE : number * PAGE])
    pages = max(1, -(-len(rows) // PAGE))
    today = bank().now().date().isoformat()
    values: dict[str, Any] = {"rows": shown, "total": len(rows), "number": number, "pages": pages, "today": today}
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
    given = request.files.get("arquivo")
    data = given.read() if given else b""
    try:
        read = _read(data)
    except Problem as problem:
        return render_template("upload.html", alert=str(problem))
    token, name = secrets.token_urlsafe(12), given.filename if given else ""
    _waiting[token] = (session["user"], data, name or "")
    facts = {"name": name, "size": len(data), "digest": hashlib.sha256(data).hexdigest(), "read": read, "token": token}
    return render_template("review.html", account=main_account().account, **facts)


def _read(data: bytes) -> remessa.Remessa:
    day, last = next_business_day(bank().now().date()), titles.last_sequence(bank().database)
    return remessa.read(data, main_account().account, last, day)


@routes.post("/cobranca/remessas/transmitir")
@signed_in
def hand_in() -> Reply:
    """Take the file in, as it was checked; a file that came in meanwhile is refused by its NSA."""
    user, data, name = _waiting.get(form_value("arquivo"), ("", b"", ""))
    if user != session["user"]:
        return render_template("upload.html", alert=GONE)
    try:
        read = _read(data)
    except Problem as problem:
        return render_template("upload.html", alert=str(problem))
    protocol = titles.receive(bank().database, read, data, name, user, bank().now())
    session["receipt"] = {"protocol": protocol, "sequence": f"{read.sequence:06d}", "titles": len(read.titles)}
    return redirect(url_for("collection.receipt"))


@routes.get("/cobranca/remessas/protocolo")
@signed_in
def receipt() -> Reply:
    """The protocol number of the remessa that was just handed in."""
    return render_template("receipt.html", **session["receipt"]) if "receipt" in session else banking.sent_out(banking.EXPIRED)
