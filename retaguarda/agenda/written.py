"""Triggers that people write at the console or with `trigger set`: kept in the store, in the words of config/triggers.toml.

One of the same name goes before the file's; when it is removed, the file's holds again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Count, Max

from retaguarda.audit import events
from retaguarda.calendars.files import read_toml
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError
from retaguarda.process import Process
from retaguarda.settings import Settings
from retaguarda.store.models import TriggerEntry
from retaguarda.triggers.file import load_triggers, parse_written, require_process, triggers_path
from retaguarda.triggers.trigger import Trigger

Table = Mapping[str, Any]


def all_triggers(settings: Settings) -> dict[str, Trigger]:
    """The triggers of config/triggers.toml and of the store by name; ConfigurationError names the one that cannot be understood."""
    written = [entry.table for entry in TriggerEntry.objects.order_by("name")]
    return load_triggers(settings) | parse_written(written, settings) if written else load_triggers(settings)


def version() -> tuple[object, ...]:
    """What tells one state of the store's triggers from another."""
    found = TriggerEntry.objects.aggregate(count=Count("pk"), latest=Max("changed_at"))
    return found["count"], found["latest"]


def tried(table: Table, settings: Settings, processes: Mapping[str, Process], clock: Clock) -> Trigger:
    """The trigger that a table states, its process and parameters tried as well; ConfigurationError says what is wrong."""
    [trigger] = parse_written([table], settings).values()
    require_process(trigger, processes, clock.now())
    return trigger


def write(table: Table, settings: Settings, processes: Mapping[str, Process], clock: Clock, who: str) -> Trigger:
    """Keep a trigger, new or in the place of one of that name, with its audit event."""
    trigger = tried(table, settings, processes, clock)
    with transaction.atomic():
        before = stated(trigger.name)
        facts = {"changed_by": who[:120], "changed_at": clock.now(), "table": dict(table)}
        TriggerEntry.objects.update_or_create(name=trigger.name, defaults=facts)
        events.record("trigger.written", target=trigger.name, who=who, data={"before": before, "after": dict(table)})
    return trigger


def remove(name: str, who: str) -> bool:
    """Take a trigger out of the store, with its audit event; whether the file has one of that name, which holds from now on.

    ConfigurationError when the store has none.
    """
    with transaction.atomic():
        entry = TriggerEntry.objects.filter(name=name).first()
        if entry is None:
            raise ConfigurationError(
                f"trigger {name} was not written at the console", remedy=f"switch it off, or take it out of {triggers_path()}"
            )
        entry.delete()
        after = stated(name)
        events.record("trigger.removed", target=name, who=who, data={"before": entry.table, "after": after})
    return after is not None


def stated(name: str) -> Table | None:
    """A trigger as it is written, in the store or else in the file."""
    entry = TriggerEntry.objects.filter(name=name).first()
    if entry is not None:
        return dict(entry.table)
    path = triggers_path()
    tables = read_toml(path).get("trigger", []) if path.exists() else []
    return next((dict(table) for table in tables if table.get("name") == name), None)


def writers() -> dict[str, TriggerEntry]:
    """The store's triggers by name: who wrote them, and when."""
    return {entry.name: entry for entry in TriggerEntry.objects.order_by("name")}
