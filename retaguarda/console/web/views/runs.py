"""Runs: the list, one run while it works and afterwards, and what operators may do with it."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header

from retaguarda.audit.evidence import EvidenceStore
from retaguarda.console.web import actions
from retaguarda.console.web.middleware import respond
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import runs as queries
from retaguarda.console.web.queries.runs import Filters
from retaguarda.console.web.routes import may_reach, page, person_of
from retaguarda.console.wiring import processes
from retaguarda.jobs.runs import ENDED
from retaguarda.language import say
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.report.vocabulary import RUN_STATES
from retaguarda.store.models import ConsoleSession, ItemState, RunRecord, RunState
from retaguarda.uploads import plain_name

LOOK_SECONDS = 1.0
LIVE_AT_MOST = dt.timedelta(hours=2)
"""An open page asks for a new stream by itself after so long."""
TABS = {
    "overview": "Overview",
    "items": "Items",
    "evidence": "Evidence",
    "log": "Log",
    "parameters": "Parameters",
    "versions": "Versions",
    "audit": "Audit",
}
PICTURES = {b"RIFF": "image/webp", b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}
OPERATOR = (Role.OPERATOR,)


@page("runs", roles=EVERYBODY)
def runs(request: HttpRequest) -> HttpResponse:
    """The list of runs, with search and filters."""
    asked = {name: request.GET.get(name, "")[:120] for name in Filters.__dataclass_fields__}
    filters = Filters(**asked)
    found = queries.listed(filters)
    context = {
        "found": found,
        "filters": filters,
        "next": filters.address(after=found.after) if found.after else "",
        "first": filters.address(after="") if filters.after else "",
        "states": [state for state in RUN_STATES if state.upper() in RunState.values],
        "processes": sorted(processes()),
    }
    return render(request, "runs/list.html", context)


@page("runs/<str:run_id>", roles=EVERYBODY)
def run(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """One run: how it goes, or how it went."""
    root = _root(run_id)
    if root.pk != run_id:
        return redirect("run", run_id=root.pk)
    tab = request.GET.get("tab", "overview")
    if tab not in TABS:
        raise Http404
    steps = queries.tree(root)
    context = _frame(request, root, steps) | {"tab": tab, "tabs": TABS} | _TAB_CONTENT[tab](request, root, steps)
    return render(request, f"runs/{tab}.html", context)


@page("runs/<str:run_id>/live", roles=EVERYBODY)
async def run_live(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """The parts of a run's page that change, as they change (server-sent events)."""
    root = await sync_to_async(_root)(run_id)
    answer = StreamingHttpResponse(_stream(request, root.pk), content_type="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy must not wait for more
    return answer


@page("runs/<str:run_id>/evidence/<str:sha256>", roles=EVERYBODY)
def run_evidence(request: HttpRequest, run_id: str, sha256: str) -> HttpResponse:
    """A file of a run, byte by byte as it was kept; pictures are shown, anything else is only saved."""
    return evidence_file(request, run_id, sha256)


def evidence_file(_request: HttpRequest, run_id: str, sha256: str) -> HttpResponse:
    """What answers with a file of a run; Http404 when the run has none of that hash."""
    kept = queries.evidence_of(_root(run_id), sha256)
    if kept is None or kept.removed_at is not None:
        raise Http404
    store = EvidenceStore(house().evidence_folder, house().clock)
    try:
        data = store.unchanged(kept.sha256).read_bytes()
    except FileNotFoundError:
        raise Http404 from None
    kind = next((kind for magic, kind in PICTURES.items() if data.startswith(magic)), "") if kept.kind == "picture" else ""
    answer = HttpResponse(data, content_type=kind or "application/octet-stream")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, max-age=3600, immutable"  # the address is the hash of what it holds
    if not kind:
        answer.headers["Content-Disposition"] = content_disposition_header(True, plain_name(kept.label)) or "attachment"
    return answer


@page("runs/<str:run_id>/stop", roles=OPERATOR, methods=("POST",))
def run_stop(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """Ask it to stop at its next safe point; with `kill`, at once."""
    root = _root(run_id)
    actions.stop(root, kill=request.POST.get("kill") == "1")
    return redirect("run", run_id=root.pk)


@page("runs/<str:run_id>/retry", roles=OPERATOR, methods=("POST",))
def run_retry(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """Go on where it stood; with `refused`, send again what a portal refused."""
    root = _root(run_id)
    actions.retry(root, refused=request.POST.get("refused") == "1")
    return redirect("run", run_id=root.pk)


def _root(run_id: str) -> RunRecord:
    found = queries.get(run_id)
    if found is None:
        raise Http404
    return found


def _frame(request: HttpRequest, root: RunRecord, steps: list[RunRecord]) -> dict[str, Any]:
    """What every tab of a run shows."""
    told = _state(root, steps)
    operates = may_reach(person_of(request), "run_stop")
    told["can_stop"] = operates and root.state not in ENDED and not root.stop_requested
    told["can_kill"] = operates and root.state == RunState.RUNNING and bool(root.queue)
    told["can_retry"] = operates and root.state in ENDED | {RunState.SUSPENDED}
    told["can_retry_refused"] = told["can_retry"] and told["progress"].counts[ItemState.FAILED_BUSINESS] > 0
    told["can_rerun"] = operates and root.process in processes()
    return told


def _state(root: RunRecord, steps: list[RunRecord]) -> dict[str, Any]:
    """What changes while a run works."""
    progress = queries.progress(steps, dt.timedelta(minutes=house().settings.deadlines.expected_minutes))
    presses = queries.presses(steps)
    return {
        "run": root,
        "steps": queries.counted(steps, steps=False),
        "progress": progress,
        "parts": _parts(progress),
        "stages": queries.stages(root, progress, len(presses)),
        "questions": [asked for asked in queries.questions(steps) if asked.state == "OPEN"],
        "presses": presses,
        "live": root.state not in ENDED,
        "run_length": root.ended_at - root.started_at if root.ended_at and root.started_at else None,
    }


def _parts(progress: queries.Progress) -> list[dict[str, Any]]:
    """The pieces of the progress bar, in thousandths."""
    tones = {"good": (ItemState.SUCCESSFUL,), "warn": (ItemState.FAILED_BUSINESS, ItemState.ABANDONED)}
    tones |= {"bad": (ItemState.FAILED_APPLICATION, ItemState.UNCERTAIN, ItemState.DEFERRED), "info": (ItemState.IN_PROGRESS,)}
    start, found = 0.0, []
    for tone, states in tones.items():
        width = 1000 * sum(progress.counts[state] for state in states) / progress.total if progress.total else 0
        found.append({"tone": tone, "x": f"{start:.1f}", "width": f"{width:.1f}"})
        start += width
    return found


def _overview(_request: HttpRequest, root: RunRecord, steps: list[RunRecord]) -> dict[str, Any]:
    return {"picture": queries.latest_picture(steps), "log": queries.log(root, 30)}


def _items(request: HttpRequest, _root: RunRecord, steps: list[RunRecord]) -> dict[str, Any]:
    state = request.GET.get("state", "")
    found, after = queries.items(steps, state, _number(request, "after"))
    return {"items": found, "after": after, "chosen": state, "item_states": [state for state in ItemState.values]}  # noqa: C416


def _evidence(request: HttpRequest, _root: RunRecord, steps: list[RunRecord]) -> dict[str, Any]:
    found, after = queries.evidence(steps, _number(request, "after"))
    shown = [kept for kept in found if kept.kind == "picture" and kept.removed_at is None]
    return {"pictures": shown, "files": [kept for kept in found if kept.kind != "picture"], "after": after}


def _log(request: HttpRequest, root: RunRecord, _steps: list[RunRecord]) -> dict[str, Any]:
    grave = request.GET.get("grave") == "1"
    return {"log": queries.log(root, 400, ("WARNING", "ERROR", "CRITICAL") if grave else ()), "grave": grave}


def _parameters(_request: HttpRequest, root: RunRecord, _steps: list[RunRecord]) -> dict[str, Any]:
    return {"params": root.params.items(), "result": root.result if isinstance(root.result, dict) else {}}


def _versions(_request: HttpRequest, root: RunRecord, steps: list[RunRecord]) -> dict[str, Any]:
    return {"found": queries.versions(root, steps)}


def _audit(_request: HttpRequest, root: RunRecord, steps: list[RunRecord]) -> dict[str, Any]:
    return {"events": queries.events_of(root, steps), "asked": queries.questions(steps)}


_TAB_CONTENT = {
    "overview": _overview,
    "items": _items,
    "evidence": _evidence,
    "log": _log,
    "parameters": _parameters,
    "versions": _versions,
    "audit": _audit,
}


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


@dataclass
class _Shown:
    """What a live page shows at this moment: its parts by name, and whether the run has ended."""

    parts: dict[str, str]
    ended: bool


async def _stream(request: HttpRequest, run_id: str) -> AsyncIterator[str]:
    """The page's live parts, each again when it changed, until the run has ended or the person's session has."""
    sent: dict[str, str] = {}
    token = get_token(request)  # one for the whole stream: a new mask each time would make every part look changed
    until = dt.datetime.now(dt.UTC) + LIVE_AT_MOST
    while dt.datetime.now(dt.UTC) < until:
        shown = await sync_to_async(_shown)(request, run_id, token)
        if shown is None:
            break
        for name, html in shown.parts.items():
            digest = hashlib.sha256(html.encode()).hexdigest()
            if sent.get(name) != digest:
                sent[name] = digest
                yield _event(name, html)
        if shown.ended:
            yield _event("over", say("ended"))
            return
        yield ": still here\n\n"
        await asyncio.sleep(LOOK_SECONDS)
    yield _event("over", "")


def _event(name: str, text: str) -> str:
    return f"event: {name}\n" + "".join(f"data: {line}\n" for line in text.split("\n")) + "\n"


def _shown(request: HttpRequest, run_id: str, token: str) -> _Shown | None:
    """The live parts of a run's page as they are now; None when the session is over."""
    try:
        if not ConsoleSession.objects.filter(session_key=request.session.session_key or "").exists():
            return None
        return respond(request, lambda: _drawn(request, run_id, token))  # type: ignore[no-any-return]
    finally:
        connections.close_all()  # between two looks nothing is held open


def _drawn(request: HttpRequest, run_id: str, token: str) -> _Shown:
    root = _root(run_id)
    steps = queries.tree(root)
    context = _frame(request, root, steps) | _overview(request, root, steps) | {"csrf_token": token}
    parts = {name: str(render_to_string(f"runs/parts/{name}.html", context)) for name in ("head", "state", "seen", "tail")}
    return _Shown(parts, root.state in ENDED)
