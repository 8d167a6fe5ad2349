"""What is looked at: each condition finds its trouble by the root cause, and finds nothing once it is mended."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retaguarda.language import catalogue
from retaguarda.operations.conditions import look
from retaguarda.operations.findings import SEVERITIES, Finding
from retaguarda.operations.installation import Installation
from retaguarda.report.retell import retell
from retaguarda.settings import AlertSettings, BackupSettings, JobsSettings
from retaguarda.store.models import (
    FireState,
    Item,
    ItemState,
    Milestone,
    OutboxEvent,
    PlannedFire,
    Request,
    RequestState,
    RunRecord,
    RunState,
    SignIn,
    SignInState,
    Worker,
)
from tests.house import House


def placed(house: House) -> Installation:
    """A house as its keepers see it, on a disk that is never too full."""
    services = house.services
    updates = {"alerts": AlertSettings(disk_gb=0), "jobs": JobsSettings(), "backup": BackupSettings()}
    return Installation(services.settings.model_copy(update=updates), services.clock, services.locks, lambda: house.vault)


@pytest.fixture
def place(any_house: House) -> Installation:
    return placed(any_house)


def found(place: Installation) -> dict[str, Finding]:
    """Findings by cause, each fit to be told: a known severity, a sentence that has its Portuguese, facts that JSON takes."""
    seen = look(place)
    assert seen.whole
    for finding in seen.findings:
        assert finding.severity in SEVERITIES
        for sentence in (finding.text, finding.facts.get("remedy", "")):
            assert not sentence or sentence in catalogue() or retell(sentence) != sentence or sentence.startswith("retaguarda "), sentence
    assert len({finding.cause for finding in seen.findings}) == len(seen.findings)
    return {finding.cause: finding for finding in seen.findings}


def severity(place: Installation, cause: str) -> str | None:
    finding = found(place).get(cause)
    return finding.severity if finding else None


def minutes(place: Installation, count: float) -> None:
    place.clock.pause(60 * count)


@contextmanager
def living(place: Installation, name: str, *queues: str, kind: str = "worker") -> Iterator[None]:
    """A process of that name that lives."""
    now = place.clock.now()
    full = name if kind == "worker" else f"{kind}/{name}"
    values = {"kind": kind, "host": "h", "pid": 1, "queues": list(queues), "started_at": now, "beat_at": now, "stopped_at": None}
    Worker.objects.update_or_create(name=full, defaults=values)
    with place.locks.hold(f"{kind}/{name}"):
        yield


def test_a_healthy_installation_has_nothing_to_tell(place: Installation) -> None:
    assert found(place) == {}


def test_a_refused_credential_until_it_is_set_anew(any_house: House, place: Installation) -> None:
    now = place.clock.now()
    for _ in range(2):
        SignIn.objects.create(credential="ccee/robo", at=now, ended_at=now, state=SignInState.REFUSED, text="Senha inválida")
    run = any_house.record("register_contracts")
    any_house.services.runs.begin(run)
    error = {"code": "credential-refused", "text": "x", "portal": "ccee", "credential": "ccee/robo"}
    any_house.services.runs.end(run, RunState.FAULTED, error=error)
    finding = found(place)["credential/ccee/robo"]
    assert (finding.severity, finding.facts["symptoms"], finding.facts["runs"]) == ("critical", 2, [run.pk])
    assert finding.facts["remedy"] == "correct it, then: retaguarda vault set ccee/robo"
    SignIn.objects.update(cleared_at=now)
    assert found(place) == {}


def test_a_refusal_that_was_followed_by_a_yes_is_history(place: Installation) -> None:
    now = place.clock.now()
    SignIn.objects.create(credential="ccee/robo", at=now, state=SignInState.REFUSED)
    SignIn.objects.create(credential="ccee/robo", at=now, state=SignInState.ACCEPTED)
    assert found(place) == {}


@pytest.mark.parametrize(
    ("code", "cause", "grave"),
    [
        ("portal-unavailable", "portal/ccee", "warning"),
        ("portal-blocked", "portal/ccee", "critical"),
        ("portal-changed", "portal/ccee", "critical"),
        ("incomplete-download", "portal/ccee", "critical"),
        ("network-down", "portal/ccee", "warning"),
        ("defect", "defect/register_contracts", "critical"),
        ("configuration-error", "process/register_contracts", "critical"),
        ("invalid-item", "process/register_contracts", "warning"),
        ("vault-unavailable", "vault", "critical"),
        ("store-unavailable", "store", "critical"),
        ("browser-crashed", "browser", "warning"),
        ("lease-held", None, None),
        ("step-failed", None, None),
    ],
)
def test_each_failure_has_its_cause(house: House, code: str, cause: str | None, grave: str | None) -> None:
    place, run = placed(house), house.record("register_contracts")
    house.services.runs.begin(run)
    house.services.runs.end(run, RunState.FAULTED, error={"code": code, "text": "x", "remedy": "run it again later", "portal": "ccee"})
    assert {name: finding.severity for name, finding in found(place).items()} == ({cause: grave} if cause else {})
    minutes(place, 25 * 60)
    assert found(place) == {}, "what is older than a day is history"


def test_a_run_past_its_limit(any_house: House, place: Installation) -> None:
    run = any_house.services.runs.create("export_erp", {}, queue="default", time_limit=600)
    any_house.services.runs.begin(run)
    minutes(place, 12)
    assert found(place) == {}, "it has its grace"
    minutes(place, 2)
    assert severity(place, f"overdue/{run.pk}") == "critical"
    any_house.services.runs.end(run, RunState.TIMED_OUT, error={"code": "time-limit-reached", "text": "x"})
    assert severity(place, "overtime/export_erp") == "warning"


def test_items_of_which_nobody_knows(any_house: House, place: Installation) -> None:
    run = any_house.services.runs.create("register_contracts", {}, queue="default")
    any_house.services.runs.begin(run)
    for reference in ("R-1", "R-2"):
        Item.objects.create(run=run, reference=reference, state=ItemState.UNCERTAIN, reason="pressed", updated_at=place.clock.now())
    assert found(place) == {}, "while the run is at work, it is looking"
    any_house.services.runs.end(run, RunState.PARTIAL)
    finding = found(place)[f"uncertain/{run.pk}"]
    assert (finding.severity, finding.facts["symptoms"]) == ("critical", 2)
    any_house.services.runs.queue_up(run)
    assert severity(place, f"uncertain/{run.pk}") == "warning", "a queued run looks again by itself"
    Item.objects.update(state=ItemState.SUCCESSFUL)
    assert f"uncertain/{run.pk}" not in found(place)


def test_questions_become_louder_when_nobody_answers(any_house: House, place: Installation) -> None:
    now, run = place.clock.now(), any_house.record()
    Request.objects.create(run=run, kind="approval", subject="plano de 10/2026", asked_at=now)
    later = now + dt.timedelta(hours=6)
    Request.objects.create(run=run, kind="challenge", subject="ccee/robo", asked_at=now, expires_at=later)
    assert {cause: one.severity for cause, one in found(place).items()} == {
        "request/approval/plano de 10/2026": "info",
        "request/challenge/ccee/robo": "info",
    }
    minutes(place, 241)
    assert {one.severity for one in found(place).values()} == {"warning"}
    Request.objects.update(state=RequestState.ANSWERED)
    assert found(place) == {}


def test_missed_fires_until_the_trigger_runs_again(place: Installation) -> None:
    now = place.clock.now()
    for hours in (3, 2):
        at = now - dt.timedelta(hours=hours)
        PlannedFire.objects.create(trigger="daily", at=at, local="x", state=FireState.MISSED, decided_at=now, reason="no scheduler ran")
    finding = found(place)["fire/daily"]
    assert (finding.severity, finding.facts["symptoms"], finding.facts["said"]) == ("warning", 2, "no scheduler ran")
    PlannedFire.objects.create(trigger="daily", at=now, local="x", state=FireState.RUN)
    assert found(place) == {}


def test_a_queue_that_nobody_serves(any_house: House, place: Installation) -> None:
    any_house.services.runs.create("export_erp", {}, queue="night")
    later = place.clock.now() + dt.timedelta(hours=5)
    any_house.services.runs.create("export_erp", {}, queue="tomorrow", not_before=later)
    assert found(place) == {}
    minutes(place, 11)
    with living(place, "w-1", "day"):
        assert severity(place, "queue/night") == "critical"
        assert "queue/tomorrow" not in found(place)
    with living(place, "w-1", "day", "night"):
        assert found(place) == {}
        Worker.objects.update(draining=True)
        assert severity(place, "queue/night") == "critical", "one that drains takes nothing more"


def test_processes_that_die_without_a_word(place: Installation) -> None:
    with living(place, "w-1"), living(place, "s-1", kind="scheduler"):
        assert found(place) == {}
    assert {cause: one.severity for cause, one in found(place).items()} == {"worker/w-1": "critical", "scheduler/s-1": "warning"}
    Worker.objects.update(stopped_at=place.clock.now())
    assert found(place) == {}


def test_a_disk_that_fills_up(place: Installation) -> None:
    free = os.statvfs(place.settings.home).f_bavail * os.statvfs(place.settings.home).f_frsize / 1e9

    def told(wanted: float) -> str | None:
        settings = place.settings.model_copy(update={"alerts": AlertSettings(disk_gb=wanted)})
        return severity(Installation(settings, place.clock, place.locks, place.vault), "disk")

    assert (told(free / 2), told(free * 2), told(free * 100)) == (None, "warning", "critical")


def test_events_that_are_not_sealed(any_house: House, place: Installation) -> None:
    any_house.record()
    at = place.clock.now()
    OutboxEvent.objects.update(at=at)
    minutes(place, 59)
    assert found(place) == {}
    minutes(place, 2)
    assert severity(place, "audit") == "warning"
    minutes(place, 200)
    assert severity(place, "audit") == "critical"
    any_house.audit.seal()
    assert found(place) == {}


def test_a_backup_that_is_late_where_one_is_wanted(place: Installation, tmp_path: Path) -> None:
    assert found(place) == {}, "nobody asked for one"
    settings = place.settings.model_copy(update={"backup": BackupSettings(folder=tmp_path)})
    wanted = Installation(settings, place.clock, place.locks, place.vault)
    assert found(wanted)["backup"].text == "there is no backup"
    Milestone.objects.create(name="backup", at=place.clock.now())
    assert found(wanted) == {}
    minutes(place, 27 * 60)
    assert found(wanted)["backup"].text == "the last backup is too old"


def test_two_thousand_failures_cost_little(house: House) -> None:
    services = house.services
    now = services.clock.now()
    error = {"code": "portal-unavailable", "text": "x", "portal": "ccee"}
    RunRecord.objects.bulk_create(
        RunRecord(id=f"r{n}", process="export_erp", state="FAULTED", actor="a", created_at=now, ended_at=now, folder="f", error=error)
        for n in range(2_000)
    )
    place = Installation(services.settings, services.clock, services.locks, lambda: house.vault)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        [finding] = [one for one in look(place).findings if one.cause == "portal/ccee"]
    assert finding.facts["symptoms"] == 2_000
    assert len(asked) < 40, "the store is asked once a portal, not once a run"
