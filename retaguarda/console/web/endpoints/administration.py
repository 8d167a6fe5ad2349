"""The API of the administration: people, alerts, retention and holds, backups, workers, settings."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Schema

from retaguarda.console.commands_user import described
from retaguarda.console.screen import iso
from retaguarda.console.web.api import TROUBLES, NothingThere, Number, endpoint
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import administration as queries
from retaguarda.console.web.views.administration import CHANGERS, READERS, WATCHERS, change, link_of
from retaguarda.errors import ConfigurationError
from retaguarda.language import say
from retaguarda.operations import holds
from retaguarda.operations.targets import send
from retaguarda.store.models import Alert, LegalHold, Person, Worker

ANY = dict[str, Any]


class PersonIn(Schema):
    """A new person."""

    name: str
    roles: list[str]
    full_name: str = ""


class ChangeIn(Schema):
    """What is changed about a person; `roles` goes with the first."""

    what: Literal["roles", "link", "disable", "enable", "unlock", "tokens"]
    roles: list[str] = Field(default_factory=list)


class HoldIn(Schema):
    """What is held, a run or everything, and why."""

    reason: str
    run: str = ""
    everything: bool = False


class ReasonIn(Schema):
    """Why."""

    reason: str


class NameIn(Schema):
    """Of an alert target, or of a worker."""

    name: str


@endpoint("GET", "/people", roles=READERS, response={200: list[ANY], **TROUBLES})
def list_people(request: HttpRequest) -> Any:  # noqa: ARG001
    """Everybody who may sign in, or might."""
    return [described(person) for person in house().register().everybody()]


@endpoint("POST", "/people", roles=CHANGERS, response={201: ANY, **TROUBLES})
def add_person(request: HttpRequest, wanted: PersonIn) -> Any:  # noqa: ARG001
    """Add a person; the one-time link is given this once."""
    person = house().register().add(wanted.name.strip().lower(), wanted.roles, wanted.full_name.strip())
    return 201, described(person) | {"link": link_of(person)}


@endpoint("POST", "/people/{name}/change", roles=CHANGERS, response={200: ANY, **TROUBLES})
def change_person(request: HttpRequest, name: str, wanted: ChangeIn) -> Any:  # noqa: ARG001
    """Give a person other roles, a new link, or another try; shut one out, let one in again, end the tokens."""
    person = Person.objects.filter(name=name).first()
    if person is None:
        raise NothingThere
    link = change(person, wanted.what, wanted.roles)
    person.refresh_from_db()
    return described(person) | ({"link": link} if link else {})


@endpoint("GET", "/alerts", roles=WATCHERS, response={200: ANY, **TROUBLES})
def list_alerts(request: HttpRequest, after: str = "") -> Any:  # noqa: ARG001
    """What is wrong by its root cause, and what is over."""
    still, over, following = queries.alerts(after)
    return {"open": [_alert(one) for one in still], "over": [_alert(one) for one in over], "after": following}


@endpoint("POST", "/alerts/test", roles=CHANGERS, response={200: ANY, **TROUBLES})
def test_alert(request: HttpRequest, wanted: NameIn) -> Any:  # noqa: ARG001
    """Send a test message to a target."""
    if wanted.name not in house().settings.alerts.targets:
        raise NothingThere
    subject, body = f"[Retaguarda] {say('test')}", say("This is a test of the alerts: nothing happened.")
    return {"target": wanted.name, "trouble": send(house().installation(), wanted.name, subject, body)}


@endpoint("GET", "/retention", roles=READERS, response={200: ANY, **TROUBLES})
def get_retention(request: HttpRequest) -> Any:  # noqa: ARG001
    """What is kept for how long, what has expired, and what is held."""
    return {
        "plan": [vars(one) if hasattr(one, "__dict__") else one for one in queries.PLAN.surely(house(), None).found],
        "holds": [_hold(row) for row in queries.holds()],
    }


@endpoint("POST", "/holds", roles=CHANGERS, response={201: ANY, **TROUBLES})
def add_hold(request: HttpRequest, wanted: HoldIn) -> Any:  # noqa: ARG001
    """Hold a run, or everything: nothing of it is deleted."""
    if not wanted.reason.strip() or bool(wanted.run) == wanted.everything:
        raise ConfigurationError("say what is held, a run or everything, and why", remedy="give reason, and run or everything")
    made = holds.hold(house().runs().get(wanted.run) if wanted.run else None, wanted.reason.strip()[:500], house().clock)
    return 201, _hold(made)


@endpoint("POST", "/holds/{number}/lift", roles=CHANGERS, response={200: ANY, **TROUBLES})
def lift_hold(request: HttpRequest, number: Number, why: ReasonIn) -> Any:  # noqa: ARG001
    """Lift a hold, with the reason."""
    found = LegalHold.objects.filter(pk=number).first()
    if found is None:
        raise NothingThere
    if not why.reason.strip():
        raise ConfigurationError("a hold is not lifted without a reason", remedy="say why")
    holds.lift(number, why.reason.strip()[:500], house().clock)
    found.refresh_from_db()
    return _hold(found)


@endpoint("GET", "/backups", roles=READERS, response={200: ANY, **TROUBLES})
def list_backups(request: HttpRequest) -> Any:  # noqa: ARG001
    """The latest backup and restore, and the backups of the folder."""
    found = [
        {name: getattr(one, name) for name in ("name", "made_at", "by", "host", "version", "kind", "facts")}
        for one in queries.backups(house())
    ]
    milestones = {name: {"at": iso(one.at), "by": one.by, "facts": one.facts} for name, one in queries.milestones().items()}
    return {"backups": found, "milestones": milestones}


@endpoint("GET", "/workers", roles=WATCHERS, response={200: list[ANY], **TROUBLES})
def list_workers(request: HttpRequest) -> Any:  # noqa: ARG001
    """Processes that carry runs out or plan them, and whether they live."""
    return [_worker(row, standing) for row, standing in queries.workers(house())]


@endpoint("POST", "/workers/drain", roles=CHANGERS, response={200: ANY, **TROUBLES})
def drain_worker(request: HttpRequest, wanted: NameIn) -> Any:  # noqa: ARG001
    """Ask a worker to take nothing more and to end."""
    house().workers().drain(wanted.name)
    return {"name": wanted.name, "draining": True}


@endpoint("GET", "/settings", roles=READERS, response={200: list[ANY], **TROUBLES})
def list_settings(request: HttpRequest) -> Any:  # noqa: ARG001
    """Every setting, and the file or variable that states it."""
    return [vars(one) for one in queries.settings(house())]


def _alert(one: Alert) -> ANY:
    moments = {name: iso(getattr(one, name)) for name in ("first_at", "last_at", "told_at", "recovered_at")}
    return {name: getattr(one, name) for name in ("cause", "severity", "text", "facts", "symptoms")} | moments


def _hold(row: LegalHold) -> ANY:
    told = {"number": row.pk, "run": row.run_id, "reason": row.reason, "by": row.by, "at": iso(row.at)}
    return told | {"lifted_by": row.lifted_by, "lifted_at": iso(row.lifted_at)}


def _worker(row: Worker, standing: str) -> ANY:
    told = {name: getattr(row, name) for name in ("name", "kind", "host", "pid", "queues", "concurrency", "version", "draining")}
    return told | {"standing": standing, **{name: iso(getattr(row, name)) for name in ("started_at", "beat_at", "stopped_at")}}
