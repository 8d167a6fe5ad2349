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


SEEN_EVERY = dt.timedelta(seconds=5)
"""How exactly `seen_at` is kept: a write for every request would cost a disk flush each."""


class StoredSession(dict[str, Any], SessionMixin):
    """A session's values; `ended` tells why an earlier session of this browser is gone ("" or "idle"); a `frozen` one is not saved."""

    def __init__(
        self, sid: str, data: dict[str, Any], seen_at: dt.datetime | None = None, ended: str = "", *, frozen: bool = False
    ) -> None:
        super().__init__(data)
        self.sid = sid
        self.frozen = frozen
        self.ended = ended
        self.seen_at = seen_at
        self.stored = json.dumps(data)


class StoredSessions(SessionInterface):
    """Keeps sessions in the portal's database and ends those idle for longer than `idle` by the sandbox clock."""

    def __init__(self, name: str, database: Database, clock: Clock, idle: dt.timedelta) -> None:
        self.cookie = f"{name}_sid"  # cookies are shared by all ports of one host
        self.database, self.clock, self.idle = database, clock, idle

    def open_session(self, app: Flask, request: Request) -> StoredSession:  # noqa: ARG002
        replayed = request.environ.get("sandbox.session")
        if isinstance(replayed, StoredSession):
            return replayed
        if request.path.startswith("/_sandbox/"):
            return StoredSession("", {}, frozen=True)  # the controls are no visit
        sid = request.cookies.get(self.cookie, "")
        row = self.database.row("select data, seen_at from sessions where sid = ?", sid)
        if row is None:
            return StoredSession(secrets.token_urlsafe(24), {})
        seen_at = dt.datetime.fromisoformat(row["seen_at"])
        if self.clock.now() - seen_at > self.idle:
            self.database.keep("delete from sessions where sid = ?", sid)
            return StoredSession(secrets.token_urlsafe(24), {}, ended="idle")
        return StoredSession(sid, json.loads(row["data"]), seen_at)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Write what changed; a request that changed nothing cannot undo what another one wrote meanwhile."""
        assert isinstance(session, StoredSession)
        now, data = self.clock.now(), json.dumps(dict(session))
        if session.frozen:
            return
        if data != session.stored:
            self.database.keep(
                "insert into sessions values (?, ?, ?) on conflict (sid) do update set data = excluded.data, seen_at = excluded.seen_at",
                session.sid, data, now.isoformat(),
            )  # fmt: skip
            response.set_cookie(self.cookie, session.sid, httponly=True, samesite="Lax")
        elif session.seen_at and abs(now - session.seen_at) > SEEN_EVERY:
            self.database.keep("update sessions set seen_at = ? where sid = ?", now.isoformat(), session.sid)
