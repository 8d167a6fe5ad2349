"""What the pages of the administration read: alerts, what is kept, backups, workers, and where each setting comes from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from retaguarda.configuration import configuration_files
from retaguarda.console.web.queries.beside import Beside, Kept
from retaguarda.console.wiring import House
from retaguarda.language import say
from retaguarda.operations.backup.create import Backups
from retaguarda.operations.backup.files import Manifest
from retaguarda.operations.retention import Expired, Retention
from retaguarda.settings import Settings
from retaguarda.store.databases import shown
from retaguarda.store.models import Alert, LegalHold, Milestone, Worker

PAGE = 50
"""Rows of a list."""
PLAN: Beside[None, Sequence[Expired]] = Beside("retention", lambda house, _: Retention(house.installation()).plan(), seconds=300)
"""The counts of what has expired: they look at every table."""
Read = Mapping[str, Mapping[str, Any]]
"""The tables of each file of the configuration."""


@dataclass(frozen=True)
class Setting:
    """A setting: its key, value, what it is, and where the value was written; `default` where nowhere."""

    key: str
    value: str
    about: str
    source: str


def settings(house: House) -> Iterator[Setting]:
    """Every setting, with its source; what could hold a password is shown without it."""
    read = {str(path): _read(path) for path in configuration_files()}
    yield from _of(house.settings, Settings.model_fields, (), read)


def _of(
    held: BaseModel, fields: Mapping[str, FieldInfo], under: tuple[str, ...], read: Mapping[str, Mapping[str, Any]]
) -> Iterator[Setting]:
    for name, field in fields.items():
        value, key = getattr(held, name), (*under, name)
        if isinstance(value, BaseModel):
            yield from _of(value, type(value).model_fields, key, read)
        elif isinstance(value, dict) and value and all(isinstance(one, BaseModel) for one in value.values()):
            for inner, one in value.items():
                yield from _of(one, type(one).model_fields, (*key, inner), read)
        else:
            yield Setting(".".join(key), _value(key, value), field.description or "", _source(key, read))


def _value(key: tuple[str, ...], value: Any) -> str:
    if key == ("store", "url"):
        return shown(value) if value else "—"
    if value is None or (isinstance(value, str | dict | tuple) and not value):
        return "—"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _source(key: tuple[str, ...], read: Read) -> str:
    """The variable or the last file that states a key."""
    variable = f"RETAGUARDA_{'__'.join(key)}".upper()
    if variable in (name.upper() for name in os.environ):
        return variable
    return next((path for path, table in reversed(list(read.items())) if _states(table, key)), "")


def _states(table: Any, key: tuple[str, ...]) -> bool:
    for part in key:
        if not isinstance(table, Mapping) or part not in table:
            return False
        table = table[part]
    return True


def _read(path: Any) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return tomllib.loads(path.read_text("utf-8"))
    return {}


def alerts(after: str = "") -> tuple[list[Alert], list[Alert], str]:
    """Causes that are open, the latest ones that are over, and where the next page of those begins."""
    still = list(Alert.objects.filter(recovered_at=None).order_by("-last_at")[:PAGE])
    over = Alert.objects.exclude(recovered_at=None)
    if after.isdecimal():
        over = over.filter(pk__lt=int(after))
    found = list(over.order_by("-pk")[: PAGE + 1])
    return still, found[:PAGE], str(found[PAGE - 1].pk) if len(found) > PAGE else ""


def retention_plan(house: House) -> Kept[Sequence[Expired]] | None:
    """What of each class has expired, as it was counted last."""
    return PLAN.get(house, None)


def holds() -> list[LegalHold]:
    """Holds that stand, and the latest that were lifted."""
    return list(LegalHold.objects.select_related("run").order_by("lifted_at", "-pk")[:PAGE])


def milestones() -> Mapping[str, Milestone]:
    """The latest backup, restore and digest."""
    return {one.name: one for one in Milestone.objects.all()[:PAGE]}


def backups(house: House) -> list[Manifest]:
    """The backups of the folder, the newest first."""
    folder = house.settings.backup.folder
    return Backups(house.installation(), folder).all()[:PAGE] if folder and folder.is_dir() else []


def workers(house: House) -> list[tuple[Worker, str]]:
    """Workers and schedulers, and how each stands."""
    return [(worker, _standing(house, worker)) for worker in house.workers().recent()[: PAGE * 2]]


def _standing(house: House, worker: Worker) -> str:
    if worker.stopped_at:
        return say("ended")
    if not house.workers().living(worker):
        return say("died")
    return say("draining") if worker.draining else say("working")
