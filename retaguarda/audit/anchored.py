"""What anchors say of a log: sizes, roots, and when somebody else saw them."""

from __future__ import annotations

import bisect
import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from retaguarda.audit.anchors import anchor_files
from retaguarda.audit.checkpoints import COSIGNATURE, Checkpoint, VerifierKey, open_note, parsed, witnessed_at
from retaguarda.audit.files import notes_in
from retaguarda.audit.timestamps import stamp_time

DRIFT = 300
"""Seconds by which clocks may differ: an event lies between the anchors around it, give or take so much."""


@dataclass
class Held:
    """The anchors of one folder: each note's checkpoint with its place, and the times at which third parties saw a size."""

    checkpoints: list[tuple[Checkpoint, str]] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def window(self, seq: int) -> tuple[float, float]:
        """Between which POSIX times an event must have been made."""
        after = bisect.bisect(self.times, (seq, math.inf))
        earliest = self.times[after - 1][1] if after else 0.0
        latest = self.times[after][1] if after < len(self.times) else math.inf
        return earliest - DRIFT, latest + DRIFT

    @property
    def size(self) -> int:
        """How many events an anchor covers."""
        return max((checkpoint.size for checkpoint, _ in self.checkpoints), default=0)


def held_in(folder: Path, log: VerifierKey, witnesses: Sequence[VerifierKey], roots: Path | None) -> Held:
    """Every anchor in a folder; keys of witnesses that are not given are read from its `.vkey` files."""
    held = Held()
    known = [log, *witnesses, *_keys(folder, held)]
    for path in anchor_files(folder):
        for number, note in enumerate(notes_in(path), 1):
            where = f"anchors/{path.name}, note {number}"
            try:
                checkpoint = parsed(note.partition("\n\n")[0], log.name)
                held.times += [(checkpoint.size, when) for when in _signed_at(note, known)]
                held.checkpoints.append((checkpoint, where))
            except ValueError as error:
                held.problems.append(f"{where}: {error}")
    for stamp in sorted(folder.glob("*.tsr")):
        held.times += _stamped(stamp, roots, held)
    held.times.sort()
    return held


def _keys(folder: Path, held: Held) -> Iterator[VerifierKey]:
    for path in sorted(folder.glob("*.vkey")):
        try:
            yield VerifierKey.parse(path.read_text(encoding="utf-8"))
        except ValueError as error:
            held.problems.append(f"anchors/{path.name}: {error}")


def _signed_at(note: str, known: Sequence[VerifierKey]) -> list[float]:
    """When witnesses signed; every line of signature must be of a known key, so that no byte is changed unseen."""
    body, _, signatures = note.partition("\n\n")
    lines = signatures.splitlines(keepends=True)
    times = []
    for line in lines:
        alone = f"{body}\n\n{line}"
        seen = [when for key in known if key.kind == COSIGNATURE and (when := witnessed_at(alone, key)) is not None]
        times += seen
        if not seen and not line.startswith(f"— {known[0].name} "):
            raise ValueError(f"a signature of nobody that is known: {line.strip()[:80]}")
    if any(line.startswith(f"— {known[0].name} ") for line in lines) or not lines:
        if lines:
            open_note(note, known[0])
        return [float(when) for when in times]
    raise ValueError("no signature of the log")


def _stamped(path: Path, roots: Path | None, held: Held) -> Iterator[tuple[float, float]]:
    try:
        note = path.with_suffix(".note").read_bytes()
        when: dt.datetime = stamp_time(path.read_bytes(), note, roots)
        yield parsed(note.decode().partition("\n\n")[0]).size, when.timestamp()
    except (OSError, ValueError) as error:
        held.problems.append(f"anchors/{path.name}: {error}")
