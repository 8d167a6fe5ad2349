"""How Seiva lets people in: account and user, then the virtual keyboard, then whatever more the bank asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, current_app, redirect, render_template, request, session, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from sandbox import banking, faults
from sandbox.banking import bank, form_value, taken_alert
from sandbox.ledger import Ledger
from sandbox.seiva import keyboard

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
MENU = (
    ("Visão geral", "/inicio"), ("Extrato", "/extrato"), ("Cobrança", "/cobranca"), ("Pagamentos", ""), ("Transferências e Pix", ""),
    ("Investimentos", ""), ("Crédito", ""),
)  # fmt: skip
Reply = str | Response | tuple[str, int]
routes = Blueprint("portal", __name__, static_folder="static", static_url_path="/seiva")


@dataclass(frozen=True)
class Brand:
    """A bank as Seiva shows it; `pitch` are the lines beside the sign-in, `menu` the names and paths above every page."""

    short: str
    company: str
    code: str
    slogan: tuple[str, str]
    pitch: tuple[str, ...]
    menu: tuple[tuple[str, str], ...] = MENU

    @property
    def name(self) -> str:
        return f"Banco {self.short} Empresas"


def install(app: Flask, brand: Brand, second_step: Callable[[str], Reply | None] = lambda _: None) -> None:
    """Give `app` the platform's screens; `second_step` is asked after a right password, and answers None to let the user in."""
    app.config["SECOND_STEP"] = second_step
    app.context_processor(lambda: {"brand": brand})
    app.register_blueprint(routes)


def main_account() -> Ledger:
    """The account whose agency and number the user signs in with."""
    return bank().ledgers[-1]


@routes.get("/")
def index() -> Reply:
    """The bank's address leads to the first step."""
    return entrance()


@routes.route("/acesso")
def entrance() -> Reply:
    """First step: agency, account and user."""
    return render_template("entrance.html", alert=taken_alert(), typed=MultiDict())


@routes.post("/acesso")
def identify() -> Reply:
    """Take the account and the user's name; whether the user exists is not told before the password."""
    account = main_account().account
    given = (form_value("agencia"), form_value("conta").replace("-", ""))
    if given != (account.branch, account.number + account.digit) or not form_value("usuario"):
        return render_template("entrance.html", alert="Agência, conta ou usuário inválido.", typed=request.form)
    session.clear()
    session["claims"] = form_value("usuario").lower()
    return redirect(url_for("portal.password"))


@routes.get("/acesso/senha")
def password() -> Reply:
    """The keyboard, shuffled anew at every visit."""
    return password_page() if "claims" in session else banking.sent_out(banking.EXPIRED)


def password_page(alert: str = "") -> str:
    """Second step: the password on a keyboard that no other page has."""
    session["keyboard"] = keyboard.shuffled()
    return render_template("password.html", alert=alert, keyboard=session["keyboard"])


@routes.post("/acesso/senha")
def check_password() -> Reply:
    """Sign the user in, count the failure, or ask about the session that is already there."""
    user, keys = str(session.get("claims", "")), session.pop("keyboard", {"id": "", "keys": []})
    if not user:
        return banking.sent_out(banking.EXPIRED)
    if not keys["id"] or form_value("teclado") != keys["id"]:
        return password_page("Teclado virtual expirado. Digite a senha novamente.")
    if bank().tries_left(user) <= 0:
        bank().record(user, "locked")
        return password_page("Acesso bloqueado por excesso de tentativas. Procure sua agência ou o administrador da conta.")
    held = bank().user(user)
    if held is None or not keyboard.spells(keys["keys"], form_value("teclas"), held["password"]):
        bank().record(user, "failed")
        return password_page(f"Senha eletrônica incorreta. Tentativas restantes: {bank().tries_left(user)}.")
    bank().record(user, "ok")
    asked: Reply | None = current_app.config["SECOND_STEP"](user)
    return admit(user) if asked is None else asked


def admit(user: str) -> Reply:
    """Let the user in who has proven who he is; where another session of his is alive, ask about it or send him away."""
    if not bank().connected(user):
        return enter(user)
    if faults.active("no-take-over"):
        return password_page(banking.ALREADY_CONNECTED)
    session["proven"] = user
    return render_template("connected.html")


@routes.post("/acesso/continuar")
def take_over() -> Reply:
    """End the user's other session and go on with this one."""
    user = str(session.get("proven", ""))
    return enter(user) if user else banking.sent_out(banking.EXPIRED)


def enter(user: str) -> Reply:
    """Open the session; its first page greets with a campaign."""
    bank().open_session(user)
    session["campaign"] = True
    return redirect(url_for("portal.home"))


@routes.get("/inicio")
@banking.signed_in
def home() -> Reply:
    """Balances and the latest movements."""
    today = bank().now().date()
    extracts = [ledger.extract(today, today, bank().now()) for ledger in bank().ledgers]
    recent = main_account().extract(today.replace(day=1), today, bank().now()).posted[-6:]
    return render_template("home.html", extracts=extracts, recent=recent[::-1], campaign=session.pop("campaign", False))


@routes.get("/sair")
def leave() -> Reply:
    """End the session."""
    bank().close_session()
    return render_template("left.html")
