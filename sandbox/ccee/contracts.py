"""CliqCCEE: the list of contracts and its export."""

from __future__ import annotations

import io
import secrets
import sqlite3
import zipfile
from decimal import Decimal
from typing import cast

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from sandbox import faults
from sandbox.ccee import store
from sandbox.ccee.access import database, require_sign_in, sandbox, survey_due
from sandbox.ccee.words import STATES, moment_br, month_br, read_month
from sandbox.sessions import StoredSession

pages = Blueprint("contracts", __name__)
pages.before_request(require_sign_in)
PAGE_SIZE = 20
COLUMNS = (
    "CODIGO_CONTRATO", "REFERENCIA", "SIGLA_PERFIL_VENDEDOR", "CODIGO_PERFIL_VENDEDOR", "SIGLA_PERFIL_COMPRADOR",
    "CODIGO_PERFIL_COMPRADOR", "SUBMERCADO_ENTREGA", "MES_REFERENCIA", "MWmedio", "TIPO_MODULACAO",
    "LIMITE_MINIMO_MODULACAO_MW", "LIMITE_MAXIMO_MODULACAO_MW", "SITUACAO_CONTRATO",
)  # fmt: skip


@pages.get("/contratos")
def listed() -> str:
    """One page of the agent's contracts, newest first, with the total of all pages."""
    asked = {name: request.args.get(name, "").strip() for name in ("month", "reference", "seller", "buyer", "role", "state")}
    found = store.contracts(database(), store.Filters(**asked), faults.newest(sandbox().clock.now()))
    last = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(request.args.get("pagina", 1, type=int), 1), last)
    rows = faults.shown(found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    return render_template("contracts.html", rows=rows, total=len(found), page=page, last=last, asked=asked, survey=survey_due())


@pages.get("/contratos/exportar")
def export_form() -> str:
    """The page that asks for the month to export."""
    return render_template("export.html")


@pages.post("/contratos/exportar")
def export() -> Answer | str:
    """Prepare the file and a link that serves it once, to this browser only."""
    month = read_month(request.form.get("month", ""))
    if not month:
        flash("Informe o mês de suprimento no formato MM/AAAA.")
        return redirect(url_for("contracts.export_form"), code=303)
    total, token = len(_exported(month)), secrets.token_urlsafe(16)
    database().run("insert into exports (token, sid, month) values (?, ?, ?)", token, cast("StoredSession", session).sid, month)
    return render_template("exported.html", month=month, total=total, token=token, now=sandbox().clock.now())


@pages.get("/contratos/exportar/arquivo/<token>")
def download(token: str) -> Response:
    """The ZIP; the second use of a link, or another browser's use of it, is forbidden."""
    with database().transaction() as c:
        sid = cast("StoredSession", session).sid
        row = c.execute("select month from exports where token = ? and sid = ? and not used", (token, sid)).fetchone()
        c.execute("update exports set used = 1 where token = ?", (token,))
    if row is None:
        abort(403)
    name = f"contratos_{row['month'].replace('-', '_')}.zip"
    answer = Response(pack(row["month"], _exported(row["month"])), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _exported(month: str) -> list[sqlite3.Row]:
    return store.contracts(database(), store.Filters(month=month_br(month)), faults.newest(sandbox().clock.now()))


def pack(month: str, rows: list[sqlite3.Row]) -> bytes:
    """The ZIP of a month: the contracts, and the instalments that nobody needs."""
    stamp, out = moment_br(sandbox().clock.now()), io.BytesIO()
    title = f"Relatório de Contratos - CCEAL Firme - {month_br(month)} - gerado em {stamp}"
    lines = [title, "\t".join(COLUMNS), *("\t".join(_cells(row)) for row in rows)]
    parts = [f"Relatório de Parcelas - CCEAL - {month_br(month)}", "CODIGO_CONTRATO\tPARCELA\tMWmedio"]
    parts += [f"{row['code']}\t1\t{row['mw'].replace('.', ',')}" for row in rows]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("cceal_firme", lines), ("cceal_parcela", parts)):
            archive.writestr(f"EXEMPLO_{month.replace('-', '')}_{name}.csv", ("\r\n".join(text) + "\r\n").encode("latin-1"))
    return out.getvalue()


def _cells(row: sqlite3.Row) -> list[str]:
    mw = str(Decimal(row["mw"])).replace(".", ",")
    return [
        str(row["code"]), row["reference"], row["seller_sigla"], str(row["seller"]), row["buyer_sigla"], str(row["buyer"]),
        row["submarket"], month_br(row["month"]), mw, row["modulation"], "", "", STATES[row["state"]],
    ]  # fmt: skip
