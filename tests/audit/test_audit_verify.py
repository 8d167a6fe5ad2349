"""Tampering is found and named: the event, the file, the note, and nothing besides."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from django.db import transaction

from retaguarda.audit import events
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.audit.files import NOTE_END
from retaguarda.audit.log import AuditLog
from retaguarda.audit.merkle import Frontier
from retaguarda.audit.verify import Verdict, verify
from retaguarda.errors import StoreUnavailable
from retaguarda.redaction import redactor
from tests.house import House

EVENTS = 12
FIRST_SIGNED = 5
Lines = list[bytes]


@pytest.fixture
def sealed(store: Path, tmp_path: Path) -> Path:
    """A log of twelve events, signed after five and after all, copied to where the auditor sits."""
    log = AuditLog(store.parent / "audit")
    for number in range(EVENTS):
        with transaction.atomic():
            events.record("thing.done", item=f"i{number}")
        if number + 1 == FIRST_SIGNED:
            log.seal()
    log.seal()
    copy = tmp_path / "copy"
    shutil.copytree(log.folder, copy, ignore=shutil.ignore_patterns("keys", "sealer.lock"))
    return copy


def segment(folder: Path) -> Path:
    return folder / "segments" / "000001.jsonl"


def change(folder: Path, edit: Callable[[Lines], Lines]) -> Verdict:
    """Edit the lines of the log's only segment, and verify."""
    lines = segment(folder).read_bytes().splitlines()
    segment(folder).write_bytes(b"".join(line + b"\n" for line in edit(lines)))
    return verify(folder)


def edited(line: bytes, **values: object) -> bytes:
    return orjson.dumps(orjson.loads(line) | values)


def at(number: int) -> str:
    return f"segments/000001.jsonl:{number + 1}"


def signed(*sizes: int) -> set[str]:
    """What the checkpoints say when the log up to them is another."""
    return {f"{at(size - 1)}: the log up to here is not what checkpoint {size} signed" for size in sizes}


def test_an_untouched_log_holds(sealed: Path) -> None:
    verdict = verify(sealed)
    assert (verdict.holds, verdict.events, verdict.checkpoints) == (True, EVENTS, 2)


@pytest.mark.parametrize("number", [0, 4, 5, 7, EVENTS - 1])
def test_a_flipped_byte_and_an_edited_field_are_named(sealed: Path, number: int) -> None:
    later = [size for size in (FIRST_SIGNED, EVENTS) if size > number]
    whole = segment(sealed).read_bytes()

    def flip(lines: Lines) -> Lines:
        broken = bytearray(lines[number])
        broken[40] ^= 1
        return [*lines[:number], bytes(broken), *lines[number + 1 :]]

    assert set(change(sealed, flip).problems) == {f"{at(number)}: event {number} was changed", *signed(*later)}
    segment(sealed).write_bytes(whole)
    edit = change(sealed, lambda lines: [*lines[:number], edited(lines[number], actor="somebody else"), *lines[number + 1 :]])
    assert set(edit.problems) == {f"{at(number)}: event {number} was changed", *signed(*later)}
    segment(sealed).write_bytes(whole)
    spaced = change(sealed, lambda lines: [*lines[:number], lines[number].replace(b":", b": ", 1), *lines[number + 1 :]])
    assert f"{at(number)}: event {number} was changed" in spaced.problems


def test_two_edited_events_are_both_named(sealed: Path) -> None:
    verdict = change(sealed, lambda lines: [edited(line, x=1) if n in {2, 3, 8} else line for n, line in enumerate(lines)])
    assert set(verdict.problems) == {f"{at(n)}: event {n} was changed" for n in (2, 3, 8)} | signed(FIRST_SIGNED, EVENTS)


def test_a_deleted_event_is_named(sealed: Path) -> None:
    verdict = change(sealed, lambda lines: lines[:7] + lines[8:])
    short = f"checkpoint {EVENTS}: signed {EVENTS} events, the log holds {EVENTS - 1}: its end is missing"
    assert set(verdict.problems) == {f"event 7 is missing before {at(7)}", short}


def test_a_deleted_event_with_its_successors_renumbered_is_named(sealed: Path) -> None:
    def drop(lines: Lines) -> Lines:
        return lines[:7] + [edited(line, seq=n + 7) for n, line in enumerate(lines[8:])]

    problems = change(sealed, drop).problems
    assert f"{at(7)}: event 7 was changed" in problems
    assert "event 11 is missing before the end" in problems


def test_swapped_events_are_named(sealed: Path) -> None:
    verdict = change(sealed, lambda lines: [*lines[:6], lines[7], lines[6], *lines[8:]])
    assert set(verdict.problems) == {
        f"event 6 is missing before {at(6)}",
        f"{at(7)}: event 6 stands where 8 belongs",
        *signed(EVENTS),
    }


@pytest.mark.parametrize("kept", [0, 3, FIRST_SIGNED, EVENTS - 1])
def test_a_truncated_end_is_named(sealed: Path, kept: int) -> None:
    problems = change(sealed, lambda lines: lines[:kept]).problems
    for number in range(kept, EVENTS):
        assert f"event {number} is missing before the end" in problems
    assert f"checkpoint {EVENTS}: signed {EVENTS} events, the log holds {kept}: its end is missing" in problems


@pytest.mark.parametrize("number", [0, 3, 9])
def test_an_inserted_event_is_named(sealed: Path, number: int) -> None:
    verdict = change(sealed, lambda lines: [*lines[:number], edited(lines[number], item="forged"), *lines[number:]])
    assert f"{at(number)}: no signed event" in verdict.problems
    assert not any("was changed" in problem or "is missing" in problem for problem in verdict.problems)


def test_an_event_put_behind_the_last_checkpoint_is_vouched_for_by_nothing(sealed: Path) -> None:
    verdict = change(sealed, lambda lines: [*lines, edited(lines[-1], seq=EVENTS, id="forged")])
    assert set(verdict.problems) == {f"{at(EVENTS)}: no signed event", f"1 events after checkpoint {EVENTS}: nothing vouches for them"}


def test_renumbered_events_are_named(sealed: Path) -> None:
    verdict = change(sealed, lambda lines: [edited(line, seq=n + 1) if n >= 9 else line for n, line in enumerate(lines)])
    assert set(verdict.problems) == {f"{at(n)}: event {n} was changed" for n in (9, 10, 11)} | signed(EVENTS)


def test_a_copied_event_and_an_empty_line_are_named(sealed: Path) -> None:
    copied = change(sealed, lambda lines: [*lines[:6], lines[5], *lines[6:]])
    assert f"{at(6)}: event 5 stands where 6 belongs" in copied.problems
    change(sealed, lambda lines: lines[:6] + lines[7:])
    assert f"{at(2)}: no signed event" in change(sealed, lambda lines: [*lines[:2], b"", *lines[2:]]).problems


def test_random_attacks_are_always_found_and_the_first_touched_event_is_named(sealed: Path) -> None:
    whole = segment(sealed).read_bytes()
    for seed in range(150):
        rng = random.Random(seed)
        number = rng.randrange(EVENTS)

        def attack(lines: Lines, rng: random.Random = rng, number: int = number) -> Lines:
            kind = rng.choice(["byte", "field", "drop", "insert", "swap", "cut"])
            line = bytearray(lines[number])
            line[rng.randrange(len(line))] ^= 1 << rng.randrange(7)
            swap = [*lines[:number], *reversed(lines[number : number + 2]), *lines[number + 2 :]]
            return {
                "byte": [*lines[:number], bytes(line), *lines[number + 1 :]],
                "field": [*lines[:number], edited(lines[number], ts="2020-01-01"), *lines[number + 1 :]],
                "drop": lines[:number] + lines[number + 1 :],
                "insert": [*lines[:number], edited(lines[number], id="forged"), *lines[number:]],
                "swap": swap if number + 1 < EVENTS else lines[:-1],
                "cut": lines[:number],
            }[kind]

        problems = change(sealed, attack).problems
        assert any(f"event {number} " in problem or problem.startswith(f"{at(number)}:") for problem in problems), (seed, problems)
        segment(sealed).write_bytes(whole)


def test_a_forged_note_a_dropped_note_and_another_key_are_named(sealed: Path) -> None:
    path = sealed / "checkpoints"
    notes = path.read_text()
    path.write_text(notes.replace(f"\n{FIRST_SIGNED}\n", f"\n{FIRST_SIGNED + 1}\n"))
    assert verify(sealed).problems == ["checkpoints, note 1: the signature does not hold"]
    path.write_text(notes.split(NOTE_END)[0] + NOTE_END)
    behind = f"{EVENTS - FIRST_SIGNED} events after checkpoint {FIRST_SIGNED}: nothing vouches for them"
    assert behind in verify(sealed).problems
    path.write_text(notes)
    (sealed / "log.vkey").write_text("retaguarda/audit+00000000+AAAA")
    assert "no checkpoint: nothing vouches for this log" in verify(sealed).problems
    (sealed / "log.vkey").unlink()
    assert verify(sealed).problems[-1] == "no checkpoint: nothing vouches for this log"


def test_two_roots_signed_for_one_size_are_two_logs(store: Path) -> None:
    from retaguarda.audit.checkpoints import Checkpoint, load_or_create_key, sign

    log = AuditLog(store.parent / "audit")
    with transaction.atomic():
        events.record("thing.done")
    log.seal()
    key = load_or_create_key(log.folder / "keys" / "log.key")
    with (log.folder / "checkpoints").open("a", encoding="utf-8") as file:
        file.write(sign(Checkpoint("retaguarda/audit", 1, Frontier([b"another"]).root()), key) + NOTE_END)
    assert "segments/000001.jsonl:1: the log up to here is not what checkpoint 1 signed" in verify(log.folder).problems


def test_without_the_signed_leaves_the_stretch_and_the_sequence_are_still_told(sealed: Path) -> None:
    (sealed / "leaves").write_bytes(b"\x00" * 32 * EVENTS)
    problems = change(sealed, lambda lines: [*lines[:6], edited(lines[6], actor="x"), *lines[7:]]).problems
    assert signed(EVENTS) <= set(problems)
    assert any(problem.startswith("leaves: ") for problem in problems)
    problems = change(sealed, lambda lines: [*lines[:2], *lines[3:8], b"[1]", *lines[8:]]).problems
    assert {f"{at(2)}: event 3 stands where 2 belongs", f"{at(7)}: not an event"} <= set(problems)
    (sealed / "leaves").unlink()
    assert any(problem.startswith("leaves: ") for problem in verify(sealed).problems)


# --- evidence -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(house: House) -> tuple[House, str, str]:
    """A sealed log that speaks of two files of evidence."""
    run = house.record()
    first = house.services.evidence.keep(run, "picture", "form", b"picture")
    second = house.services.evidence.keep(run, "download", "extrato.ofx", b"OFXHEADER")
    house.audit.seal()
    return house, first, second


def test_evidence_is_kept_once_read_only_and_verified(kept: tuple[House, str, str]) -> None:
    house, first, _ = kept
    store = house.services.evidence
    assert store.path(first).read_bytes() == b"picture"
    assert store.path(first).stat().st_mode & 0o777 == 0o440
    assert store.keep(house.record(), "picture", "again", b"picture") == first
    house.audit.seal()
    verdict = verify(house.audit.folder, store.folder)
    assert (verdict.files, verdict.problems) == (3, [])


def test_changed_and_missing_evidence_is_named(kept: tuple[House, str, str]) -> None:
    house, first, second = kept
    store = house.services.evidence
    store.path(first).chmod(0o640)
    store.path(first).write_bytes(b"pictuRe")
    store.path(second).unlink()
    problems = verify(house.audit.folder, store.folder).problems
    assert [problem.partition(": ")[2] for problem in problems] == [
        f"evidence {first} (form) was changed",
        f"evidence {second} (extrato.ofx) is missing",
    ]
    assert verify(house.audit.folder).holds


def test_evidence_that_is_named_by_no_hash_is_not_looked_for(kept: tuple[House, str, str]) -> None:
    house, first, _ = kept
    path = segment(house.audit.folder)
    path.write_bytes(path.read_bytes().replace(first.encode(), b"../../../../etc/passwd"))
    problems = verify(house.audit.folder, house.services.evidence.folder).problems
    assert any("is named by no hash" in problem for problem in problems)


def test_evidence_with_a_secret_in_it_is_refused(house: House) -> None:
    redactor.add("canary-evid-4410")
    for data in (b"x canary-evid-4410 y", "canary-evid-4410".encode("utf-16-le"), b"Y2FuYXJ5LWV2aWQtNDQxMA"):
        with pytest.raises(StoreUnavailable, match="a secret stands in extrato"):
            house.services.evidence.keep(house.record(), "download", "extrato", data)
    assert list(house.services.evidence.folder.rglob("*")) == []


def test_evidence_that_cannot_be_written_is_said(house: House) -> None:
    blocked = EvidenceStore(house.home / "file", house.services.clock)
    (house.home / "file").write_text("not a folder")
    with pytest.raises(StoreUnavailable, match="evidence cannot be written"):
        blocked.keep(house.record(), "picture", "form", b"x")
