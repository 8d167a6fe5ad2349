"""What the internet bankings of the sandbox share: users and their sign-ins, one live session a user, downloads, periods."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, redirect, render_template, request, session, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from sandbox import faults
from sandbox.database import Database
from sandbox.ledger import Extract, Ledger, brl
from sandbox.portal import Sandbox
from sandbox.sessions import StoredSession

SCHEMA = """
create table if not exists users (name text primary key, failures integer not null default 0, last_step integer not null default 0);
create table if not exists sign_ins (id integer primary key, at text not null, user text not null, outcome text not null);
create table if not exists live (user text primary key, ticket text not null, since text not null, seen_at text not null);
create table if not exists downloads (id integer primary key, at text not null, user text not null, account text not null,
  kind text not null, period text not null, size integer not null, sha256 text not null);
"""
IDLE = dt.timedelta(minutes=10)
LONGEST = dt.timedelta(minutes=60)
"""A session ends so long after the sign-in, however busy it is."""
NIGHT = (dt.time(22), dt.time(6))
TRIES = 3
HISTORY = dt.timedelta(days=90)
EXPIRED = "Sua sessão expirou por segurança. Acesse novamente."
TAKEN_OVER = "Sua sessão foi encerrada porque houve outro acesso com o mesmo usuário."


IDLED = "Sua sessão expirou por inatividade. Acesse novamente."
TOO_OLD = "Sua sessão expirou: o tempo máximo de 60 minutos foi atingido. Acesse novamente."
ALREADY_CONNECTED = "Usuário já conectado em outro equipamento. Encerre a outra sessão ou aguarde 10 minutos."


class Problem(Exception):
    """What the portal answers to a form it does not accept, in its words."""


@dataclass(frozen=True)
class Query:
    """An account and a period that somebody asked for."""

    ledger: Ledger
    start: dt.date
    end: dt.date

    @property
    def period(self) -> str:
        return f"{self.start:%d/%m/%Y} a {self.end:%d/%m/%Y}"


@dataclass
class Bank:
    """The running bank behind one portal; `ledgers` are the accounts that its users see."""

    sandbox: Sandbox
    database: Database
    ledgers: tuple[Ledger, ...]

    def now(self) -> dt.datetime:
        return self.sandbox.clock.now()

    def user(self, name: str) -> dict[str, str] | None:
        """The secrets of the user who signs in as `name`."""
        known = {key: held for key, held in self.sandbox.secrets.items() if key.startswith(f"{self.sandbox.name}/")}
        return next((held for held in known.values() if held["user"] == name), None)

    def tries_left(self, user: str) -> int:
        if faults.active("locked-user"):
            return 0
        return TRIES - int(str(self.database.value("select failures from users where name = ?", user) or 0))

    def record(self, user: str, outcome: str) -> None:
        """Write down an attempt (ok, failed, locked, repeated-code); failures in a row lock the user."""
        at = self.now().isoformat()
        count = {"ok": "0", "failed": "failures + 1"}.get(outcome, "failures")
        with self.database.transaction() as connection:
            connection.execute("insert into sign_ins (at, user, outcome) values (?, ?, ?)", (at, user, outcome))
            connection.execute("insert or ignore into users (name) values (?)", (user,))
            connection.execute(f"update users set failures = {count} where name = ?", (user,))

    def connected(self, user: str) -> bool:
        """Whether a session of this user is alive somewhere."""
        seen = self.database.value("select seen_at from live where user = ?", user)
        return seen is not None and self.now() - dt.datetime.fromisoformat(str(seen)) < IDLE

    def open_session(self, user: str) -> None:
        """Make this browser's session the user's only one."""
        ticket, at = secrets.token_urlsafe(12), self.now().isoformat()
        session.clear()
        session.update(user=user, ticket=ticket, since=at)
        self.database.run("insert or replace into live values (?, ?, ?, ?)", user, ticket, at, at)

    def close_session(self) -> None:
        self.database.run("delete from live where user = ? and ticket = ?", session.get("user", ""), session.get("ticket", ""))
        session.clear()

    def why_out(self) -> str:
        """Why this browser is not signed in: "" when it is, else what the portal says about it."""
        row = self.database.row("select ticket, since, seen_at from live where user = ?", session.get("user", ""))
        if "ticket" not in session or row is None:
            return EXPIRED
        if row["ticket"] != session["ticket"] or faults.active("taken-session"):
            return TAKEN_OVER
        if self._older(row["seen_at"], IDLE) or faults.active("idle-session"):
            return IDLED
        if self._older(row["since"], LONGEST) or faults.active("old-session"):
            return TOO_OLD
        self.database.run("update live set seen_at = ? where user = ?", self.now().isoformat(), session["user"])
        return ""

    def _older(self, moment: str, span: dt.timedelta) -> bool:
        return self.now() - dt.datetime.fromisoformat(moment) > span

    def history(self) -> dt.timedelta:
        """How far back movements are kept on line."""
        short = faults.active("short-history")
        return dt.timedelta(days=int(short.value)) if short else HISTORY

    def ledger(self, label: str) -> Ledger:
        found = [ledger for ledger in self.ledgers if ledger.account.label == label]
        if not found:
            raise Problem("Conta não habilitada para este usuário.")
        return found[0]

    def query(self, form: MultiDict[str, str]) -> Query:
        """The account and period of a form; raises Problem in the portal's words.

        What is older than the history kept on line is left out without a word, as banks do.
        """
        try:
            start, end = dt.date.fromisoformat(form["inicio"]), dt.date.fromisoformat(form["fim"])
        except (KeyError, ValueError):
            raise Problem("Informe a data inicial e a data final.") from None
        today = self.now().date()
        if end < start:
            raise Problem("A data final deve ser igual ou posterior à data inicial.")
        if end > today:
            raise Problem("A data final não pode ser posterior à data de hoje.")
        if end - start > HISTORY:
            raise Problem("O período não pode ser superior a 90 dias.")
        if end < today - self.history():
            raise Problem("O período solicitado não está mais disponível.")
        return Query(self.ledger(form.get("conta", "")), max(start, today - self.history()), end)

    def extract(self, query: Query) -> Extract:
        extract = query.ledger.extract(query.start, query.end, self.now())
        return replace(extract, provisional=True) if faults.active("provisional") else extract

    def served(self, kind: str, account: str, period: str, body: bytes) -> None:
        """Write down a file that was given out."""
        values = (self.now().isoformat(), session["user"], account, kind, period, len(body), hashlib.sha256(body).hexdigest())
        with self.database.transaction() as connection:
            columns = "(at, user, account, kind, period, size, sha256)"
            connection.execute(f"insert into downloads {columns} values (?, ?, ?, ?, ?, ?, ?)", values)


def truth(database: Database) -> dict[str, Any]:
    """Sign-ins, live sessions and files given out, as the bank has them on record."""
    held: dict[str, Any] = {
        table: [dict(row) for row in database.rows(f"select * from {table}")] for table in ("sign_ins", "downloads", "users")
    }
    held["sessions"] = [dict(row) for row in database.rows("select user, since, seen_at from live")]
    held["failed_sign_ins"] = sum(row["outcome"] == "failed" for row in held["sign_ins"])
    return held


def bank() -> Bank:
    """The bank of the current request."""
    found: Bank = current_app.config["BANK"]
    return found


def install(app: Flask, running: Bank) -> None:
    """Give `app` its bank and the filters that templates need."""
    app.config["BANK"] = running
    app.jinja_env.filters.update(brl=brl, money_text=lambda value: brl(Decimal(value)), cnpj=masked, day=lambda value: f"{value:%d/%m/%Y}")
    app.context_processor(lambda: {"bank": running, "session": session, "now": running.now()})


def closed_at_night(app: Flask) -> None:
    """Between 22h and 6h of the sandbox's clock every page says that the bank is closed."""

    def check() -> tuple[str, int] | None:
        hour, free = bank().now().time(), request.path.startswith(("/_sandbox/", "/static/", "/layout/", "/seiva/"))
        if free or NIGHT[1] <= hour < NIGHT[0]:
            return None
        return render_template("maintenance.html", text="Processamento noturno: voltamos às 6h."), 503

    app.before_request(check)


def masked(cnpj: str) -> str:
    """A CNPJ as screens show it: 11.222.333/0001-81."""
    return f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"


def signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let only the user's live session see a view; everyone else is sent to the sign-in page and told why."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        reason = bank().why_out()
        return sent_out(reason) if reason else view(*args, **kwargs)

    return guarded


def sent_out(reason: str) -> Answer:
    """To the sign-in page, where the reason stands as an alert."""
    session.clear()
    session["alert"] = reason
    return redirect(url_for("portal.entrance"))


def taken_alert() -> str:
    """The alert left by the page before, told once."""
    ended = isinstance(session, StoredSession) and session.ended
    return str(session.pop("alert", "")) or (EXPIRED if ended else "")


def attachment(body: bytes, name: str, mimetype: str) -> Response:
    """`body` as a file to be saved under a name as generic as banks like them."""
    other = faults.active("file-name")
    name = other.value if other else name
    return Response(body, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"})


def form_value(name: str) -> str:
    """A field of the posted form, trimmed; "" when it is not there."""
    return request.form.get(name, "").strip()
