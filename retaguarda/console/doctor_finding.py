"""What `retaguarda doctor` says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, what was seen, and what to do when it is not.

    What is not needed is told and fails nothing: a robot of a portal that this installation does not use.
    """

    name: str
    well: bool
    seen: str
    remedy: str = ""
    needed: bool = True
