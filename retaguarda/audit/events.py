"""Audit events: one line each, written in the same transaction as the state they tell of."""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson
from django.db import connection

from retaguarda import __version__
from retaguarda.audit import versions
from retaguarda.clock import SAO_PAULO, Clock, boot_id
from retaguarda.errors import StoreUnavailable
from retaguarda.redaction import redactor
from retaguarda.store.models import OutboxEvent

LONGEST = 16 * 1024
"""Bytes of a line."""
LONGEST_NAME, BESIDES = 300, 5000
"""Characters of an item or a target; bytes of a line that are not its data, however they are escaped."""
_CLOCK = Clock()
_BOOT = boot_id()
_acting: ContextVar[str] = ContextVar("acting", default="")


def actor() -> str:
    """Who acts: the person signed in at the console, the named operator of RETAGUARDA_ACTOR, else the user of the machine."""
    return _acting.get() or os.environ.get("RETAGUARDA_ACTOR") or getpass.getuser()


@contextmanager
def acting(who: str) -> Iterator[None]:
    """Whatever is recorded within the block was done by this person."""
    before = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(before)


def record(action: str, *, run: str = "", item: str = "", target: str = "", who: str = "", data: Mapping[str, Any] | None = None) -> None:
    """Write an event into the outbox; only inside a transaction, so that state and audit can never disagree."""
    prepared(action, run=run, item=item, target=target, who=who, data=data).save()


def prepared(
    action: str, *, run: str = "", item: str = "", target: str = "", who: str = "", data: Mapping[str, Any] | None = None
) -> OutboxEvent:
    """An event for whoever writes many at once; it must be written in the transaction that it is made in."""
    if not connection.in_atomic_block:
        raise StoreUnavailable(f"audit event {action} outside a transaction: a defect of the program")
    now = dt.datetime.now(dt.UTC)
    line = {
        "v": 1,
        "id": secrets.token_hex(16),  # salt as well: a leaf hash whose line was erased must not be guessed
        "ts": now.isoformat(timespec="microseconds"),
        "local": now.astimezone(SAO_PAULO).isoformat(timespec="seconds"),
        "boot": _BOOT,
        "mono": round(_CLOCK.monotonic(), 6),
        "actor": who or actor(),
        "version": __version__,
        **({"versions": versions.standing(run)} if run else {}),
        "action": action,
        "run": run,
        "item": _clean(item)[:LONGEST_NAME],
        "target": _clean(target)[:LONGEST_NAME],
        "data": _bounded(_clean(data or {})),
    }
    return OutboxEvent(at=now, line=line)


def _bounded(data: Any) -> Any:
    """The data, or only its digest when it would make the line longer than a log keeps."""
    raw = orjson.dumps(data)
    return data if len(raw) <= LONGEST - BESIDES else {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), "cut": True}


def _clean(value: Any) -> Any:
    """The value with every known secret removed and long texts cut."""
    if isinstance(value, Mapping):
        return {redactor.clean(str(key)): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    if isinstance(value, str):
        clean = redactor.clean(value)
        return clean if len(clean) <= LONGEST // 4 else f"{clean[: LONGEST // 4]}…"
    plain = value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else redactor.clean(str(value))
