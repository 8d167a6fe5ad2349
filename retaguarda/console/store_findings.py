"""What is to be said of a store: where it is, and whether it keeps its promises."""

from __future__ import annotations

from retaguarda.console.wiring import House
from retaguarda.language import say


def findings(house: House) -> list[tuple[str, bool, str]]:
    """Name, whether it is well, and what was seen; the store is open, so it flushes its commits and is up to date."""
    from retaguarda.store.databases import shown

    return [
        ("address", True, shown(house.store_url)),
        ("kind", True, kind()),
        ("commits", True, say("reach the disk before they count")),
        _tables(),
        _whole(),
        _locks(house),
        _log(house),
    ]


def kind() -> str:
    """The database and its version."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version" if connection.vendor == "postgresql" else "SELECT sqlite_version()")
        version = str(cursor.fetchone()[0]).partition(" ")[0]
    return f"{connection.display_name} {version}"


def _tables() -> tuple[str, bool, str]:
    from retaguarda.store.copy import tables

    rows = sum(model._default_manager.count() for model in tables())
    return "tables", True, say("{tables} tables, {rows} rows, up to date", tables=len(tables()), rows=rows)


def _whole() -> tuple[str, bool, str]:
    """What the database itself says of its files; a server looks after its own."""
    from django.db import connection

    if connection.vendor == "postgresql":
        return "integrity", True, say("looked after by the server")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check")
        said = str(cursor.fetchone()[0])
        cursor.execute("PRAGMA foreign_key_check")
        orphan = cursor.fetchone()
    if said != "ok" or orphan:
        return "integrity", False, said if said != "ok" else say("a row of {table} points nowhere", table=orphan[0])
    return "integrity", True, say("whole")


def _locks(house: House) -> tuple[str, bool, str]:
    """Whether a lock can be had, and keeps a second holder out."""
    locks = house.locks()
    with locks.hold("store/check"):
        well = locks.still_held("store/check") and not locks.is_free("store/check")
    kinds = {"Locks": say("files, for the processes of this machine"), "AdvisoryLocks": say("the server's, for every machine")}
    return "locks", well and locks.is_free("store/check"), kinds[type(locks).__name__]


def _log(house: House) -> tuple[str, bool, str]:
    from retaguarda.store.models import AuditFolder, OutboxEvent

    place, waiting = AuditFolder.objects.first(), OutboxEvent.objects.filter(sealed=False).count()
    if place is None:
        return "audit log", True, say("no event yet")
    where = say("in this home") if house.audit().kept_elsewhere() is None else f"{place.host}:{place.path}"
    return "audit log", True, say("{where}: {sealed} events sealed, {waiting} waiting", where=where, sealed=place.size, waiting=waiting)
