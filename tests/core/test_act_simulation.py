"""The act protocol under seeded schedules: never twice, never lost, never told as done without being so. And the mutants.

A harness that finds nothing proves nothing: every class of faults must have fired, and every broken variant must be caught.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from retaguarda import act
from retaguarda.act import ActProtocol, Outcome, OutcomeKind, digest_of
from retaguarda.errors import BusinessError, PortalError, RetaguardaError
from retaguarda.jobs.journal import ActKey
from retaguarda.locks import Locks
from retaguarda.model.acts import Draft, Found, Permit
from retaguarda.store.models import Intent, IntentState, RunRecord
from tests.core.simulation import FAULTS, SimClock, SimJournal, Violation, World, worlds
from tests.house import House

SEEDS = 160
MUTANT_SEEDS = 400
NEAR = {
    "a quiet period shorter than the portal's work": 195,
    "naive absence": 40,
    "button before intent": 425,
    "quiet period on the wall clock": 25,
    "late list": 240,
}
"""Where the first broken schedule of a rare kind was found; only so that the search is short."""


@pytest.fixture
def make_run(house: House) -> Callable[[], RunRecord]:
    """Runs of the simulation; processes are killed in it, machines lose no power, so that commits need not be flushed."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
    record = house.record("simulation")
    return lambda: record


def test_no_schedule_registers_twice_or_loses_or_lies(make_run: Callable[[], RunRecord], tmp_path: Path) -> None:
    fired: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for world in worlds(range(SEEDS), tmp_path, make_run):
        fired.update(world.fired)
        ends.update(world.ends.values())
    assert set(FAULTS) == {fault for fault, times in fired.items() if times > 0}, fired
    assert ends["done"] > SEEDS
    assert ends["conflict"] <= SEEDS // 20, ends


def test_a_schedule_is_told_by_its_seed(make_run: Callable[[], RunRecord], tmp_path: Path) -> None:
    def play() -> tuple[object, ...]:
        world = next(worlds(range(7, 8), tmp_path, make_run))
        Intent.objects.all().delete()
        return world.fired, world.ends, world.clock.true, world.portal.posts

    assert play() == play()


# --- broken variants ----------------------------------------------------------------------------------------------------


class NaiveAbsence(ActProtocol):
    """A page that cannot be read shows nothing, so nothing is there."""

    def _look(self, wanted: Any, find: Any) -> Found | None:
        try:
            return super()._look(wanted, find)
        except PortalError:
            return None


class RetriesOnError(ActProtocol):
    """What a queue does: an error means again."""

    def _submit(self, form: Draft, intent: Intent, permit: Permit) -> BusinessError | None:
        for attempt in range(3):
            try:
                form.submit(permit if attempt == 0 else Permit(permit.reference, attempt))
            except BusinessError as error:
                return error
            except RetaguardaError:
                continue
            break
        return None


class SkipsVerify(ActProtocol):
    """The receipt is proof enough."""

    def _verify(self, intent: Intent, wanted: Any, find: Any) -> Outcome:
        self.journal.close(intent, IntentState.DONE)
        return Outcome(OutcomeKind.DONE)


class PressesFirst(ActProtocol):
    """The intent is written once the button is pressed."""

    def _press(self, key: ActKey, last: Intent | None, wanted: Any, find: Any, draft: Any) -> Outcome:
        form, no = draft(wanted), None
        try:
            form.submit(Permit(wanted.reference, 1))
        except BusinessError as error:
            no = error
        except RetaguardaError:
            pass
        intent, _ = self.journal.intend(self.run, key, digest_of(wanted.fields()), wanted.fields(), "", after=last)
        return self._weigh(no, intent, wanted, find) if no else self._verify(intent, wanted, find)


class Repeats(ActProtocol):
    """What was refused, swallowed or done may be sent again at any time."""

    def _must_not_repeat(self, key: ActKey, last: Intent | None, wanted: Any) -> None:
        return


class NoIntents(SimJournal):
    """Nobody remembers a press."""

    def last(self, key: ActKey) -> Intent | None:
        found = super().last(key)
        if found and found.state in {IntentState.OPEN, IntentState.UNCERTAIN}:
            found.state = IntentState.NOT_SENT
        return found


class QuietAnew(SimJournal):
    """The quiet period starts again whenever somebody looks."""

    def see_orphan(self, intent: Intent) -> float:
        intent.seen_boot = ""
        return super().see_orphan(intent)


class WallClock(SimClock):
    """Quiet is measured on the clock on the wall."""

    def monotonic(self) -> float:
        return self.wall.timestamp()


class OneBoot(SimClock):
    """Monotonic times of different boots are compared."""

    def boot_id(self) -> str:
        return "boot"


class WallClockJournal(SimJournal):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._clock = _view_of(WallClock, world.clock)


class OneBootJournal(SimJournal):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._clock = _view_of(OneBoot, world.clock)


def _view_of(kind: type[SimClock], clock: SimClock) -> SimClock:
    """The same clock, misread."""
    view = kind.__new__(kind)
    view.__dict__ = clock.__dict__
    return view


class NoLocks(Locks):
    """Everybody comes in."""

    def hold(self, name: str) -> Any:
        return nullcontext()

    def still_held(self, name: str) -> bool:
        return True


MUTANTS: dict[str, dict[str, object]] = {
    "no quiet period": {"quiet": 0.0},
    "a quiet period shorter than the portal's work": {"quiet": 45.0},
    "naive absence": {"protocol_class": NaiveAbsence},
    "retry on error": {"protocol_class": RetriesOnError},
    "verify skipped": {"protocol_class": SkipsVerify},
    "button before intent": {"protocol_class": PressesFirst},
    "done and refused sent again": {"protocol_class": Repeats},
    "no memory of presses": {"journal_class": NoIntents},
    "quiet period restarts at each look": {"journal_class": QuietAnew},
    "quiet period on the wall clock": {"journal_class": WallClockJournal},
    "monotonic time across reboots": {"journal_class": OneBootJournal},
}


@pytest.mark.parametrize("name", MUTANTS)
def test_every_broken_variant_is_caught(name: str, make_run: Callable[[], RunRecord], tmp_path: Path) -> None:
    with pytest.raises(Violation):
        exhaust(worlds(seeds(name), tmp_path, make_run, **MUTANTS[name]))


def seeds(name: str) -> range:
    first = NEAR.get(name, 0)
    return range(first, first + MUTANT_SEEDS)


UNLOCKED = range(160, 310)
"""Schedules among which five go wrong when neither the lock nor the order of the attempts holds."""


class NumbersAnew(SimJournal):
    """An attempt follows the newest one, not the one that was judged."""

    def intend(
        self, run: RunRecord, key: ActKey, digest: str, fields: Mapping[str, str], picture: str, **conditions: Any
    ) -> tuple[Intent, Permit]:
        return super().intend(run, key, digest, fields, picture, **(conditions | {"after": self.last(key)}))


def test_ignoring_the_lock_is_caught(make_run: Callable[[], RunRecord], tmp_path: Path) -> None:
    with pytest.raises(Violation):
        exhaust(World(seed, NoLocks(tmp_path), make_run, journal_class=NumbersAnew).play() for seed in UNLOCKED)


def test_a_lock_that_fails_doubles_nothing_since_the_journal_takes_each_attempt_once(
    make_run: Callable[[], RunRecord], tmp_path: Path
) -> None:
    exhaust(World(seed, NoLocks(tmp_path), make_run).play() for seed in UNLOCKED)


def test_pressing_again_what_a_late_list_hides_is_caught(
    make_run: Callable[[], RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act, "SEEN", ())
    with pytest.raises(Violation):
        exhaust(worlds(seeds("late list"), tmp_path, make_run))


def exhaust(played: Iterator[World]) -> None:
    for _ in played:
        pass
