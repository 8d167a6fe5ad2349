"""What is looked at, again and again: each condition reads the store or the machine and yields what is wrong, by its root cause.

Nothing is pushed by runs: what a run forgot to say, or died before saying, is found all the same.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from retaguarda.clock import SAO_PAULO
from retaguarda.errors import RetaguardaError, StoreUnavailable
from retaguarda.jobs.certificates import REMEDY, Certificates, Ending
from retaguarda.jobs.journal import RESTORED
from retaguarda.jobs.workers import Workers
from retaguarda.operations.failures import NAMED_RUNS, failed_runs, finding, overdue_runs, refused_credentials, uncertain_items
from retaguarda.operations.findings import Finding
from retaguarda.operations.installation import Installation
from retaguarda.operations.watchdog import unkept_plan
from retaguarda.store.models import FireState, Milestone, OutboxEvent, PlannedFire, Request, RequestState, RunRecord, RunState, Worker

Condition = Callable[[Installation], Iterable[Finding]]
GIGABYTE = 1e9
LAST_DAYS = 3
"""Business days before its end from which a certificate is critical: runs are being blocked then, or will be tomorrow."""
NEARLY_NOTHING = 0.1
"""Share of the wanted free space under which a full disk is near: runs refuse to press without room for evidence."""


def open_questions(installation: Installation) -> Iterator[Finding]:
    """Approvals and challenges that wait for a person; overdue ones, and those about to lapse, are warnings."""
    now, patience = installation.clock.now(), dt.timedelta(hours=installation.settings.alerts.request_hours)
    asked: dict[tuple[str, str], list[Request]] = {}
    for request in Request.objects.filter(state=RequestState.OPEN).order_by("asked_at"):
        asked.setdefault((request.kind, request.subject), []).append(request)
    for (kind, subject), requests in asked.items():
        first = requests[0]
        lapses = min((request.expires_at for request in requests if request.expires_at), default=None)
        late = now - first.asked_at >= patience or (lapses is not None and lapses - now <= patience / 2)
        yield finding(
            f"{subject} waits for approval" if kind == "approval" else f"{subject} waits for the answer to its portal's question",
            cause=f"request/{kind}/{subject}",
            severity="warning" if late else "info",
            remedy="see: retaguarda request list",
            symptoms=len(requests),
            runs=list(dict.fromkeys(request.run_id for request in requests))[:NAMED_RUNS],
            since=first.asked_at.isoformat(),
        )


def missed_fires(installation: Installation) -> Iterator[Finding]:
    """Triggers of which a fire was missed lately, and none has run since."""
    since = installation.clock.now() - dt.timedelta(hours=installation.settings.alerts.look_back_hours)
    missed: dict[str, list[PlannedFire]] = {}
    for fire in PlannedFire.objects.filter(state=FireState.MISSED, decided_at__gte=since).order_by("at"):
        missed.setdefault(fire.trigger, []).append(fire)
    for trigger, fires in missed.items():
        if not PlannedFire.objects.filter(trigger=trigger, state=FireState.RUN, at__gt=fires[-1].at).exists():
            yield finding(
                f"trigger {trigger} missed its time",
                cause=f"fire/{trigger}",
                severity="warning",
                remedy=f"retaguarda trigger fire {trigger}",
                symptoms=len(fires),
                since=fires[0].at.isoformat(),
                said=fires[-1].reason or fires[-1].local,
            )


def unserved_queues(installation: Installation) -> Iterator[Finding]:
    """Queues in which runs wait while no living worker serves them."""
    now, workers = installation.clock.now(), Workers(installation.locks, installation.clock)
    patience = now - dt.timedelta(minutes=installation.settings.alerts.queue_minutes)
    ready = Q(not_before=None, created_at__lte=patience) | Q(not_before__lte=patience)
    waiting: dict[str, list[RunRecord]] = {}
    for run in RunRecord.objects.filter(ready, state=RunState.PENDING, parent=None).exclude(queue="").order_by("created_at"):
        waiting.setdefault(run.queue, []).append(run)
    if not waiting:
        return
    serving = [worker for worker in Worker.objects.filter(kind="worker", stopped_at=None, draining=False) if workers.living(worker)]
    served = {queue for worker in serving for queue in worker.queues}
    for queue, runs in waiting.items():
        if queue not in served:
            yield finding(
                f"no worker serves queue {queue}",
                cause=f"queue/{queue}",
                severity="critical",
                remedy=f"retaguarda worker start --queues {queue}",
                symptoms=len(runs),
                runs=[run.pk for run in runs[:NAMED_RUNS]],
                since=runs[0].created_at.isoformat(),
            )


def dead_workers(installation: Installation) -> Iterator[Finding]:
    """Workers and schedulers that ended without saying so, and whose place nobody has taken yet."""
    workers = Workers(installation.locks, installation.clock)
    for worker in Worker.objects.filter(stopped_at=None).order_by("name"):
        if not workers.living(worker):
            carries = worker.kind == "worker"  # when no scheduler is left, the watchdog says so
            yield finding(
                f"worker {worker.name} died" if carries else f"scheduler {worker.name} died",
                cause=f"{worker.kind}/{worker.name.rpartition('/')[2]}",
                severity="critical" if carries else "warning",
                remedy="start it again; its runs are taken over by another worker, if there is one",
                since=worker.beat_at.isoformat(),
            )


def full_disk(installation: Installation) -> Iterator[Finding]:
    """Too little room where evidence, audit log and store grow."""
    wanted = installation.settings.alerts.disk_gb
    folders = (folder for folder in (installation.settings.home, installation.settings.output) if folder.exists())
    free = min((shutil.disk_usage(folder).free / GIGABYTE for folder in folders), default=wanted)
    if free < wanted:
        yield finding(
            "the disk is filling up",
            cause="disk",
            severity="critical" if free < wanted * NEARLY_NOTHING else "warning",
            remedy="free space outside of the state folder; what is old goes by: retaguarda retention apply",
            said=f"{free:.1f} GB",
        )


def unsealed_events(installation: Installation) -> Iterator[Finding]:
    """Audit events that wait too long to be sealed into the log."""
    patience = dt.timedelta(minutes=installation.settings.alerts.unsealed_minutes)
    oldest = OutboxEvent.objects.filter(sealed=False).order_by("id").first()
    if oldest and installation.clock.now() - oldest.at > patience:
        yield finding(
            "events wait to be sealed into the audit log",
            cause="audit",
            severity="critical" if installation.clock.now() - oldest.at > 4 * patience else "warning",
            remedy="retaguarda audit verify",
            symptoms=OutboxEvent.objects.filter(sealed=False).count(),
            since=oldest.at.isoformat(),
        )


def unanchored_log(installation: Installation) -> Iterator[Finding]:
    """A log that is bound by nothing outside for too long, and each anchor that cannot be made, where anchors are set up."""
    anchors = installation.anchors()
    for one in anchors.standing():
        if one.trouble:
            refused = "refuses the log" in one.trouble
            yield finding(
                "an anchor of the audit log cannot be made",
                cause=f"audit/{one.name}",
                severity="critical" if refused else "warning",
                remedy="see: retaguarda audit status",
                said=one.trouble,
            )
    exposure = anchors.exposure() if anchors.names() else None
    if exposure and exposure.minutes(installation.clock.now()) >= installation.settings.audit.unanchored_minutes:
        yield finding(
            "the audit log is bound by no anchor",
            cause="audit/anchors",
            severity="critical",
            remedy="see: retaguarda audit status",
            symptoms=exposure.size - exposure.anchored,
            since=exposure.since.isoformat() if exposure.since else "",
        )


def quarantined_evidence(installation: Installation) -> Iterator[Finding]:
    """Files in which a secret was found: a portal shows what it must not, or a mask is missing."""
    since = installation.clock.now() - dt.timedelta(hours=installation.settings.alerts.look_back_hours)
    found = [event.line for event in OutboxEvent.objects.filter(at__gte=since, line__action="evidence.quarantined").order_by("id")]
    if found:
        yield finding(
            "a secret stood in evidence; it was set aside",
            cause="evidence/secret",
            severity="critical",
            remedy="change that password, and mask it at its source: see docs/audit.md",
            symptoms=len(found),
            runs=list(dict.fromkeys(line["run"] for line in found))[:NAMED_RUNS],
            said=found[-1]["target"],
        )


def old_backup(installation: Installation) -> Iterator[Finding]:
    """A last backup that is too old, or none, where backups are configured."""
    rules = installation.settings.backup
    if rules.folder is None:
        return
    last = Milestone.objects.filter(name="backup").first()
    if last is None or installation.clock.now() - last.at > dt.timedelta(hours=rules.max_age_hours):
        since = {"since": last.at.isoformat()} if last else {}
        text = "the last backup is too old" if last else "there is no backup"
        yield finding(text, cause="backup", severity="warning", remedy="retaguarda backup create", **since)


def restored_store(_installation: Installation) -> Iterator[Finding]:
    """A store that came from a backup and does not know what was pressed since: nothing is pressed until a person accepts it."""
    restored = Milestone.objects.filter(name=RESTORED).first()
    if restored:
        yield finding(
            "the store was restored from a backup: nothing is pressed before it agrees with the portals",
            cause="restored",
            severity="critical",
            remedy="follow docs/operations/README.md, then: retaguarda backup accept",
            since=restored.at.isoformat(),
            said=str(restored.facts.get("backup", "")),
        )


def ending_certificates(installation: Installation) -> Iterator[Finding]:
    """Certificates in the vault that end soon, have ended or do not open."""
    for held in Certificates(installation.vault, installation.clock) if _has_vault(installation) else ():
        name, day = held.credential, _day(held)
        texts = (
            f"the certificate of {name} cannot be read",
            f"the certificate of {name} ended on {day}",
            f"the certificate of {name} ends on {day}",
        )
        yield from _ending(installation, held, texts, f"certificate/{name}", REMEDY)


def ending_passwords(installation: Installation) -> Iterator[Finding]:
    """Passwords of which somebody told the last day, and that day is near, past or unreadable."""
    for held in Certificates(installation.vault, installation.clock).passwords() if _has_vault(installation) else ():
        name, day = held.credential, _day(held)
        texts = (
            f"nobody can tell until when the password of {name} is good",
            f"the password of {name} ended on {day}",
            f"the password of {name} ends on {day}",
        )
        yield from _ending(
            installation, held, texts, f"password/{name}", f"change it at the portal, then: retaguarda credential rotate {name}"
        )


def _has_vault(installation: Installation) -> bool:
    """Whether there is a vault to look into: the file is made with the first credential."""
    return installation.settings.vault.kind != "file" or (installation.settings.home / "vault.json").exists()


def _day(held: Ending) -> str:
    return f"{held.ends.astimezone(SAO_PAULO):%Y-%m-%d}" if held.ends else ""


def _ending(installation: Installation, held: Ending, texts: tuple[str, str, str], cause: str, remedy: str) -> Iterator[Finding]:
    """What is to be told of something that cannot be read, has ended or ends, in these texts; nothing while there is time."""
    unreadable, ended, ends = texts
    now = installation.clock.now()
    if held.problem:
        yield finding(unreadable, cause=cause, severity="critical", remedy=remedy, said=held.problem)
    elif held.ends and (left := held.days_left(now)) <= installation.settings.alerts.certificate_days:
        over = held.ends <= now
        severity = "critical" if left <= LAST_DAYS else "warning"
        since = {"since": held.ends.isoformat()} if over else {}
        yield finding(ended if over else ends, cause=cause, severity=severity, remedy=remedy, **since)


WATCHDOG: tuple[Condition, ...] = (unkept_plan, missed_fires, unserved_queues)
"""What should have happened and did not."""
CONDITIONS: tuple[Condition, ...] = (
    failed_runs,
    refused_credentials,
    uncertain_items,
    overdue_runs,
    open_questions,
    *WATCHDOG,
    dead_workers,
    full_disk,
    unsealed_events,
    unanchored_log,
    quarantined_evidence,
    old_backup,
    restored_store,
    ending_certificates,
    ending_passwords,
)


@dataclass(frozen=True, slots=True)
class Look:
    """What all conditions found; `whole` when each could look, so that what is not found is really gone."""

    findings: tuple[Finding, ...]
    whole: bool


def look(installation: Installation, conditions: Sequence[Condition] = CONDITIONS) -> Look:
    """Ask every condition. One that cannot look is itself a finding, and hides no other; a store that fails raises."""
    found: list[Finding] = []
    blind = 0
    for condition in conditions:
        try:
            found += condition(installation)
        except StoreUnavailable:
            raise
        except (RetaguardaError, OSError) as error:
            blind += 1
            found.append(_failed_look(getattr(condition, "__name__", "condition"), str(error)))
    return Look(tuple(found), whole=not blind)


def _failed_look(name: str, why: str) -> Finding:
    return finding("a look at the installation failed", cause=f"look/{name}", severity="warning", remedy="retaguarda doctor", said=why)
