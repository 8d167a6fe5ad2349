"""The API of runs and processes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path as FilePath
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Field, File, Query, Schema, UploadedFile

from retaguarda.console.parameters import described, type_name
from retaguarda.console.screen import iso
from retaguarda.console.web import actions
from retaguarda.console.web.api import TROUBLES, NothingThere, endpoint
from retaguarda.console.web.queries import runs as runs_read
from retaguarda.console.web.views.runs import evidence_file
from retaguarda.console.wiring import process_named, processes
from retaguarda.errors import ConfigurationError
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.process import LIST_SEPARATOR
from retaguarda.store.models import RunRecord


class RunOut(Schema):
    """A run as the API tells it."""

    run: str
    process: str
    state: str
    dry_run: bool
    params: dict[str, Any]
    actor: str
    trigger: str
    created_at: str
    started_at: str | None
    ended_at: str | None
    items: dict[str, int]
    error: dict[str, Any] | None


class RunsOut(Schema):
    """A page of runs; `after` is given back to get the next one, empty at the end."""

    runs: list[RunOut]
    after: str


class ItemOut(Schema):
    """An item of a run or of one of its steps."""

    process: str
    reference: str
    title: str
    state: str
    outcome: str
    code: str
    reason: str
    remedy: str
    protocol: str
    fields: dict[str, Any]


class ItemsOut(Schema):
    """A page of items; `after` 0 at the end."""

    items: list[ItemOut]
    after: int


class LaunchIn(Schema):
    """A process to launch; what takes a file is given the `path` of an upload."""

    process: str
    params: dict[str, str] = Field(default_factory=dict)
    dry_run: bool = False


class UploadOut(Schema):
    """A file that was kept; `path` is what a parameter that takes a file is given."""

    path: str
    name: str
    sha256: str


class StopIn(Schema):
    """How a run is to be stopped: at its next safe point, or at once."""

    kill: bool = False


class RetryIn(Schema):
    """How a run goes on: with what the portal refused, or without."""

    refused: bool = False


@endpoint("GET", "/runs", roles=EVERYBODY, response={200: RunsOut, **TROUBLES})
def list_runs(request: HttpRequest, q: str = "", state: str = "", process: str = "", actor: str = "", after: str = "") -> Any:  # noqa: ARG001
    """Runs that were launched, newest first."""
    found = runs_read.listed(runs_read.Filters(q=q[:120], state=state, process=process, actor=actor, after=after))
    return {"runs": [run_values(row) for row in found.rows], "after": found.after}


@endpoint("POST", "/runs", roles=(Role.OPERATOR,), response={201: RunOut, **TROUBLES})
def launchrun_values(request: HttpRequest, wanted: LaunchIn) -> Any:  # noqa: ARG001
    """Queue a run, its parameters checked now."""
    _no_paths(wanted)
    return 201, run_values(runs_read.Row(actions.launch(wanted.process, wanted.params, dry_run=wanted.dry_run), Counter()))


@endpoint("GET", "/runs/{run_id}", roles=EVERYBODY, response={200: RunOut, **TROUBLES})
def getrun_values(request: HttpRequest, run_id: str) -> Any:  # noqa: ARG001
    """One run, its items counted over its steps."""
    return run_values(runs_read.counted([_found(run_id)])[0])


@endpoint("GET", "/runs/{run_id}/items", roles=EVERYBODY, response={200: ItemsOut, **TROUBLES})
def list_items(request: HttpRequest, run_id: str, state: str = "", after: Annotated[int, Query(ge=0, lt=2**53)] = 0) -> Any:  # noqa: ARG001
    """The items of a run and its steps."""
    found, following = runs_read.items(runs_read.tree(_found(run_id)), state, after)
    names = ("reference", "title", "state", "outcome", "code", "reason", "remedy", "protocol", "fields")
    told = [{name: getattr(item, name) for name in names} | {"process": item.run.process} for item in found]
    return {"items": told, "after": following}


@endpoint("GET", "/runs/{run_id}/steps", roles=EVERYBODY, response={200: list[RunOut], **TROUBLES})
def list_steps(request: HttpRequest, run_id: str) -> Any:  # noqa: ARG001
    """A run and its steps, in the order they were made."""
    return [run_values(row) for row in runs_read.counted(runs_read.tree(_found(run_id)), steps=False)]


@endpoint("GET", "/runs/{run_id}/evidence", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def list_evidence(request: HttpRequest, run_id: str, after: Annotated[int, Query(ge=0, lt=2**53)] = 0) -> Any:  # noqa: ARG001
    """What was kept of a run and its steps; /runs/{run_id}/evidence/{sha256} of the pages gives the bytes."""
    found, following = runs_read.evidence(runs_read.tree(_found(run_id)), after)
    names = ("sha256", "kind", "label", "size")
    told = [{name: getattr(one, name) for name in names} | {"at": iso(one.at), "removed_at": iso(one.removed_at)} for one in found]
    return {"evidence": told, "after": following}


@endpoint("GET", "/runs/{run_id}/evidence/{sha256}", roles=EVERYBODY, response={200: bytes, **TROUBLES})
def get_evidence(request: HttpRequest, run_id: str, sha256: str) -> Any:
    """A file of a run, byte by byte as it was kept."""
    _found(run_id)
    try:
        return evidence_file(request, run_id, sha256)
    except Http404:
        raise NothingThere from None


@endpoint("GET", "/runs/{run_id}/log", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def tail_log(request: HttpRequest, run_id: str, lines: Annotated[int, Query(ge=1, le=400)] = 100) -> Any:  # noqa: ARG001
    """The last lines of a run's log."""
    return vars(runs_read.log(_found(run_id), lines))


@endpoint("GET", "/runs/{run_id}/events", roles=EVERYBODY, response={200: list[dict[str, Any]], **TROUBLES})
def list_events(request: HttpRequest, run_id: str) -> Any:  # noqa: ARG001
    """The run's audit events that the store still holds, the oldest first."""
    root = _found(run_id)
    return runs_read.events_of(root, runs_read.tree(root))


@endpoint("POST", "/uploads", roles=(Role.OPERATOR,), response={201: UploadOut, **TROUBLES})
def upload(request: HttpRequest, file: File[UploadedFile]) -> Any:  # noqa: ARG001
    """Keep a file for a process that is launched afterwards."""
    kept = actions.keep_upload(file.name or "", file.file or file)
    return 201, {"path": str(kept), "name": kept.name, "sha256": kept.parent.name}


@endpoint("POST", "/runs/{run_id}/stop", roles=(Role.OPERATOR,), response={200: RunOut, **TROUBLES})
def stoprun_values(request: HttpRequest, run_id: str, how: StopIn) -> Any:  # noqa: ARG001
    """Ask a run to stop at its next safe point, or its worker to end it at once."""
    run = _found(run_id)
    actions.stop(run, kill=how.kill)
    return run_values(runs_read.counted([run])[0])


@endpoint("POST", "/runs/{run_id}/retry", roles=(Role.OPERATOR,), response={200: RunOut, **TROUBLES})
def retryrun_values(request: HttpRequest, run_id: str, how: RetryIn) -> Any:  # noqa: ARG001
    """Queue a run that ended, or waits for a person, again: it goes on where it stood."""
    run = _found(run_id)
    actions.retry(run, refused=how.refused)
    return run_values(runs_read.counted([run])[0])


@endpoint("GET", "/processes", roles=(Role.OPERATOR,), response={200: list[dict[str, Any]], **TROUBLES})
def list_processes(request: HttpRequest) -> Any:  # noqa: ARG001
    """What can be launched, with its parameters."""
    return [described(process) for _, process in sorted(processes().items())]


def _no_paths(wanted: LaunchIn) -> None:
    """Files of this machine are not read on somebody's word."""
    for parameter in process_named(wanted.process).parameters:
        given = [part for part in wanted.params.get(parameter.name, "").split(LIST_SEPARATOR) if part]
        if "Path" in type_name(parameter.annotation) and not all(actions.is_upload(FilePath(part)) for part in given):
            raise ConfigurationError(
                f"{parameter.name} takes a file that was given to the console", remedy="give the file to /uploads, then its path"
            )


def _found(run_id: str) -> RunRecord:
    found = runs_read.get(run_id)
    if found is None:
        raise NothingThere
    return found


def run_values(row: runs_read.Row) -> dict[str, Any]:
    """A run as values for programs."""
    run = row.run
    moments = {name: iso(getattr(run, name)) for name in ("created_at", "started_at", "ended_at")}
    plain = {name: getattr(run, name) for name in ("process", "state", "dry_run", "params", "actor", "trigger", "error")}
    return {"run": run.pk, **plain, **moments, "items": dict(row.counts)}
