"""What failed runs say about the installation: forty runs that failed at one portal have one cause, the portal.

A cause lasts until a later run proves it gone: for a portal that is down, any run that signed in there and came to its end;
for a screen that changed, a run of the same process that did.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from retaguarda.jobs.runs import FINISHED
from retaguarda.jobs.sign_ins import Standing
from retaguarda.operations.findings import SEVERITIES, Finding
from retaguarda.operations.installation import Installation
from retaguarda.store.models import Item, ItemState, OutboxEvent, RunRecord, RunState, SignIn, SignInState

NAMED_RUNS = 20
"""Runs that a finding names; it counts all of them."""
DOWN = {"portal-unavailable", "portal-blocked", "network-down"}
"""Codes that tell of a whole portal: any run that gets through there proves it up."""
CHANGED = {"portal-changed", "incomplete-download", "session-lost"}
"""Codes that tell of screens: only a run of the same process proves them right."""
TOLD_ELSEWHERE = {
    "approval-required",  # its request is told
    "challenge-required",
    "step-waits",
    "step-failed",  # its step is told
    "credential-refused",  # the credential is told
    "credential-resting",  # comes again by itself
    "outcome-unknown",  # its items are told
    "quiet-period",
    "lease-held",  # waits for another run, and comes again
    "stop-requested",  # a person's own doing
    "killed",
}
SLACK = dt.timedelta(minutes=2)
"""How long after its limit and its grace a run may still be ending."""


def finding(text: str, *, cause: str, severity: str, remedy: str = "", **facts: Any) -> Finding:
    """A finding whose text comes first, since it is what people read."""
    return Finding(cause, severity, text, {"remedy": remedy, **facts} if remedy else facts)


@dataclass(frozen=True, slots=True)
class Failure:
    """A run, or a step of one, that failed: where, and by what."""

    run: RunRecord
    at: dt.datetime
    code: str
    portal: str

    @property
    def text(self) -> str:
        return str((self.run.error or {}).get("text", ""))


def failed_runs(installation: Installation) -> Iterator[Finding]:
    """One finding a cause for all runs and steps that failed lately and were not made good by a later one."""
    failures = list(_failures(installation))
    proofs = _Proofs(min((failure.at for failure in failures), default=installation.clock.now()))
    lasting = [failure for failure in failures if not proofs.made_good(failure)]
    network = {failure.portal for failure in lasting if failure.code == "network-down"}
    yield from _grouped(lasting, lambda failure: _cause(failure, network_down=len(network) > 1))


def _failures(installation: Installation) -> Iterator[Failure]:
    """Runs that failed within the look-back, and queued ones that failed and will be tried again."""
    since = installation.clock.now() - dt.timedelta(hours=installation.settings.alerts.look_back_hours)
    ended = Q(state__in=[RunState.FAULTED, RunState.TIMED_OUT], ended_at__gte=since)
    again = Q(state=RunState.PENDING, failures__gt=0)
    for run in RunRecord.objects.filter(ended | again).order_by("created_at"):
        code = "time-limit-reached" if run.state == RunState.TIMED_OUT else str((run.error or {}).get("code", ""))
        if code not in TOLD_ELSEWHERE:
            yield Failure(run, run.ended_at or run.started_at or run.created_at, code, portal_of(run))


def portal_of(run: RunRecord) -> str:
    """The portal at which a run failed: the one its error names, else that of its only credential."""
    told = str((run.error or {}).get("portal", ""))
    credentials = {str(value).partition("/")[0] for name, value in run.params.items() if name.startswith("credential") and "," not in value}
    return told or (credentials.pop() if len(credentials) == 1 else "")


class _Proofs:
    """Later runs that came to their end and so prove a cause gone; looked up once a portal and once a process."""

    def __init__(self, since: dt.datetime) -> None:
        self._since = since
        self._entered: dict[str, list[tuple[dt.datetime, str]]] = {}
        self._finished: dict[str, RunRecord | None] = {}

    def made_good(self, failure: Failure) -> bool:
        process = failure.run.process
        if failure.portal and failure.code in DOWN | CHANGED:
            later = {process for at, process in self._got_through(failure.portal) if at > failure.at}
            return bool(later) if failure.code in DOWN else process in later
        last = self._last_finished(process)
        return last is not None and last.created_at > failure.run.created_at and last.ended_at is not None and last.ended_at > failure.at

    def _got_through(self, portal: str) -> list[tuple[dt.datetime, str]]:
        """When runs signed in at the portal that came to their end, and of which process they are."""
        if portal not in self._entered:
            entered = SignIn.objects.filter(credential__startswith=f"{portal}/", state=SignInState.ACCEPTED, at__gte=self._since)
            at = {attempt.run: attempt.at for attempt in entered.order_by("id")}
            runs = RunRecord.objects.filter(pk__in=at, state__in=FINISHED)
            self._entered[portal] = [(at[run.pk], run.process) for run in runs]
        return self._entered[portal]

    def _last_finished(self, process: str) -> RunRecord | None:
        if process not in self._finished:
            self._finished[process] = RunRecord.objects.filter(process=process, state__in=FINISHED).order_by("-created_at").first()
        return self._finished[process]


def _grouped(failures: Iterable[Failure], cause_of: Callable[[Failure], Finding]) -> Iterator[Finding]:
    """Findings of one cause become one, with the number of runs and the newest of them by name."""
    found: dict[str, list[tuple[Finding, Failure]]] = {}
    for failure in failures:
        told = cause_of(failure)
        found.setdefault(told.cause, []).append((told, failure))
    for several in found.values():
        roots = dict.fromkeys(root_of(failure.run).pk for _, failure in reversed(several))
        facts = {"runs": list(roots)[:NAMED_RUNS], "symptoms": len(several), "since": several[0][1].at.isoformat()}
        worst = max((told for told, _ in several), key=lambda told: SEVERITIES.index(told.severity))
        yield replace(worst, facts={**worst.facts, **facts, "said": several[-1][1].text})


def root_of(run: RunRecord) -> RunRecord:
    """The run that a person or a trigger launched."""
    while run.parent is not None:
        run = run.parent
    return run


def _cause(failure: Failure, *, network_down: bool) -> Finding:
    """The root cause that a failure is a symptom of."""
    code, portal, process = failure.code, failure.portal, failure.run.process
    if network_down and code == "network-down":
        return finding(
            "no portal can be reached: the network is down", cause="network", severity="critical", remedy="check the machine's network"
        )
    if portal and code in DOWN | CHANGED:
        return _portal(portal, code)
    if code == "defect":
        remedy = "repeat it with retaguarda --verbose run resume RUN, and send what it shows"
        return finding(f"{process} ended by a defect of the program", cause=f"defect/{process}", severity="critical", remedy=remedy)
    if code == "time-limit-reached":
        remedy = "see where it stood, then resume it; give the process more time if it needs it"
        return finding(f"{process} took longer than its time limit", cause=f"overtime/{process}", severity="warning", remedy=remedy)
    return _machine(code) or finding(
        f"{process} failed",
        cause=f"process/{process}",
        severity="critical" if code == "configuration-error" else "warning",
        remedy=str((failure.run.error or {}).get("remedy", "")),
    )


def _portal(portal: str, code: str) -> Finding:
    cause = f"portal/{portal}"
    if code == "portal-blocked":
        remedy = "sign in as a person and look; tell those who develop the robots"
        return finding(f"portal {portal} does not let robots in", cause=cause, severity="critical", remedy=remedy)
    if code in CHANGED:
        remedy = "look at the picture of the failure in log.html; tell those who develop the robots"
        return finding(f"portal {portal} is not as its robot knows it", cause=cause, severity="critical", remedy=remedy)
    remedy = "queued runs are tried again by themselves; the others once the portal answers: retaguarda run resume RUN"
    return finding(f"portal {portal} is unavailable", cause=cause, severity="warning", remedy=remedy)


def _machine(code: str) -> Finding | None:
    """Failures of the machine under the robots, whatever process met them."""
    if code == "vault-unavailable":
        return finding("the vault cannot be opened", cause="vault", severity="critical", remedy="check the master key: retaguarda doctor")
    if code == "store-unavailable":
        remedy = "check the store and the disk: retaguarda doctor"
        return finding("the store could not be read or written", cause="store", severity="critical", remedy=remedy)
    if code == "browser-crashed":
        return finding("the browser dies", cause="browser", severity="warning", remedy="check memory and Chromium: retaguarda doctor")
    return None


def refused_credentials(installation: Installation) -> Iterator[Finding]:
    """Credentials that rest until a person looks: a portal refused them, or sign-ins with them broke off too often."""
    runs: dict[str, list[str]] = {}
    since = installation.clock.now() - dt.timedelta(hours=installation.settings.alerts.look_back_hours)
    for run in RunRecord.objects.filter(state=RunState.FAULTED, ended_at__gte=since, error__code="credential-refused").order_by(
        "-created_at"
    ):
        runs.setdefault(str((run.error or {}).get("credential", "")), []).append(root_of(run).pk)
    refused = SignIn.objects.filter(state=SignInState.REFUSED, cleared_at=None).values_list("credential", flat=True).distinct()
    for name in sorted({*refused, *runs} - {""}):
        standing = Standing.of(name)
        if standing.last and (standing.refused or name in runs):
            stopped = list(dict.fromkeys(runs.get(name, [])))
            yield finding(
                f"credential {name} is refused by its portal",
                cause=f"credential/{name}",
                severity="critical",
                remedy=f"correct it, then: retaguarda vault set {name}",
                symptoms=max(standing.refused, len(stopped)),
                runs=stopped[:NAMED_RUNS],
                since=standing.last.isoformat(),
            )


def uncertain_items(_installation: Installation) -> Iterator[Finding]:
    """Runs that left items of which nobody knows whether the portal took them."""
    doubtful = list(Item.objects.filter(state__in=[ItemState.UNCERTAIN, ItemState.DEFERRED]))
    runs = RunRecord.objects.select_related("parent").in_bulk({item.run_id for item in doubtful})
    by_root: dict[str, list[Item]] = {}
    roots: dict[str, RunRecord] = {}
    for item in sorted((item for item in doubtful if item.run_id in runs), key=lambda item: item.updated_at):
        root = root_of(runs[item.run_id])
        roots[root.pk] = root
        by_root.setdefault(root.pk, []).append(item)
    for name, items in by_root.items():
        if roots[name].state == RunState.RUNNING:
            continue  # it is looking
        yield finding(
            f"run {name} left items uncertain",
            cause=f"uncertain/{name}",
            severity="warning" if roots[name].state == RunState.PENDING else "critical",  # a queued run looks again by itself
            remedy=f"repeat nothing by hand; let the robot look: retaguarda run resume {name}",
            symptoms=len(items),
            runs=[name],
            since=items[0].updated_at.isoformat(),
            said=items[-1].reason,
        )


def overdue_runs(installation: Installation) -> Iterator[Finding]:
    """Runs that are past their time limit and its grace, and still not ended."""
    jobs, now = installation.settings.jobs, installation.clock.now()
    for run in RunRecord.objects.filter(state=RunState.RUNNING, parent=None).exclude(queue=""):
        limit = dt.timedelta(seconds=(run.time_limit or jobs.time_limit) + jobs.kill_grace) + SLACK
        begun = _attempt_began(run)
        if begun and now - begun > limit:
            yield finding(
                f"run {run.pk} does not end at its time limit",
                cause=f"overdue/{run.pk}",
                severity="critical",
                remedy=f"retaguarda run kill {run.pk}",
                runs=[run.pk],
                since=begun.isoformat(),
            )


def _attempt_began(run: RunRecord) -> dt.datetime | None:
    """When the present attempt of a run began: a run that was tried before keeps its first beginning."""
    if run.attempt == 1:
        return run.started_at
    started = OutboxEvent.objects.filter(line__action="run.started", line__run=run.pk, at__gte=run.created_at)
    return started.order_by("-id").values_list("at", flat=True).first() or run.started_at
