"""Column types that are alike on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields.json import JSONExact, KeyTransform


class KeptJSON(models.JSONField):
    """JSON whose keys stay in the order they were given in, as a form shows them; PostgreSQL's `jsonb` would sort them."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        ready = super().get_db_prep_save(value, connection)
        if ready is None or connection.vendor != "postgresql":
            return ready
        from psycopg.types.json import Json  # a store in a file has no need of it

        return Json(ready.obj)

    def get_transform(self, lookup_name: str) -> Any:
        """A key of the document, e.g. `line__action`."""
        return super(models.JSONField, self).get_transform(lookup_name) or (lambda *args: _Key(lookup_name, *args))


class _Key(KeyTransform):
    """Comparing needs `jsonb`: `json` is text, and knows no equality."""

    def preprocess_lhs(self, compiler: Any, connection: BaseDatabaseWrapper) -> Any:
        lhs, params, keys = super().preprocess_lhs(compiler, connection)
        return f"({lhs})::jsonb" if connection.vendor == "postgresql" else lhs, params, keys


@KeptJSON.register_lookup
class _Same(JSONExact):
    """The same document, whatever the order of its keys."""

    def process_lhs(self, compiler: Any, connection: BaseDatabaseWrapper, lhs: Any = None) -> Any:
        sql, params = super().process_lhs(compiler, connection, lhs)
        return f"({sql})::jsonb" if connection.vendor == "postgresql" else sql, params
