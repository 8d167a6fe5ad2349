"""The API of portals and robots."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest
from ninja import Schema

from retaguarda.console.screen import iso
from retaguarda.console.web import actions
from retaguarda.console.web.api import TROUBLES, NothingThere, endpoint
from retaguarda.console.web.endpoints.runs import RunOut, run_values
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import portals as queries
from retaguarda.console.web.queries.runs import Row
from retaguarda.console.web.views.portals import READERS
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.store.models import SignIn

ANY = dict[str, Any]


class CheckIn(Schema):
    """The credential to sign in with, and out again."""

    credential: str


@endpoint("GET", "/portals", roles=EVERYBODY, response={200: list[ANY], **TROUBLES})
def list_portals(request: HttpRequest) -> Any:  # noqa: ARG001
    """Every robot: whether it is fit, how its last sign-in went, how mature it is, when its portal is open."""
    return [_health(one) for one in queries.healths(house())]


@endpoint("POST", "/portals/check", roles=(Role.OPERATOR,), response={201: RunOut, **TROUBLES})
def check_portal(request: HttpRequest, wanted: CheckIn) -> Any:  # noqa: ARG001
    """Let a robot sign in at its portal and out again, now."""
    return 201, run_values(Row(actions.launch("check_sign_in", {"credential": wanted.credential[:120]}), Counter()))


@endpoint("GET", "/portals/credentials", roles=READERS, response={200: list[ANY], **TROUBLES})
def list_credentials(request: HttpRequest) -> Any:  # noqa: ARG001
    """Who works with each credential, sign-ins that are left, and when certificates end; never a secret."""
    return [_credential(one) for one in queries.credentials(house())]


@endpoint("GET", "/portals/sign-ins", roles=READERS, response={200: list[ANY], **TROUBLES})
def list_sign_ins(request: HttpRequest, credential: str) -> Any:  # noqa: ARG001
    """The latest sign-ins with a credential."""
    rows = queries.sign_ins(credential)
    if not rows and credential not in {one.name for one in queries.credentials(house())}:
        raise NothingThere
    return [_sign_in(row) for row in rows]


@endpoint("GET", "/portals/drift", roles=EVERYBODY, response={200: list[ANY], **TROUBLES})
def list_drift(request: HttpRequest) -> Any:  # noqa: ARG001
    """Screens that were not as the robots know them, with the pictures of then and before."""
    return [
        {"run": one.root, "process": one.run.process, "at": iso(one.run.created_at), "text": one.text}
        | {"seen": one.seen and one.seen.sha256, "before": one.before and one.before.sha256}
        for one in queries.drifts()
    ]


def _health(one: queries.Health) -> ANY:
    manifest = one.manifest
    told = {"name": manifest.name, "title": manifest.title, "maturity": manifest.maturity, "tone": one.tone, "problems": one.problems}
    hours = one.hours.model_dump(mode="json") if one.hours else None
    maintenance = [closed.model_dump(mode="json") for closed in one.maintenance]
    canary = {"run": one.canary.pk, "state": one.canary.state, "at": iso(one.canary.created_at)} if one.canary else None
    last = _sign_in(one.sign_in) if one.sign_in else None
    return told | {"credential": one.credential, "canary": canary, "sign_in": last, "hours": hours, "maintenance": maintenance}


def _credential(one: queries.Credential) -> ANY:
    return dict(one.values) | {"patience": one.patience, "left": one.left, "set_at": iso(one.set_at), "ends_at": iso(one.ends_at)}


def _sign_in(row: SignIn) -> ANY:
    return {
        "credential": row.credential,
        "state": row.state,
        "at": iso(row.at),
        "ended_at": iso(row.ended_at),
        "text": row.text,
        "run": row.run,
    }
