"""A worker: takes queued runs from the engine, has its children carry them out, and stands in for workers that died.

Import only in a worker process (see `retaguarda.jobs.engine`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections, models

from retaguarda.clock import Clock
from retaguarda.errors import LeaseHeld, LeaseLost
from retaguarda.jobs.engine import Engine
from retaguarda.jobs.pool import Ending, Pool
from retaguarda.jobs.requests import Requests
from retaguarda.jobs.runs import Runs
from retaguarda.jobs.workers import Workers
from retaguarda.locks import Locks
from retaguarda.settings import JobsSettings
from retaguarda.store.models import RunRecord, RunState, Worker

BEAT_SECONDS = 2.0
MEND_SECONDS = 60.0
MENDED_AT_ONCE = 500
FORGET_SECONDS = 3600.0
Stop = Callable[[], bool]
TRIES = 3
"""Times that a delivery is begun again when the child dies before it could tell the store anything."""


@dataclass
class WorkerLoop:
    """One worker process. `asked_to_stop` is looked at between the beats of its loop."""

    url: str
    settings: JobsSettings
    queues: Sequence[str]
    concurrency: int
    clock: Clock
    locks: Locks
    runs: Runs
    workers: Workers
    requests: Requests
    pool: Pool
    keep: dt.timedelta
    """How long the engine remembers deliveries that ended."""

    def run(self, name: str, asked_to_stop: Stop) -> None:
        """Work under a name that no other living worker has, until asked to stop or drained."""
        engine = Engine(self.url, name, self._deliver)
        with self._registered(name), engine.running(self.queues, self.concurrency, self.settings.poll_seconds, self.settings.kill_grace):
            self.pool.warm_up(1)
            try:
                self._loop(engine, name, asked_to_stop)
            finally:
                self.pool.close()  # what is at work stops at its next safe point and goes back to its queue

    @contextmanager
    def _registered(self, name: str) -> Iterator[None]:
        self.workers.register(name, "worker", self.queues, self.concurrency)
        try:
            yield
        finally:
            self.pool.close()
            self.pool.kill_all()
            self.workers.left(name)

    def _loop(self, engine: Engine, name: str, asked_to_stop: Stop) -> None:
        next_beat = next_mending = next_forgetting = 0.0
        while not asked_to_stop():
            now = self.clock.monotonic()
            if now >= next_beat:
                if not self.locks.still_held(f"worker/{name}"):
                    raise LeaseLost(f"worker {name} lost its lock: others have its runs by now", remedy="start it again")
                if self.workers.beat(name):
                    return
                self._look_after_runs()
                self.requests.expire()
                self._stand_in(engine, name)
                next_beat = now + BEAT_SECONDS
            if now >= next_mending:
                self._mend(engine)
                next_mending = now + MEND_SECONDS
            if now >= next_forgetting:
                engine.forget(self.clock.now() - self.keep)
                next_forgetting = now + FORGET_SECONDS
            self._hand_over(engine)
            self.clock.pause(self.settings.poll_seconds)

    def _hand_over(self, engine: Engine) -> None:
        for run in self.runs.due(self.queues):
            engine.hand_over(run.pk, run.attempt, run.queue, run.priority)
            self.runs.note_handed_over(run)

    def _mend(self, engine: Engine) -> None:
        """Hand over anew what the engine lost: after a restore, a move to another store, or an error of its own."""
        waiting = RunRecord.objects.filter(state=RunState.PENDING, queue__in=list(self.queues), handed_over=models.F("attempt"))
        handed = dict(waiting.values_list("pk", "attempt")[:MENDED_AT_ONCE])
        for run in engine.lost(handed):
            self.runs.give_back(run, handed[run])

    def _look_after_runs(self) -> None:
        """Kill what an operator wants killed, and have runs told whose process died."""
        for run in RunRecord.objects.filter(pk__in=self.pool.runs(), kill_requested=True):
            self.pool.kill(run.pk)
        mine = self.pool.runs()
        running = RunRecord.objects.filter(parent=None, state=RunState.RUNNING).exclude(pk__in=mine).values_list("pk", flat=True)
        if any(self.locks.is_free(f"run/{pk}") for pk in running):
            self.pool.sweep()

    def _stand_in(self, engine: Engine, name: str) -> None:
        """Give back what workers had that died; their lock is held meanwhile, so that none of them comes back in between."""
        for dead in Worker.objects.filter(kind="worker", stopped_at=None).exclude(name=name):
            try:
                with self.locks.hold(f"worker/{dead.name}"):
                    self.workers.died(dead.name, engine.take_over(dead.name))
            except LeaseHeld:
                continue

    def _deliver(self, run: str, attempt: int) -> None:
        """Called by the engine in a thread of its own."""
        for _ in range(TRIES):
            became = self.pool.carry_out(run, attempt)
            if became != Ending.DIED:  # a dead child's run is delivered once more: the runner tells what it finds
                break
        if became in {Ending.KILLED, Ending.TIMED_OUT}:
            self.pool.end(run, timed_out=became == Ending.TIMED_OUT)
        try:
            if became == Ending.DIED:
                self.runs.could_not_begin(run, attempt, self.settings.retries)
            elif became in {"held", Ending.CLOSED}:
                self.runs.give_back(run, attempt)
        finally:
            connections.close_all()  # this thread is the engine's
