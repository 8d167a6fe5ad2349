"""Verifies a log folder: sequence, hashes, signatures and the evidence that the log speaks of."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, open_note
from retaguarda.audit.files import NOTE_END
from retaguarda.audit.merkle import HASH_BYTES, Frontier, leaf_hash
from retaguarda.locks import process_lock

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

    @classmethod
    def read(cls, where: str, raw: bytes) -> _Line:
        event = _event(raw)
        seq = event.get("seq")
        facts = event.get("data")
        sha256 = str(facts.get("sha256")) if isinstance(facts, dict) else ""
        file = (sha256, str(event.get("target"))) if event.get("action") in {"evidence.kept", "evidence.removed"} else None
        removed = event.get("action") == "evidence.removed"
        return cls(where, leaf_hash(raw), seq if isinstance(seq, int) else None, file, removed, str(event.get("run", "")))


def _event(raw: bytes) -> dict[str, Any]:
    """The event in a line; an empty one when it holds none."""
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def verify(folder: Path, evidence: Path | None = None) -> Verdict:
    """Recompute the log in `folder` from its raw bytes; with `evidence`, every file that an event names as well."""
    verdict = Verdict()
    with _sealing_stopped(folder):
        roots, tree = _roots(_checkpoints(folder, verdict)), Frontier()
        leaves = _leaves(folder, roots, verdict)
        lines = [_counted(line, tree, roots, verdict) for line in _lines(folder)]
    verdict.events, verdict.root = tree.size, tree.root().hex()
    # leaves that a checkpoint vouches for name each changed event; without them only the checkpoints' stretches are known
    verdict.problems += _compared(lines, leaves) if leaves else _out_of_sequence(lines)
    verdict.problems += _unvouched(tree.size, max(roots, default=0))
    if evidence:
        removed = {(line.run, line.file[0]) for line in lines if line.removed and line.file}
        verdict.problems += [problem for line in lines for problem in _wrong_file(line, evidence, removed, verdict)]
    verdict.problems = list(dict.fromkeys(verdict.problems))
    return verdict


def _sealing_stopped(folder: Path) -> AbstractContextManager[object]:
    """At home nothing is appended meanwhile; an auditor's copy has no sealer, and is not written to."""
    lock = folder / "sealer.lock"
    return process_lock(lock, wait=True) if os.access(lock, os.W_OK) else nullcontext()


def _lines(folder: Path) -> Iterator[_Line]:
    for segment in sorted((folder / "segments").glob("*.jsonl")):
        with segment.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _Line.read(f"segments/{segment.name}:{number}", line.rstrip(b"\n"))


def _counted(line: _Line, tree: Frontier, roots: dict[int, set[bytes]], verdict: Verdict) -> _Line:
    """Add a line to the tree and hold the tree against the checkpoints of that size."""
    tree.append_hash(line.leaf)
    if tree.size in roots and roots[tree.size] != {tree.root()}:
        verdict.problems.append(f"{line.where}: the log up to here is not what checkpoint {tree.size} signed")
    return line


def _roots(checkpoints: list[Checkpoint]) -> dict[int, set[bytes]]:
    """What was signed for each size: two roots for one size are two logs."""
    roots: dict[int, set[bytes]] = {}
    for checkpoint in checkpoints:
        roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
    return roots


def _checkpoints(folder: Path, verdict: Verdict) -> list[Checkpoint]:
    path, vkey = folder / "checkpoints", folder / "log.vkey"
    if not path.exists() or not vkey.exists():
        return []
    notes = path.read_bytes().decode("utf-8", errors="replace").split(NOTE_END)
    if notes.pop():
        verdict.problems.append("checkpoints: the last note is torn")
    try:
        verdict.key = vkey.read_text(encoding="utf-8").strip()
        key = VerifierKey.parse(verdict.key)
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


def _leaves(folder: Path, roots: dict[int, set[bytes]], verdict: Verdict) -> list[bytes]:
    """The signed tree's leaf hashes, where the checkpoints vouch for them."""
    path, size = folder / "leaves", max(roots, default=0)
    data, tree = path.read_bytes() if path.exists() else b"", Frontier()
    leaves = [data[at : at + HASH_BYTES] for at in range(0, size * HASH_BYTES, HASH_BYTES)]
    for leaf in leaves:
        tree.append_hash(leaf)
        if tree.size in roots and roots[tree.size] != {tree.root()}:
            verdict.problems.append(f"leaves: not what checkpoint {tree.size} signed, so that changed events are not named one by one")
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
