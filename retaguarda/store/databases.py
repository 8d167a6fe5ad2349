"""Store addresses as Django understands them."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from retaguarda.errors import ConfigurationError
from retaguarda.redaction import redactor

SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
"""FULL, never NORMAL: NORMAL loses acknowledged intents in a power cut."""
POSTGRESQL = {"postgresql", "postgres"}
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""Seconds and times: 25 s after a machine fell silent its sessions end, and with them its locks."""
SESSION = {
    **{f"tcp_{name}": str(value) for name, value in KEEPALIVES.items()},  # the server's side of them
    "tcp_user_timeout": "25s",
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "60s",  # a stopped process must not keep rows from the others
    "lock_timeout": "30s",  # as long as SQLite waits
}
ALLOWED = {"host", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "target_session_attrs"}
"""libpq's own words that may stand behind the `?` of an address."""


def database(url: str) -> dict[str, Any]:
    """Django's database entry for an address; ConfigurationError, without the password, for one that is none.

    `sqlite://relative/path`, `sqlite:///absolute/path`, or `postgresql://user:password@host:port/name?sslmode=verify-full`.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return _entry("django.db.backends.sqlite3", rest, {"init_command": SQLITE_PRAGMAS, "transaction_mode": "IMMEDIATE", "timeout": 30})
    if scheme in POSTGRESQL:
        return _postgresql(url)
    raise ConfigurationError(
        f"store.url: {scheme!r} is no kind of store", remedy="use sqlite:///path/to/file or postgresql://user@host:5432/name"
    )


def _postgresql(url: str) -> dict[str, Any]:
    parts, port = _split(url)
    redactor.add(unquote(parts.password or ""))
    extra = dict(parse_qsl(parts.query))
    if wrong := sorted(extra.keys() - ALLOWED):
        raise ConfigurationError(f"store.url: unknown {wrong[0]!r} behind the ?", remedy=f"known: {', '.join(sorted(ALLOWED))}")
    host = extra.pop("host", unquote(parts.hostname or ""))
    options = {
        "connect_timeout": 10,
        "application_name": "retaguarda",
        "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
        "tcp_user_timeout": 25_000,
        "isolation_level": 2,  # psycopg.IsolationLevel.READ_COMMITTED, whatever the server's default
        **KEEPALIVES,
        **extra,
    }
    return _entry(
        "retaguarda.store.postgresql",
        unquote(parts.path.lstrip("/")),
        options,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=host,
        port=port,
    )


def _split(url: str) -> tuple[SplitResult, str]:
    """The parts of an address and its port; a port that is no number must not show the password that stands before it."""
    try:
        parts = urlsplit(url)
        port = str(parts.port or "")
    except ValueError:
        parts, port = None, ""
    if parts is None or not parts.path.strip("/"):
        raise ConfigurationError(
            "store.url is no address of a database",
            remedy="write postgresql://user:password@host:5432/name; in the password write %40 for @, %2F for /, %3A for :",
        )
    return parts, port


def _entry(
    engine: str, name: str, options: dict[str, Any], *, user: str = "", password: str = "", host: str = "", port: str = ""
) -> dict[str, Any]:
    """An entry that leaves nothing of an earlier one."""
    return {
        "ENGINE": engine,
        "NAME": name,
        "OPTIONS": options,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": None,
    }


def shown(url: str) -> str:
    """The address as it may be shown: without its password."""
    before, sign, after = url.rpartition("@")
    scheme, _, user = before.partition("://")
    return f"{scheme}://{user.partition(':')[0]}@{after}" if sign and scheme in POSTGRESQL else url


def with_password(url: str, password: str) -> str:
    """The address with a password that is kept elsewhere, for libraries that connect by themselves."""
    redactor.add(password)
    scheme, _, rest = url.partition("://")
    user, sign, place = rest.rpartition("@")
    if not sign:
        raise ConfigurationError("store.url names no user", remedy="write postgresql://user@host:5432/name")
    return f"{scheme}://{user.partition(':')[0]}:{quote(password, safe='')}@{place}"
