"""The sealer: nothing lost, nothing twice, whatever kills it; and a changed log is never signed again."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from django.db import transaction

from retaguarda.audit import events
from retaguarda.audit import log as log_module
from retaguarda.audit.files import NOTE_END
from retaguarda.audit.log import AuditLog, root_text
from retaguarda.audit.verify import verify
from retaguarda.errors import StoreUnavailable
from retaguarda.store.models import OutboxEvent
from tests.conftest import OpenStore


class Killed(BaseException):
    """The sealer died here."""


@pytest.fixture
def log(any_store: OpenStore) -> AuditLog:
    return AuditLog(any_store.home / "audit")


def tell(count: int, action: str = "thing.done") -> None:
    for number in range(count):
        with transaction.atomic():
            events.record(action, item=str(number))


def ids(log: AuditLog) -> list[str]:
    return [orjson.loads(line)["id"] for line in log.lines()]


def told() -> list[str]:
    return [event.line["id"] for event in OutboxEvent.objects.order_by("id")]


def whole(log: AuditLog) -> None:
    """Every event of the outbox stands in the log once, in order, marked, signed and verified."""
    assert ids(log) == told()
    assert not OutboxEvent.objects.filter(sealed=False).exists()
    verdict = verify(log.folder)
    assert (verdict.problems, verdict.events) == ([], len(told()))


def test_what_waits_is_sealed_in_order_and_signed(log: AuditLog) -> None:
    tell(3)
    checkpoint = log.seal()
    assert checkpoint is not None
    assert checkpoint.size == 3
    assert log.seal() is None
    tell(2)
    assert (second := log.seal()) is not None
    assert second.size == 5
    whole(log)
    verdict = verify(log.folder)
    assert (verdict.checkpoints, verdict.root) == (2, second.root.hex())
    assert verdict.key.startswith("retaguarda/audit+")
    assert len(root_text(second.root)) == 44


def test_an_empty_log_is_told_as_none(log: AuditLog, tmp_path: Path) -> None:
    assert log.seal() is None
    assert verify(log.folder).problems == ["there is no log here"]
    assert verify(tmp_path / "nowhere").problems == ["there is no log here"]


def test_halves_of_characters_and_endless_texts_from_a_portal_do_not_jam_the_sealer(log: AuditLog) -> None:
    with transaction.atomic():
        events.record("x", item="\ud800", target="\udfff" * 9000, data={"\ud834": ["\udd1e\x00\u2028"], "n": float("nan")})
    log.seal()
    whole(log)


def test_segments_roll_over(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SEGMENT_LINES", 4)
    for count in (3, 6, 4):
        tell(count)
        log.seal()
    assert [path.name for path in sorted((log.folder / "segments").iterdir())] == [f"{n:06d}.jsonl" for n in (1, 2, 3, 4)]
    whole(log)


def test_more_events_wait_than_a_statement_takes(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MARKED_AT_ONCE", 2)
    tell(7)
    log.seal()
    whole(log)


def kill_at(place: str, times: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Die right after the n-th flush to the disk, or before a named step."""
    flush = place == "fdatasync"
    where: object = os if flush else log_module
    real: Callable[..., object] = getattr(where, place)

    def arrange(patch: pytest.MonkeyPatch) -> None:
        left = [times]

        def dying(*arguments: object) -> None:
            if flush:
                real(*arguments)
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        patch.setattr(where, place, dying)

    return arrange


PLACES = [("fdatasync", 1), ("fdatasync", 2), ("fdatasync", 3), ("_mark", 1), ("sign", 1), ("replace_durably", 1), ("_by_segment", 1)]


@pytest.mark.parametrize(("place", "times"), PLACES, ids=str)
@pytest.mark.parametrize("before", [0, 3], ids=["new log", "old log"])
def test_a_sealer_killed_anywhere_loses_nothing_and_seals_nothing_twice(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, place: str, times: int, before: int
) -> None:
    tell(before)
    log.seal()
    tell(4)
    with monkeypatch.context() as patch:
        kill_at(place, times)(patch)
        with pytest.raises(Killed):
            log.seal()
    log.seal()
    whole(log)


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_line_torn_by_a_power_cut_is_cut_off_and_written_again(log: AuditLog, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    tell(2)
    log.seal()
    tell(2)
    with monkeypatch.context() as patch:
        kill_at("fdatasync", 1)(patch)
        with pytest.raises(Killed):
            log.seal()
    segment = log.folder / "segments" / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:3]) + lines[3][:kept])
    log.seal()
    whole(log)


def test_a_note_torn_by_a_power_cut_is_cut_off_and_signed_again(log: AuditLog) -> None:
    tell(2)
    log.seal()
    path = log.folder / "checkpoints"
    before = path.read_bytes()
    tell(2)
    log.seal()
    path.write_bytes(path.read_bytes()[:-20])
    (log.folder / "keys" / "last").write_bytes(before.removesuffix(NOTE_END.encode()))
    assert "checkpoints: the last note is torn" in verify(log.folder).problems
    log.seal()
    whole(log)


def test_leaves_that_a_power_cut_left_behind_are_written_again(log: AuditLog) -> None:
    tell(3)
    log.seal()
    leaves = log.folder / "leaves"
    leaves.write_bytes(leaves.read_bytes()[:-40])
    tell(1)
    log.seal()
    whole(log)


@pytest.mark.parametrize("place", ["fdatasync", "fsync"])
def test_a_full_disk_is_said_and_nothing_is_lost(log: AuditLog, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    tell(3)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, place, full)
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            log.seal()
    log.seal()
    whole(log)


def test_a_restored_store_neither_hides_its_new_events_nor_repeats_the_old(log: AuditLog) -> None:
    tell(2)
    backup = [(event.at, event.line) for event in OutboxEvent.objects.order_by("id")]
    tell(2, "after.the.backup")
    log.seal()
    held = ids(log)
    OutboxEvent.objects.all().delete()
    for number, (at, line) in enumerate(backup, 1):
        OutboxEvent.objects.create(id=number, at=at, line=line)  # unsealed, as when the backup was made
    for number in (3, 4):
        with transaction.atomic():
            events.record("after.the.restore")
            OutboxEvent.objects.filter(pk=OutboxEvent.objects.latest("id").pk).update(id=number)
    log.seal()
    actions = [orjson.loads(line)["action"] for line in log.lines()]
    assert ids(log)[:4] == held
    assert actions[4:] == ["after.the.restore"] * 2
    assert verify(log.folder).holds


# --- a changed log is never signed again ------------------------------------------------------------------------------


def spoil_segment(folder: Path) -> None:
    path = folder / "segments" / "000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"thing.done", b"thing.nope", 1))


def spoil_by_truncation(folder: Path) -> None:
    path = folder / "segments" / "000001.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def spoil_and_drop_checkpoints(folder: Path) -> None:
    spoil_segment(folder)
    (folder / "checkpoints").unlink()


def spoil_and_keep_old_checkpoint(folder: Path) -> None:
    """Cut the end off together with the note that signed it."""
    path = folder / "segments" / "000001.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    notes = (folder / "checkpoints").read_text().split(NOTE_END)
    (folder / "checkpoints").write_text(notes[0] + NOTE_END)


def spoil_into_nonsense(folder: Path) -> None:
    path = folder / "segments" / "000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"{", b"<", 1))


def lose_the_key(folder: Path) -> None:
    (folder / "keys" / "log.key").unlink()


SPOILS = [spoil_segment, spoil_by_truncation, spoil_and_drop_checkpoints, spoil_and_keep_old_checkpoint, spoil_into_nonsense, lose_the_key]


@pytest.mark.parametrize("spoil", SPOILS)
def test_the_sealer_signs_nothing_over_a_changed_log(log: AuditLog, spoil: Callable[[Path], None]) -> None:
    tell(3)
    log.seal()
    tell(3)
    log.seal()
    spoil(log.folder)
    tell(1)
    before = (log.folder / "checkpoints").read_bytes() if (log.folder / "checkpoints").exists() else b""
    with pytest.raises(StoreUnavailable, match="the audit log was changed"):
        log.seal()
    assert before == ((log.folder / "checkpoints").read_bytes() if before else b"")
    assert OutboxEvent.objects.filter(sealed=False).count() == 1


def test_a_sealer_reads_on_from_where_it_was(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it sealed before is not read again, however often and by whomever else the log grows meanwhile."""
    tell(50)
    log.seal()
    read: list[bytes] = []
    reading = log_module._id_of

    def counted(line: bytes) -> str:
        read.append(line)
        return reading(line)

    monkeypatch.setattr(log_module, "_id_of", counted)
    other = AuditLog(log.folder)
    for _ in range(3):
        tell(2)
        assert log.seal() is not None
    assert read == []
    tell(4)
    other.seal()
    assert len(read) == 56, "another process reads all of it once"
    read.clear()
    tell(1)
    log.seal()
    assert len(read) == 4
    whole(log)


def test_a_sealer_that_reads_on_notices_a_change_of_what_it_read(log: AuditLog) -> None:
    tell(5)
    log.seal()
    [segment] = (log.folder / "segments").glob("*.jsonl")
    changed = segment.read_bytes().replace(b'"item":"3"', b'"item":"8"')
    assert len(changed) == segment.stat().st_size
    segment.write_bytes(changed)
    tell(1)
    with pytest.raises(StoreUnavailable, match="was changed"):
        log.seal()
