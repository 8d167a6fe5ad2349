"""Moves a store, from its file to a server: every row once, in one transaction, and proven by counting and hashing both sides."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.store.connection import LEFT, connect, point_at
from retaguarda.store.databases import database, shown

TARGET = "target"
AT_ONCE = 1000
Tell = Callable[[str, int], None]
"""Told a table's name and how many of its rows were done."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a table holds: its rows, and a digest that any change of any row changes, whatever order they are read in."""

    table: str
    rows: int
    digest: str


def tables() -> list[type[models.Model]]:
    """Every table of ours; the server makes its own list of migrations."""
    return sorted(apps.get_models(), key=lambda model: model._meta.db_table)


def proofs(alias: str = DEFAULT_DB_ALIAS) -> list[Proof]:
    """The proof of every table of a store."""
    return [_proof(model, alias) for model in tables()]


def prepare(url: str, source: str) -> None:
    """Make the tables at `url`, and refuse a server that may lose what it keeps; the store at `source` is open again afterwards."""
    try:
        connect(url)
    finally:
        point_at(source)


def copy_to(url: str, tell: Tell) -> list[Proof]:
    """Copy every table of the open store, whose write lock the caller holds, to the empty store at `url`; returns what it holds then.

    All in one transaction of the target: whatever breaks off leaves it empty. Raises StoreUnavailable when the target does not
    hold, row for row, what was read.
    """
    with _reached(url) as target, transaction.atomic(using=TARGET):
        for model in tables():
            if model._default_manager.using(TARGET).exists():
                raise ConfigurationError(
                    f"the store at {shown(url)} is not empty: it holds rows of {model._meta.db_table}",
                    remedy="make a new database and copy into that one",
                )
        read = [_copied(model, target, tell) for model in tables()]
        for statement in target.ops.sequence_reset_sql(no_style(), tables()):
            with target.cursor() as cursor:
                cursor.execute(statement)
        written = proofs(TARGET)
        if written != read:
            wrong = next(there.table for here, there in zip(read, written, strict=True) if here != there)
            raise StoreUnavailable(f"the copy of {wrong} is not what was read: nothing was kept", remedy="copy again, and report it")
    return written


def leave() -> None:
    """Mark the open store, a file, as left: whoever opens it is told that its history goes on elsewhere."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(f"PRAGMA user_version = {LEFT}")


@contextmanager
def _reached(url: str) -> Iterator[Any]:
    """The store at `url`, beside the one that is open."""
    connections.settings[TARGET] = connections.settings[DEFAULT_DB_ALIAS] | database(url)
    try:
        yield connections[TARGET]
    finally:
        connections[TARGET].close()
        del connections[TARGET]
        del connections.settings[TARGET]


def _copied(model: type[models.Model], target: Any, tell: Tell) -> Proof:
    """Copy a table; returns the proof of what was read."""
    fields, found = model._meta.concrete_fields, _Sum()
    columns = ", ".join(target.ops.quote_name(field.column) for field in fields)
    into = f"COPY {target.ops.quote_name(model._meta.db_table)} ({columns}) FROM STDIN"
    with target.cursor() as cursor, cursor.copy(into) as copying:
        for row in _rows(model, DEFAULT_DB_ALIAS):
            copying.write_row([field.get_db_prep_save(value, target) for field, value in zip(fields, row, strict=True)])
            found.add(row)
            if found.rows % AT_ONCE == 0:
                tell(model._meta.db_table, AT_ONCE)
    return found.proof(model)


def _proof(model: type[models.Model], alias: str) -> Proof:
    found = _Sum()
    for row in _rows(model, alias):
        found.add(row)
    return found.proof(model)


def _rows(model: type[models.Model], alias: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a table in its columns' order."""
    names = [field.attname for field in model._meta.concrete_fields]
    return model._default_manager.using(alias).order_by("pk").values_list(*names).iterator(chunk_size=AT_ONCE)


@dataclass
class _Sum:
    """Counts rows and adds up their hashes: two servers need not agree on the order of texts."""

    rows: int = 0
    total: int = 0

    def add(self, row: tuple[Any, ...]) -> None:
        raw = json.dumps(row, default=_plain).encode()
        self.rows, self.total = self.rows + 1, (self.total + int.from_bytes(hashlib.sha256(raw).digest())) % (1 << 256)

    def proof(self, model: type[models.Model]) -> Proof:
        return Proof(model._meta.db_table, self.rows, f"{self.total:064x}")


def _plain(value: Any) -> str:
    """A value as text that is the same on every kind of store."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)
