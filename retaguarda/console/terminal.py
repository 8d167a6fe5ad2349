"""What a run shows on a terminal: a line a step while it goes, and a short table at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from retaguarda.console.screen import bullet, listing, mark, moment, process_label, state
from retaguarda.jobs.runs import ENDED, FINISHED
from retaguarda.language import say
from retaguarda.report.retell import retell
from retaguarda.store.models import Item, ItemState, RunRecord
from retaguarda.store.outcomes import outcome_counts

MAX_NAMED = 12
"""Items in trouble that are named for each step; the workbook names all."""
OPEN_ITEMS = {ItemState.NEW, ItemState.IN_PROGRESS, ItemState.DEFERRED}


class _Mark(SpinnerColumn):
    """A spinner while the step works, its mark once it has ended."""

    def render(self, task: Task) -> Any:
        run: RunRecord = task.fields["run"]
        return mark(run.state) if run.state in ENDED else super().render(task)


class _Items(ProgressColumn):
    """Items done of items to do, where the step has told how many."""

    def render(self, task: Task) -> Text:
        counted = task.fields["counted"]
        return Text(f"{int(task.completed)}/{int(task.total or 0)}" if counted else "", style="cyan")


class TerminalProgress:
    """A live line for each step of the run."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            _Mark(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            _Items(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[stage]}", style="dim"),
            console=console,
        )
        self._lines: dict[str, TaskID] = {}
        self._seen: dict[str, set[str]] = {}

    @contextmanager
    def shown(self) -> Iterator[TerminalProgress]:
        """Draw the lines for the block; the last picture of them stays on the screen."""
        self._bars.start()
        try:
            yield self
        finally:
            self._close_ended()
            self._bars.stop()

    def stage(self, run: RunRecord, text: str) -> None:
        self._close_ended()
        self._bars.update(self._line(run), stage=retell(text))

    def total(self, run: RunRecord, items: int) -> None:
        self._bars.update(self._line(run), total=items, counted=True)

    def item(self, run: RunRecord, item: Item) -> None:
        if item.state not in OPEN_ITEMS:
            seen = self._seen.setdefault(run.pk, set())
            seen.add(item.reference)
            self._bars.update(self._line(run), completed=len(seen))

    def _close_ended(self) -> None:
        """Stop the clock of steps that ended; a bar is full only when its step came to its end."""
        for task in self._bars.tasks:
            run: RunRecord = task.fields["run"]
            if run.state in ENDED and task.stop_time is None:
                self._bars.update(task.id, stage="")
                if run.state in FINISHED and not task.fields["counted"]:
                    self._bars.update(task.id, total=1, completed=1)
                self._bars.stop_task(task.id)

    def _line(self, run: RunRecord) -> TaskID:
        if run.pk not in self._lines:
            self._lines[run.pk] = self._bars.add_task(process_label(run.process), total=None, run=run, stage="", counted=False)
        return self._lines[run.pk]


def close(console: Console, tree: list[RunRecord]) -> None:
    """The end of `run start` on a terminal, and `run show`: what was done, what is left open, why, and where the outputs are."""
    run = tree[0]
    steps = tree[1:] or tree
    console.print()
    console.print(summary(steps))
    for step in steps:
        _say_open_points(console, step)
    if run.error:
        _say_error(console, run.error)
    console.print()
    console.print(say("Run {run}:", run=run.pk), state(run.state))
    if run.dry_run:
        console.print(say("Simulation: nothing was pressed and nothing was booked."), style="bold")
    outputs = sorted(path.name for path in Path(run.folder).glob("*.*"))
    if outputs:
        console.print(f"{run.folder}/", soft_wrap=True)
        console.print(f"  {'  '.join(outputs)}")
    if to_resume(tree):
        console.print(say("To go on: retaguarda run resume {run}", run=run.pk), soft_wrap=True)


def introduce(console: Console, run: RunRecord) -> None:
    """The head of `run show`: which process, with which parameters, when and by whom."""
    console.print(Text(process_label(run.process), style="bold"))
    for name, value in run.params.items():
        console.print(f"  {name}={value}", soft_wrap=True, markup=False)
    times = " – ".join(filter(None, (moment(run.started_at or run.created_at), moment(run.ended_at))))
    console.print(f"  {times} · {run.actor} · {run.version}", markup=False)


def to_resume(tree: list[RunRecord]) -> bool:
    """Whether the run has work left that resuming it goes on with."""
    if tree[0].state in FINISHED:
        return any(outcome_counts(run)["uncertain"] for run in tree)
    return tree[0].state in ENDED


def headings() -> dict[str, str]:
    """Outcome → the short heading of its column, in the order of the table."""
    return {
        "done": say("done"),
        "already": say("already"),
        "planned": say("planned"),
        "refused": say("refused"),
        "rejected": say("rejected"),
        "held": say("held"),
        "breaks": say("breaks"),
        "uncertain": say("uncertain"),
        "failed": say("failed"),
        "open": say("open"),
    }


def summary(steps: list[RunRecord]) -> Any:
    """What was done, refused, rejected and left open, step by step; columns in which nothing happened are left out."""
    figures = [_figures(run) for run in steps]
    shown = {name: text for name, text in headings().items() if any(found[name] for found in figures)}
    table = listing("", say("step"), *shown.values(), whole=(0, *range(2, len(shown) + 2)))
    for column in table.columns[2:]:
        column.justify = "right"
    table.columns[0].width = 1
    for run, found in zip(steps, figures, strict=True):
        table.add_row(mark(run.state), process_label(run.process), *(str(found[name] or "·") for name in shown))
    return table


def _figures(run: RunRecord) -> Counter[str]:
    found = outcome_counts(run)
    found["refused"] += found.pop("refused_before", 0)
    return found


def _say_open_points(console: Console, run: RunRecord) -> None:
    """Name the items of a step that did not end well, with their reasons."""
    troubled = list(run.items.exclude(state=ItemState.SUCCESSFUL).exclude(reason="").order_by("reference"))
    if troubled:
        console.print(Text(f"\n{process_label(run.process)}", style="bold"))
    for item in troubled[:MAX_NAMED]:
        bullet(console, f"  {item.reference}", retell(item.reason))
    if len(troubled) > MAX_NAMED:
        console.print(say("  … and {count} more; the workbook names all of them.", count=len(troubled) - MAX_NAMED))


def _say_error(console: Console, error: dict[str, Any]) -> None:
    console.print()
    console.print(Text(retell(error.get("text", "")), style="bold red"))
    if error.get("remedy"):
        console.print(Text(say("What to do: {remedy}", remedy=retell(error["remedy"]))))
