"""The pictures that the page carries inside itself: failures first, then the forms before the button, then receipts."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retaguarda.report.content import EvidenceLine

BUDGET = 8_000_000
"""Bytes of pictures, as they stand in the page, that one page carries."""
_SIGNATURES = (
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
)
_RANKS = (r"^failure: |^sign-in (failed|refused)|: refused$", r": form before the button$", r": receipt$")
_REFERENCE = re.compile(r"^[a-z][a-z_]* (?P<reference>.+): (form before the button|receipt|refused)$")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its bytes as a `data:` address; `address` is empty when the page does not carry it, `why` says why."""

    line: EvidenceLine
    address: str = ""
    why: str = ""

    @property
    def reference(self) -> str:
        return reference_of(self.line.label)


def reference_of(label: str) -> str:
    """The item that a picture belongs to, or ""."""
    found = _REFERENCE.match(label)
    return found["reference"] if found else ""


def rank(label: str) -> int:
    """How much a picture is worth: 0 failures, 1 forms before the button, 2 receipts, 3 everything else."""
    return next((n for n, pattern in enumerate(_RANKS) if re.search(pattern, label)), len(_RANKS))


def choose(evidence: Iterable[EvidenceLine], budget: int = BUDGET) -> list[Picture]:
    """The pictures of a run in the order they were taken; those within the budget carry their bytes, best first.

    A file that is gone, is no picture or does not have the hash it was kept under is never embedded.
    """
    lines = _once([line for line in evidence if line.kind == "picture"])
    carried: dict[str, Picture] = {}
    for line in sorted(lines, key=lambda line: (rank(line.label), line.at)):
        picture = _carried(line, budget)
        budget -= len(picture.address)
        carried[line.sha256] = picture
    return [carried[line.sha256] for line in lines]


def _once(lines: Sequence[EvidenceLine]) -> list[EvidenceLine]:
    kept: dict[str, EvidenceLine] = {}
    for line in lines:
        kept.setdefault(line.sha256, line)
    return list(kept.values())


def _carried(line: EvidenceLine, budget: int) -> Picture:
    if (line.size + 2) // 3 * 4 + 30 > budget:
        return Picture(line, why="Kept by its hash only: the page would grow too large.")
    try:
        content = line.path.read_bytes() if line.path.stat().st_size == line.size else b""
    except OSError:
        return Picture(line, why="The file is not there.")
    if hashlib.sha256(content).hexdigest() != line.sha256:
        return Picture(line, why="THE FILE WAS CHANGED: its hash differs.")
    sort = next((sort for signature, sort in _SIGNATURES if signature.match(content)), "")
    if not sort:
        return Picture(line, why="The file is no picture.")
    return Picture(line, f"data:{sort};base64,{base64.b64encode(content).decode()}")
