"""What a sheet became: typed items, and rejections that say what to do about the other rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from retaguarda.model.contracts import ContractKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of a row."""

    field: str
    value: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that cannot be used: where it stands, its first problem, the others, and the row as it came.

    `key` is the CCEE contract it would have been part of, where the row tells it: without the row that contract is incomplete.
    """

    file: str
    line: int
    field: str
    value: str
    reason: str
    remedy: str
    row: Mapping[str, str]
    also: tuple[Problem, ...] = ()
    key: ContractKey | None = None


@dataclass(frozen=True, slots=True)
class Intake(Generic[T]):
    """A sheet that was read; items and rejections add up to its rows. `unread` names the columns nobody asked for."""

    file: str
    items: tuple[T, ...]
    rejections: tuple[Rejection, ...]
    unread: tuple[str, ...] = ()

    @property
    def incomplete(self) -> frozenset[ContractKey]:
        """CCEE contracts that lack a rejected row: their sum would be wrong."""
        return frozenset(r.key for r in self.rejections if r.key is not None)

    @property
    def rows(self) -> int:
        return len(self.items) + len(self.rejections)
