"""Processes that carry runs out or plan them, as the store knows them: names that no two living ones share."""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from django.db import models, transaction

from retaguarda import __version__
from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, LeaseHeld
from retaguarda.locks import Locks
from retaguarda.store.models import Worker

SLOTS = 64


class Workers:
    """The workers and schedulers of this installation. One lives as long as its lock `<kind>/<name>` is held, whatever its beat says."""

    def __init__(self, locks: Locks, clock: Clock) -> None:
        self._locks = locks
        self._clock = clock

    @contextmanager
    def slot(self, kind: str) -> Iterator[str]:
        """A name for a process of this machine, its own for the block: the first one that no living process has."""
        with ExitStack() as stack:
            yield self._first_free(kind, stack)

    def _first_free(self, kind: str, stack: ExitStack) -> str:
        for number in range(1, SLOTS + 1):
            name = f"{socket.gethostname()}-{number}"
            with suppress(LeaseHeld):
                stack.enter_context(self._locks.hold(f"{kind}/{name}"))
                return name
        raise ConfigurationError(f"{SLOTS} processes of this kind run on this machine: {kind}", remedy="stop some of them")

    def register(self, name: str, kind: str, queues: Sequence[str] = (), concurrency: int = 1) -> None:
        """A process begins under that name."""
        now = self._clock.now()
        with transaction.atomic():
            Worker.objects.update_or_create(
                name=name if kind == "worker" else f"{kind}/{name}",
                defaults={
                    "kind": kind,
                    "host": socket.gethostname(),
                    "pid": os.getpid(),
                    "queues": list(queues),
                    "concurrency": concurrency,
                    "version": __version__,
                    "started_at": now,
                    "beat_at": now,
                    "draining": False,
                    "stopped_at": None,
                },
            )
            events.record(f"{kind}.started", target=name, data={"queues": list(queues), "concurrency": concurrency})

    def beat(self, name: str) -> bool:
        """Say that it still works; whether it is asked to drain."""
        Worker.objects.filter(name=name).update(beat_at=self._clock.now())
        return Worker.objects.filter(name=name, draining=True).exists()

    def left(self, name: str) -> None:
        """It ended by itself."""
        self._close(name, "worker.stopped", {})

    def died(self, name: str, deliveries: int) -> None:
        """It was found dead, and what it had was given back."""
        self._close(name, "worker.died", {"deliveries": deliveries})

    def _close(self, name: str, action: str, facts: dict[str, int]) -> None:
        with transaction.atomic():
            if Worker.objects.filter(name=name, stopped_at=None).update(stopped_at=self._clock.now()):
                events.record(action, target=name, data=facts)

    def drain(self, name: str) -> None:
        """Ask a worker to finish what it has, take nothing more, and end; ConfigurationError when there is none of that name."""
        with transaction.atomic():
            if not Worker.objects.filter(name=name, kind="worker", stopped_at=None).update(draining=True):
                raise ConfigurationError(f"no worker {name!r} is at work", remedy="see: retaguarda worker list")
            events.record("worker.drain_requested", target=name)

    def recent(self) -> list[Worker]:
        """Those at work, and those that ended within the last day; by kind and name."""
        gone = models.Q(stopped_at__lt=self._clock.now() - dt.timedelta(days=1))
        return list(Worker.objects.exclude(gone).order_by("kind", "name"))

    def living(self, worker: Worker) -> bool:
        """Whether its process lives."""
        lock = worker.name if worker.kind != "worker" else f"worker/{worker.name}"
        return worker.stopped_at is None and not self._locks.is_free(lock)
