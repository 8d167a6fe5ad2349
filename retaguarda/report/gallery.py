"""The pictures of the page in groups: what went wrong first, then item by item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retaguarda.language import say
from retaguarda.report.pictures import Picture, rank
from retaguarda.report.retell import retell
from retaguarda.report.show import shown, size


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as the page shows it."""

    name: str
    address: str
    why: str
    at: str
    size: str
    sha256: str
    tone: str

    @property
    def digest(self) -> str:
        """The beginning of the hash; the list of evidence has it whole."""
        return f"{self.sha256[:16]}…"


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that belong together: those of one item, or those of no item."""

    name: str
    reference: str
    pictures: Sequence[Shot]


def groups_of(pictures: Iterable[Picture]) -> list[Group]:
    """Groups by item in the order of their first picture; groups with a failure or a refusal come first."""
    by_reference: dict[str, list[Picture]] = {}
    for picture in pictures:
        by_reference.setdefault(picture.reference, []).append(picture)
    worst_first = sorted(by_reference.items(), key=lambda pair: min(rank(p.line.label) for p in pair[1]) > 0)
    return [Group(reference or say("Without an item"), reference, [_shot(p) for p in group]) for reference, group in worst_first]


def _shot(picture: Picture) -> Shot:
    line = picture.line
    tone = "bad" if rank(line.label) == 0 else ""
    return Shot(retell(line.label), picture.address, say(picture.why), shown(line.at), size(line.size), line.sha256, tone)
