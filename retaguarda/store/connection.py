"""Opens the store once a process."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet

from asgiref.local import Local
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, OperationalError, ProgrammingError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.locks import process_lock
from retaguarda.redaction import redactor
from retaguarda.store import migrations
from retaguarda.store.advisory import end_session, server_lock
from retaguarda.store.databases import database, shown

LEFT = 1
"""`PRAGMA user_version` of a file that was copied elsewhere: going on with it would make two histories."""


def connect(url: str) -> None:
    """Open the store and bring its tables up to date; StoreUnavailable when it cannot be opened.

    Call before importing `retaguarda.store.models`. A later call leaves the earlier store for the one it names.
    """
    set_up()
    point_at(url)
    try:
        if pending():
            migrate()
        require_durable()
    except DatabaseError as error:
        raise StoreUnavailable(f"the store at {shown(url)} cannot be opened: {_in_one_line(error)}", remedy=_remedy()) from error


def _in_one_line(error: DatabaseError) -> str:
    return redactor.clean(" ".join(str(error).split()))


def _remedy() -> str:
    if connection.vendor == "postgresql":
        return "check the server, the address and the password; see docs/postgresql.md"
    return "check the path, its rights and the disk"


def set_up(settings_module: str = "retaguarda.store.django_settings") -> None:
    """Make the tables' classes importable; opens nothing. The first call of a process decides for its settings."""
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    # Playwright's sync API runs an event loop in this thread; our calls stay synchronous, so the guard does not apply
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    apps.populate(settings.INSTALLED_APPS)  # django.setup() would bring its web half along


def point_at(url: str) -> None:
    """Let go of the store that was open and take this one; StoreUnavailable when its folder cannot be made."""
    chosen = database(url)
    path = Path(chosen["NAME"])
    try:
        if url.startswith("sqlite://") and chosen["NAME"] != ":memory:":
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the store at {url} cannot be opened: {error}", remedy="check the path and its rights") from error
    end_session()
    for opened in list(_opened):
        opened.inc_thread_sharing()  # a thread may have left one behind
        BaseDatabaseWrapper.close(opened)  # SQLite's own keeps a store in memory open
    connections.settings["default"] = connections.settings["default"] | chosen
    # no thread goes on with a connection of another kind
    connections._connections = Local(connections.thread_critical)  # type: ignore[attr-defined]


_opened: WeakSet[BaseDatabaseWrapper] = WeakSet()
"""Every connection of this process: while a browser runs, its event loop gives this thread a second one."""


def _remember(connection: BaseDatabaseWrapper, **_: object) -> None:
    _opened.add(connection)


connection_created.connect(_remember, dispatch_uid="retaguarda.store")


def pending() -> list[str]:
    """The migrations that the open store lacks, in order: Django's own question, without its graph (half a second a start)."""
    known = {module.name for module in pkgutil.iter_modules(migrations.__path__)}
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT name FROM django_migrations WHERE app = 'store'")
        except (OperationalError, ProgrammingError):  # no such table, or a store that cannot be read: migrating tells which
            return sorted(known)
        applied = {name for (name,) in cursor.fetchall()}
    if newer := applied - known:
        raise StoreUnavailable(
            f"a newer version of Retaguarda wrote the store: {min(newer)}",
            remedy="install that version, or restore the backup made before it",
        )
    return sorted(known - applied)


def migrate() -> None:
    """Bring the tables up to this version; one process at a time."""
    from django.core.management import call_command

    with _alone():
        call_command("migrate", verbosity=0, interactive=False)


@contextmanager
def _alone() -> Iterator[None]:
    """Two first starts at once must not both make the tables."""
    path = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        with server_lock("migration"):
            yield
    elif path == ":memory:":
        yield
    else:
        with process_lock(Path(f"{path}.migration.lock"), wait=True):
            yield


def require_durable() -> None:
    """Refuse a store that may lose what it said it kept."""
    if connection.vendor == "postgresql":
        _require_durable_server()
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA user_version")
        if cursor.fetchone()[0] == LEFT:
            raise ConfigurationError(
                "this store was copied to another one, where its history goes on",
                remedy="set store.url to the new address, see docs/postgresql.md",
            )
        cursor.execute("PRAGMA synchronous")
        if cursor.fetchone()[0] < 2:
            raise StoreUnavailable("the store does not flush commits to disk (synchronous is not FULL)")


def _require_durable_server() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(_NEEDED)])
        held = dict(cursor.fetchall())
        cursor.execute("SELECT pg_is_in_recovery()")
        standby = cursor.fetchone()[0]
    if standby:
        raise StoreUnavailable("the store is a standby, which takes no writes", remedy="give the address of the primary server")
    for name, value in _NEEDED.items():
        if held[name] != value:
            raise StoreUnavailable(
                f"the store's server has {name} = {held[name]}: it may lose what it said it kept",
                remedy=f"set {name} = {value} on the server, see docs/postgresql.md",
            )


_NEEDED = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "server_encoding": "UTF8"}
"""What a server must be set to; the sessions themselves ask for synchronous_commit."""
