"""The API of the audit: the log and its proof, changes, coverage, access, dossiers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Field, Query, Schema

from retaguarda.console.web.api import TROUBLES, NothingThere, Number, endpoint
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import audit as queries
from retaguarda.console.web.views import audit as views
from retaguarda.console.web.views.audit import READERS
from retaguarda.errors import ConfigurationError
from retaguarda.operations import reviews
from retaguarda.store.models import RunRecord

ANY = dict[str, Any]
Day = Annotated[dt.date | None, Query()]
LONGEST = dt.timedelta(days=366)


class EventsOut(Schema):
    """A page of events; `after` leads to the next one, `looked_down_to` says how far texts were looked through."""

    events: list[ANY]
    after: str
    looked_down_to: int | None = None


class SampleIn(Schema):
    """What is drawn: by which seed, how many, of which action and period."""

    seed: Annotated[int, Field(ge=0, lt=10**18)]
    size: Annotated[int, Field(ge=1, le=views.SHOWN)] = 25
    action: str = ""
    since: dt.date | None = None
    until: dt.date | None = None


class VerifyIn(Schema):
    """Whether every piece of evidence is recomputed too."""

    evidence: bool = False


@endpoint("GET", "/audit/events", roles=READERS, response={200: EventsOut, **TROUBLES})
def audit_events(  # the parameters of the page
    request: HttpRequest,  # noqa: ARG001
    q: str = "",
    run: str = "",
    actor: str = "",
    action: str = "",
    since: str = "",
    until: str = "",
    after: str = "",
) -> Any:
    """Events of the log, searched, the newest first."""
    _must_be_here()
    given = {"q": q, "run": run, "actor": actor, "action": action, "since": since, "until": until}
    found = queries.search(house().audit(), views.asked_of({name: value[:120] for name, value in given.items()}), after)
    return {"events": [{**hit.event, "seq": hit.seq} for hit in found.hits], "after": found.after, "looked_down_to": found.looked_down_to}


@endpoint("GET", "/audit/events/{number}", roles=READERS, response={200: ANY, **TROUBLES})
def audit_one_event(request: HttpRequest, number: Number) -> Any:  # noqa: ARG001
    """One event with every value."""
    _must_be_here()
    hit = queries.event(house().audit(), number)
    if hit is None:
        raise NothingThere
    return {**hit.event, "seq": hit.seq}


@endpoint("GET", "/audit/changes", roles=READERS, response={200: EventsOut, **TROUBLES})
def audit_change_list(request: HttpRequest, about: str = "", after: str = "") -> Any:  # noqa: ARG001
    """What changed how the installation works, the newest first."""
    _must_be_here()
    found = queries.changes(house().audit(), about, after)
    return {"events": [{**hit.event, "seq": hit.seq} for hit in found.hits], "after": found.after}


@endpoint("GET", "/audit/standing", roles=READERS, response={200: ANY, **TROUBLES})
def audit_standing(request: HttpRequest) -> Any:  # noqa: ARG001
    """How far the log is sealed and anchored."""
    _must_be_here()
    return views.standing()


@endpoint("POST", "/audit/verify", roles=READERS, response={200: ANY, **TROUBLES})
def audit_verify_log(request: HttpRequest, how: VerifyIn) -> Any:  # noqa: ARG001
    """Recompute the whole log from its raw bytes."""
    _must_be_here()
    verdict = views.verified(evidence=how.evidence)
    return vars(verdict) | {"problems": verdict.problems[: views.SHOWN], "problem_count": len(verdict.problems), "holds": verdict.holds}


@endpoint("POST", "/audit/sample", roles=READERS, response={200: ANY, **TROUBLES})
def audit_sample_of(request: HttpRequest, wanted: SampleIn) -> Any:  # noqa: ARG001
    """Draw a random sample of events that anybody draws again by its seed."""
    _must_be_here()
    drawn = views.sample_of({name: "" if value is None else str(value) for name, value in wanted.model_dump().items()})
    found = [{**hit.event, "seq": hit.seq} for hit in drawn.hits]
    return {"seed": drawn.seed, "population": drawn.population, "events": found}


@endpoint("GET", "/audit/coverage", roles=READERS, response={200: ANY, **TROUBLES})
def audit_coverage_of(request: HttpRequest, since: Day = None, until: Day = None) -> Any:  # noqa: ARG001
    """Planned against executed in a period, this month when none is given."""
    first, last = _period(since, until, house().clock.today().replace(day=1))
    views.caught_up()
    found = reviews.coverage(views.start_of(first), views.start_of(last + dt.timedelta(days=1)), house().clock.now())
    told = {"planned": found.planned, "by_hand": found.by_hand, "complete": found.complete, "deviation_count": len(found.deviations)}
    by_trigger = {name: dict(counts) for name, counts in found.by_trigger.items()}
    return {"since": first, "until": last, **told, "by_trigger": by_trigger, "deviations": found.deviations[: views.SHOWN]}


@endpoint("GET", "/audit/access", roles=READERS, response={200: ANY, **TROUBLES})
def audit_access_of(request: HttpRequest, since: Day = None, until: Day = None) -> Any:  # noqa: ARG001
    """Who acted in a period, who may sign in, and which credentials there are."""
    first, last = _period(since, until, house().clock.today() - views.REVIEWED)
    views.caught_up()
    found = queries.REVIEW.surely(house(), (first, last)).found
    told = {"actors": found.actors[: views.SHOWN], "accesses": found.accesses}
    return {"since": first, "until": last, **told, "people": reviews.people()}


@endpoint("POST", "/audit/dossiers/{run_id}", roles=READERS, response={200: bytes, **TROUBLES})
def audit_dossier_of(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """Everything of one run in a zip that stands without us."""
    if not RunRecord.objects.filter(pk=run_id).exists():
        raise NothingThere
    return views.dossier_of(request, run_id)


def _period(since: dt.date | None, until: dt.date | None, first: dt.date) -> tuple[dt.date, dt.date]:
    """The days that are asked for, at most a year of them."""
    begin, end = since or first, until or house().clock.today()
    if not (dt.date(2000, 1, 1) <= begin <= end <= dt.date(2200, 1, 1)):
        raise ConfigurationError("since must not be after until", remedy="give both as AAAA-MM-DD")
    return max(begin, end - LONGEST), end


def _must_be_here() -> None:
    if place := views.elsewhere():
        raise ConfigurationError(f"the audit log is kept elsewhere: {place}", remedy="ask the console of that machine")
