"""Child processes that carry runs out: one run at a time each, killed when they must be, replaced when they are worn.

A run gets a process of its own so that a page that hangs, a browser that eats the memory or a kill takes down that run
alone, and so that every lock it holds is freed by its death. A child dies with the worker: its orders end, and so does it.

Orders are JSON lines on the child's standard input: `{"run": id, "attempt": n}` or `{"end": id, "timed_out": bool}`. It answers
with JSON lines on its standard output: `{"limit": seconds}` when the work begins, `{"became": word}` when it is over.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from retaguarda.clock import Clock

START_PATIENCE = 120.0
"""Seconds that a child may take to read its settings and open the store."""


class Ending(enum.StrEnum):
    """How a child's work on a run ended, beside the words that the runner has for it."""

    DIED = "died"
    KILLED = "killed"
    TIMED_OUT = "timed-out"
    CLOSED = "closed"  # the pool shuts down: not begun


@dataclass
class _Child:
    """One process, its orders and its answers."""

    process: subprocess.Popen[bytes]
    orders: int = 0
    killed: bool = False
    _buffer: bytearray = field(default_factory=bytearray)

    def order(self, what: dict[str, Any]) -> None:
        """Send an order; BrokenPipeError when the child is dead."""
        assert self.process.stdin is not None  # noqa: S101  # opened as a pipe
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()
        self.orders += 1

    def answer(self, clock: Clock, until: float) -> dict[str, Any] | None:
        """The next answer, or None when none came in time; EOFError when the child died."""
        while b"\n" not in self._buffer:
            if not self._more(until - clock.monotonic()):
                return None
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        told: dict[str, Any] = json.loads(line)
        return told

    def _more(self, patience: float) -> bool:
        assert self.process.stdout is not None  # noqa: S101  # opened as a pipe
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            if not ready.select(max(0.0, patience)):
                return False
        read = os.read(self.process.stdout.fileno(), 65536)
        if not read:
            raise EOFError
        self._buffer += read
        return True

    def kill(self) -> None:
        """End it, and what it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def bury(self) -> None:
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self.process.wait()


class Pool:
    """At most `size` children, started when they are needed and kept warm."""

    def __init__(self, command: Sequence[str], size: int, clock: Clock, *, recycle_after: int = 200, kill_grace: float = 60) -> None:
        self._command = list(command)
        self._clock = clock
        self._recycle_after = recycle_after
        self._kill_grace = kill_grace
        self._room = threading.Semaphore(size)
        self._guard = threading.Lock()
        self._idle: list[_Child] = []
        self._at_work: dict[str, _Child] = {}
        self._closed = False

    def carry_out(self, run: str, attempt: int) -> str:
        """Have a child carry out an attempt of a run, and wait for its word; an `Ending` when it had no last word."""
        with self._room, self._one(run) as child:
            return Ending.CLOSED if child is None else self._told(child, {"run": run, "attempt": attempt})

    def end(self, run: str, *, timed_out: bool) -> str:
        """Have a child tell the store that a run's process was killed."""
        with self._one(run) as child:
            return Ending.CLOSED if child is None else self._told(child, {"end": run, "timed_out": timed_out})

    def sweep(self) -> str:
        """Have a child tell runs whose process died as what they are."""
        with self._one("") as child:
            return Ending.CLOSED if child is None else self._told(child, {"sweep": True})

    def runs(self) -> set[str]:
        """The runs that children carry out at this moment."""
        with self._guard:
            return set(self._at_work) - {""}

    def kill(self, run: str) -> bool:
        """End the child that carries a run out, in the middle of its work; whether there was one."""
        with self._guard:
            child = self._at_work.get(run)
            if child is not None:
                child.killed = True
                child.kill()
        return child is not None

    def close(self) -> None:
        """Begin nothing more, and ask the children at work to stop at their next safe point."""
        with self._guard:
            self._closed = True
            for child in self._at_work.values():
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
            while self._idle:
                self._idle.pop().bury()

    def kill_all(self) -> None:
        """End every child at once."""
        with self._guard:
            for child in [*self._at_work.values(), *self._idle]:
                child.kill()

    def warm_up(self, count: int) -> None:
        """Start children before there is work for them."""
        children = [self._start() for _ in range(count)]
        with self._guard:
            self._idle += children

    @contextmanager
    def _one(self, run: str) -> Iterator[_Child | None]:
        """A child for the block, or None when the pool closes; worn and dead ones are not kept."""
        with self._guard:
            child = None if self._closed else self._idle.pop() if self._idle else self._start()
            if child is not None:
                self._at_work[run] = child
        try:
            yield child
        finally:
            with self._guard:
                self._at_work.pop(run, None)
                if child is not None:
                    self._put_back(child)

    def _put_back(self, child: _Child) -> None:
        usable = not self._closed and child.process.poll() is None and not child.killed and child.orders < self._recycle_after
        if usable:
            self._idle.append(child)
        else:
            child.bury()

    def _start(self) -> _Child:
        return _Child(
            subprocess.Popen(  # noqa: S603  # our own module
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        )

    def _told(self, child: _Child, order: dict[str, Any]) -> str:
        try:
            child.order(order)
            began = child.answer(self._clock, self._clock.monotonic() + START_PATIENCE)
            if began is not None and "limit" in began:
                began = child.answer(self._clock, self._clock.monotonic() + float(began["limit"]) + self._kill_grace)
        except (EOFError, OSError, ValueError):
            child.kill()
            return Ending.KILLED if child.killed else Ending.DIED
        if began is None:
            child.killed = True
            child.kill()
            return Ending.TIMED_OUT
        return str(began["became"])
