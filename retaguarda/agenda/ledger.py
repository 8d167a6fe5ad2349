"""The ledger of expected runs: every planned fire of every trigger that is on ends as exactly one of RUN, SKIPPED and MISSED.

All state is in the store, so any number of schedulers may tick, and any of them may die at any moment. Who decides a
fire holds the trigger's state; decision, run, row and audit event are one transaction; the store refuses a second row
of a fire.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from retaguarda.agenda.changes import adopt, horizon, is_planned, lead_of, retire, rewind, switched_off_by
from retaguarda.agenda.entries import Batch, Entries, Refusal, active_runs, fire_of, locked, rows_after, without_row
from retaguarda.agenda.obligations import Standings
from retaguarda.agenda.stretches import Stretch, newest, next_moment, oldest
from retaguarda.agenda.verdicts import ON_TIME, WITHDRAWN, Verdict, in_turn, judged, made_up, missed_reason, switched_off
from retaguarda.agenda.watch import Watch
from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs
from retaguarda.store.models import FireState, PlannedFire, RunRecord, TriggerState
from retaguarda.triggers.trigger import Fire, Trigger

TOGETHER = 50
"""Triggers that one transaction decides: the store is held for a moment only."""
FILL_AT_ONCE = 2000
FILL_SECONDS = 0.4
"""Of each tick, for rows of fires that were missed long ago: what is due now comes first."""
COVER_SECONDS = 60
LONG_AGO = dt.timedelta(minutes=5)
"""A trigger that nobody looked at for so long is looked at, without asking first whether it fired."""
STEP = dt.timedelta(seconds=1)
SKEW = dt.timedelta(minutes=5)
"""Clocks of machines that differ by less are not taken for a clock that was set back."""
STORE_FAILED = (OperationalError, InterfaceError)
TELL_AGAIN = 3600
"""Seconds after which a trigger that still fails is told again."""


@dataclass(frozen=True, slots=True)
class Case:
    """A trigger whose state this transaction holds, what the store knows of it, and the batch that its decisions go into."""

    trigger: Trigger
    state: TriggerState
    running: RunRecord | None
    held: Collection[dt.datetime]  # moments that have a row although they are not decided
    now: dt.datetime
    batch: Batch

    @property
    def active(self) -> str:
        return self.running.pk if self.running else ""


Work = Callable[[Case], None]


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a fire."""

    trigger: str
    fire: Fire
    state: FireState
    reason: str
    run: str


@dataclass
class Tally:
    """What one tick did."""

    decided: list[Decided] = field(default_factory=list)
    filled: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Wake:
    """When a trigger is to be looked at next, as long as its rule and its state in the store are these."""

    digest: str
    covered: dt.datetime
    at: dt.datetime


class Ledger:
    """Decides what is due. What it keeps in memory is only for speed: it may be lost at any moment."""

    def __init__(self, runs: Runs, clock: Clock, standings: Standings, refusal: Refusal = lambda _: "") -> None:
        self._clock = clock
        self._standings = standings
        self._watch = Watch(clock, standings)
        self._entries = Entries(runs, self._note, refusal)
        self._history = Entries(runs)
        self._tally = Tally()
        self._wakes: dict[str, _Wake] = {}
        self._agreed: dict[str, str] = {}
        self._failed: dict[tuple[str, str], float] = {}
        self._behind: set[str] = set()
        self._room = 0
        self._unfinished: dict[str, Trigger] = {}
        self._seen: tuple[dt.datetime, float] | None = None
        self._next_cover = clock.monotonic() + COVER_SECONDS

    def tick(self, triggers: Mapping[str, Trigger]) -> Tally:
        """Decide every fire that is due, what is due now before what was missed long ago; at any time, from any process."""
        self._tally, now = Tally(), self._clock.now().astimezone(dt.UTC)
        self._follow_clock(now)
        states = self._states(triggers)
        planned = {name: trigger for name, trigger in triggers.items() if is_planned(trigger, states[name])}
        self._behind = set()
        self._agreed = {name: digest for name, digest in self._agreed.items() if name in planned}
        self._retire([name for name, state in states.items() if state.rule and name not in planned], triggers, now)
        self._each([trigger for trigger in planned.values() if self._is_due(trigger, states[trigger.name], now)], now, self._decide)
        self._each(self._with_ready_rows(planned, states, now), now, self._launch)
        self._watch.look(planned, now)
        behind = {name for name, state in states.items() if state.backlog} | self._behind
        self._fill([planned[name] for name in sorted(behind) if name in planned], now)
        self._cover(list(planned.values()), states, now)
        return self._tally

    def _note(self, trigger: Trigger, verdict: Verdict, run: str) -> None:
        self._tally.decided.append(Decided(trigger.name, verdict.fire, verdict.state, verdict.reason, run))

    def _follow_clock(self, now: dt.datetime) -> None:
        """Tell of a clock that was set, and take back what it made seem past when it was set back."""
        before, self._seen = self._seen, (now, self._clock.offset())
        if before is None:
            if TriggerState.objects.filter(covered_until__gt=now + SKEW).exists():
                rewind(now, now)
            return
        step = dt.timedelta(seconds=self._seen[1] - before[1])
        if abs(step) >= STEP:
            with transaction.atomic():
                events.record("clock.jump", data={"seconds": round(step.total_seconds(), 3)})
        if step <= -STEP:
            rewind(min(now, before[0] + step), now)

    def _states(self, triggers: Mapping[str, Trigger]) -> dict[str, TriggerState]:
        states = {state.name: state for state in TriggerState.objects.all()}
        if new := [TriggerState(name=name) for name in triggers if name not in states]:
            TriggerState.objects.bulk_create(new, ignore_conflicts=True)
            states |= {state.name: state for state in new}
        return states

    def _retire(self, names: Sequence[str], triggers: Mapping[str, Trigger], now: dt.datetime) -> None:
        for name in names:
            with transaction.atomic():
                for state in locked([name]).values():
                    retire(state, now, removed=name not in triggers)

    def _is_due(self, trigger: Trigger, state: TriggerState, now: dt.datetime) -> bool:
        """Whether there is something to decide; the next fire of a rule is looked up once, not each second."""
        if state.rule != trigger.digest or state.covered_until is None:
            return True
        self._agreed[trigger.name] = trigger.digest  # what the store and this scheduler hold alike
        wake = self._wakes.get(trigger.name)
        after, lead = state.covered_until, lead_of(trigger)
        if wake is None and now - after > LONG_AGO:
            return True
        if wake is None or wake.digest != trigger.digest or not wake.covered <= after < wake.at - lead:
            with self._apart(trigger):
                wake = self._wakes[trigger.name] = _Wake(trigger.digest, after, next_moment(trigger, after + lead))
        return wake is not None and wake.at <= now + lead

    def _each(self, triggers: Sequence[Trigger], now: dt.datetime, work: Work) -> None:
        """Do the work for each trigger that nobody else works on; the failure of one undoes nothing of the others."""
        for some in (triggers[start : start + TOGETHER] for start in range(0, len(triggers), TOGETHER)):
            try:
                self._together(some, now, work)
            except STORE_FAILED:
                raise
            except DatabaseError:  # the store refused what one of them wrote: each for itself
                for one in some:
                    with self._apart(one):
                        self._together([one], now, work)

    def _together(self, triggers: Sequence[Trigger], now: dt.datetime, work: Work) -> None:
        with transaction.atomic():
            states, batch = locked(trigger.name for trigger in triggers), Batch()
            running, held = active_runs(states), rows_after(states.values(), now)
            for trigger in (one for one in triggers if one.name in states):
                with self._apart(trigger, but=DatabaseError), batch.part():
                    work(Case(trigger, states[trigger.name], running.get(trigger.name), held.get(trigger.name, ()), now, batch))
            batch.write()

    @contextmanager
    def _apart(self, trigger: Trigger, but: type[Exception] | tuple[type[Exception], ...] = STORE_FAILED) -> Iterator[None]:
        """What a trigger's rule or process does wrong is told, and stops no other trigger; a store that fails stops all."""
        try:
            yield
        except but:
            raise
        except Exception as error:  # noqa: BLE001  # the scheduler's loop: one bad trigger must not silence five hundred
            text = f"{type(error).__name__}: {error}"
            self._tally.failed[trigger.name] = text
            told = self._failed.get((trigger.name, text))
            if told is None or self._clock.monotonic() - told > TELL_AGAIN:
                with transaction.atomic():
                    events.record("trigger.failed", target=trigger.name, data={"error": text})
                    transaction.on_commit(lambda: self._failed.update({(trigger.name, text): self._clock.monotonic()}))

    def _decide(self, case: Case) -> None:
        """Give every fire since the last decision its end, its place in the queue, or its place in the backlog."""
        trigger, state, now = case.trigger, case.state, case.now
        start = adopt(trigger, state, now, self._agreed.get(trigger.name, ""), case.batch)
        if trigger.obligation:
            self._plan(case, start)
        elif start < now:
            self._judge(case, start)
        state.covered_until = max(now, state.covered_until or now)
        case.batch.states.append(state)
        case.batch.told.append(lambda: self._agreed.update({trigger.name: trigger.digest}))

    def _plan(self, case: Case, start: dt.datetime) -> None:
        """Deadlines get their rows ahead of time: their margin is watched from then on."""
        trigger = case.trigger
        fires = trigger.between(start, horizon(trigger, case.now))
        if again := [fire.at for fire in fires if fire.at in case.held and fire.at > case.now]:
            rows = PlannedFire.objects.filter(trigger=trigger.name, at__in=again, state=FireState.SKIPPED, reason__in=WITHDRAWN)
            case.batch.acts.append(partial(rows.update, state=FireState.PLANNED, reason="", decided_at=None))
        new = [fire for fire in fires if fire.at not in case.held]
        verdicts = [Verdict(fire, FireState.SKIPPED if fire.refusal else FireState.PLANNED, fire.refusal) for fire in new]
        self._entries.enter(case.batch, trigger, verdicts, case.now)

    def _judge(self, case: Case, start: dt.datetime) -> None:
        """The latest fires are decided at once; of the time before them nothing runs, and its rows are filled in later."""
        trigger, state, now = case.trigger, case.state, case.now
        if trigger.missed == "all" and state.enabled:
            since = max(start, now - max(trigger.look_back, ON_TIME))
            fires = trigger.between(since, now)
        else:
            fires, since = newest(trigger, start, now)
        new = [fire for fire in fires if fire.at not in case.held]
        off = "" if state.enabled else switched_off_by(state)
        verdicts = switched_off(new, off) if off else judged(trigger, new, now, case.active)
        self._entries.enter(case.batch, trigger, verdicts, now, case.running)
        latest = fires[-1].at if fires else now
        history = [stretch.as_json() for stretch in _history(trigger, start, since, now, latest, off)]
        state.backlog = [*state.backlog, *history]
        if history:
            case.batch.told.append(lambda: self._behind.add(trigger.name))

    def _with_ready_rows(self, planned: Mapping[str, Trigger], states: Mapping[str, TriggerState], now: dt.datetime) -> list[Trigger]:
        """Triggers with rows that waited and may run now; those whose earlier run has not ended are looked at in vain only when late."""
        rows = PlannedFire.objects.filter(state=FireState.PLANNED, trigger__in=list(planned)).only("trigger", "at", "local", "due")
        ready: dict[str, bool] = {}
        for row in rows:
            trigger = planned[row.trigger]
            with self._apart(trigger):
                if self._is_ready(trigger, row, now):
                    ready[row.trigger] = ready.get(row.trigger, False) or _is_late(row, now)
        running = active_runs(ready)
        waits = {name for name in ready if name in running and planned[name].overlap != "allow"}
        return [planned[name] for name, late in ready.items() if late or (states[name].enabled and name not in waits)]

    def _is_ready(self, trigger: Trigger, row: PlannedFire, now: dt.datetime) -> bool:
        return row.at <= now if row.due is None else now >= self._standings.of(trigger, fire_of(row)).safe_start

    def _launch(self, case: Case) -> None:
        """Decide the rows that waited: the first of them runs when the run before it has ended, as far as they are not too late."""
        trigger, now = case.trigger, case.now
        rows = PlannedFire.objects.filter(trigger=trigger.name, state=FireState.PLANNED).order_by("at")
        ready = [row for row in rows if self._is_ready(trigger, row, now)]
        late = [fire_of(row) for row in ready if _is_late(row, now)]
        if case.state.enabled:
            missed, wanted = made_up(trigger, late, now)
            wanted += [fire_of(row) for row in ready if not _is_late(row, now)]
            verdicts = [*missed, *in_turn(trigger, wanted, case.active, patient=True)]
        else:
            verdicts = switched_off(late, switched_off_by(case.state))
        self._entries.settle(case.batch, trigger, ready, verdicts, now)

    def _cover(self, triggers: Sequence[Trigger], states: Mapping[str, TriggerState], now: dt.datetime) -> None:
        """Note once a minute up to when all is decided: a rule that changes, and a trigger that goes, ends there."""
        if self._clock.monotonic() < self._next_cover:
            return
        self._next_cover = self._clock.monotonic() + COVER_SECONDS
        idle = [one.name for one in triggers if one.name not in self._tally.failed and not self._is_due(one, states[one.name], now)]
        with transaction.atomic():
            same = [one.name for one in locked(idle).values() if _known(one) == _known(states[one.name])]
            TriggerState.objects.filter(name__in=same, covered_until__lt=now).update(covered_until=now)

    def _fill(self, triggers: Sequence[Trigger], now: dt.datetime) -> None:
        """Give fires of the backlog their rows, as long as this tick has time for it."""
        until, left = self._clock.monotonic() + FILL_SECONDS, list(triggers)
        while left and self._clock.monotonic() <= until:
            self._room, self._unfinished = FILL_AT_ONCE, {}
            self._each(left[:TOGETHER], now, self._fill_some)
            left = [*left[TOGETHER:], *self._unfinished.values()]

    def _fill_some(self, case: Case) -> None:
        """The next rows of a trigger's backlog, as far as there is room for them in this transaction."""
        trigger, verdicts = case.trigger, dict[dt.datetime, Verdict]()
        left = [Stretch.read(one) for one in case.state.backlog]
        while left and self._room > 0:
            stretch, most = left.pop(0), self._room
            fires = oldest(trigger, stretch.since, stretch.until, most)
            self._room -= len(fires)
            if len(fires) == most:
                left.insert(0, Stretch(fires[-1].at, stretch.until, stretch.state, stretch.reason))
            for fire in without_row(trigger, fires):
                end = (FireState.SKIPPED, fire.refusal) if fire.refusal else (stretch.state, stretch.reason)
                verdicts.setdefault(fire.at, Verdict(fire, *end))
        if left:
            self._unfinished[trigger.name] = trigger
        self._history.enter(case.batch, trigger, list(verdicts.values()), case.now)
        case.state.backlog = [one.as_json() for one in left]
        case.batch.states.append(case.state)
        case.batch.told.append(lambda: self._count(len(verdicts)))

    def _count(self, filled: int) -> None:
        self._tally.filled += filled


def _known(state: TriggerState) -> tuple[str, dt.datetime | None]:
    return state.rule, state.covered_until


def _is_late(row: PlannedFire, now: dt.datetime) -> bool:
    """Whether the deadline of an obligation passed before it was begun."""
    return row.due is not None and now > row.due + ON_TIME


def _history(
    trigger: Trigger, start: dt.datetime, until: dt.datetime, now: dt.datetime, latest: dt.datetime, off: str
) -> Iterator[Stretch]:
    """The time before the fires that were decided at once, and how its fires end."""
    if off or start >= until:
        yield from [Stretch(start, until, FireState.SKIPPED, off)] if start < until else []
        return
    border = min(until, max(start, now - trigger.look_back))
    for since, end in ((start, border), (border, until)):
        if since < end:
            yield Stretch(since, end, FireState.MISSED, missed_reason(trigger, end, latest, now))
