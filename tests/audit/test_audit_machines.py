"""One store, one log: several machines leave their events to the folder that is the log; none is skipped, none sealed twice."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import orjson
import pytest
from django.db import connection, transaction

from retaguarda.audit import events
from retaguarda.audit.log import AuditLog
from retaguarda.audit.verify import verify
from retaguarda.errors import StoreUnavailable
from retaguarda.store.models import AuditFolder, OutboxEvent
from tests.conftest import OpenStore


def tell(*items: str) -> None:
    for item in items:
        with transaction.atomic():
            events.record("thing.done", item=item)


def items(log: AuditLog) -> list[str]:
    return [orjson.loads(line)["item"] for line in log.lines() if b'"thing.done"' in line]


@pytest.fixture
def log(any_store: OpenStore) -> AuditLog:
    return AuditLog(any_store.home / "audit")


@pytest.fixture
def elsewhere(tmp_path: Path) -> AuditLog:
    """The folder of another machine's home."""
    return AuditLog(tmp_path / "elsewhere" / "audit")


def test_the_first_folder_that_seals_is_the_log_and_the_others_leave_their_events_to_it(log: AuditLog, elsewhere: AuditLog) -> None:
    tell("a")
    assert log.seal() is not None
    tell("b")
    assert elsewhere.seal() is None
    assert not (elsewhere.folder / "keys").exists(), "it makes no key of its own"
    place = elsewhere.kept_elsewhere()
    assert place is not None
    assert (place.path, place.size) == (str(log.folder), 1)
    log.seal()
    assert items(log) == ["a", "b"]
    assert AuditFolder.objects.get().size == 2


def test_a_folder_that_was_moved_with_its_key_goes_on(log: AuditLog, tmp_path: Path) -> None:
    tell("a")
    log.seal()
    moved = AuditLog(Path(shutil.move(log.folder, tmp_path / "moved")))
    tell("b")
    assert moved.seal() is not None
    assert (items(moved), AuditFolder.objects.get().path) == (["a", "b"], str(moved.folder))


def test_an_old_copy_of_the_log_is_not_gone_on_with(log: AuditLog, tmp_path: Path) -> None:
    """Two machines that were cloned from one disk would make two logs with one key."""
    tell("a")
    log.seal()
    clone = AuditLog(Path(shutil.copytree(log.folder, tmp_path / "clone")))
    tell("b", "c")
    log.seal()
    tell("d")
    with pytest.raises(StoreUnavailable, match="3 events were sealed, it holds 1"):
        clone.seal()
    log.seal()
    assert items(log) == ["a", "b", "c", "d"]


def test_a_folder_adopts_the_log_of_a_machine_that_is_lost(log: AuditLog, elsewhere: AuditLog) -> None:
    tell("a", "b")
    log.seal()
    tell("c")
    elsewhere.adopt()
    assert elsewhere.seal() is not None
    assert items(elsewhere) == ["c"]
    adopted = next(orjson.loads(line) for line in elsewhere.lines() if b"audit.adopted" in line)
    assert (adopted["data"]["sealed_there"], str(log.folder) in adopted["data"]["before"]) == (2, True)
    assert verify(elsewhere.folder).problems == []
    tell("d")
    assert log.seal() is None, "the lost machine comes back, and is no longer the log"
    elsewhere.seal()
    assert items(elsewhere) == ["c", "d"]


def test_an_event_that_becomes_visible_after_a_later_one_is_sealed_once(postgres_store: OpenStore) -> None:
    """Numbers are given when a row is written, and seen when its transaction ends."""
    log, written, go_on = AuditLog(postgres_store.home / "audit"), threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            events.record("thing.done", item="first")
            written.set()
            go_on.wait(10)
        connection.close()

    thread = threading.Thread(target=slowly)
    thread.start()
    assert written.wait(10)
    tell("second")
    log.seal()
    assert items(log) == ["second"]
    go_on.set()
    thread.join()
    log.seal()
    log.seal()
    assert items(log) == ["second", "first"]
    assert [event.line["item"] for event in OutboxEvent.objects.order_by("id")] == ["first", "second"]
    assert not OutboxEvent.objects.filter(sealed=False).exists()
    assert verify(log.folder).problems == []


def test_many_who_tell_and_seal_at_once_lose_nothing(any_store: OpenStore, log: AuditLog) -> None:
    def work(number: int) -> None:
        own = AuditLog(log.folder)
        for turn in range(5):
            tell(f"{number}.{turn}")
            own.seal()
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(items(log)) == sorted(f"{number}.{turn}" for number in range(4) for turn in range(5))
    assert verify(log.folder).problems == []
    assert AuditFolder.objects.count() == 1
