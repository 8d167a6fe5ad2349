"""Server-side sessions: the browser holds a random cookie, SQLite holds what it means."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from sandbox.clock import Clock
from sandbox.database import Database

SCHEMA = "create table if not exists sessions (sid text primary key, data text not null, seen_at text not null);"


class StoredSession(dict[str, Any], SessionMixin):
    """A session's values; `ended` tells why an earlier session of this browser is gone ("" or "idle")."""

    def __init__(self, sid: str, data: dict[str, Any], ended: str = "") -> None:
        super().__init__(data)
        self.sid = sid
        self.ended = ended


class StoredSessions(SessionInterface):
    """Keeps sessions in the portal's database and ends those idle for longer than `idle` by the sandbox clock."""

    def __init__(self, name: str, database: Database, clock: Clock, idle: dt.timedelta) -> None:
        self.cookie = f"{name}_sid"  # cookies are shared by all ports of one host
        self.database, self.clock, self.idle = database, clock, idle

    def open_session(self, app: Flask, request: Request) -> StoredSession:  # noqa: ARG002
        replayed = request.environ.get("sandbox.session")
        if isinstance(replayed, StoredSession):
            return replayed
        sid = request.cookies.get(self.cookie, "")
        row = self.database.row("select data, seen_at from sessions where sid = ?", sid)
        if row is None:
            return StoredSession(secrets.token_urlsafe(24), {})
        if self.clock.now() - dt.datetime.fromisoformat(row["seen_at"]) > self.idle:
            self.database.run("delete from sessions where sid = ?", sid)
            return StoredSession(secrets.token_urlsafe(24), {}, ended="idle")
        return StoredSession(sid, json.loads(row["data"]))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        if not isinstance(session, StoredSession):
            return
        self.database.run(
            "insert into sessions values (?, ?, ?) on conflict (sid) do update set data = excluded.data, seen_at = excluded.seen_at",
            session.sid, json.dumps(dict(session)), self.clock.now().isoformat(),
        )  # fmt: skip
        response.set_cookie(self.cookie, session.sid, httponly=True, samesite="Lax")
