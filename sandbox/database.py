"""The ground truth of one portal: an SQLite file where a commit means that the disk has it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Database:
    """One shared connection behind a lock; `synchronous=FULL`, so what was committed survives any kill.

    `forget` is asked before every commit: when it answers True the transaction is rolled back instead, in silence
    (that is how the fault `swallow` works, whatever the portal does).
    """

    def __init__(self, path: Path, schema: str, forget: Callable[[], bool] = lambda: False) -> None:
        self.path = path
        self.is_new = not path.exists()
        self._forget = forget
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=full")
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed durably at the end, or rolled back when it raises. Not to be nested."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("rollback" if self._forget() else "commit")

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def value(self, sql: str, *values: object) -> object:
        """The first column of the first row, None when there is no row."""
        found = self.row(sql, *values)
        return found[0] if found else None

    def run(self, sql: str, *values: object) -> None:
        """One statement in a transaction of its own."""
        with self.transaction() as connection:
            connection.execute(sql, values)

    def keep(self, sql: str, *values: object) -> None:
        """One statement that is never forgotten: for what is no business of the portal, such as sessions."""
        with self._lock:
            self._connection.execute(sql, values)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
