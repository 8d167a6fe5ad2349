"""An excerpt of the log: some events whole, of all others only what the tree needs, under the root that was signed.

A run's reviewer gets its events with their place in the suite-wide log, and learns nothing of other runs.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from retaguarda.audit.anchors import anchor_files
from retaguarda.audit.checkpoints import VerifierKey, open_note, parsed, proof_text, witnessed_at
from retaguarda.audit.files import NOTE_END, notes_in
from retaguarda.audit.log import AuditLog
from retaguarda.audit.merkle import Tree
from retaguarda.errors import ConfigurationError

MOST_NOTES = 24
"""Witnessed checkpoints that an excerpt carries: enough to bound the time of each event."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Files by their name inside of the excerpt's folder, and what they hold."""

    files: dict[str, bytes]
    proofs: dict[int, str]
    size: int
    root: bytes
    witnesses: int


def excerpt(log: AuditLog, numbers: Collection[int]) -> Excerpt:
    """The excerpt of some events; ConfigurationError when there are none, or the newest is not signed yet."""
    if not numbers:
        raise ConfigurationError("there are no events to show", remedy="see: retaguarda audit log")
    key = VerifierKey.parse((log.folder / "log.vkey").read_text(encoding="utf-8"))
    witnessed = _witnessed(log.folder / "anchors", key)
    covering = [note for size, note in sorted(witnessed.items()) if size > max(numbers)]
    note = covering[0] if covering else log.last_note()[0]
    checkpoint = open_note(note, key)
    leaves = log.leaf_hashes(checkpoint.size)
    tree = Tree(leaves)
    if max(numbers) >= checkpoint.size or tree.root() != checkpoint.root:
        raise ConfigurationError("the log does not agree with its checkpoint", remedy="retaguarda audit verify")
    around = _around(witnessed, min(numbers), checkpoint.size)
    lines = b"".join(_lines(log, tree, len(leaves), set(numbers), sorted(around)))
    files = {
        "segments/000001.jsonl": lines,
        "checkpoints": (_by_log_alone(note, key) + NOTE_END).encode(),
        "log.vkey": f"{key.text()}\n".encode(),
    }
    if around:
        files["anchors/witnessed"] = "".join(one + NOTE_END for _, one in sorted(around.items())).encode()
    for path in [*(log.folder / "anchors").glob("*.vkey"), *_stamps(log.folder / "anchors", max(numbers))]:
        files[f"anchors/{path.name}"] = path.read_bytes()
    proofs = {number: proof_text(number, tree.inclusion(number), note) for number in sorted(numbers)}
    return Excerpt(files, proofs, checkpoint.size, checkpoint.root, len(around))


def _witnessed(folder: Path, log: VerifierKey) -> dict[int, str]:
    """The checkpoints that a witness signed, by their size."""
    keys = [VerifierKey.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.vkey"))]
    found = {}
    for path in anchor_files(folder):
        for note in notes_in(path) if path.suffix == "" else ():
            if any(witnessed_at(note, key) for key in keys):
                found[open_note(note, log).size] = note
    return found


def _around(witnessed: dict[int, str], first: int, size: int) -> dict[int, str]:
    """The witnessed checkpoint before the first event, the one that covers all, and some between them."""
    before = max((one for one in witnessed if one <= first), default=0)
    sizes = [one for one in sorted(witnessed) if before <= one <= size]
    step = max(1, len(sizes) // MOST_NOTES)
    return {one: witnessed[one] for one in {*sizes[::step], *sizes[-1:]}}


def _stamps(folder: Path, newest: int) -> Iterator[Path]:
    """The first time stamp that covers every event, with the note that it is of."""
    for path in sorted(folder.glob("*.tsr")):
        note = path.with_suffix(".note")
        if note.exists() and parsed(note.read_text(encoding="utf-8").partition("\n\n")[0]).size > newest:
            yield from (path, note)
            return


def _by_log_alone(note: str, key: VerifierKey) -> str:
    body, _, signatures = note.partition("\n\n")
    return f"{body}\n\n" + "".join(line for line in signatures.splitlines(keepends=True) if line.startswith(f"— {key.name} "))


def _lines(log: AuditLog, tree: Tree, size: int, shown: set[int], borders: list[int]) -> Iterator[bytes]:
    """Shown events as they are; between them the hashes of the largest whole subtrees, cut where a checkpoint lies."""
    at = 0
    for stop in sorted({*shown, *borders, size}):
        while at < min(stop, size):
            count = _largest(at, stop)
            yield b"~" + base64.b64encode(tree.root(at, at + count)) + b"*%d\n" % count
            at += count
        if stop in shown:
            yield log.line(stop) + b"\n"
            at = stop + 1


def _largest(at: int, stop: int) -> int:
    """How many leaves the largest subtree has that begins at `at` and ends by `stop`."""
    count = 1 << (stop - at).bit_length() - 1
    return min(count, at & -at) if at else count
