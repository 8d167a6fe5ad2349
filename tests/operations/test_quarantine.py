"""A quarantined file is opened for a reason, by leave of a second person, once; each step is an event."""

from __future__ import annotations

from pathlib import Path

import pytest

from retaguarda.audit.evidence import EvidenceStore
from retaguarda.errors import ConfigurationError, NotEntitled, StoreUnavailable
from retaguarda.operations.quarantine import QuarantineRoom
from retaguarda.redaction import redactor
from retaguarda.store.models import OutboxEvent, Person, QuarantinedFile
from tests.house import House

SECRET = "canário-quarentena-771"
DATA = f"<p>{SECRET}</p>".encode()


@pytest.fixture
def room(house: House) -> QuarantineRoom:
    redactor.add(SECRET)
    evidence = EvidenceStore(house.home / "evidence", house.services.clock, house.vault.lock_up)
    with pytest.raises(StoreUnavailable):
        evidence.keep(house.record(), "download", "page.html", DATA)
    return QuarantineRoom(evidence, lambda: house.vault, house.services.clock)


def acting(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    monkeypatch.setenv("RETAGUARDA_ACTOR", who)


def told() -> list[tuple[str, str]]:
    lines = [event.line for event in OutboxEvent.objects.order_by("id")]
    return [(line["action"], line["actor"]) for line in lines if line["action"].startswith("quarantine.")]


def test_it_takes_a_reason_and_a_second_person_and_opens_once(room: QuarantineRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    [file] = room.files()
    assert SECRET.encode() not in room.evidence.quarantined(file.sha256).read_bytes()
    acting(monkeypatch, "ana")
    with pytest.raises(ConfigurationError, match="nobody asked"):
        room.approve(file)
    with pytest.raises(ConfigurationError, match="only for a reason"):
        room.ask(file, " ")
    room.ask(file, "which page shows it?")
    with pytest.raises(NotEntitled, match="not approved"):
        room.open(file)
    for same in ("ana", " ANA "):
        acting(monkeypatch, same)
        with pytest.raises(NotEntitled, match="does not approve"):
            room.approve(file)
    acting(monkeypatch, "bruno")
    room.approve(file)
    with pytest.raises(NotEntitled, match="only who asked"):
        room.open(file)
    acting(monkeypatch, "ana")
    assert room.open(file) == DATA
    with pytest.raises(NotEntitled, match="not approved"):
        room.open(room.get(file.sha256[:10]))
    assert told() == [("quarantine.asked", "ana"), ("quarantine.approved", "bruno"), ("quarantine.opened", "ana")]
    line = OutboxEvent.objects.latest("id").line
    assert line["data"] == {"sha256": file.sha256, "reason": "which page shows it?", "approved_by": "bruno"}


def test_a_person_of_the_register_needs_the_role_and_asking_anew_ends_a_leave(
    room: QuarantineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = QuarantinedFile.objects.get()
    for name, role in (("olga", "operator"), ("vera", "approver")):
        Person.objects.create(name=name, roles=[role], active=True, created_at="2026-11-01T00:00:00Z")
    acting(monkeypatch, "ana")
    room.ask(file, "look")
    acting(monkeypatch, "olga")
    with pytest.raises(NotEntitled, match="these roles"):
        room.approve(file)
    acting(monkeypatch, "vera")
    room.approve(file)
    acting(monkeypatch, "ana")
    room.ask(file, "another reason")
    with pytest.raises(NotEntitled, match="not approved"):
        room.open(room.get(file.sha256))


def test_a_file_that_is_not_there_is_told(room: QuarantineRoom, tmp_path: Path) -> None:
    for wrong in ("", "ffff"):
        with pytest.raises(ConfigurationError, match="no single quarantined file"):
            room.get(wrong)
