"""The buyer's side: montantes that sellers registered and that wait for a validation."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from sandbox import faults
from sandbox.ccee import store
from sandbox.ccee.access import database, require_sign_in, sandbox
from sandbox.ccee.contracts import PAGE_SIZE
from sandbox.ccee.words import hours, moment_br, month_br

pages = Blueprint("validations", __name__)
pages.before_request(require_sign_in)


@pages.get("/validacoes")
def pending() -> str:
    """One page of what waits for this agent's validation."""
    filters = store.Filters(month=request.args.get("month", ""), role="COMPRADOR", state="NAO_VALIDADO")
    found = store.contracts(database(), filters, faults.newest(sandbox().clock.now()))
    last = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(request.args.get("pagina", 1, type=int), 1), last)
    rows = faults.shown(found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    return render_template("pending.html", rows=rows, total=len(found), page=page, last=last, asked={"month": filters.month})


@pages.get("/validacoes/<int:code>")
def detail(code: int) -> str:
    """Everything about one montante, with the button that validates it."""
    found = store.contract(database(), code)
    if found is None or not found["buying"]:
        abort(404)
    return render_template("validation.html", row=found, hours=hours(found["month"]))


@pages.post("/validacoes/<int:code>/validar")
def validate(code: int) -> Answer:
    """The act: the montante counts in the accounting from here on."""
    found = store.contract(database(), code)
    if found is None or not found["buying"]:
        abort(404)
    now, limit = sandbox().clock.now(), store.deadline(database(), found["month"], store.VALIDATE)
    if limit is None or now > limit:
        until = f" encerrado em {moment_br(limit)}" if limit else " não está aberto"
        flash(f"Prazo de validação para {month_br(found['month'])}{until}.")
        return redirect(url_for("validations.detail", code=code), code=303)
    if found["state"] == "VALIDADO":
        flash(f"O montante do contrato {code} já foi validado (protocolo {found['validation']}).")
        return redirect(url_for("validations.detail", code=code), code=303)
    with database().transaction() as c:
        protocol = store.validate(c, code)
    session["validation"] = {"code": code, "protocol": protocol, "at": now.isoformat()}
    return redirect(url_for("validations.done"), code=303)


@pages.get("/validacoes/resultado")
def done() -> Answer | str:
    """The receipt of the last validation of this session."""
    return (
        render_template("validated.html", receipt=session["validation"])
        if "validation" in session
        else redirect(url_for("validations.pending"))
    )
