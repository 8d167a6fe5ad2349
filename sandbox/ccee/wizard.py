"""The seller's wizard: dados gerais → montantes → modulação → conferência → registro.

What was typed stays on the server under the form's token. The form is not consumed by its submission, and nothing is
deduplicated by reference: who presses twice has two contracts, as at the real thing.
"""

from __future__ import annotations

import json
import secrets
from decimal import Decimal

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from sandbox.ccee import store
from sandbox.ccee.access import database, require_sign_in, sandbox
from sandbox.ccee.words import MODULATIONS, SUBMARKETS, hours, moment_br, month_br, read_decimal, read_month, validity

pages = Blueprint("wizard", __name__)
pages.before_request(require_sign_in)


def _draft() -> dict[str, str]:
    """What was typed so far under the request's form token; empty when there is no such form."""
    data = database().value("select data from drafts where token = ? and user = ?", request.values.get("formulario", ""), session["user"])
    return dict(json.loads(str(data))) if data else {}


def _keep(draft: dict[str, str]) -> None:
    database().run("update drafts set data = ? where token = ?", json.dumps(draft), draft["token"])


def _step(name: str, draft: dict[str, str], *refusals: str) -> Answer:
    for text in refusals:
        flash(text)
    return redirect(url_for(f"wizard.{name}", formulario=draft["token"]), code=303)


def _expired() -> Answer:
    flash("Formulário expirado ou inexistente. Inicie um novo contrato.")
    return redirect(url_for("contracts.listed"), code=303)


@pages.get("/contratos/novo")
def general() -> Answer | str:
    """First step; without a form token a new form begins."""
    if "formulario" not in request.args:
        draft = {"token": secrets.token_urlsafe(12)}
        database().run("insert into drafts values (?, ?, ?)", draft["token"], session["user"], json.dumps(draft))
    elif not (draft := _draft()):
        return _expired()
    return render_template("general.html", draft=draft, own=store.own_profiles(database()), submarkets=SUBMARKETS)


@pages.get("/perfis/<code>.json")
def lookup(code: str) -> Response | tuple[Response, int]:
    """What the form's script asks when the buyer's code was typed."""
    found = store.profile(database(), code)
    if found is None:
        return jsonify(erro=f"Perfil {code} não encontrado na CCEE."), 404
    return jsonify(codigo=found["code"], sigla=found["sigla"], agente=found["company"])


@pages.post("/contratos/novo/dados")
def take_general() -> Answer:
    """Check and keep the first step; every complaint is shown at once."""
    draft = _draft()
    if not draft:
        return _expired()
    month, form = read_month(request.form.get("month", "")), request.form
    typed = {name: form.get(name, "").strip() for name in ("reference", "seller", "buyer", "submarket", "start", "end")}
    draft |= {**typed, "month": month}
    _keep(draft)
    refusals = _check_general(draft)
    return _step("general" if refusals else "amounts", draft, *refusals)


def _check_general(draft: dict[str, str]) -> list[str]:
    said = []
    if not 0 < len(draft["reference"]) <= 30:
        said.append("Informe a referência com até 30 caracteres.")
    seller = store.profile(database(), draft["seller"])
    if seller is None or not seller["ours"]:
        said.append("Usuário não está autorizado a registrar contratos com o perfil vendedor informado.")
    if store.profile(database(), draft["buyer"]) is None:
        said.append(f"Perfil {draft['buyer']} não encontrado na CCEE.")
    if draft["submarket"] not in SUBMARKETS:
        said.append("Informe o submercado de entrega.")
    if not draft["month"]:
        said.append("Informe o mês de suprimento no formato MM/AAAA.")
    elif (draft["start"], draft["end"]) != validity(draft["month"]):
        said.append("A vigência deve ir da primeira à última hora do mês de suprimento (DD/MM/AAAA HH).")
    return said


@pages.get("/contratos/novo/montantes")
def amounts() -> Answer | str:
    """Second step."""
    draft = _draft()
    return render_template("amounts.html", draft=draft, hours=hours(draft["month"])) if draft else _expired()


@pages.post("/contratos/novo/montantes")
def take_amounts() -> Answer:
    """Check and keep the second step."""
    draft = _draft()
    if not draft:
        return _expired()
    mw = read_decimal(request.form.get("mw", ""))
    if mw is None or mw <= 0:
        return _step("amounts", draft, "Informe o montante em MWmédio, com vírgula e até 6 casas decimais.")
    draft |= {"mw": f"{mw:.6f}"}
    _keep(draft)
    return _step("modulation", draft)


@pages.get("/contratos/novo/modulacao")
def modulation() -> Answer | str:
    """Third step."""
    draft = _draft()
    return render_template("modulation.html", draft=draft, modulations=MODULATIONS) if draft else _expired()


@pages.post("/contratos/novo/modulacao")
def take_modulation() -> Answer:
    """Last step before the review; a contract with the same key makes the portal ask first."""
    draft = _draft()
    if not draft:
        return _expired()
    chosen = request.form.get("modulation", "")
    if chosen not in MODULATIONS:
        return _step("modulation", draft, "Informe o tipo de modulação.")
    draft |= {"modulation": chosen}
    _keep(draft)
    twin = store.same_key(database(), int(draft["seller"]), int(draft["buyer"]), draft["submarket"], draft["month"])
    return _step("duplicate" if twin else "review", draft)


@pages.get("/contratos/novo/duplicidade")
def duplicate() -> Answer | str:
    """The question that a contract with the same key raises."""
    draft = _draft()
    twin = draft and store.same_key(database(), int(draft["seller"]), int(draft["buyer"]), draft["submarket"], draft["month"])
    return render_template("duplicate.html", draft=draft, twin=twin) if twin else _expired()


@pages.get("/contratos/novo/conferencia")
def review() -> Answer | str:
    """Everything once more, with the button that registers."""
    draft = _draft()
    if not draft:
        return _expired()
    seller, buyer = store.profile(database(), draft["seller"]), store.profile(database(), draft["buyer"])
    mwh = Decimal(draft["mw"]) * hours(draft["month"])
    return render_template("review.html", draft=draft, seller=seller, buyer=buyer, mwh=mwh, submarkets=SUBMARKETS)


@pages.post("/contratos/novo/concluir")
def conclude() -> Answer:
    """The act: one more contract in the ground truth, unless CCEE refuses."""
    draft = _draft()
    if not draft:
        return _expired()
    refusal = _refusal(draft)
    if refusal:
        return _step("review", draft, refusal)
    now = sandbox().clock.now()
    with database().transaction() as c:
        code, protocol = store.register(c, draft, session["user"], now)
    session["receipt"] = {"code": code, "protocol": protocol, "reference": draft["reference"], "at": now.isoformat()}
    return redirect(url_for("wizard.receipt"), code=303)


def _refusal(draft: dict[str, str]) -> str:
    """Why CCEE does not register this contract, in its words; "" when it does."""
    now, buyer = sandbox().clock.now(), store.profile(database(), draft["buyer"])
    limit = store.deadline(database(), draft["month"], store.REGISTER)
    if limit is None:
        return f"Mês de suprimento {month_br(draft['month'])} não está aberto para registro."
    if now > limit:
        return f"Prazo de registro para {month_br(draft['month'])} encerrado em {moment_br(limit)}."
    if buyer is None or not buyer["active"]:
        sigla = buyer["sigla"] if buyer else "?"
        return f"O perfil comprador {draft['buyer']} ({sigla}) não está ativo na CCEE. Registro não permitido."
    return ""


@pages.get("/contratos/novo/resultado")
def receipt() -> Answer | str:
    """The receipt of the last registration of this session."""
    return render_template("receipt.html", receipt=session["receipt"]) if "receipt" in session else _expired()
