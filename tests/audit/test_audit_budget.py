"""Evidence budgets: what is worth least is left out first, and told; acts, failures and files always stay."""

from __future__ import annotations

import datetime as dt

from retaguarda.audit.evidence import Budget, EvidenceStore
from retaguarda.audit.verify import verify
from retaguarda.store.models import Evidence, OutboxEvent, RunRecord
from tests.house import House

KEPT = ("register BOL-1: form before the button", "register BOL-1: receipt", "register BOL-1: refused", "failure: portal-changed")
PICTURE = 100


def store(house: House, **limits: int) -> EvidenceStore:
    return EvidenceStore(house.home / "evidence", house.services.clock, budget=Budget(**limits))


def thinned() -> list[dict[str, object]]:
    return [event.line for event in OutboxEvent.objects.order_by("id") if event.line["action"] == "evidence.thinned"]


def test_acts_failures_and_files_stay_whatever_the_budget_and_the_rest_is_left_out_and_told(house: House) -> None:
    run, evidence = house.record(), store(house, run=2 * PICTURE)
    hashes = [evidence.keep(run, "picture", f"list, page {n}", bytes([n]) * PICTURE) for n in range(4)]
    for number, label in enumerate(KEPT):
        evidence.keep(run, "picture", label, bytes([100 + number]) * PICTURE)
    evidence.keep(run, "download", "extrato.ofx", b"x" * 10 * PICTURE)
    labels = list(Evidence.objects.order_by("id").values_list("label", flat=True))
    assert labels == ["list, page 0", "list, page 1", *KEPT, "extrato.ofx"]
    assert [evidence.path(sha256).exists() for sha256 in hashes] == [True, True, False, False]
    assert [(line["target"], line["data"]) for line in thinned()] == [
        (f"list, page {n}", {"sha256": hashes[n], "bytes": PICTURE, "budget": "run", "limit": 2 * PICTURE}) for n in (2, 3)
    ]
    house.audit.seal()
    assert verify(house.audit.folder, house.home / "evidence").problems == []


def test_the_steps_of_a_run_share_its_budget_and_another_run_has_its_own(house: House) -> None:
    evidence, whole = store(house, run=PICTURE), house.record()
    step = house.services.runs.create("step", {}, parent=whole)
    evidence.keep(whole, "picture", "list", b"a" * PICTURE)
    evidence.keep(step, "picture", "list", b"b" * PICTURE)
    evidence.keep(house.services.runs.create("other", {}), "picture", "list", b"c" * PICTURE)
    assert [line["run"] for line in thinned()] == [step.pk]


def test_a_day_has_a_budget_and_the_next_day_a_new_one(house: House) -> None:
    evidence = store(house, day=PICTURE)
    runs: list[RunRecord] = [house.services.runs.create("some", {"n": str(n)}) for n in range(3)]
    evidence.keep(runs[0], "picture", "list", b"a" * PICTURE)
    evidence.keep(runs[1], "picture", "list", b"b" * PICTURE)
    assert [(line["run"], line["data"]["budget"]) for line in thinned()] == [(runs[1].pk, "day")]  # type: ignore[index]
    Evidence.objects.update(at=house.services.clock.now() - dt.timedelta(days=1))
    evidence.keep(runs[2], "picture", "list", b"c" * PICTURE)
    assert len(thinned()) == 1
