"""What lists look like on a terminal: light tables, marks for states, moments in São Paulo's time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from retaguarda.clock import SAO_PAULO
from retaguarda.report.labels import SEVERE, Tone, label
from retaguarda.report.retell import retell
from retaguarda.report.vocabulary import LEVELS, PROCESSES, RUN_STATES

MARKS = {
    Tone.GOOD: ("✓", "green"),
    Tone.WARN: ("!", "yellow"),
    Tone.BAD: ("✗", "bold red"),
    Tone.INFO: ("…", "cyan"),
    Tone.IDLE: ("·", "dim"),
}


def screen(*, errors: bool = False) -> Console:
    """The terminal, or its error stream; nothing is coloured by guessing."""
    return Console(stderr=errors, highlight=False)


def listing(*headings: str, whole: tuple[int, ...] = (0,)) -> Table:
    """A table with one line under its headings; the columns numbered in `whole` are never cut or wrapped."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number in whole, overflow="fold")
    return table


def mark(state: str) -> Text:
    """A run's state as one coloured sign."""
    sign, style = MARKS[label(RUN_STATES, state).tone]
    return Text(sign, style=style)


def state(code: str) -> Text:
    """A run's state in words and its colour."""
    found = label(RUN_STATES, code)
    return Text(found.text, style=MARKS[found.tone][1])


def process_label(name: str) -> str:
    """A process as people call it."""
    return label(PROCESSES, name).text


def moment(value: dt.datetime | None) -> str:
    """A moment as people write it, in São Paulo's time; nothing when there is none."""
    return f"{value.astimezone(SAO_PAULO):%d/%m/%Y %H:%M}" if value else ""


def short_moment(value: dt.datetime) -> str:
    """A moment without its year, for lists."""
    return f"{value.astimezone(SAO_PAULO):%d/%m %H:%M}"


def iso(value: dt.datetime | None) -> str | None:
    """A moment for machines, in São Paulo's time."""
    return value.astimezone(SAO_PAULO).isoformat() if value else None


def bullet(console: Console, head: str, text: str) -> None:
    """A line with a bold beginning whose text stays in its own column when it wraps."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row(head, Text(text))
    console.print(grid)


def log_line(line: dict[str, Any]) -> Text:
    """A line of a run's log: time, portal, what happened; anything above an ordinary line carries its mark."""
    tone = label(LEVELS, line["level"]).tone
    sign, style = MARKS[tone] if tone in SEVERE else (" ", "dim" if tone is Tone.IDLE else "")
    where = f"{line.get('portal', ''):<12}"
    return Text(f"{line['ts'][11:19]} {where} {sign} ").append(retell(line["text"]), style=style)
