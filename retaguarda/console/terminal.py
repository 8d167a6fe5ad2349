"""What a run shows on a terminal: a bar a step, items as they end, and a short table at the end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from retaguarda.language import say
from retaguarda.report.retell import retell
from retaguarda.store.models import Item, ItemState, RunRecord
from retaguarda.store.outcomes import outcome_counts

STYLES = {"SUCCESSFUL": "green", "PARTIAL": "yellow", "FAULTED": "red", "STOPPED": "magenta", "UNCERTAIN": "bold red", "RUNNING": "cyan"}


class SilentProgress:
    """Tells nobody: for `--json` and unattended runs."""

    def stage(self, run: RunRecord, text: str) -> None:
        pass

    def total(self, run: RunRecord, items: int) -> None:
        pass

    def item(self, run: RunRecord, item: Item) -> None:
        pass


class TerminalProgress:
    """A live bar for each step of the run."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._tasks: dict[str, TaskID] = {}
        self._seen: dict[str, set[str]] = {}

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._bars.tasks:
            if task.total is None or not task.finished:
                self._bars.update(task.id, total=task.completed or 1, completed=task.completed or 1)
        self._bars.stop()

    def stage(self, run: RunRecord, text: str) -> None:
        for known, task in self._tasks.items():
            if known != run.pk and not self._seen.get(known):
                self._bars.update(task, total=1, completed=1)
        self._bars.update(self._bar(run), description=f"{process_label(run.process)} · {retell(text)}")

    def total(self, run: RunRecord, items: int) -> None:
        self._bars.update(self._bar(run), total=items)

    def item(self, run: RunRecord, item: Item) -> None:
        if item.state in {ItemState.NEW, ItemState.IN_PROGRESS, ItemState.DEFERRED}:
            return
        seen = self._seen.setdefault(run.pk, set())
        seen.add(item.reference)
        self._bars.update(self._bar(run), completed=len(seen))

    def _bar(self, run: RunRecord) -> TaskID:
        if run.pk not in self._tasks:
            self._tasks[run.pk] = self._bars.add_task(process_label(run.process), total=None)
        return self._tasks[run.pk]


def process_label(name: str) -> str:
    """A process as people call it."""
    return say(name.replace("_", " "))


def coloured(state: str) -> Text:
    """A state in the operator's language and its colour."""
    return Text(say(state), style=STYLES.get(state, ""))


COLUMNS = ("done", "already", "planned", "refused", "rejected", "held", "breaks", "uncertain", "failed")


def summary(tree: list[RunRecord]) -> Table:
    """What was done, refused, rejected and left open, step by step; columns in which nothing happened are left out."""
    steps = tree[1:] or tree
    figures = [_figures(run) for run in steps]
    shown = [name for name in COLUMNS if any(found[name] for found in figures)]
    table = Table(title=say("What this run did"), title_justify="left", header_style="bold")
    table.add_column(say("step"), no_wrap=True)
    table.add_column(say("state"), no_wrap=True)
    for name in shown:
        table.add_column(say(name), justify="right", no_wrap=True)
    for run, found in zip(steps, figures, strict=True):
        table.add_row(process_label(run.process), coloured(run.state), *(str(found[name] or "·") for name in shown))
    return table


def _figures(run: RunRecord) -> Counter[str]:
    found = outcome_counts(run)
    found["refused"] += found.pop("refused_before", 0)
    return found


def close(console: Console, tree: list[RunRecord]) -> None:
    """The end of `run start` on a terminal."""
    run = tree[0]
    console.print()
    console.print(summary(tree))
    for step in tree[1:]:
        _say_refusals(console, step)
    if run.error:
        console.print(Text(retell(run.error.get("text", "")), style="red"))
        if run.error.get("remedy"):
            console.print(Text(say("What to do: {remedy}", remedy=retell(run.error["remedy"]))))
    console.print(say("Run {run} ended:", run=run.pk), coloured(run.state))
    for path in sorted(Path(run.folder).glob("*.*")):
        console.print(f"  {path}", soft_wrap=True, highlight=False)


def _say_refusals(console: Console, run: RunRecord) -> None:
    troubled = run.items.exclude(state=ItemState.SUCCESSFUL).exclude(reason="").order_by("reference")
    for item in troubled[:12]:
        console.print(Text(f"  {item.reference}: ", style="bold"), Text(retell(item.reason)), sep="", soft_wrap=True)
