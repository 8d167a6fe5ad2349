"""Whether worker, scheduler and console stay quick on one store: `python -m bench.together [--store sqlite] [--runs 60] [--visitors 2]`.

Real workers, a real scheduler and a served console over one store. Runs are queued one at a time and all at once, first while nobody
looks at the console, then while visitors ask it for pages without a pause. Prints the time from queued to started and the runs a second of
both, and how long the pages took; exits 1 when a page did not answer, or a run did not end well.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
from dataclasses import dataclass, field

from retaguarda.store.connection import set_up

set_up()

from bench.stores import KINDS, fresh_store  # noqa: E402  # needs the tables
from retaguarda.clock import Clock  # noqa: E402
from retaguarda.jobs.runs import Runs  # noqa: E402
from retaguarda.store.models import RunRecord, Worker  # noqa: E402
from tests.console.web.server import Console, Visitor, served  # noqa: E402
from tests.jobs.workplace import Workplace, workplace  # noqa: E402

CLOCK = Clock()
PAGES = ("/", "/runs", "/processes", "/requests")
PACED = 20
WORKERS = 2


@dataclass
class Looking:
    """Visitors who ask for pages until they are told to stop."""

    visitors: list[Visitor]
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self._threads = [threading.Thread(target=self._look, args=[visitor]) for visitor in self.visitors]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look(self, visitor: Visitor) -> None:
        while not self._over.is_set():
            for path in PAGES:
                began = CLOCK.monotonic()
                answer = visitor.see(path)
                self.seconds.append(CLOCK.monotonic() - began)
                if answer.status_code != 200:
                    self.wrong.append(f"{path}: {answer.status_code}")


def main() -> None:
    """Measure and print both halves for each store."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--store", choices=KINDS, action="append")
    asked.add_argument("--runs", type=int, default=60)
    asked.add_argument("--visitors", type=int, default=2)
    given = asked.parse_args()
    well = True
    for kind in given.store or KINDS:
        print(f"\n{kind}: {WORKERS} workers, a scheduler, a console")
        with fresh_store(kind) as (url, home), workplace(url, home, Runs(home / "output", CLOCK)) as place, served(home, url) as console:
            well &= _measured(place, console, given.runs, given.visitors)
    sys.exit(0 if well else 1)


def _measured(place: Workplace, console: Console, runs: int, visitors: int) -> bool:
    _start(place)
    looking = Looking(_signed_in(console, visitors))
    well = _carried_out(place, "nobody looks", runs)
    looking.begin()
    try:
        well &= _carried_out(place, f"{visitors} visitors", runs)
    finally:
        looking.end()
    took = sorted(looking.seconds)
    print(f"  {len(took)} pages meanwhile: {_told(took)}, worst {took[-1]:.2f} s")
    for told in dict.fromkeys(looking.wrong):
        print(f"  not answered: {told}")
    return well and not looking.wrong


def _start(place: Workplace) -> None:
    place.start("scheduler", "start")
    for _ in range(WORKERS):
        place.worker(1)
    place.until(lambda: Worker.objects.filter(stopped_at=None, kind="worker").count() == WORKERS, 60)
    place.ended(*[place.queue("hello") for _ in range(2 * WORKERS)])  # what is done once is done


def _signed_in(console: Console, visitors: int) -> list[Visitor]:
    console.person("visitor", "operator", "auditor")
    return [console.signed_in("visitor") for _ in range(visitors)]


def _carried_out(place: Workplace, called: str, runs: int) -> bool:
    paced: list[RunRecord] = []
    states: list[str] = []
    for _ in range(PACED):  # one at a time: how long an idle worker lets a run wait
        paced.append(place.queue("hello"))
        states += place.ended(paced[-1])
    began = CLOCK.monotonic()
    states += place.ended(*[place.queue("hello") for _ in range(runs)], within=300)
    a_second = runs / (CLOCK.monotonic() - began)
    started = RunRecord.objects.filter(pk__in=[run.pk for run in paced]).values_list("created_at", "started_at")
    waits = sorted((start - made).total_seconds() for made, start in started if start)
    print(f"  {called}: queued → started {_told(waits)} · {a_second:.1f} runs/s")
    return set(states) == {"SUCCESSFUL"}


def _told(values: list[float]) -> str:
    return f"median {statistics.median(values) * 1000:.0f} ms, p95 {values[int(len(values) * 0.95)] * 1000:.0f} ms"


if __name__ == "__main__":
    main()
