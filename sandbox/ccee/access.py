"""The way in: password, choice of the second factor, code; and the menu behind it."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import cast

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from sandbox.ccee import mail
from sandbox.database import Database
from sandbox.portal import Sandbox
from sandbox.sessions import StoredSession

pages = Blueprint("access", __name__)
ATTEMPTS = 3
CODE_LIFE = dt.timedelta(minutes=5)
SURVEY_EVERY = 40
"""The satisfaction survey covers the sixth page of a session and every fortieth after it."""


def sandbox() -> Sandbox:
    """The sandbox that this app was started for."""
    return cast("Sandbox", current_app.config["SANDBOX"])


def database() -> Database:
    """The ground truth of this portal."""
    return cast("Database", current_app.config["DATABASE"])


def require_sign_in() -> Answer | None:
    """Before every page of the system: without a signed-in session, back to the entrance."""
    if "user" in session:
        return None
    ended = cast("StoredSession", session).ended or ("lost" if request.cookies else "")
    return redirect(url_for("access.login", sessao="expirada" if ended else None), code=303)


def survey_due() -> bool:
    """Whether this page view brings the satisfaction survey."""
    session["views"] = int(session.get("views", 0)) + 1
    return int(session["views"]) % SURVEY_EVERY == 6


@pages.get("/")
def entrance() -> Answer:
    """The bare address leads to the menu, and from there to the sign-in page."""
    return redirect(url_for("access.home"))


@pages.get("/ui/login")
def login() -> str:
    """The sign-in page; it says so when a session ended."""
    return render_template("login.html", expired=request.args.get("sessao") == "expirada")


@pages.post("/ui/login")
def check_password() -> Answer:
    """Three wrong passwords lock the user; every attempt is counted."""
    user, known = request.form.get("usuario", "").strip(), sandbox().secrets["ccee/robo"]
    row = database().row("select * from users where user = ?", user)
    if row and row["locked"]:
        return _refuse(user, "locked", "Usuário bloqueado por excesso de tentativas. Procure o administrador do seu agente.")
    if user == known["user"] and secrets.compare_digest(request.form.get("senha", "").encode(), known["password"].encode()):
        _note(user, "password-ok", failures=0)
        session.clear()
        session["half"] = user
        return redirect(url_for("access.mfa"), code=303)
    failures = (row["failures"] if row else 0) + 1
    left = ATTEMPTS - failures
    text = f"Usuário ou senha inválidos. Tentativas restantes: {left}." if left else "Usuário bloqueado por excesso de tentativas."
    return _refuse(user, "wrong-password", text, failures)


def _refuse(user: str, outcome: str, text: str, failures: int | None = None) -> Answer:
    _note(user, outcome, failures)
    flash(text)
    return redirect(url_for("access.login"), code=303)


def _note(user: str, outcome: str, failures: int | None = None) -> None:
    with database().transaction() as c:
        c.execute("insert into sign_ins (at, user, outcome) values (?, ?, ?)", (sandbox().clock.now().isoformat(), user, outcome))
        if failures is not None:
            c.execute("insert or replace into users values (?, ?, ?)", (user, failures, failures >= ATTEMPTS))


@pages.get("/ui/mfa")
def mfa() -> Answer | str:
    """The choice of how the code is to be sent."""
    return render_template("mfa.html") if "half" in session else redirect(url_for("access.login"), code=303)


@pages.post("/ui/mfa")
def send_code() -> Answer:
    """Make a code for this browser and send it; the earlier ones of this browser are void."""
    if "half" not in session:
        return redirect(url_for("access.login"), code=303)
    if request.form.get("canal") != "email":
        flash("Nenhum telefone celular cadastrado para envio de SMS.")
        return redirect(url_for("access.mfa"), code=303)
    code, sid = f"{secrets.randbelow(900_000) + 100_000}", cast("StoredSession", session).sid
    with database().transaction() as c:
        c.execute("update codes set expires_at = '' where sid = ?", (sid,))
        c.execute(
            "insert into codes (sid, code, expires_at) values (?, ?, ?)", (sid, code, (sandbox().clock.now() + CODE_LIFE).isoformat())
        )
    mail.send_code(sandbox(), code)
    return redirect(url_for("access.code"), code=303)


@pages.get("/ui/mfa/codigo")
def code() -> Answer | str:
    """The page that asks for the code."""
    return render_template("code.html") if "half" in session else redirect(url_for("access.login"), code=303)


@pages.post("/ui/mfa/codigo")
def check_code() -> Answer:
    """The last step in; a wrong, old or foreign code is refused."""
    if "half" not in session:
        return redirect(url_for("access.login"), code=303)
    sid, given = cast("StoredSession", session).sid, request.form.get("codigo", "").strip()
    good = database().value(
        "select 1 from codes where sid = ? and code = ? and expires_at > ?", sid, given, sandbox().clock.now().isoformat()
    )
    user = str(session["half"])
    _note(user, "signed-in" if good else "wrong-code")
    if not good:
        flash("Código de acesso inválido ou expirado.")
        return redirect(url_for("access.code"), code=303)
    database().run("update codes set expires_at = '' where sid = ?", sid)
    session.clear()
    session["user"] = user
    return redirect(url_for("access.home"), code=303)


@pages.get("/ui/home")
def home() -> Answer | str:
    """The menu of the portal."""
    gone = require_sign_in()
    return gone or render_template("home.html", survey=survey_due())


@pages.get("/ui/sair")
def leave() -> Answer:
    """Sign out."""
    session.clear()
    flash("Você saiu do sistema.", "info")
    return redirect(url_for("access.login"), code=303)
