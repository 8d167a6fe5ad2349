"""Short samples of `python -m bench.rehearse`, level by level; and that it would notice: every broken variant is caught.

A rehearsal that finds nothing proves nothing: every class of faults must have fired, and every broken variant must be caught.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from bench.rehearse import browser, once, proc, sim
from bench.rehearse.acts import ActSchedule
from bench.rehearse.mutants import ROOT, Mutant, hunt, mutants
from bench.rehearse.runs import RunSchedule
from bench.rehearse.schedule import Schedule
from bench.rehearse.tally import Tally

QUICK = {"the intent is written after the press"}
"""Variants that the first schedule shows."""


@pytest.fixture
def quick_store(store: Path) -> Path:
    """Processes are killed in a simulation, machines lose no power: commits need not be flushed."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
    return store


@pytest.mark.usefixtures("quick_store")
def test_no_simulated_schedule_registers_twice_or_loses_or_lies(tmp_path: Path) -> None:
    tally = sim.play(range(100, 140), tmp_path)
    assert tally.broken == []
    assert tally.schedules == 40
    assert tally.ends["done"] >= 30
    assert tally.fired["kill"] + tally.fired["hang"] + tally.fired["second runner"] > 10


@pytest.mark.usefixtures("quick_store")
@pytest.mark.parametrize("kind", [ActSchedule, RunSchedule])
def test_a_schedule_is_told_by_its_seed(kind: type[Schedule], tmp_path: Path) -> None:
    def play() -> tuple[object, ...]:
        played = kind(7, tmp_path).play()
        return played.fired, played.ends, played.clock.true, played.portal.posts

    assert play() == play()


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_a_broken_variant_still_is_one(mutant: Mutant) -> None:
    """Each of its edits finds its place, once."""
    for edit in mutant.edits:
        assert (ROOT / f"{edit.module.replace('.', '/')}.py").read_text("utf-8").count(edit.old) == 1, edit


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(mutant, id=mutant.name, marks=[] if mutant.name in QUICK else [pytest.mark.thorough]) for mutant in mutants()],
)
@pytest.mark.timeout(1200)
def test_a_broken_variant_is_caught(mutant: Mutant) -> None:
    [verdict] = hunt([mutant])
    assert verdict.caught, verdict.said


def test_a_rehearsal_in_which_a_fault_never_fires_has_failed() -> None:
    tally = Tally("sim", ("kill", "reboot"))
    tally.add(Counter(kill=1), ["done"], 1)
    assert (tally.silent, tally.holds) == (["reboot"], False)
    tally.add(Counter(reboot=1), ["done"], 1)
    assert tally.holds
    tally.broken.append("seed 3: registered twice")
    assert not tally.holds


@pytest.mark.timeout(300)
def test_processes_killed_at_a_sandbox_portal_register_once() -> None:
    tally = proc.rehearse(range(2), lanes=1)
    assert (tally.broken, tally.schedules) == ([], 2)
    assert sum(tally.fired.values()) > 0


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_robot_in_its_browser_registers_once() -> None:
    tally = browser.rehearse(range(1, 2), lanes=1)
    assert (tally.broken, tally.schedules) == ([], 1)


@pytest.mark.browser
@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_one_click_is_one_post_on_every_way_a_portal_is_reached() -> None:
    tally = once.rehearse(range(5))
    assert (tally.broken, tally.silent) == ([], [])


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_a_longer_sample_of_each_level_holds() -> None:
    simulated = sim.rehearse(range(2_000))
    assert simulated.broken == []
    assert set(simulated.silent) <= {"sign-in fails"}, "which fires once in five thousand schedules"
    assert proc.rehearse(range(120)).broken == []
    assert browser.rehearse(range(12)).broken == []
