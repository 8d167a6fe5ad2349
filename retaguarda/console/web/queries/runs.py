"""Runs as the pages show them: lists by cursor, one run with its steps, items, pictures and log."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import Count, Q, QuerySet

from retaguarda.clock import SAO_PAULO
from retaguarda.console.web.queries.cursor import page_by
from retaguarda.language import say
from retaguarda.report.labels import label
from retaguarda.report.vocabulary import PROCESSES
from retaguarda.store.models import Evidence, Intent, Item, ItemState, MatchDecision, OutboxEvent, Request, RunRecord, RunState

PAGE = 50
"""Rows of a list."""
STEPS = 200
"""Steps of a run that a page shows; a month has seven."""
EVENTS = 2000
"""Events of a run whose versions are counted."""
TAIL_BYTES = 96 * 1024
DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_OPEN_ITEMS = (ItemState.UNCERTAIN, ItemState.DEFERRED, ItemState.FAILED_APPLICATION)
NOT_IN_ORDER = (*_OPEN_ITEMS, ItemState.FAILED_BUSINESS, ItemState.ABANDONED)
Counts = Counter[str]


@dataclass(frozen=True)
class Filters:
    """What a list of runs is narrowed to; empty: everything."""

    q: str = ""
    state: str = ""
    process: str = ""
    actor: str = ""
    since: str = ""
    until: str = ""
    after: str = ""
    """Where the last page ended: moment and id of its last run."""

    def address(self, **changed: str) -> str:
        """These filters as the end of an address."""
        from urllib.parse import urlencode

        kept = {name: value for name, value in (vars(self) | changed).items() if value}
        return f"?{urlencode(kept)}" if kept else "?"


@dataclass
class Row:
    """A run in a list, with its items counted over all of its steps."""

    run: RunRecord
    counts: Counts

    @property
    def total(self) -> int:
        """All of its items."""
        return sum(self.counts.values())

    @property
    def good(self) -> int:
        """Items in order."""
        return self.counts[ItemState.SUCCESSFUL]

    @property
    def bad(self) -> int:
        """Items refused, failed or uncertain."""
        return sum(self.counts[state] for state in NOT_IN_ORDER)

    @property
    def length(self) -> dt.timedelta | None:
        """How long it took, when it has ended."""
        run = self.run
        return run.ended_at - run.started_at if run.started_at and run.ended_at else None


@dataclass
class Listed:
    """A page of runs; `after` leads to the next one."""

    rows: list[Row]
    after: str = ""


def listed(filters: Filters, page: int = PAGE) -> Listed:
    """Runs that were launched, newest first."""
    chosen = _narrowed(RunRecord.objects.filter(parent=None), filters)
    found, after = page_by(chosen.defer("result"), "-created_at", filters.after, page)
    return Listed(counted(found), after)


def counted(runs: Sequence[RunRecord], *, steps: bool = True) -> list[Row]:
    """Runs with their items counted, those of their steps included unless told otherwise, all in two queries."""
    roots = {run.pk: run.pk for run in runs}
    if steps:
        roots |= dict(RunRecord.objects.filter(parent__in=list(roots)).values_list("pk", "parent_id"))
    counts: dict[str, Counts] = defaultdict(Counter)
    for key, state, number in Item.objects.filter(run__in=list(roots)).values_list("run_id", "state").annotate(n=Count("pk")):
        counts[roots[key]][state] += number
    return [Row(run, counts[run.pk]) for run in runs]


def _narrowed(runs: QuerySet[RunRecord], filters: Filters) -> QuerySet[RunRecord]:
    if filters.state in RunState.values:
        runs = runs.filter(state=filters.state)
    if filters.process:
        runs = runs.filter(process=filters.process)
    if filters.actor:
        runs = runs.filter(actor=filters.actor)
    if since := _day(filters.since):
        runs = runs.filter(created_at__gte=since)
    if until := _day(filters.until):
        runs = runs.filter(created_at__lt=until + dt.timedelta(days=1))
    return _found(runs, filters.q.strip()) if filters.q.strip() else runs


def _found(runs: QuerySet[RunRecord], text: str) -> QuerySet[RunRecord]:
    """Runs of a process, with an item of that reference, of a day (`20261126`), or the one of that id; each by an index."""
    named = [name for name in PROCESSES if text.lower() in name or text.lower() in label(PROCESSES, name).text.lower()]
    wanted = Q(pk=text) | Q(process__in=named) | Q(pk__in=_of_item(text)) | Q(trigger=text)
    if day := DAY.match(text):
        start = _day("-".join(day.groups()))
        wanted |= Q(created_at__gte=start, created_at__lt=start + dt.timedelta(days=1), pk__contains=text) if start else Q()
    return runs.filter(wanted)


def _of_item(reference: str) -> list[str]:
    """The runs, or those that they are steps of, with an item of that reference; the latest ones."""
    found = Item.objects.filter(reference=reference).order_by("-pk").values_list("run_id", "run__parent_id")[:PAGE]
    return [parent or run for run, parent in found]


def _day(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), SAO_PAULO)
    except ValueError:
        return None


def get(run_id: str) -> RunRecord | None:
    """The run that was launched, by its whole id or the one of any step of it."""
    run = RunRecord.objects.filter(pk=run_id).select_related("parent").first()
    while run is not None and run.parent is not None:
        run = run.parent
    return run


def tree(root: RunRecord) -> list[RunRecord]:
    """A run and its steps, in the order they were made."""
    found, level = [root], [root.pk]
    while level and len(found) < STEPS:
        below = list(RunRecord.objects.filter(parent__in=level).order_by("created_at")[:STEPS])
        found += below
        level = [run.pk for run in below]
    return found


@dataclass
class Progress:
    """How far a run is."""

    counts: Counts
    total: int
    done: int
    good: int
    expected: dt.datetime | None = None
    """When it will have ended, by what earlier runs took."""


FINAL = (ItemState.SUCCESSFUL, ItemState.FAILED_BUSINESS, ItemState.FAILED_APPLICATION, ItemState.ABANDONED, ItemState.UNCERTAIN)


def progress(runs: Sequence[RunRecord], prior: dt.timedelta) -> Progress:
    """Items done of all that are known, and when the run is expected to end."""
    by_state = Item.objects.filter(run__in=[run.pk for run in runs]).values_list("state").annotate(n=Count("pk"))
    counts: Counts = Counter(dict(by_state))
    done = sum(counts[state] for state in FINAL)
    root = runs[0]
    expected = None
    if root.state == RunState.RUNNING and root.started_at:
        from retaguarda.agenda.durations import estimated

        expected = root.started_at + dt.timedelta(seconds=estimated(root.process, prior).seconds)
    return Progress(counts, sum(counts.values()), done, counts[ItemState.SUCCESSFUL], expected)


def items(runs: Sequence[RunRecord], state: str = "", after: int = 0, page: int = PAGE * 2) -> tuple[list[Item], int]:
    """Items of a run and its steps in the order they were met, and the key that the next page begins after (0: none)."""
    chosen = Item.objects.filter(run__in=[run.pk for run in runs], pk__gt=after).select_related("run")
    if state in ItemState.values:
        chosen = chosen.filter(state=state)
    found = list(chosen.order_by("pk")[: page + 1])
    return found[:page], found[page - 1].pk if len(found) > page else 0


def evidence(runs: Sequence[RunRecord], after: int = 0, page: int = PAGE) -> tuple[list[Evidence], int]:
    """What was kept of a run and its steps, in order; the key of the next page (0: none)."""
    chosen = Evidence.objects.filter(run__in=[run.pk for run in runs], pk__gt=after).select_related("run")
    found = list(chosen.order_by("pk")[: page + 1])
    return found[:page], found[page - 1].pk if len(found) > page else 0


def evidence_of(root: RunRecord, sha256: str) -> Evidence | None:
    """The evidence of that hash, when it belongs to this run or a step of it."""
    return Evidence.objects.filter(run__in=[run.pk for run in tree(root)], sha256=sha256).first()


def latest_picture(runs: Sequence[RunRecord]) -> Evidence | None:
    """What the robots saw last."""
    return Evidence.objects.filter(run__in=[run.pk for run in runs], kind="picture", removed_at=None).order_by("-pk").first()


def presses(runs: Sequence[RunRecord]) -> list[Intent]:
    """Presses of a run whose outcome nobody knows yet."""
    from retaguarda.jobs.journal import UNRESOLVED

    return list(Intent.objects.filter(run__in=[run.pk for run in runs], state__in=UNRESOLVED).order_by("pk")[:PAGE])


def questions(runs: Sequence[RunRecord]) -> list[Request]:
    """What the run asked people, newest first."""
    return list(Request.objects.filter(run__in=[run.pk for run in runs]).order_by("-asked_at")[:PAGE])


@dataclass
class Log:
    """The end of a run's log."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    whole: bool = True
    """Whether these are all of its lines."""
    there: bool = True
    """Whether this machine has it."""


def log(root: RunRecord, lines: int, least: Iterable[str] = ()) -> Log:
    """The last lines of a run's log, read from its end; only of the levels in `least` when there are any."""
    path = Path(root.folder) / "run.jsonl"
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read()
    except OSError:
        return Log(there=False)
    raw = text.split(b"\n")[1 if size > TAIL_BYTES else 0 :]
    read = [line for line in map(_parsed, raw) if line and (not least or line["level"] in least)]
    return Log(read[-lines:], size <= TAIL_BYTES and len(read) <= lines)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"ts", "level", "text"} <= found.keys() else None


def events_of(root: RunRecord, runs: Sequence[RunRecord], page: int = PAGE * 4) -> list[dict[str, Any]]:
    """The run's audit events that the store still holds, oldest first; found by their time."""
    until = (root.ended_at or dt.datetime.now(SAO_PAULO)) + dt.timedelta(minutes=1)
    near = OutboxEvent.objects.filter(at__gte=root.created_at - dt.timedelta(seconds=5), at__lte=until)
    return list(near.filter(line__run__in=[run.pk for run in runs]).order_by("at").values_list("line", flat=True)[:page])


@dataclass(frozen=True)
class Versions:
    """By what a run came about: programs, inputs, plans and rules, each by what tells it from every other version."""

    programs: Sequence[tuple[RunRecord, Counter[str]]]
    """Steps, with the versions of the program that wrote their events and how many of them."""
    inputs: Sequence[Evidence]
    plans: Sequence[Request]
    rules: Sequence[str]
    """SHA-256 of the matching rules that its decisions were made by."""


def versions(root: RunRecord, runs: Sequence[RunRecord]) -> Versions:
    """The versions behind a run and its steps."""
    wrote: dict[str, Counter[str]] = {run.pk: Counter() for run in runs}
    for line in events_of(root, runs, EVENTS):
        wrote[line["run"]][str(line.get("version", ""))] += 1
    keys = [run.pk for run in runs]
    inputs = Evidence.objects.filter(run__in=keys, kind="input").select_related("run").order_by("pk")[:PAGE]
    plans = Request.objects.filter(run__in=keys).exclude(digest="").order_by("pk")[:PAGE]
    rules = MatchDecision.objects.filter(run__in=keys).exclude(rules="").order_by().values_list("rules", flat=True).distinct()[:PAGE]
    return Versions([(run, wrote[run.pk]) for run in runs], list(inputs), list(plans), sorted(rules))


@dataclass(frozen=True)
class Stage:
    """One of the five parts of every run, and how it stands."""

    name: str
    tone: str
    text: str


def stages(root: RunRecord, progress: Progress, uncertain: int) -> list[Stage]:
    """Reception, preparation, execution, follow-up, reports: which are done, which is at work, which went wrong."""
    names = [say("Reception"), say("Preparation"), say("Execution"), say("Follow-up"), say("Reports")]
    ended, begun, has_items = root.ended_at is not None, root.started_at is not None, progress.total > 0
    at = 0 if not begun else 1 if not has_items else 2 if progress.done < progress.total else 3
    if root.state == RunState.SUSPENDED:
        at = max(at, 1)
    if root.state in {RunState.SUCCESSFUL, RunState.PARTIAL}:
        at = 5
    tone = {RunState.SUSPENDED: "warn", RunState.PENDING: "info", RunState.RUNNING: "info", RunState.STOPPED: "warn"}
    here = tone.get(RunState(root.state), "bad")
    found = []
    word = say("waits") if root.state == RunState.SUSPENDED else say("stopped here") if ended else say("under way")
    for number, name in enumerate(names):
        tones = ("good", say("done")) if number < at else (here, word) if number == at else ("idle", "—")
        found.append(Stage(name, *tones))
    if at == 5 and uncertain:
        found[3] = Stage(names[3], "bad", say("uncertain items"))
    elif at == 5 and any(progress.counts[state] for state in _OPEN_ITEMS):
        found[2] = Stage(names[2], "warn", say("with failures"))
    return found
