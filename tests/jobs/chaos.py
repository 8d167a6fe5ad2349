"""Workers, their children and schedulers killed at random while work is planned, queued and done: what must hold all the same.

Told by a seed and a duration; which process dies when follows from both, what each of them was doing then does not.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from retaguarda.audit.log import AuditLog
from retaguarda.audit.verify import verify
from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs
from retaguarda.store.advisory import locks_for
from retaguarda.store.models import Intent, Item, Lease, OutboxEvent, PlannedFire, RunRecord
from tests.jobs.counter import Book, alive
from tests.jobs.workplace import Workplace

CREDENTIALS = 3
TRIGGERS = 6
ITEMS = 3
CALM_SECONDS = 180.0
"""Within which everything must have ended once nothing is killed any more."""
TRIGGER = """
[[trigger]]
name = "minute-{number}"
process = "register"
rule = "every minute"
overlap = "allow"
missed = "all"
look_back = "1h"
enabled = true
params = {{ folder = "{folder}", credential = "counter-{credential}/robo", items = "2" }}
"""


@dataclass
class Chaos:
    """One installation under fire."""

    place: Workplace
    seed: int
    workers: int = 4
    schedulers: int = 2
    rng: random.Random = field(init=False)
    book: Book = field(init=False)
    killed: Counter[str] = field(default_factory=Counter)
    living: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    queued: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.book = Book(self.place.folder / "book.db").make()

    def play(self, seconds: float) -> None:
        """Kill for so long (on a slow machine: until a worker and a run's process were), then let everything come to its end."""
        self._start_missing()
        began = self.clock.monotonic()
        next_kill, next_work = began + 5, began
        while (now := self.clock.monotonic()) < began + seconds or (not self._tried() and now < began + 5 * seconds):
            if now >= next_work:
                self._queue()
                next_work = now + self.rng.expovariate(0.3)
            if now >= next_kill:
                self._kill()
                next_kill = now + 0.2 + self.rng.expovariate(1.0)
            self._start_missing()
            self.clock.pause(0.1)
        for name in [name for name in self.living if name.startswith("scheduler")]:
            self.living.pop(name).send_signal(signal.SIGTERM)
        self._come_to_rest()
        self.place.close()

    def _tried(self) -> bool:
        return all(self.killed[kind] for kind in ("worker", "child"))

    def _come_to_rest(self) -> None:
        until = self.clock.monotonic() + CALM_SECONDS
        while RunRecord.objects.filter(parent=None, state__in=["PENDING", "RUNNING"]).exists():
            self._start_missing()
            if self.clock.monotonic() > until:
                raise AssertionError(f"not at rest after {CALM_SECONDS} s: {self._left()}")
            self.clock.pause(0.2)

    def _left(self) -> list[tuple[object, ...]]:
        """What has not ended: each run with whether its process lives and its lock is free."""
        locks = locks_for(self.place.home / "locks")
        return [
            (
                run.pk,
                run.state,
                run.attempt,
                run.handed_over,
                run.executor,
                alive(int(run.executor.rpartition(":")[2] or 0)),
                locks.is_free(f"run/{run.pk}"),
            )
            for run in RunRecord.objects.filter(state__in=["PENDING", "RUNNING"])
        ]

    def _queue(self) -> None:
        batch = f"q{len(self.queued)}"
        credential = f"counter-{self.rng.randrange(CREDENTIALS)}/robo"
        priority = self.rng.choice([10, 100])
        self.queued.append(self.place.queue("register", priority, credential=credential, batch=batch, items=ITEMS).pk)

    def _start_missing(self) -> None:
        """Start again what is dead, at once, as a supervisor does."""
        wanted = [f"worker-{n}" for n in range(self.workers)] + [f"scheduler-{n}" for n in range(self.schedulers)]
        for name in wanted:
            if name not in self.living or self.living[name].poll() is not None:
                command = ("worker", "start", "--concurrency", "1") if name.startswith("worker") else ("scheduler", "start")
                self.living[name] = self.place.start(*command)

    def _kill(self) -> None:
        """kill -9 a worker, a child in the middle of a run, or a scheduler; or stop one for a while, as a machine that hangs."""
        kind = self.rng.choice(["worker", "child", "child", "child", "pause", *["scheduler"] * bool(self.schedulers)])
        busy = [int(run.executor.rpartition(":")[2]) for run in RunRecord.objects.filter(state="RUNNING", parent=None) if run.executor]
        group = [self.living[name].pid for name in self.living if name.startswith("scheduler" if kind == "scheduler" else "worker")]
        among = busy if kind in {"child", "pause"} else group
        if not among:
            return
        pid = self.rng.choice(among)
        with suppress(ProcessLookupError):
            if kind == "pause":
                os.kill(pid, signal.SIGSTOP)
                self.clock.pause(self.rng.uniform(0.2, 2))
                os.kill(pid, signal.SIGCONT)
            else:
                os.kill(pid, signal.SIGKILL)
            self.killed[kind] += 1

    # --- what must hold ---------------------------------------------------------------------------------------------------

    def must_hold(self) -> dict[str, object]:
        """Check every promise; returns what happened, counted."""
        assert self._tried(), f"nothing was tried: {self.killed}"
        assert self.book.doubles() == [], "two sessions on one credential"
        held = self.book.registered()
        assert {reference: count for reference, count in held.items() if count != 1} == {}, "pressed twice"
        self._runs_are_true(held)
        fires = self._fires_are_once()
        self._audit_holds(held)
        return {
            "runs": RunRecord.objects.count(),
            "states": dict(Counter(RunRecord.objects.values_list("state", flat=True))),
            "registered": sum(held.values()),
            "fires": fires,
            "attempts": dict(Counter(RunRecord.objects.values_list("attempt", flat=True))),
            "killed": dict(self.killed),
            "leases": sum(Lease.objects.values_list("fence", flat=True)),
        }

    def _runs_are_true(self, held: Counter[str]) -> None:
        """A run that says it is done is done, and whatever is at the portal is told as done."""
        wrong = [
            (item.run_id, item.reference, item.state)
            for item in Item.objects.select_related("run")
            if (item.state == "SUCCESSFUL") != (item.reference in held)
        ]
        assert wrong == [], "told otherwise than it is"
        open_runs = RunRecord.objects.exclude(state="SUCCESSFUL").values_list("pk", "state", "error")
        assert list(open_runs) == [], f"with retries enough, everything ends well: {list(open_runs)}"
        expected = ITEMS * len(self.queued)
        assert sum(reference.startswith("q") for reference in held) == expected, "lost"

    def _fires_are_once(self) -> int:
        fires = list(PlannedFire.objects.filter(state="RUN").values_list("trigger", "at", "run_id"))
        assert len({(trigger, at) for trigger, at, _ in fires}) == len(fires)
        assert len({run for _, _, run in fires}) == len(fires), "two fires, one run"
        assert RunRecord.objects.exclude(trigger="").count() == len(fires), "a run without its fire"
        by_trigger = Counter(trigger for trigger, _, _ in fires)
        for trigger in by_trigger:
            minutes = sorted(at for name, at, _ in fires if name == trigger)
            assert all((b - a).total_seconds() == 60 for a, b in itertools.pairwise(minutes)), f"a gap in {trigger}: {minutes}"
        return len(fires)

    def _audit_holds(self, held: Counter[str]) -> None:
        AuditLog(self.place.home / "audit").seal()
        assert verify(self.place.home / "audit").holds
        assert not OutboxEvent.objects.filter(sealed=False).exists()
        intended = set(Intent.objects.values_list("reference", flat=True))
        assert set(held) <= intended, "a press without an intent"


def write_triggers(place: Workplace) -> None:
    """A configuration of its own: triggers that fire every minute."""
    folder = place.home / "config"
    folder.mkdir()
    texts = [TRIGGER.format(number=n, folder=place.folder, credential=n % CREDENTIALS) for n in range(TRIGGERS)]
    (folder / "triggers.toml").write_text("schema = 1\n" + "".join(texts), "utf-8")
    place.settings["RETAGUARDA_CONFIG_DIR"] = str(folder)


def chaos_at(url: str, home: Path, seed: int, workers: int, schedulers: int) -> Chaos:
    """An installation for chaos over the store that is open: retries enough, quick ones."""
    settings = {"RETAGUARDA_JOBS__RETRIES": "1000", "RETAGUARDA_JOBS__RETRY_MOST": "1", "RETAGUARDA_JOBS__RETRY_FIRST": "0.5"}
    place = Workplace(url, home, Runs(home / "output", Clock()), settings)
    write_triggers(place)
    return Chaos(place, seed, workers, schedulers)
