"""What an enemy with a browser may try: other people's files, paths, injected headers, API abuse."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode

from retaguarda.audit import events
from retaguarda.jobs.runs import ENDED
from retaguarda.store.models import OutboxEvent, RequestState, RunRecord
from tests.console.web.samples import HOSTILE, PIXEL, Samples, fill
from tests.console.web.server import Console, Visitor

VENDORED = Path("retaguarda/console/web/static")


@pytest.fixture(scope="module")
def samples(console: Console) -> Samples:
    return fill(console)


@pytest.fixture(scope="module")
def operator(console: Console) -> Visitor:
    return console.signed_in("the-operator")


def test_evidence_of_a_run_is_shown_under_that_run_alone(console: Console, samples: Samples, operator: Visitor) -> None:
    with events.acting("somebody"):
        other = console.runs.create("export_erp", {"month": "2026-10"})
    mine = f"/runs/{samples.run.pk}/evidence/{samples.evidence}"
    assert operator.see(mine).content == PIXEL
    assert operator.see(mine.replace(samples.run.pk, other.pk)).status_code == 404
    assert operator.see(f"/runs/{samples.run.pk}/evidence/{'0' * 64}").status_code == 404


@pytest.mark.parametrize(
    "sha256", ["..%2F..%2Fvault.json", "%2e%2e%2f%2e%2e%2fvault.json", "....//vault.json", "/etc/passwd", "..%5C..%5Cvault.json"]
)
def test_paths_lead_nowhere(samples: Samples, operator: Visitor, sha256: str) -> None:
    assert operator.see(f"/runs/{samples.run.pk}/evidence/{sha256}").status_code == 404
    assert operator.see(f"/static/{sha256}").status_code == 404


def test_what_is_no_picture_is_never_shown(console: Console, samples: Samples, operator: Visitor) -> None:
    """A portal's HTML called a picture, and a file whose name would make headers."""
    page = b"<html><script>alert(1)</script>"
    with events.acting("somebody"):
        fake = console.evidence.keep(samples.run, "picture", "shot", page)
    answer = operator.see(f"/runs/{samples.run.pk}/evidence/{fake}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    sha256 = hashlib.sha256(b"a;b\n1;2\n").hexdigest()
    download = operator.see(f"/runs/{samples.run.pk}/evidence/{sha256}")
    assert download.headers["Content-Disposition"] == 'attachment; filename="passwd__X-Evil_ 1"'
    assert "X-Evil" not in download.headers


def test_evidence_that_was_changed_on_the_disk_is_not_given(console: Console, samples: Samples, operator: Visitor) -> None:
    with events.acting("somebody"):
        sha256 = console.evidence.keep(samples.run, "picture", "changed", PIXEL + b"x")
    path = console.evidence.path(sha256)
    path.chmod(0o640)
    path.write_bytes(PIXEL + b"y")
    assert operator.see(f"/runs/{samples.run.pk}/evidence/{sha256}").status_code == 503


NAMES = ["../../evil.csv", "/etc/cron.d/evil", "..\\..\\evil.csv", ".hidden", f"{HOSTILE}.csv", "a" * 300]


@pytest.mark.parametrize("name", NAMES)
def test_uploads_stay_in_their_folder(console: Console, operator: Visitor, name: str) -> None:
    files = {"sheet": (name, b"x;y\n")}
    form = {"month": "2026-10", "do": "simulate"}
    answer = operator.submit("/processes/register_contracts", form, seen="/processes/register_contracts", files=files)
    assert answer.status_code == 302, answer.text[:400]
    kept = Path(RunRecord.objects.get(pk=answer.headers["Location"].rpartition("/")[2]).params["sheet"])
    assert kept.parent == (console.home / "uploads" / hashlib.sha256(b"x;y\n").hexdigest())
    assert len(kept.name) <= 120
    assert not kept.name.startswith(".")


@pytest.mark.parametrize("path", ["/etc/passwd", "{home}/vault.json", "{home}/uploads/../vault.json"])
def test_files_of_the_machine_are_not_read_on_somebodys_word(console: Console, operator: Visitor, path: str) -> None:
    wanted = path.format(home=console.home)
    form = {"month": "2026-10", "sheet.kept": wanted, "do": "launch"}
    assert operator.submit("/processes/register_contracts", form, seen="/processes/register_contracts").status_code == 422
    token = {"X-CSRFToken": operator.token()}
    body: Any = {"process": "register_contracts", "params": {"month": "2026-10", "sheet": wanted}}
    assert operator.post(f"{console.url}/api/v1/runs", json=body, headers=token, timeout=30).status_code == 409


def test_large_files_are_refused(console: Console, operator: Visitor) -> None:
    files = {"sheet": ("big.csv", b"x" * 51_000_000)}
    answer = operator.submit("/processes/register_contracts", {"month": "2026-10"}, seen="/processes/register_contracts", files=files)
    assert answer.status_code == 422
    assert not [path for path in (console.home / "uploads").iterdir() if path.name.startswith(".")]


def test_the_api_wants_the_token_of_the_form(console: Console, operator: Visitor) -> None:
    body: Any = {"process": "export_erp", "params": {"month": "2026-10"}}
    assert operator.post(f"{console.url}/api/v1/runs", json=body, timeout=30).status_code == 403
    answer = operator.post(f"{console.url}/api/v1/runs", json=body, headers={"X-CSRFToken": operator.token()}, timeout=30)
    assert answer.status_code == 201, answer.text
    made = RunRecord.objects.get(pk=answer.json()["run"])
    assert made.actor == "the-operator"
    wrong = operator.post(f"{console.url}/api/v1/runs", json={"process": "nothing"}, headers={"X-CSRFToken": operator.token()}, timeout=30)
    assert (wrong.status_code, set(wrong.json())) == (409, {"code", "text", "remedy"})


def test_the_api_does_what_the_pages_do(console: Console) -> None:
    with events.acting("somebody"):
        run = console.runs.create("register_contracts", {"month": "2026-11"}, queue="default")
        console.runs.begin(run)
        asked = console.requests.ask(run, "approval", "register 2026-11", digest="12" * 32, facts={"items": 1})
        console.runs.suspend(run, {"code": "approval-required", "text": "waits"})
    approver = console.signed_in("the-approver")
    token = {"X-CSRFToken": approver.token()}
    there = f"{console.url}/api/v1/requests/{asked.pk}"
    assert approver.get(there, timeout=30).json()["digest"] == "12" * 32
    stale = approver.post(f"{there}/decide", json={"approve": True, "digest": "34" * 32}, headers=token, timeout=30)
    assert stale.status_code == 409
    done = approver.post(f"{there}/decide", json={"approve": True, "digest": "12" * 32}, headers=token, timeout=30)
    assert done.json()["state"] == RequestState.ANSWERED
    operator = console.signed_in("the-operator")
    stopped = operator.post(
        f"{console.url}/api/v1/runs/{run.pk}/stop", json={"kill": False}, headers={"X-CSRFToken": operator.token()}, timeout=30
    )
    assert stopped.json()["state"] in {str(state) for state in ENDED} | {"PENDING"}
    told = OutboxEvent.objects.filter(line__action="request.answered").order_by("-id").first()
    assert told is not None
    assert told.line["actor"] == "the-approver"


def test_the_api_keeps_to_its_description(console: Console, samples: Samples) -> None:
    """Hundreds of requests made from the description, right and wrong ones: no 500, and no answer that it does not tell of."""
    console.person("api", "operator", "approver", "auditor", "administrator")
    visitor = console.signed_in("api")
    described = visitor.see("/api/v1/openapi.json").json()
    json.dumps(described)
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=console.url)
    headers = {"X-CSRFToken": visitor.token(), "Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)}
    tried = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def attempt(case: Any) -> None:
            nonlocal tried
            answer = case.call(headers=headers)
            case.validate_response(answer, headers=headers)
            tried += 1

        attempt()
    assert tried > 100


def test_vendored_files_are_what_the_list_says() -> None:
    rows = [line.split("|") for line in (VENDORED / "VENDORED.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    listed = {row[1].strip(" `"): row[4].strip() for row in rows}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (VENDORED / "vendor").glob("*.js")}
    assert there == listed
    assert hashlib.sha256(Path("tests/vendor/axe.min.js").read_bytes()).hexdigest() in (VENDORED / "VENDORED.md").read_text()
