"""The stores of a lane: a SQLite file, or a PostgreSQL server of the lane's own, each locked, and the server started anew, on order."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
from django.db import connections

from retaguarda.store.connection import connect, point_at
from tests.postgres import PostgresServer, running_postgres

EVENTS = "store_outboxevent"
"""Nothing changes its state without a row in this table."""


class LaneStore(Protocol):
    """A store and what can happen to it."""

    def hold(self, meanwhile: Callable[[], None]) -> None:
        """Let nobody else write meanwhile."""

    def restart(self) -> bool:
        """Start the server anew, as after a failure of its machine; whether there is one."""

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """What it holds that is no file of the installation, by name."""


@dataclass(frozen=True)
class SqliteStore:
    """A file."""

    path: Path

    def hold(self, meanwhile: Callable[[], None]) -> None:
        with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as store:
            store.execute("begin immediate")
            meanwhile()
            store.execute("rollback")

    def restart(self) -> bool:
        return False

    def texts(self) -> Iterator[tuple[str, bytes]]:
        return iter(())


@dataclass(frozen=True)
class PostgresStore:
    """A database of a server that runs for this lane alone."""

    server: PostgresServer
    url: str

    def hold(self, meanwhile: Callable[[], None]) -> None:
        with psycopg.connect(self.url) as link:
            link.execute(f"LOCK TABLE {EVENTS} IN ACCESS EXCLUSIVE MODE".encode())
            meanwhile()
            link.rollback()

    def restart(self) -> bool:
        self.server.stop()
        self.server.start()
        connections.close_all()
        return True

    def texts(self) -> Iterator[tuple[str, bytes]]:
        with psycopg.connect(self.url) as link:
            for table in self._tables(link):
                with link.cursor().copy(f"COPY {table} TO STDOUT".encode()) as rows:
                    yield table, b"".join(rows)

    @staticmethod
    def _tables(link: psycopg.Connection) -> list[str]:
        return [str(name) for (name,) in link.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'store%' ORDER BY 1")]


@contextmanager
def sqlite_store(home: Path) -> Iterator[SqliteStore]:
    """A store in a file of this installation, open."""
    path = home / "retaguarda.db"
    connect(f"sqlite://{path}")
    yield SqliteStore(path)


@contextmanager
def postgres_store(home: Path) -> Iterator[PostgresStore]:  # noqa: ARG001  # opened as the other one is
    """A store at a server of its own, open."""
    with running_postgres() as server:
        url = server.url("postgres")
        connect(url)
        try:
            yield PostgresStore(server, url)
        finally:
            point_at("sqlite://:memory:")
