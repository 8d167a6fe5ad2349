"""The level `sim`: thousands of schedules in one thread a process, each told by its seed alone.

Zero bad schedules in N bounds the rate of bad ones at 3/N with 95 % confidence.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from loguru import logger

from bench.rehearse.tally import Tally, Violation
from retaguarda.clock import Clock
from retaguarda.store.connection import connect

MEMORY = Path("/dev/shm")  # a schedule writes nothing that must outlive it
WHOLE = 100
"""Every hundredth seed is a schedule of whole runs; the others are of single acts, which cost a fifteenth."""


@contextmanager
def sim_store() -> Iterator[Path]:
    """An empty store in memory, and a folder for locks and run logs."""
    with tempfile.TemporaryDirectory(prefix="retaguarda-sim-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        connect("sqlite://:memory:")
        yield Path(folder)


def play(seeds: range, folder: Path, kind: str = "", most_broken: int = 5, until: float = math.inf) -> Tally:
    """Play these schedules over the store that is open, of both kinds or of one, until so many are broken or a moment is past."""
    from bench.rehearse.acts import ActSchedule  # needs the tables
    from bench.rehearse.runs import RunSchedule
    from bench.rehearse.schedule import Schedule

    logger.remove()
    kinds: dict[str, type[Schedule]] = {"acts": ActSchedule, "runs": RunSchedule}
    tally = Tally("sim", RunSchedule.FAULTS)
    clock = Clock()
    for seed in seeds:
        if clock.monotonic() > until:
            break
        home = folder / str(seed)
        home.mkdir()
        schedule = kinds[kind or ("acts" if seed % WHOLE else "runs")](seed, home)
        try:
            schedule.play()
        except Violation as violation:
            tally.schedules += 1
            tally.broken.append(str(violation))
            if len(tally.broken) >= most_broken:
                break
        else:
            tally.add(schedule.fired, schedule.ends, sum(schedule.portal.posts.values()))
        shutil.rmtree(home)
    return tally


def _part(seeds: range, until: float) -> Tally:
    with sim_store() as folder:
        return play(seeds, folder, until=until)


def rehearse(seeds: range, seconds: float = math.inf, processes: int = 0) -> Tally:
    """Play the schedules on all cores, a share of the seeds each, as many as begin within the seconds."""
    shares = max(1, min(processes or os.cpu_count() or 1, len(seeds) // 50))
    clock = Clock()
    began = clock.monotonic()
    if shares == 1:
        tally = _part(seeds, began + seconds)
    else:
        edges = [len(seeds) * share // shares for share in range(shares + 1)]
        pieces = [seeds[first:last] for first, last in itertools.pairwise(edges)]  # of whole runs each has its share
        with ProcessPoolExecutor(shares, mp_context=multiprocessing.get_context("spawn")) as pool:
            parts = list(pool.map(_part, pieces, [began + seconds] * shares))
        tally = Tally("sim", parts[0].faults)
        for part in parts:
            tally.merge(part)
    tally.seconds = clock.monotonic() - began
    tally.fired = +tally.fired
    return tally
