"""A portal without pages: a counter that registers things, whose own book is the ground truth of what was pressed by whom.

It takes its time, loses answers, and accepts whatever it is sent as often as it is sent. Sessions are told apart by the
process that opened them, so that two living ones of one credential show.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from retaguarda.clock import Clock
from retaguarda.errors import OutcomeUnknown
from retaguarda.model.acts import Found, Permit, Receipt
from tests.jobs.toy_tasks import Thing

LONGEST = 0.3
"""Seconds that the counter takes to register a thing; the quiet period is longer."""
QUIET = 1.0


@dataclass(frozen=True)
class Book:
    """The counter's database."""

    path: Path

    def make(self) -> Book:
        with self.open() as book:
            book.execute("pragma journal_mode=wal")
            book.execute("create table registered (reference text, at real, pid integer)")
            book.execute("create table sessions (credential text, pid integer, at real, closed integer default 0)")
            book.execute("create table doubles (credential text, mine integer, theirs integer, at real)")
        return self

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as book:
            yield book

    def sign_in(self, credential: str) -> None:
        """Open a session; that another living process has one is written down."""
        with self.open() as book:
            book.execute("begin immediate")
            others = book.execute("select pid from sessions where credential = ? and closed = 0 and pid <> ?", (credential, os.getpid()))
            for (pid,) in others.fetchall():
                if alive(pid):
                    book.execute("insert into doubles values (?, ?, ?, ?)", (credential, os.getpid(), pid, Clock().monotonic()))
            book.execute("insert into sessions values (?, ?, ?, 0)", (credential, os.getpid(), Clock().monotonic()))
            book.execute("commit")

    def sign_out(self, credential: str) -> None:
        with self.open() as book:
            book.execute("update sessions set closed = 1 where credential = ? and pid = ?", (credential, os.getpid()))

    def doubles(self) -> list[tuple[object, ...]]:
        with self.open() as book:
            return book.execute("select * from doubles").fetchall()

    def registered(self) -> Counter[str]:
        with self.open() as book:
            return Counter(reference for (reference,) in book.execute("select reference from registered"))


@dataclass(frozen=True)
class CounterRobot:
    """Operates the counter."""

    book: Book

    def find(self, wanted: Thing) -> Found | None:
        count = self.book.registered()[wanted.reference]
        return Found(wanted.reference, wanted.fields(), f"P-{wanted.reference}", count) if count else None

    def draft(self, wanted: Thing) -> CounterForm:
        return CounterForm(self.book, wanted)


@dataclass(frozen=True)
class CounterForm:
    """A filled form."""

    book: Book
    wanted: Thing

    def shown(self) -> dict[str, str]:
        return self.wanted.fields()

    def submit(self, permit: Permit) -> Receipt:
        """Register, after a while; now and then the answer is lost."""
        permit.use()
        Clock().pause(random.uniform(0, LONGEST))
        with self.book.open() as book:
            book.execute("insert into registered values (?, ?, ?)", (self.wanted.reference, Clock().monotonic(), os.getpid()))
        if random.random() < 0.1:
            raise OutcomeUnknown("no answer")
        return Receipt(f"P-{self.wanted.reference}")


def alive(pid: int) -> bool:
    """Whether a process works; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
