"""A trigger as the form of the console writes it, to and from the table of config/triggers.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retaguarda.errors import ConfigurationError

TEXTS = ("name", "process", "event", "calendar", "zone", "queue", "look_back", "portal", "expected", "reserve")
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "missed": {
        "latest": "Make up for the latest one only",
        "all": "Make up for all of them",
        "skip": "Make up for none",
    },
    "overlap": {
        "skip": "Skip the new fire",
        "queue": "Begin it when the earlier run has ended",
        "replace": "Stop the earlier run",
        "allow": "Let both run",
    },
    "gap": {"": "As is usual for the rule", "next": "At the first moment after the gap", "skip": "Not at all"},
    "fold": {"": "As is usual for the rule", "first": "The first time", "second": "The second time", "both": "Both times"},
    "closed": {"defer": "Wait for its next opening", "skip": "Skip the fire"},
}
"""What each policy may be, in words of the catalogue."""
FIELDS = (*TEXTS, *OPTIONS, "kind", "rule", "params", "windows", "enabled")
DEFAULTS = {"missed": "latest", "overlap": "skip", "closed": "defer", "kind": "rule", "enabled": "1", "calendar": "anbima"}


def of_table(table: Mapping[str, Any]) -> dict[str, str]:
    """What the form shows for a trigger that is written already, or for a new one."""
    form = {**dict.fromkeys(FIELDS, ""), **DEFAULTS, "zone": "America/Sao_Paulo", "queue": "default"}
    form |= {name: str(table[name]) for name in (*TEXTS, *OPTIONS) if name in table}
    if table:
        form |= {"kind": "cron" if "cron" in table else "rule", "rule": str(table.get("cron") or table.get("rule", ""))}
        form |= {"params": "\n".join(f"{key} = {value}" for key, value in table.get("params", {}).items())}
        form |= {"windows": "\n".join(table.get("windows", [])), "enabled": "1" if table.get("enabled", True) else ""}
    return form


def table(form: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The table that a form states over the one before: what the form does not ask for stays, what it leaves empty goes.

    ConfigurationError for a line without `=`.
    """
    found: dict[str, Any] = {name: value for name, value in before.items() if name not in FIELDS and name != "cron"}
    found |= {name: form[name].strip() for name in (*TEXTS, *OPTIONS) if form[name].strip()}
    found["cron" if form["kind"] == "cron" else "rule"] = form["rule"].strip()
    found["enabled"] = form["enabled"] == "1"
    if params := dict(map(_pair, filter(str.strip, form["params"].splitlines()))):
        found["params"] = params
    if windows := [line.strip() for line in form["windows"].splitlines() if line.strip()]:
        found["windows"] = windows
    return found


def taken(name: str) -> ConfigurationError:
    """That a new trigger has the name of one that exists."""
    return ConfigurationError(f"trigger {name} exists already", remedy="open it and change it, or choose another name")


def _pair(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip():
        raise ConfigurationError(f"{line.strip()!r} is no parameter", remedy="write one a line, such as month = 2026-10")
    return name.strip(), value.strip()
