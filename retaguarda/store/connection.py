"""Opens the store once a process."""

from __future__ import annotations

import os
from pathlib import Path

import django
from django.core.management import call_command
from django.db import DatabaseError, connection

from retaguarda.errors import StoreUnavailable


def connect(url: str) -> None:
    """Open the store and bring its tables up to date; StoreUnavailable when it cannot be opened.

    Call before importing `retaguarda.store.models`; a second call with the same address does nothing.
    """
    os.environ["RETAGUARDA_STORE"] = url
    os.environ["DJANGO_SETTINGS_MODULE"] = "retaguarda.store.django_settings"
    # Playwright's sync API runs an event loop in this thread; our calls stay synchronous, so the guard does not apply
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    path = url.removeprefix("sqlite://")
    if path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    django.setup()
    try:
        call_command("migrate", verbosity=0, interactive=False)
        _require_full_sync()
    except DatabaseError as error:
        raise StoreUnavailable(
            f"the store at {path} cannot be opened: {error}", remedy="check the path, its rights and the disk"
        ) from error


def _require_full_sync() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        if cursor.fetchone()[0] < 2:
            raise StoreUnavailable("the store does not flush commits to disk (synchronous is not FULL)")
