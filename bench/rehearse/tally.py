"""What a rehearsal counted: schedules, faults that fired, how items ended, and every promise that was broken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


class Violation(AssertionError):
    """A promise does not hold; the text names the seed."""


@dataclass
class Tally:
    """The counts of one level; `faults` are the classes that must have fired."""

    level: str
    faults: Sequence[str]
    schedules: int = 0
    seconds: float = 0.0
    fired: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    posts: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, fired: Counter[str], ends: Iterable[str], posts: int) -> None:
        """Count one schedule that held."""
        self.schedules += 1
        self.fired.update(fired)
        self.ends.update(ends)
        self.posts += posts

    def merge(self, other: Tally) -> None:
        """Add what another process counted."""
        self.schedules += other.schedules
        self.fired.update(other.fired)
        self.ends.update(other.ends)
        self.posts += other.posts
        self.broken += other.broken

    @property
    def silent(self) -> list[str]:
        """Classes of faults that never fired: a rehearsal without them shows nothing."""
        return [fault for fault in self.faults if not self.fired[fault]]

    @property
    def holds(self) -> bool:
        return not self.broken and not self.silent

    def told(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "level": self.level,
            "schedules": self.schedules,
            "seconds": round(self.seconds, 1),
            "broken": self.broken,
            "posts": self.posts,
            "ends": dict(self.ends.most_common()),
            "fired": {fault: self.fired[fault] for fault in self.faults},
            "never fired": self.silent,
        }

    def text(self) -> str:
        """The same for people."""
        each = f" ({self.schedules / self.seconds:.1f}/s)" if self.seconds else ""
        lines = [f"{self.level}: {self.schedules} schedules, {len(self.broken)} broken, {self.posts} presses, {self.seconds:.0f} s{each}"]
        lines += [f"BROKEN {text}" for text in self.broken]
        lines += ["ends:  " + ", ".join(f"{end} {count}" for end, count in self.ends.most_common())]
        lines += ["fired: " + ", ".join(f"{fault} {self.fired[fault]}" for fault in self.faults)]
        lines += [f"never fired: {', '.join(self.silent)}"] if self.silent else []
        return "\n".join(lines)

    def print(self, *, as_json: bool) -> None:
        print(json.dumps(self.told(), ensure_ascii=False, indent=1) if as_json else self.text())
