"""Locks on PostgreSQL: advisory locks of a session, which the server frees when the session ends, however it ends.

`AdvisoryLocks` is what `retaguarda.locks.Locks` is on one machine. Its locks belong to a session of their own, so that
neither a rollback nor a broken statement of the work frees one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection

from retaguarda.errors import LeaseHeld, StoreUnavailable
from retaguarda.locks import Locks
from retaguarda.redaction import redactor

if TYPE_CHECKING:
    from psycopg import Connection

_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32) | objid::bigint = %s {by}
)
"""
HELD_BY_ANYBODY = _HELD.format(by="")
HELD_BY_ME = _HELD.format(by="AND pid = pg_backend_pid()")


def locks_for(folder: Path) -> Locks:
    """The locks of the store that is open: the server's on PostgreSQL, else files in `folder`."""
    return AdvisoryLocks(folder) if connection.vendor == "postgresql" else Locks(folder)


def lock_key(name: str) -> int:
    """The 64-bit number that a lock goes by at the server."""
    return int.from_bytes(hashlib.sha256(f"retaguarda/{name}".encode()).digest()[:8], signed=True)


class AdvisoryLocks(Locks):
    """The locks of all machines that work on one store; safe to use from several threads."""

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        session = _take(name)
        try:
            yield
        finally:
            _free(session, name)

    def still_held(self, name: str) -> bool:
        """Whether the server still knows this process as the holder; one that cannot be asked says no."""
        with _mutex:
            session = _holders.get(_place(name))
            return session is not None and session.answers(HELD_BY_ME, name)

    def is_free(self, name: str) -> bool:
        """Whether nobody holds the lock; asked without taking it."""
        with connection.cursor() as cursor:
            cursor.execute(HELD_BY_ANYBODY, [lock_key(name)])
            return not cursor.fetchone()[0]


@dataclass(eq=False)
class _Session:
    """One session at the server, of this process and for locks alone."""

    place: str
    link: Connection[Any]
    process: int = field(default_factory=os.getpid)

    def is_of(self, place: str) -> bool:
        return self.place == place and self.process == os.getpid() and not self.link.closed

    def answers(self, question: str, name: str) -> bool:
        """What the server says to a question about a lock; no, when the session is over."""
        from psycopg import Error

        try:
            row = self.link.execute(question, [lock_key(name)]).fetchone()
        except Error:
            self.link.close()
            return False
        return bool(row and row[0])


_mutex = threading.RLock()
_sessions: list[_Session] = []
"""The session of this process, when it has one."""
_holders: dict[tuple[int, str, str], _Session] = {}
"""Which session took which lock: after a loss the name is still known, its session is not the present one."""


def end_session() -> None:
    """Give the session for locks back, when nothing is held in it: the store is left for another."""
    with _mutex:
        for session in _sessions:
            if session.process == os.getpid() and session not in _holders.values():
                session.link.close()


def _store() -> str:
    held = connection.settings_dict
    return f"{held['HOST']}:{held['PORT']}/{held['NAME']}"


def _place(name: str) -> tuple[int, str, str]:
    return os.getpid(), _store(), name


def _take(name: str) -> _Session:
    with _mutex:
        if _place(name) in _holders:  # the server would give it to the same session again
            raise LeaseHeld(f"{name} is held by this process", remedy="wait for the other run to end")
        for _ in range(2):  # a session that broke meanwhile is noticed when it is used
            session = _session()
            if session.answers("SELECT pg_try_advisory_lock(%s)", name):
                _holders[_place(name)] = session
                return session
            if not session.link.closed:
                raise LeaseHeld(f"{name} is held by another run", remedy="wait for the other run to end")
        raise StoreUnavailable(f"the lock {name} cannot be asked for: the session was lost", remedy="check the server")


def _free(session: _Session, name: str) -> None:
    with _mutex:
        _holders.pop((session.process, session.place, name), None)
        if session.process == os.getpid() and not session.link.closed:
            session.answers("SELECT pg_advisory_unlock(%s)", name)


def _session() -> _Session:
    """The session of this process for the store that is open; a new one when the last was lost or was another process's."""
    _sessions[:] = [session for session in _sessions if session.is_of(_store())]
    if not _sessions:
        _sessions.append(_Session(_store(), _connected()))
    return _sessions[0]


def _connected() -> Connection[Any]:
    """A connection like the store's own, outside of every transaction."""
    import psycopg

    asked = connection.get_connection_params()
    wanted = {name: value for name, value in asked.items() if name not in {"cursor_factory", "context", "prepare_threshold"}}
    try:
        return psycopg.connect(**wanted, autocommit=True)
    except psycopg.Error as error:
        told = redactor.clean(" ".join(str(error).split()))
        raise StoreUnavailable(f"the store's server gives no session for locks: {told}", remedy="check the server") from error


def one_at_a_time(name: str) -> None:
    """Wait, inside the open transaction, until every other that asked for the name is over; SQLite's writers take turns anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(name)])


@contextmanager
def server_lock(name: str) -> Iterator[None]:
    """Wait for a lock of the store's own connection and hold it for the block: PostgreSQL only, and only for short work."""
    key = lock_key(name)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        finally:
            cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        with contextlib.suppress(StoreUnavailable), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
