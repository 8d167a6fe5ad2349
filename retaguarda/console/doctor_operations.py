"""What `retaguarda doctor` looks at beyond this machine: triggers, scheduler, workers, alerts, backup, a restored store, the server.

A plain machine that launches runs by hand needs none of it: what is not there is told, and fails nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from retaguarda.console.doctor_finding import Finding
from retaguarda.console.wiring import House
from retaguarda.errors import RetaguardaError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.models import Worker

FEWEST_SESSIONS = 50
"""Sessions of a server that a scheduler and a few workers with their children get along with."""
OLDEST_SERVER = 13


def triggers(house: House) -> Finding:
    """Whether config/triggers.toml, the calendars and the deadlines can be understood."""
    found = house.triggers()
    enabled = sum(trigger.enabled for trigger in found.values())
    return Finding("triggers", well=True, seen=say("{enabled} of {count} triggers are on", enabled=enabled, count=len(found)))


def scheduler(house: House) -> Finding:
    """Whether somebody follows the triggers that are on."""
    alive, dead = _processes(house, "scheduler")
    seen = _told(alive, dead)
    if alive or dead:
        return Finding("scheduler", well=not dead, seen=seen, remedy="retaguarda scheduler start")
    needed = any(trigger.enabled for trigger in house.triggers().values())
    return Finding(
        "scheduler", well=False, seen=seen, remedy=say("to start one: {command}", command="retaguarda scheduler start"), needed=needed
    )


def workers(house: House) -> Finding:
    """Whether somebody carries queued runs out."""
    from retaguarda.store.models import RunRecord, RunState

    alive, dead = _processes(house, "worker")
    served = {queue for worker in alive for queue in worker.queues}
    waiting = set(RunRecord.objects.filter(state=RunState.PENDING, parent=None).exclude(queue="").values_list("queue", flat=True)) - served
    seen = _told(alive, dead) + (say("; runs wait in {queues}", queues=", ".join(sorted(waiting))) if waiting else "")
    start = "retaguarda worker start --queues " + (",".join(sorted(waiting)) or "default")
    return Finding(
        "workers", bool(alive) and not dead and not waiting, seen, say("to start one: {command}", command=start), bool(dead or waiting)
    )


def alerts(house: House) -> Finding:
    """Whether anybody would be told, and what is open."""
    from retaguarda.store.models import Alert, Notice

    targets = house.settings.alerts.targets
    opened = Alert.objects.filter(recovered_at=None).count()
    if not targets:
        seen, remedy = say("{count} open; nobody is told", count=opened), say("write [alerts.targets.NAME] in config/retaguarda.toml")
        return Finding("alerts", well=False, seen=seen, remedy=remedy, needed=False)
    for name in targets:
        entry = f"alert/{name}"
        try:
            house.vault().credential(entry).secret("url")
        except RetaguardaError:
            seen = say("target {name} has no address", name=name)
            return Finding("alerts", well=False, seen=seen, remedy=f"retaguarda vault set {entry} --field url")
    waiting = Notice.objects.filter(sent_at=None, target__in=targets, attempts__gt=0).count()
    seen = say("{count} open; told: {targets}", count=opened, targets=", ".join(targets))
    if waiting:
        seen += say("; {count} messages could not be sent", count=waiting)
    return Finding("alerts", well=not waiting, seen=seen, remedy="retaguarda alert test")


def backup(house: House) -> Finding:
    """How old the last backup is."""
    from retaguarda.operations.notices import lasting
    from retaguarda.store.models import Milestone

    rules, last = house.settings.backup, Milestone.objects.filter(name="backup").first()
    age = house.clock.now() - last.at if last else None
    seen = say("last made {age} ago", age=lasting(age)) if age is not None else say("none was made")
    if rules.folder is None:
        remedy = say("write [backup] folder = … in config/, or: {command}", command="retaguarda backup create --to FOLDER")
        return Finding("backup", well=False, seen=seen, remedy=remedy, needed=False)
    well = age is not None and age <= dt.timedelta(hours=rules.max_age_hours)
    return Finding("backup", well, seen, "retaguarda backup create")


def restored(_house: House) -> Finding:
    """Whether the store came from a backup and waits to be accepted."""
    from retaguarda.jobs.journal import RESTORED
    from retaguarda.operations.notices import moment
    from retaguarda.store.models import Milestone

    mark = Milestone.objects.filter(name=RESTORED).first()
    if mark is None:
        return Finding("origin", well=True, seen=say("the store's own"))
    seen = say("restored from backup {name} on {day}: nothing is pressed", name=mark.facts.get("backup", ""), day=moment(mark.at))
    return Finding("origin", well=False, seen=seen, remedy=say("simulate, compare with the portals, then: retaguarda backup accept"))


def server(_house: House) -> Finding:
    """What a PostgreSQL server offers; its promises to keep what it took were asked for when the store was opened."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return Finding("server", well=True, seen=say("none is needed: the store is a file, for one machine"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('max_connections')::int")
        version, sessions = cursor.fetchone()
    seen = say("PostgreSQL {version}, {count} sessions at most", version=version, count=sessions)
    if int(version.partition(".")[0]) < OLDEST_SERVER:
        return Finding("server", well=False, seen=seen, remedy=say("install PostgreSQL {least} or newer", least=OLDEST_SERVER))
    remedy = say("set max_connections to {least} or more", least=FEWEST_SESSIONS)
    return Finding("server", well=sessions >= FEWEST_SESSIONS, seen=seen, remedy=remedy, needed=False)


CHECKS = (triggers, scheduler, workers, alerts, backup, restored, server)


def _processes(house: House, kind: str) -> tuple[list[Worker], list[Worker]]:
    """Those that live, and those that ended without saying so."""
    from retaguarda.store.models import Worker

    found = list(Worker.objects.filter(kind=kind, stopped_at=None).order_by("name"))
    alive = [worker for worker in found if house.workers().living(worker)]
    return alive, [worker for worker in found if worker not in alive]


def _told(alive: list[Worker], dead: list[Worker]) -> str:
    if not alive and not dead:
        return say("none is at work")
    parts = [say("{names} at work", names=", ".join(worker.name for worker in alive))] if alive else []
    return "; ".join(parts + ([say("{names} died", names=", ".join(worker.name for worker in dead))] if dead else []))
