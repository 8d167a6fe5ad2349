"""Anchors outside of the machine: what an administrator who holds the log's key cannot undo."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import shutil
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from retaguarda.audit.anchors import Anchors
from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, load_or_create_key, sign
from retaguarda.audit.files import NOTE_END
from retaguarda.audit.keeper import Keeper
from retaguarda.audit.log import ORIGIN, AuditLog
from retaguarda.audit.merkle import Frontier, Tree, leaf_hash
from retaguarda.audit.verify import Trusted, verify
from retaguarda.audit.witness import Answer, Witness
from retaguarda.clock import SAO_PAULO, Clock
from retaguarda.settings import AuditSettings, WitnessSettings
from retaguarda.store.models import OutboxEvent
from tests.audit.elsewhere import Authority, authority, witness_of
from tests.audit.logs import independently, sealed, tell


class Wall(Clock):
    """The clock of this moment, which a test moves."""

    ahead = dt.timedelta()

    def now(self) -> dt.datetime:
        return dt.datetime.now(SAO_PAULO) + self.ahead


@pytest.fixture
def log(store: Path) -> AuditLog:
    return sealed(AuditLog(store.parent / "audit"), 5, 4)


def vkey(log: AuditLog) -> str:
    return (log.folder / "log.vkey").read_text().strip()


@pytest.fixture
def witness(log: AuditLog, tmp_path: Path) -> Iterator[tuple[Witness, WitnessSettings]]:
    with witness_of(vkey(log), tmp_path / "witness") as both:
        yield both


def not_sent(*_: str) -> str:
    raise AssertionError("nothing is to be mailed")


def anchors(log: AuditLog, clock: Clock | None = None, **settings: object) -> Anchors:
    return Anchors(log, AuditSettings.model_validate(settings), clock or Wall(), not_sent)


def forge(log: AuditLog, at: int = 2) -> None:
    """Rewrite an event as an administrator would: with numbering, leaves, checkpoints and the key of the log."""
    segment = log.folder / "segments" / "000001.jsonl"
    lines = segment.read_bytes().splitlines()
    lines[at] = orjson.dumps(orjson.loads(lines[at]) | {"actor": "someone else"})
    segment.write_bytes(b"".join(line + b"\n" for line in lines))
    resign(log, lines)


def resign(log: AuditLog, lines: list[bytes]) -> None:
    key = load_or_create_key(log.folder / "keys" / "log.key")
    (log.folder / "leaves").write_bytes(b"".join(map(leaf_hash, lines)))
    note = sign(Checkpoint(ORIGIN, len(lines), Frontier(lines).root()), key)
    (log.folder / "checkpoints").write_text(note + NOTE_END)
    (log.folder / "keys" / "last").write_text(note)


# --- the witness ------------------------------------------------------------------------------------------------------


def test_a_witness_signs_a_log_that_grows_and_both_verifiers_hold_the_log_against_it(
    log: AuditLog, witness: tuple[Witness, WitnessSettings], tmp_path: Path
) -> None:
    made = anchors(log, witnesses={"w1": witness[1]})
    assert [(one.name, one.size, one.trouble) for one in made.make()] == [("witness/w1", 9, "")]
    assert made.make() == [], "nothing new"
    sealed(log, 3)
    assert [one.size for one in made.make()] == [12]
    assert made.exposure().anchored == made.exposure().size == 12
    verdict = verify(log.folder)
    assert (verdict.problems, verdict.anchored) == ([], 12)
    assert independently(log.folder)[0] == 0
    auditor = tmp_path / "auditor"
    auditor.mkdir()
    shutil.copy(witness[0].history(ORIGIN), auditor / "history")
    keys = (vkey(log), witness[1].key)
    assert verify(log.folder, trusted=Trusted(auditor, keys[0], keys[1:])).problems == []
    code, said = independently(log.folder, auditor, *keys)
    assert (code, "2 testemunhos" in said) == (0, True), said


def test_whoever_holds_the_key_deceives_the_machine_but_not_what_the_witness_saw(
    log: AuditLog, witness: tuple[Witness, WitnessSettings], tmp_path: Path
) -> None:
    made = anchors(log, witnesses={"w1": witness[1]})
    made.make()
    forge(log)
    shutil.rmtree(log.folder / "anchors")
    assert verify(log.folder).problems == [], "without anchors elsewhere nobody can tell"
    assert independently(log.folder)[0] == 0
    auditor = tmp_path / "auditor"
    auditor.mkdir()
    shutil.copy(witness[0].history(ORIGIN), auditor / "history")
    assert verify(log.folder, trusted=Trusted(auditor, vkey(log), [witness[1].key])).problems == [
        "leaves: not what anchors/history, note 1 holds, so that changed events are not named one by one",
        "segments/000001.jsonl:9: the log up to here is not what anchors/history, note 1 holds",
    ]
    code, said = independently(log.folder, auditor, vkey(log), witness[1].key)
    assert (code, "000001.jsonl:9: a trilha até aqui não é a que history, nota 1 assina" in said) == (1, True), said


def test_the_witness_refuses_a_rewritten_log_and_it_is_told_once(log: AuditLog, witness: tuple[Witness, WitnessSettings]) -> None:
    made = anchors(log, witnesses={"w1": witness[1]})
    made.make()
    forge(log)
    sealed(AuditLog(log.folder), 1)
    for _ in range(2):
        [one] = made.make()
        assert "refuses the log: the log is not the one of 9 events that was seen before" in one.trouble
        assert one.size == 9
    told = [event.line["target"] for event in OutboxEvent.objects.all() if event.line["action"] == "anchor.failed"]
    assert told == ["witness/w1"]


def test_the_witness_refuses_an_old_copy_of_the_log(log: AuditLog, witness: tuple[Witness, WitnessSettings], tmp_path: Path) -> None:
    shutil.copytree(log.folder, tmp_path / "old")
    sealed(log, 6)
    made = anchors(log, witnesses={"w1": witness[1]})
    made.make()
    assert made.make(now=True) == [], "of the same size nothing is asked"
    witness_says = witness[0].add_checkpoint(b"old 0\n\n" + (tmp_path / "old" / "checkpoints").read_bytes().split(NOTE_END.encode())[1])
    assert (witness_says.status, witness_says.body, witness_says.kind) == (HTTPStatus.CONFLICT, b"15\n", "text/x.tlog.size")


def test_a_witness_that_knows_more_than_the_log_holds_says_so(log: AuditLog, witness: tuple[Witness, WitnessSettings]) -> None:
    lines = list(log.lines())
    sealed(log, 6)
    anchors(log, witnesses={"w1": witness[1]}).make()
    (log.folder / "segments" / "000001.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    resign(log, lines)
    from retaguarda.store.models import Milestone

    Milestone.objects.all().delete()
    [one] = anchors(log, witnesses={"w1": witness[1]}).make()
    assert "it saw 15 events, the log holds 9" in one.trouble


def request(log: AuditLog, old: object, proof: list[bytes], note: str | None = None) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof), "", log.last_note()[0] if note is None else note]
    return "\n".join(lines).encode()


def test_the_witness_answers_as_the_protocol_says(log: AuditLog, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "w", "w.example", [VerifierKey.parse(vkey(log))], Clock())
    note, size = log.last_note()
    leaves = log.leaf_hashes(size)

    def said(body: bytes) -> Answer:
        return witness.add_checkpoint(body)

    stranger = sign(Checkpoint("another/log", size, b"\1" * 32), Ed25519PrivateKey.generate())
    for body, status in {
        b"": HTTPStatus.BAD_REQUEST,
        b"old 0\n": HTTPStatus.BAD_REQUEST,
        request(log, "01", []): HTTPStatus.BAD_REQUEST,
        request(log, -1, []): HTTPStatus.BAD_REQUEST,
        request(log, size + 1, []): HTTPStatus.BAD_REQUEST,
        request(log, 0, [b"short"]): HTTPStatus.BAD_REQUEST,
        request(log, 1, [b"\1" * 32] * 64): HTTPStatus.BAD_REQUEST,
        request(log, 0, [], "no checkpoint"): HTTPStatus.BAD_REQUEST,
        request(log, 0, [], stranger): HTTPStatus.NOT_FOUND,
        request(log, 0, [], sign(Checkpoint(ORIGIN, size, b"\1" * 32), Ed25519PrivateKey.generate())): HTTPStatus.FORBIDDEN,
        request(log, 0, [], note.partition("\n\n")[0] + "\n\n"): HTTPStatus.FORBIDDEN,
        request(log, 4, Tree(leaves).consistency(4)): HTTPStatus.CONFLICT,
        request(log, 0, [b"\1" * 32]): HTTPStatus.UNPROCESSABLE_ENTITY,
    }.items():
        assert said(body).status == status, body
        assert witness.latest(ORIGIN) is None
    assert said(request(log, 0, [])).status == HTTPStatus.OK
    assert said(request(log, size, [])).status == HTTPStatus.OK, "the same again"
    key = load_or_create_key(log.folder / "keys" / "log.key")
    assert said(request(log, size, [], sign(Checkpoint(ORIGIN, size, b"\1" * 32), key))).status == HTTPStatus.CONFLICT
    sealed(log, 4)
    later, grown = log.last_note()
    assert said(request(log, size, [b"\1" * 32], later)).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert said(request(log, size, [], later)).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert said(request(log, size, Tree(log.leaf_hashes(grown)).consistency(size), later)).status == HTTPStatus.OK
    assert said(request(log, 0, [])).body == f"{grown}\n".encode()


def test_a_witness_that_is_down_stops_nothing_and_is_told_by_how_long(log: AuditLog, tmp_path: Path) -> None:
    clock = Wall()
    with witness_of(vkey(log), tmp_path / "w") as (_, settings):
        made = anchors(log, clock, witnesses={"w1": settings})
    [one] = made.make()
    assert "does not answer" in one.trouble
    clock.ahead = dt.timedelta(minutes=90)
    exposure = made.exposure()
    assert (exposure.anchored, exposure.minutes(clock.now())) == (0, 90)
    with witness_of(vkey(log), tmp_path / "w") as (_, settings):
        made = anchors(log, clock, witnesses={"w1": settings})
        assert made.make()[0].trouble == ""
    assert made.exposure().minutes(clock.now()) == 0
    assert [event.line["action"] for event in OutboxEvent.objects.order_by("id")][-2:] == ["anchor.failed", "anchor.recovered"]


# --- time stamps, copies, mail ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("tsa") / "here") as one:
        yield one


def test_a_time_stamp_is_verified_here_and_by_openssl(log: AuditLog, tsa: Authority) -> None:
    made = anchors(log, stamp_url=tsa.url, stamp_roots=tsa.roots)
    assert [(one.name, one.size, one.trouble) for one in made.make()] == [("time stamp", 9, "")]
    note, stamp = (log.folder / "anchors" / f"{9:012d}").with_suffix(".note"), (log.folder / "anchors" / f"{9:012d}").with_suffix(".tsr")
    assert tsa.accepts(stamp, note)
    trusted = Trusted(stamp_roots=tsa.roots)
    assert (verify(log.folder, trusted=trusted).problems, verify(log.folder).problems) == ([], [])
    stamp.write_bytes(stamp.read_bytes()[:-9] + b"\0" * 9)
    assert not tsa.accepts(stamp, note)
    assert "anchors/000000000009.tsr" in verify(log.folder, trusted=trusted).problems[0]


def test_an_event_that_is_dated_back_contradicts_the_stamps_around_it(log: AuditLog, tsa: Authority) -> None:
    made = anchors(log, stamp_url=tsa.url, stamp_roots=tsa.roots)
    made.make()
    tell(2)
    event = OutboxEvent.objects.order_by("-id")[0]
    event.line["ts"] = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=6)).isoformat()
    event.save()
    log.seal()
    assert "event 10 says" in verify(log.folder, trusted=Trusted(stamp_roots=tsa.roots)).problems[0]


def test_a_stamp_of_an_authority_that_is_not_trusted_is_no_anchor(log: AuditLog, tsa: Authority, tmp_path: Path) -> None:
    with authority(tmp_path / "another") as another:
        [one] = anchors(log, stamp_url=another.url, stamp_roots=tsa.roots).make()
    assert "the time stamp does not hold" in one.trouble
    assert not list((log.folder / "anchors").glob("*.tsr"))


def test_the_folder_of_copies_is_only_added_to(log: AuditLog, tmp_path: Path) -> None:
    worm, clock = tmp_path / "worm", Wall()
    made = anchors(log, clock, copy_folder=worm)
    assert "is not there" in made.make()[0].trouble
    worm.mkdir()
    assert made.make()[0].size == 9
    before = {path.name: path.read_bytes() for path in worm.iterdir()}
    sealed(log, 7)
    assert made.make() == [], "a copy a day"
    clock.ahead = dt.timedelta(hours=25)
    assert made.make()[0].size > 9
    after = {path.name: path.read_bytes() for path in worm.iterdir()}
    assert {name: after[name] for name in before} == before
    copied = b"".join(gzip.decompress(path.read_bytes()) for path in sorted(worm.glob("events-*.gz")))
    assert copied == b"".join(line + b"\n" for line in log.lines())
    assert all(path.stat().st_mode & 0o222 == 0 for path in worm.iterdir())


def test_the_mailed_checkpoint_is_an_anchor_as_it_comes(log: AuditLog, tmp_path: Path) -> None:
    mailed: list[tuple[str, str, str]] = []

    def send(target: str, subject: str, body: str) -> str:
        mailed.append((target, subject, body))
        return ""

    made = Anchors(log, AuditSettings(mail="auditor"), Wall(), send)
    assert made.make()[0].trouble == ""
    [(target, _, body)] = mailed
    assert (target, body.split("\n")[:2]) == ("auditor", [ORIGIN, "9"])
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mail.txt").write_text(body)
    assert verify(log.folder, trusted=Trusted(kept)).problems == []
    forge(log)
    assert "segments/000001.jsonl:9" in verify(log.folder, trusted=Trusted(kept)).problems[1]
    assert independently(log.folder, kept, vkey(log))[0] == 1
    failing = Anchors(log, AuditSettings(mail="auditor"), Wall(), lambda *_: "mailbox full")
    sealed(AuditLog(log.folder), 1)
    assert "mailbox full" in failing.make(now=True)[0].trouble


def test_the_keeper_seals_and_anchors_and_survives_what_fails(log: AuditLog) -> None:
    tell(2)
    keeper = Keeper(log.seal, lambda: None, 3600)
    with keeper.running():
        assert keeper.turn()
    assert log.last_note()[1] == 11
    (log.folder / "segments" / "000001.jsonl").write_bytes(b"")
    assert not keeper.turn()
