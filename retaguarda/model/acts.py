"""The words of the act protocol: what is wanted, what is found, and what the portal gave for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from retaguarda.errors import LeaseLost


class Wanted(Protocol):
    """Anything that can be wanted at a portal: a business key and the values that must be seen there."""

    @property
    def reference(self) -> str: ...

    def fields(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the portal gave for an act: its protocol number and its words."""

    protocol: str
    text: str = ""
    at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the portal holds under a reference, read on a page that proved itself."""

    reference: str
    fields: Mapping[str, str] = field(default_factory=dict)
    protocol: str = ""
    """The number that the receipt of this very act gave, where the portal shows it; another one is another hand's."""
    count: int = 1


class Permit:
    """Leave for exactly one press, given only after the intent is durable; it cannot be used twice, nor when it is too old.

    A process that stood still between the two, e.g. with its whole machine, must not press where another one has looked since.
    """

    __slots__ = ("_expired", "_used", "attempt", "reference")

    def __init__(self, reference: str, attempt: int, expired: Callable[[], bool] = lambda: False) -> None:
        self.reference = reference
        self.attempt = attempt
        self._expired = expired
        self._used = False

    @property
    def used(self) -> bool:
        return self._used

    @property
    def expired(self) -> bool:
        return self._expired()

    def use(self) -> None:
        """Spend the permit; raises LeaseLost when it is too old, RuntimeError when it was spent before."""
        if self._used:
            raise RuntimeError(f"permit for {self.reference} used twice")
        if self.expired:
            raise self.too_late()
        self._used = True

    def too_late(self) -> LeaseLost:
        return LeaseLost(f"too much time passed before the button of {self.reference}: nothing was pressed", remedy="resume the run later")


class Draft(Protocol):
    """A filled form whose button has not been pressed."""

    def shown(self) -> dict[str, str]:
        """What the form shows, read back from the screen, in the canonical text of `Wanted.fields`."""
        ...

    def submit(self, permit: Permit) -> Receipt:
        """Press the button once and read the portal's answer."""
        ...


@dataclass(frozen=True, slots=True)
class Errand:
    """A work item that only fetches or looks: a reference and what else is known of it."""

    reference: str
    details: Mapping[str, str] = field(default_factory=dict)

    def fields(self) -> dict[str, str]:
        return dict(self.details)
