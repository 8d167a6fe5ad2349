"""Stores for benches: a SQLite file, or a database of a PostgreSQL server that is started for it, in a folder that goes again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from retaguarda.store.connection import connect, point_at

KINDS = ("sqlite", "postgresql")


@contextmanager
def fresh_store(kind: str) -> Iterator[tuple[str, Path]]:
    """An open, migrated, empty store and the folder of its installation."""
    from tests.postgres import running_postgres

    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="retaguarda-bench-")))
        if kind == "sqlite":
            url = f"sqlite://{home / 'retaguarda.db'}"
        else:
            url = stack.enter_context(stack.enter_context(running_postgres()).database())
        connect(url)
        try:
            yield url, home
        finally:
            point_at("sqlite://:memory:")
