"""Verifies a log folder: sequence, hashes, signatures and the evidence that the log speaks of."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from retaguarda.audit.anchored import Held, held_in
from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, open_note
from retaguarda.audit.files import NOTE_END
from retaguarda.audit.merkle import HASH_BYTES, Frontier, hidden_leaf, leaf_hash
from retaguarda.locks import process_lock

_Signed = dict[int, dict[bytes, str]]
"""What was signed for each size, and by whom."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass
class Verdict:
    """What the verification found; `problems` names each wrong event or file exactly."""

    events: int = 0
    checkpoints: int = 0
    files: int = 0
    root: str = ""
    key: str = ""
    """The public key that the signatures were held against: compare it with the copy that you keep."""
    anchored: int = 0
    """How many events an anchor covers: what an administrator of the machine cannot have changed."""
    erased: list[dict[str, Any]] = field(default_factory=list)
    """Events whose content was erased: `event`, `reason`, `approver`."""
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a segment: where it stands, its leaf hash, its number where it has one, and the evidence it tells of."""

    where: str
    leaf: bytes
    seq: int | None
    file: tuple[str, str] | None
    removed: bool = False
    """Whether it tells that retention took the file away."""
    run: str = ""
    at: float | None = None
    """When it was made, as POSIX time."""
    hidden: bool = False
    """Whether only its leaf hash is left of it."""
    erases: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, where: str, raw: bytes) -> _Line:
        if leaf := hidden_leaf(raw):
            return cls(where, leaf, None, None, hidden=True)
        event = _event(raw)
        seq = event.get("seq")
        facts = event.get("data")
        sha256 = str(facts.get("sha256")) if isinstance(facts, dict) else ""
        file = (sha256, str(event.get("target"))) if event.get("action") in {"evidence.kept", "evidence.removed"} else None
        removed = event.get("action") == "evidence.removed"
        erases = facts if event.get("action") == "data.erased" and isinstance(facts, dict) else {}
        seq = seq if isinstance(seq, int) else None
        return cls(where, leaf_hash(raw), seq, file, removed, str(event.get("run", "")), _time(event.get("ts")), erases=erases)


def _time(text: Any) -> float | None:
    try:
        return dt.datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None


def _event(raw: bytes) -> dict[str, Any]:
    """The event in a line; an empty one when it holds none."""
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


@dataclass(frozen=True, slots=True)
class Trusted:
    """What an auditor brings: his own copies of anchors, and keys that he got by another way than the log's folder."""

    anchors: Path | None = None
    key: str = ""
    witnesses: Sequence[str] = ()
    stamp_roots: Path | None = None


def verify(folder: Path, evidence: Path | None = None, trusted: Trusted = Trusted()) -> Verdict:
    """Recompute the log in `folder` from its raw bytes; with `evidence`, every file that an event names as well."""
    verdict = Verdict()
    with _sealing_stopped(folder):
        roots, tree = _roots(_checkpoints(folder, trusted, verdict)), Frontier()
        held = _anchors(folder, trusted, verdict)
        for checkpoint, where in held.checkpoints:
            roots.setdefault(checkpoint.size, {}).setdefault(checkpoint.root, f"{where} holds")
        leaves = _leaves(folder, roots, verdict)
        lines = [_counted(line, tree, roots, verdict) for line in _lines(folder)]
    verdict.events, verdict.root, verdict.anchored = tree.size, tree.root().hex(), min(held.size, tree.size)
    # leaves that a checkpoint vouches for name each changed event; without them only the checkpoints' stretches are known
    verdict.problems += _compared(lines, leaves) if leaves else _out_of_sequence(lines)
    verdict.problems += [*_misdated(lines, held), *_unexplained(lines, verdict)]
    verdict.problems += _unvouched(tree.size, max(roots, default=0))
    if evidence:
        removed = {(line.run, line.file[0]) for line in lines if line.removed and line.file}
        verdict.problems += [problem for line in lines for problem in _wrong_file(line, evidence, removed, verdict)]
    verdict.problems = list(dict.fromkeys(verdict.problems))
    return verdict


def _anchors(folder: Path, trusted: Trusted, verdict: Verdict) -> Held:
    """The auditor's anchors, or those that lie with the log."""
    try:
        key = VerifierKey.parse(trusted.key or verdict.key)
        witnesses = [VerifierKey.parse(text) for text in trusted.witnesses]
    except ValueError as error:
        verdict.problems += [f"a key that was given is none: {error}"] if trusted.key or trusted.witnesses else []
        return Held()
    held = held_in(trusted.anchors or folder / "anchors", key, witnesses, trusted.stamp_roots)
    verdict.problems += held.problems
    return held


def _misdated(lines: list[_Line], held: Held) -> Iterator[str]:
    """Events that say to be of another time than the anchors around them allow."""
    if not held.times:
        return
    for number, line in enumerate(lines):
        earliest, latest = held.window(number)
        if line.at is not None and not earliest <= line.at <= latest:
            said = dt.datetime.fromtimestamp(line.at, dt.UTC).isoformat(timespec="seconds")
            yield f"{line.where}: event {number} says {said}, which the anchors around it contradict"


def _unexplained(lines: list[_Line], verdict: Verdict) -> Iterator[str]:
    """Lists what was erased; an erasure that no event tells of is a problem."""
    told = {int(number): line.erases for line in lines if line.erases for number in line.erases.get("events", ())}
    for number, line in enumerate(lines):
        if line.hidden and number in told:
            why = told[number]
            verdict.erased.append({"event": number, "reason": str(why.get("reason", "")), "approver": str(why.get("approver", ""))})
        elif line.hidden:
            yield f"{line.where}: event {number} was erased, and no event tells by whom"


def _sealing_stopped(folder: Path) -> AbstractContextManager[object]:
    """At home nothing is appended meanwhile; an auditor's copy has no sealer, and is not written to."""
    lock = folder / "sealer.lock"
    return process_lock(lock, wait=True) if os.access(lock, os.W_OK) else nullcontext()


def _lines(folder: Path) -> Iterator[_Line]:
    for segment in sorted((folder / "segments").glob("*.jsonl")):
        with segment.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _Line.read(f"segments/{segment.name}:{number}", line.rstrip(b"\n"))


def _counted(line: _Line, tree: Frontier, roots: _Signed, verdict: Verdict) -> _Line:
    """Add a line to the tree and hold the tree against the checkpoints of that size."""
    tree.append_hash(line.leaf)
    verdict.problems += [f"{line.where}: the log up to here is not what {by}" for by in _contradicting(tree, roots)]
    return line


def _contradicting(tree: Frontier, roots: _Signed) -> list[str]:
    """Who says that the log has another root at the tree's size."""
    if tree.size not in roots:
        return []
    root = tree.root()
    return [by for other, by in roots[tree.size].items() if other != root]


def _roots(checkpoints: list[Checkpoint]) -> _Signed:
    """What was signed for each size: two roots for one size are two logs."""
    roots: _Signed = {}
    for checkpoint in checkpoints:
        roots.setdefault(checkpoint.size, {})[checkpoint.root] = f"checkpoint {checkpoint.size} signed"
    return roots


def _checkpoints(folder: Path, trusted: Trusted, verdict: Verdict) -> list[Checkpoint]:
    path, vkey = folder / "checkpoints", folder / "log.vkey"
    if not path.exists() or not vkey.exists():
        return []
    notes = path.read_bytes().decode("utf-8", errors="replace").split(NOTE_END)
    if notes.pop():
        verdict.problems.append("checkpoints: the last note is torn")
    try:
        verdict.key = vkey.read_text(encoding="utf-8").strip()
        key = VerifierKey.parse(verdict.key)
        if trusted.key and trusted.key.strip() != verdict.key:
            verdict.problems.append("log.vkey: it is not the key that you keep")
            key = VerifierKey.parse(trusted.key)
    except ValueError as error:
        verdict.problems.append(f"log.vkey: {error}")
        return []
    found = [checkpoint for number, note in enumerate(notes, 1) for checkpoint in _opened(number, note, key, verdict)]
    verdict.checkpoints = len(found)
    return found


def _opened(number: int, note: str, key: VerifierKey, verdict: Verdict) -> Iterator[Checkpoint]:
    try:
        yield open_note(note, key)
    except ValueError as error:
        verdict.problems.append(f"checkpoints, note {number}: {error}")


def _leaves(folder: Path, roots: _Signed, verdict: Verdict) -> list[bytes]:
    """The signed tree's leaf hashes, where the checkpoints vouch for them."""
    path, size = folder / "leaves", max(roots, default=0)
    data, tree = path.read_bytes() if path.exists() else b"", Frontier()
    leaves = [data[at : at + HASH_BYTES] for at in range(0, size * HASH_BYTES, HASH_BYTES)]
    for leaf in leaves:
        tree.append_hash(leaf)
        if others := _contradicting(tree, roots):
            verdict.problems.append(f"leaves: not what {others[0]}, so that changed events are not named one by one")
            return []
    return leaves


def _compared(lines: list[_Line], leaves: list[bytes]) -> Iterator[str]:
    """The differences between the lines and the signed leaves, each event by its number and place."""
    places = {leaf: number for number, leaf in enumerate(leaves)}
    expected, strangers = 0, list[_Line]()
    for line in lines:
        number = places.get(line.leaf)
        if number is None:
            strangers.append(line)
        elif number < expected:
            yield f"{line.where}: event {number} stands where {expected} belongs"
        else:
            yield from _explained(strangers, range(expected, number), line.where)
            expected, strangers = number + 1, []
    yield from _explained(strangers, range(expected, len(leaves)), "the end")


def _explained(strangers: list[_Line], missing: range, before: str) -> Iterator[str]:
    """Lines that nobody signed, and signed events that are not there: changed ones as far as both go."""
    for line, number in zip(strangers, missing, strict=False):
        yield f"{line.where}: event {number} was changed"
    for line in strangers[len(missing) :]:
        yield f"{line.where}: no signed event"
    for number in missing[len(strangers) :]:
        yield f"event {number} is missing before {before}"


def _out_of_sequence(lines: list[_Line]) -> Iterator[str]:
    expected = 0
    for line in lines:
        if line.hidden:
            expected += 1
            continue
        if line.seq is None:
            yield f"{line.where}: not an event"
        elif line.seq != expected:
            yield f"{line.where}: event {line.seq} stands where {expected} belongs"
        expected = (expected if line.seq is None else line.seq) + 1


def _unvouched(size: int, signed: int) -> Iterator[str]:
    if not size:
        yield "there is no log here"
    elif not signed:
        yield "no checkpoint: nothing vouches for this log"
    elif signed < size:
        yield f"{size - signed} events after checkpoint {signed}: nothing vouches for them"
    if signed > size:
        yield f"checkpoint {signed}: signed {signed} events, the log holds {size}: its end is missing"


def _wrong_file(line: _Line, evidence: Path, removed: set[tuple[str, str]], verdict: Verdict) -> Iterator[str]:
    """What is wrong with the file of a line; one that retention took from that run may be missing, and from no other."""
    if line.file is None or line.removed:
        return
    sha256, label = line.file
    verdict.files += 1
    name = f"{line.where}: evidence {sha256} ({label})"
    if not _SHA256.fullmatch(sha256):
        yield f"{name} is named by no hash"
        return
    path = evidence / sha256[:2] / sha256
    if not path.exists():
        yield from [] if (line.run, sha256) in removed else [f"{name} is missing"]
    elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        yield f"{name} was changed"
