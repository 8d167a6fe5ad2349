"""The audit: the log and its proof, coverage, changes, access, dossiers. What is read here is an event itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from retaguarda.audit import events
from retaguarda.audit import verify as verifier
from retaguarda.audit.index import Asked, AuditIndex, Hit
from retaguarda.clock import SAO_PAULO
from retaguarda.console.web import privacy
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import audit as queries
from retaguarda.console.web.routes import page, person_of
from retaguarda.errors import InvalidItem, RetaguardaError
from retaguarda.language import say
from retaguarda.operations import reviews, sampling
from retaguarda.people.privacy import Mask, unmask
from retaguarda.people.roles import Role
from retaguarda.report.actions import action_text
from retaguarda.report.retell import retell
from retaguarda.store.models import OutboxEvent, RunRecord

READERS = (Role.AUDITOR, Role.ADMINISTRATOR)
"""Who reads the log, its proof, and who may do what."""
SHOWN = 200
"""Deviations or actors that a page shows; the papers of the command line have all."""
REVIEWED = dt.timedelta(days=92)


@page("audit", roles=READERS)
def audit(request: HttpRequest) -> HttpResponse:
    """The log, searched by person, run, action, time, and anything that stands in an event."""
    given = {name: request.GET.get(name, "").strip()[:120] for name in ("q", "run", "actor", "action", "since", "until", "after")}
    context: dict[str, Any] = {"given": given, "elsewhere": elsewhere()}
    if not context["elsewhere"]:
        found = queries.search(house().audit(), asked_of(given), given["after"])
        context |= {"rows": [told(hit) for hit in found.hits], "found": found, "standing": standing()}
    return render(request, "audit/log.html", context)


@page("audit/events/<int:number>", roles=READERS)
def audit_event(request: HttpRequest, number: int) -> HttpResponse:
    """One event with every value, and the hash of its line."""
    hit = None if elsewhere() else queries.event(house().audit(), number)
    if hit is None:
        raise Http404
    values = json.dumps(hit.event, ensure_ascii=False, indent=1, sort_keys=True)
    context = {"row": told(hit), "values": values, "sha256": hashlib.sha256(hit.raw).hexdigest()}
    return render(request, "audit/event.html", context)


@page("audit/verify", roles=READERS, methods=("GET", "HEAD", "POST"))
def audit_verify(request: HttpRequest) -> HttpResponse:
    """Recompute the whole log from its raw bytes, and show the proof."""
    context: dict[str, Any] = {"elsewhere": elsewhere()}
    if request.method == "POST" and not context["elsewhere"]:
        begun = time.monotonic()
        verdict = verified(evidence=request.POST.get("evidence") == "1")
        context |= {"verdict": verdict, "seconds": time.monotonic() - begun, "problems": [retell(one) for one in verdict.problems[:SHOWN]]}
    context["standing"] = None if context["elsewhere"] else standing()
    return render(request, "audit/verify.html", context)


def verified(*, evidence: bool) -> verifier.Verdict:
    """What recomputing the whole log says, with every piece of evidence where that is asked for; that it was done is an event."""
    house().audit().seal()
    files = house().evidence_folder
    verdict = verifier.verify(house().audit_folder, files if evidence and files.exists() else None)
    with transaction.atomic():
        facts = {"events": verdict.events, "root": verdict.root, "holds": verdict.holds, "problems": len(verdict.problems)}
        events.record("audit.verified", target=str(house().audit_folder), data=facts)
    return verdict


@page("audit/changes", roles=READERS)
def audit_changes(request: HttpRequest) -> HttpResponse:
    """What changed how the installation works: triggers, calendars, people, credentials, holds, backups."""
    about, after = request.GET.get("about", ""), request.GET.get("after", "")
    context: dict[str, Any] = {"about": about, "kinds": sorted(set(queries.CHANGES.values())), "elsewhere": elsewhere()}
    if not context["elsewhere"]:
        found = queries.changes(house().audit(), about, after)
        context |= {"rows": [told(hit) for hit in found.hits], "found": found}
    return render(request, "audit/changes.html", context)


@page("audit/coverage", roles=READERS)
def audit_coverage(request: HttpRequest) -> HttpResponse:
    """Planned against executed: every planned run of a period, and each that did not end as planned."""
    today = house().clock.today()
    first, last = period_of(request, today.replace(day=1), today)
    caught_up()
    found = reviews.coverage(start_of(first), start_of(last + dt.timedelta(days=1)), house().clock.now())
    by_trigger = [
        (name, counts.total(), [counts[state] for state in ("RUN", "SKIPPED", "MISSED", "PLANNED")])
        for name, counts in sorted(found.by_trigger.items())
    ]
    context = {"first": first, "last": last, "found": found, "by_trigger": by_trigger, "deviations": found.deviations[:SHOWN]}
    return render(request, "audit/coverage.html", context)


@page("audit/sample", roles=READERS, methods=("GET", "HEAD", "POST"))
def audit_sample(request: HttpRequest) -> HttpResponseBase:
    """Draw a random sample of events that anybody draws again by its seed; shown, or as a working paper."""
    source = request.POST if request.method == "POST" else request.GET
    given = {name: source.get(name, "").strip()[:120] for name in ("seed", "size", "action", "since", "until")}
    context: dict[str, Any] = {"given": given, "elsewhere": elsewhere()}
    if request.method == "POST" and not context["elsewhere"]:
        try:
            sample = sample_of(given)
        except RetaguardaError as error:
            wrong = " ".join(filter(None, (retell(error.text), retell(error.remedy))))
            return render(request, "audit/sample.html", context | {"wrong": wrong}, status=422)
        if source.get("do") == "paper":
            return _paper(request, sample, given)
        context |= {"sample": sample, "rows": [told(hit) for hit in sample.hits]}
    return render(request, "audit/sample.html", context)


def sample_of(given: dict[str, str]) -> sampling.Sample:
    """The sample that a form asks for; that it was drawn is an event."""
    whole = given["seed"].isascii() and given["seed"].isdecimal() and given["size"].isascii() and given["size"].isdecimal()
    if not whole or len(given["seed"]) > 18 or not 1 <= int(given["size"]) <= SHOWN:
        raise InvalidItem(f"A seed is a whole number, and a sample holds 1 to {SHOWN} events.", remedy="give both as numbers")
    house().audit().seal()
    index = AuditIndex(house().audit())
    index.catch_up()
    sample = sampling.draw(index, _asked_of_sample(given), int(given["seed"]), int(given["size"]))
    with transaction.atomic():
        facts = {"seed": sample.seed, "size": len(sample.hits), "population": sample.population}
        events.record("audit.exported", data={"asked": given, "count": len(sample.hits), "sample": facts})
    return sample


def _asked_of_sample(given: dict[str, str]) -> Asked:
    return asked_of(given | {"q": "", "run": "", "actor": ""})


def _paper(request: HttpRequest, sample: sampling.Sample, given: dict[str, str]) -> HttpResponseBase:
    """The sample as a working paper, with columns for the auditor; masked where the person needs no personal data."""
    if mask := _mask_for(request):
        sample = replace(sample, hits=[replace(hit, event=mask.value(hit.event)) for hit in sample.hits])
    paper = sampling.paper(sample, sampling.facts_of(house().audit(), house().settings.company, _asked_of_sample(given)))
    answer = HttpResponse(paper, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    answer.headers["Content-Disposition"] = f'attachment; filename="audit-sample-{sample.seed}.xlsx"'
    return answer


@page("audit/access", roles=READERS)
def audit_access(request: HttpRequest) -> HttpResponse:
    """Who acted in a period and what he did, who may sign in, which credentials there are and when each was set and used."""
    today = house().clock.today()
    first, last = period_of(request, today - REVIEWED, today)
    caught_up()
    review = queries.REVIEW.get(house(), (first, last))
    context = {
        "first": first,
        "last": last,
        "actors": review.found.actors[:SHOWN] if review else None,
        "accesses": review.found.accesses if review else (),
        "age": dt.timedelta(seconds=round(review.age)) if review else None,
        "trouble": queries.REVIEW.trouble,
        "people": reviews.people(),
    }
    return render(request, "audit/access.html", context)


@page("audit/dossier", roles=READERS, methods=("GET", "HEAD", "POST"))
def audit_dossier(request: HttpRequest) -> HttpResponseBase:
    """Everything of one run in a zip that stands without us: page, events, evidence, proofs, and a verifier."""
    asked = (request.POST if request.method == "POST" else request.GET).get("run", "").strip()[:80]
    context: dict[str, Any] = {"run": asked}
    if request.method != "POST":
        return render(request, "audit/dossier.html", context)
    if not RunRecord.objects.filter(pk=asked).exists():
        return render(request, "audit/dossier.html", context | {"wrong": say("There is no such run.")}, status=404)
    try:
        return dossier_of(request, asked)
    except RetaguardaError as error:
        wrong = " ".join(filter(None, (retell(error.text), retell(error.remedy))))
        return render(request, "audit/dossier.html", context | {"wrong": wrong}, status=409)


@page("audit/unmask", roles=(Role.AUDITOR,), methods=("POST",))
def audit_unmask(request: HttpRequest) -> HttpResponseBase:
    """See personal data for a while, for a reason that the log keeps; or no longer."""
    if request.POST.get("hide") == "1":
        privacy.hide_again(request)
    else:
        unmask(request.POST.get("reason", ""), "console", person_of(request))
        privacy.show_for_a_while(request)
    return redirect("audit")


def _mask_for(request: HttpRequest) -> Mask | None:
    """What takes personal data out of a file for this person; None when they see it."""
    person = person_of(request)
    hidden = person is None or not privacy.shows(request, person)
    return Mask.of(house().settings) if hidden else None


def dossier_of(request: HttpRequest, asked: str) -> HttpResponseBase:
    """The dossier of a run as a download, masked where the person needs no personal data; that it was made is an event."""
    run, mask = house().runs().get(asked), _mask_for(request)
    house().audit().seal()
    caught_up()
    with tempfile.TemporaryDirectory() as folder:
        made = house().dossiers().make(run, Path(folder) / f"dossier-{run.pk}.zip", mask)
        kept = made.path.open("rb")  # it is read after the folder is gone
    with transaction.atomic():
        facts = {"events": made.events, "files": made.files, "sha256": made.sha256, "withheld": made.withheld, "masked": mask is not None}
        events.record("dossier.made", run=run.pk, data=facts)
    answer = FileResponse(kept, as_attachment=True, filename=f"dossier-{run.pk}.zip", content_type="application/zip")
    answer.headers["X-Content-SHA256"] = made.sha256
    return answer


def asked_of(given: dict[str, str]) -> Asked:
    """What a form asks for; a day that is none counts as not given."""
    since, until = _day(given["since"]), _day(given["until"])
    return Asked(
        words=tuple(given["q"].split()),
        run=given["run"],
        actor=given["actor"],
        action=given["action"],
        since=start_of(since) if since else None,
        until=start_of(until + dt.timedelta(days=1)) if until else None,
    )


def told(hit: Hit) -> dict[str, Any]:
    """An event as a row shows it, without marks that turn the direction of writing."""
    plain = {name: "".join(c for c in hit.value(name) if c.isprintable()) for name in ("actor", "run", "item", "target", "action")}
    at = dt.datetime.fromisoformat(hit.event["ts"]) if "ts" in hit.event else None
    what = action_text(plain["action"]) if hit.event else say("Content erased")
    return plain | {"seq": hit.seq, "at": at, "what": what, "data": hit.event.get("data") or {}}


def elsewhere() -> str:
    """Where the log is, when it is not on this machine; its files are read there."""
    if (house().audit_folder / "segments").is_dir():
        return ""
    place = house().audit().kept_elsewhere()
    return f"{place.host}:{place.path}" if place else say("nowhere yet: nothing was sealed")


def standing() -> dict[str, Any]:
    """How far the log is sealed and anchored."""
    exposure = house().anchors().exposure()
    waiting = OutboxEvent.objects.filter(sealed=False).count()
    minutes = exposure.minutes(house().clock.now())
    named = house().anchors().names()
    return {"size": exposure.size, "anchored": exposure.anchored, "waiting": waiting, "minutes": minutes, "anchors": named}


def caught_up() -> None:
    """Bring the index up to the log, where the log is here."""
    if not elsewhere():
        AuditIndex(house().audit()).catch_up()


def period_of(request: HttpRequest, first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """The days that are asked for, at most a year of them."""
    first, last = _day(request.GET.get("since", "")) or first, _day(request.GET.get("until", "")) or last
    last = max(first, last)
    return max(first, last - dt.timedelta(days=366)), last


def start_of(day: dt.date) -> dt.datetime:
    """The first moment of a day in São Paulo."""
    return dt.datetime.combine(day, dt.time(), SAO_PAULO)


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
