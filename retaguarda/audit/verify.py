"""Verifies a log folder: sequence, hashes, signatures and the evidence that the log speaks of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, open_note
from retaguarda.audit.log import NOTE_END
from retaguarda.audit.merkle import Frontier


@dataclass
class Verdict:
    """What the verification found; `problems` names each wrong event or file exactly."""

    events: int = 0
    checkpoints: int = 0
    files: int = 0
    root: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.problems


def verify(folder: Path, evidence: Path | None = None) -> Verdict:
    """Recompute the log in `folder` from its raw bytes; with `evidence`, every file that an event names as well."""
    verdict = Verdict()
    checkpoints = {c.size: c for c in _checkpoints(folder, verdict)}
    frontier = Frontier()
    for where, line in _lines(folder):
        _check_line(where, line, frontier.size, verdict)
        frontier.append(line)
        signed = checkpoints.pop(frontier.size, None)
        if signed and signed.root != frontier.root():
            verdict.problems.append(f"{where}: the log up to here is not what checkpoint {signed.size} signed")
        if evidence:
            _check_files(where, line, evidence, verdict)
    verdict.events, verdict.root = frontier.size, frontier.root().hex()
    verdict.problems += [
        f"checkpoint {size}: signed {size} events, the log holds {frontier.size}: its end is missing" for size in checkpoints
    ]
    if frontier.size and not verdict.checkpoints:
        verdict.problems.append("no checkpoint: nothing vouches for this log")
    return verdict


def _lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    for segment in sorted((folder / "segments").glob("*.jsonl")):
        with segment.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield f"segments/{segment.name}:{number}", line.rstrip(b"\n")


def _checkpoints(folder: Path, verdict: Verdict) -> list[Checkpoint]:
    path, vkey = folder / "checkpoints", folder / "log.vkey"
    if not path.exists() or not vkey.exists():
        return []
    key = VerifierKey.parse(vkey.read_text(encoding="utf-8"))
    found = []
    for number, note in enumerate(filter(None, path.read_text(encoding="utf-8").split(NOTE_END)), 1):
        try:
            found.append(open_note(note, key))
        except (ValueError, IndexError) as error:
            verdict.problems.append(f"checkpoints, note {number}: {error}")
    verdict.checkpoints = len(found)
    return found


def _check_line(where: str, line: bytes, expected: int, verdict: Verdict) -> None:
    try:
        seq = orjson.loads(line)["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        verdict.problems.append(f"{where}: not an event")
        return
    if seq != expected:
        verdict.problems.append(f"{where}: event {seq} stands where {expected} belongs")


def _check_files(where: str, line: bytes, evidence: Path, verdict: Verdict) -> None:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return
    if event.get("action") != "evidence.kept":
        return
    sha256 = str(event["data"]["sha256"])
    path = evidence / sha256[:2] / sha256
    verdict.files += 1
    if not path.exists():
        verdict.problems.append(f"{where}: evidence {sha256} ({event['target']}) is missing")
    elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        verdict.problems.append(f"{where}: evidence {sha256} ({event['target']}) was changed")
