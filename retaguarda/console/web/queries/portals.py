"""What the pages of portals and robots read: health, hours, credentials without their secrets, screens that changed."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.serialization import pkcs12
from django.db.models import Max, OuterRef, Subquery

from retaguarda.calendars.files import checked, read_toml
from retaguarda.console.commands_credential import credential_names, credential_values
from retaguarda.console.robot_check import check_robot
from retaguarda.console.wiring import House, robot_class, robot_names
from retaguarda.errors import PortalChanged, RetaguardaError
from retaguarda.jobs.sign_ins import Standing
from retaguarda.portal.manifest import Manifest
from retaguarda.store.models import Evidence, OutboxEvent, RunRecord, RunState, SignIn, SignInState
from retaguarda.triggers.file import Maintenance, PortalHours, TriggerFile, triggers_path

LATEST = 20
"""Changed screens, or sign-ins of one credential, that are shown."""
LOOKED_THROUGH = 500
"""Latest failed runs among which those with changed screens are looked for."""


@dataclass
class Health:
    """A robot: what its manifest says, whether it is set up, and how it last went."""

    manifest: Manifest
    problems: list[str]
    credential: str
    canary: RunRecord | None
    """The latest run that only signed in and out."""
    sign_in: SignIn | None
    hours: PortalHours | None = None
    maintenance: list[Maintenance] = field(default_factory=list)

    @property
    def tone(self) -> str:
        """The worst that is known, as a tone."""
        if self.problems:
            return "warn"
        if self.sign_in is None:
            return "idle"
        return {SignInState.ACCEPTED: "good", SignInState.OPEN: "info"}.get(SignInState(self.sign_in.state), "bad")


def healths(house: House) -> list[Health]:
    """Every robot of the installation."""
    hours, closures = _hours()
    found = []
    for name in robot_names():
        manifest = robot_class(name).manifest()
        place = house.settings.portals.get(manifest.name)
        credential = (place.credential if place else "") or f"{manifest.name}/robo"
        latest = SignIn.objects.filter(credential__startswith=f"{manifest.name}/").order_by("-pk").first()
        closed = [one for one in closures if one.portal == manifest.name]
        problems = check_robot(house, name, sign_in=False)
        found.append(Health(manifest, problems, credential, _canary(manifest.name), latest, hours.get(manifest.name), closed))
    return found


def _canary(portal: str) -> RunRecord | None:
    runs = RunRecord.objects.filter(process="check_sign_in").order_by("-created_at")[:LOOKED_THROUGH]
    return next((run for run in runs if str(run.params.get("credential", "")).startswith(f"{portal}/")), None)


def _hours() -> tuple[Mapping[str, PortalHours], tuple[Maintenance, ...]]:
    """The portals' hours and announced maintenance, as the configuration states them."""
    path = triggers_path()
    if not path.exists():
        return {}, ()
    stated = checked(TriggerFile, read_toml(path), path)
    return {one.name: one for one in stated.portal}, stated.maintenance


@dataclass(frozen=True)
class Credential:
    """A credential without its secret: who works with it, what became of its sign-ins, and when it ends."""

    name: str
    values: Mapping[str, Any]
    patience: int | None
    """Refused sign-ins before a person must look; None when no robot says."""
    left: int | None
    """How many may still be tried."""
    set_at: dt.datetime | None
    ends_at: dt.datetime | None
    """When its certificate ends, where it has one."""


def credentials(house: House) -> list[Credential]:
    """Every credential that was used, or that a portal names, or the vault holds for one."""
    portals = set(robot_names())
    named = {place.credential for place in house.settings.portals.values() if place.credential}
    held = _held(house)
    names = sorted({*credential_names(), *named, *(name for name in held if name.partition("/")[0] in portals)})
    return [_credential(house, name, held) for name in names[:LOOKED_THROUGH]]


def _credential(house: House, name: str, held: set[str]) -> Credential:
    portal = name.partition("/")[0]
    patience = robot_class(portal).manifest().lockout_attempts if portal in robot_names() else None
    standing = Standing.of(name)
    left = None if patience is None else max(0, patience - standing.refused)
    told = OutboxEvent.objects.filter(line__action="secret.rotated", line__target=name).order_by("-at").first()
    ends = _certificate_end(house, name) if name in held else None
    return Credential(name, credential_values(house, name), patience, left, told.at if told else None, ends)


def _held(house: House) -> set[str]:
    """The names in the vault; none when it cannot be opened."""
    try:
        return set(house.vault().names())
    except RetaguardaError:
        return set()


def _certificate_end(house: House, name: str) -> dt.datetime | None:
    """When a credential's certificate ends; nothing of it leaves this function but that moment."""
    try:
        entry = house.vault().entry(name)
        if "certificate" not in entry:
            return None
        raw, passphrase = base64.b64decode(entry["certificate"]), entry.get("passphrase", "").encode()
        _, certificate, _ = pkcs12.load_key_and_certificates(raw, passphrase)
    except (RetaguardaError, ValueError):
        return None
    return certificate.not_valid_after_utc if certificate else None


@dataclass(frozen=True)
class Drift:
    """A screen that was not as the robot knows it: the failed run, what it saw, and what the last good run saw."""

    run: RunRecord
    text: str
    seen: Evidence | None
    before: Evidence | None
    root: str


def drifts() -> list[Drift]:
    """The latest runs that met a changed screen."""
    failed = RunRecord.objects.filter(state__in=(RunState.FAULTED, RunState.PARTIAL), error__isnull=False)
    told = failed.order_by("-created_at").values_list("pk", "error")[:LOOKED_THROUGH]
    code = PortalChanged("").code
    changed = [key for key, error in told if (error or {}).get("code") == code][:LATEST]
    good = RunRecord.objects.filter(process=OuterRef("process"), state=RunState.SUCCESSFUL, created_at__lt=OuterRef("created_at"))
    rows = (
        RunRecord.objects.filter(pk__in=changed)
        .select_related("parent__parent")
        .defer("result", "parent__result", "parent__parent__result")
    )
    runs = list(rows.annotate(good=Subquery(good.order_by("-created_at").values("pk")[:1])).order_by("-created_at"))
    pictures = _latest_pictures({*changed, *(run.good for run in runs if run.good)})
    return [Drift(run, str((run.error or {}).get("text", "")), pictures.get(run.pk), pictures.get(run.good), _root(run)) for run in runs]


def _latest_pictures(runs: Collection[str]) -> Mapping[str, Evidence]:
    """The last picture of each run that is still kept."""
    held = Evidence.objects.filter(run__in=runs, kind="picture", removed_at=None)
    latest = held.order_by().values("run").annotate(last=Max("pk")).values_list("last", flat=True)
    return {row.run_id: row for row in Evidence.objects.filter(pk__in=list(latest))}


def _root(run: RunRecord) -> str:
    while run.parent is not None:
        run = run.parent
    return run.pk


def sign_ins(credential: str) -> list[SignIn]:
    """The latest sign-ins with a credential."""
    return list(SignIn.objects.filter(credential=credential).order_by("-pk")[:LATEST])
