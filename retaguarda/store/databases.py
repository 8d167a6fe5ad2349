"""Store addresses as Django understands them."""

from __future__ import annotations

from retaguarda.errors import ConfigurationError

SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
"""FULL, never NORMAL: NORMAL loses acknowledged intents in a power cut."""


def database(url: str) -> dict[str, object]:
    """Django's database entry for `sqlite://relative/path` or `sqlite:///absolute/path`; other stores are refused with the remedy."""
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite":
        raise ConfigurationError(f"store.url: {scheme!r} is not supported yet", remedy="use sqlite:///path/to/file")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": rest,
        "OPTIONS": {"init_command": SQLITE_PRAGMAS, "transaction_mode": "IMMEDIATE", "timeout": 30},
    }
