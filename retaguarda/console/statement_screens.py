"""What `retaguarda statement` shows to people: a line a statement or return, and every line that could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.text import Text

from retaguarda.console.screen import bullet, screen
from retaguarda.errors import RetaguardaError
from retaguarda.formats.parts import Begin, BeginReturn, End, Part, ReturnPart
from retaguarda.language import say
from retaguarda.model.statements import Entry, Quarantined, Title
from retaguarda.report.retell import retell
from retaguarda.report.show import number, shown

MOST = 40
"""Unread lines that are shown; `--json` has all of them."""


@dataclass
class _Statement:
    file: str
    begin: Begin
    end: End = field(default_factory=lambda: End(None, None, None, None))
    movement: Decimal = Decimal()
    movements: int = 0
    odd: int = 0

    @property
    def difference(self) -> Decimal | None:
        opening, closing = self.end.opening_balance, self.end.closing_balance
        return None if opening is None or closing is None else closing - opening - self.movement


@dataclass
class _Return:
    file: str
    begin: BeginReturn
    titles: int = 0
    settled: int = 0
    credited: Decimal = Decimal()


class Summaries:
    """All files of one call, counted and added up."""

    def __init__(self) -> None:
        self._statements: list[_Statement] = []
        self._returns: list[_Return] = []
        self._odd: list[tuple[str, Quarantined]] = []
        self._odd_count = 0
        self._unread: list[tuple[str, RetaguardaError]] = []

    def statement_file(self, path: Path, parts: Iterable[Part]) -> None:
        """Take in the statements of a file; of one that turns out not to be whole nothing is kept."""
        found: list[_Statement] = []
        for part in parts:
            if isinstance(part, Begin):
                found.append(_Statement(path.name, part))
            elif isinstance(part, Quarantined):
                self._keep(path, part)
                found[-1].odd += 1
            elif isinstance(part, End):
                found[-1].end = part
            elif isinstance(part, Entry) and not part.checkpoint:
                found[-1].movement += part.amount
                found[-1].movements += 1
        self._statements += found

    def return_file(self, path: Path, parts: Iterable[ReturnPart]) -> None:
        """Take in the return files of a download, likewise."""
        found: list[_Return] = []
        for part in parts:
            if isinstance(part, BeginReturn):
                found.append(_Return(path.name, part))
            elif isinstance(part, Quarantined):
                self._keep(path, part)
            elif isinstance(part, Title):
                found[-1].titles += 1
                found[-1].settled += part.settles
                found[-1].credited += part.net_value if part.settles else 0
        self._returns += found

    def unreadable(self, path: Path, error: RetaguardaError) -> None:
        """A file of which nothing counts."""
        self._unread.append((path.name, error))

    def show(self) -> None:
        """Print it all."""
        console = screen()
        for statement in self._statements:
            _tell_statement(console, statement)
        for one in self._returns:
            _tell_return(console, one)
        if self._odd:
            console.print()
            console.print(Text(say("Lines that could not be read: {count}", count=self._odd_count), style="bold yellow"))
        for file, odd in self._odd:
            bullet(console, f"{file}, {say('line')} {odd.line}:", f"{retell(odd.reason)} · {' '.join(odd.raw.split())[:70]}")
        for file, error in self._unread:
            console.print(f"✗ {file}: {retell(error.text)}", style="bold red", markup=False)

    def _keep(self, path: Path, odd: Quarantined) -> None:
        self._odd_count += 1
        if len(self._odd) < MOST:
            self._odd.append((path.name, odd))


def _tell_statement(console: Console, one: _Statement) -> None:
    account = "/".join(part for part in (one.begin.bank, one.begin.branch, one.begin.account) if part)
    period = " – ".join(shown(day) or "?" for day in (one.end.start, one.end.end))
    sign, style, words = _proof(one)
    console.print(Text(sign, style=style), Text(f"{one.file} · {account} · {period}", style="bold"), overflow="fold")
    counted = say("movements: {count}", count=one.movements)
    sums = f"{shown(one.end.opening_balance) or '?'} + {shown(one.movement)} = {shown(one.end.closing_balance) or '?'}"
    console.print(f"  {counted} · {sums} ·", Text(words, style=style), overflow="fold")


def _tell_return(console: Console, one: _Return) -> None:
    title = f"{one.file} · {one.begin.bank} · {say('return file {number}', number=one.begin.file_sequence or '?')}"
    console.print(Text("✓", style="green"), Text(title, style="bold"), overflow="fold")
    facts = say(
        "{count} titles, {settled} of them settled, credited: {amount}", count=one.titles, settled=one.settled, amount=shown(one.credited)
    )
    console.print(f"  {facts}", overflow="fold")


def _proof(one: _Statement) -> tuple[str, str, str]:
    if one.difference:
        return "✗", "bold red", say("does not add up: {amount} are missing", amount=number(one.difference, 2))
    if one.odd:
        return "!", "yellow", say("lines that could not be read: {count}", count=one.odd)
    if one.end.partial:
        return "!", "yellow", say("the bank calls it provisional")
    if one.difference is None:
        return "!", "yellow", say("cannot be proved: the file does not state both balances")
    return "✓", "green", say("adds up")
