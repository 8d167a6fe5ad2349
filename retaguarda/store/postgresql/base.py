"""Connections that come back after the server was started anew, and JSON as it was written."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.types.string import TextLoader


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection of one thread."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        connection: Connection[Any] = super().get_new_connection(conn_params)
        connection.adapters.register_loader("json", TextLoader)  # the fields read it, as they read jsonb
        return connection

    def close_if_health_check_failed(self) -> None:
        """Let go of a connection that broke, so that its next use makes a new one; inside a transaction it stays broken."""
        if self.connection is not None and self.connection.closed and not self.in_atomic_block:
            self.close()
        super().close_if_health_check_failed()
