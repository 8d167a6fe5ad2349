"""The working state of one reconciliation: what is open of every item, what became of every line. Passes write here only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from retaguarda.reconcile.matching.model import LineClass
from retaguarda.reconcile.matching.payers import Identity, Payers
from retaguarda.reconcile.matching.rules import MatchingRules

OPEN, MATCHED = 0, 1
CLASSES = (LineClass.UNMATCHED, LineClass.MATCH, *(one for one in LineClass if one not in {LineClass.UNMATCHED, LineClass.MATCH}))
CODE = {one: code for code, one in enumerate(CLASSES)}
AR, AP = 0, 1
PLAIN, BOLETO = 0, 1


@dataclass(slots=True)
class Settled:
    """One decision in the making: `parts` are (item, cents), the rest of the line is `difference`."""

    line: int
    grade: str
    parts: Sequence[tuple[int, int]]
    difference: int = 0
    kind: str = ""
    formula: str = ""
    alternatives: int = 0
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Board:
    """Lines and items as columns; a line is named by its row number, an item too. Rows stand in the order of their content."""

    rules: MatchingRules
    lines: pl.DataFrame
    items: pl.DataFrame
    payers: Payers
    holidays: Sequence[dt.date] = ()
    settled: list[Settled] = field(default_factory=list)
    state: bytearray = field(default_factory=bytearray)
    counterpart: dict[int, int] = field(default_factory=dict)
    reason: dict[int, str] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    """Lines whose subset search reached its bound."""

    # lines
    cents: list[int] = field(default_factory=list)
    day: list[int] = field(default_factory=list)
    business: list[int] = field(default_factory=list)
    role: list[str] = field(default_factory=list)
    key: list[int] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    references: dict[int, list[int]] = field(default_factory=dict)
    # items
    open: list[int] = field(default_factory=list)
    gross: list[int] = field(default_factory=list)
    partner: list[int] = field(default_factory=list)
    side: list[int] = field(default_factory=list)
    carrier: list[int] = field(default_factory=list)
    due: list[int] = field(default_factory=list)
    due_business: list[int] = field(default_factory=list)
    issued: list[int] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    pool: dict[int, list[int]] = field(default_factory=dict)
    exact: dict[int, list[int]] = field(default_factory=dict)
    by_number: dict[int, list[int]] = field(default_factory=dict)
    claimed: set[int] = field(default_factory=set)
    """Items that a line still to be decided names: others take them only when nothing else fits."""
    taker: dict[int, int] = field(default_factory=dict)
    """Which line settled a claimed item."""
    holder: dict[int, Settled] = field(default_factory=dict)
    """Who took an item that had open twins (same partner, side and amount): the twin would have done as well."""
    held: dict[int, list[int]] = field(default_factory=dict)

    def settle(self, found: Settled) -> None:
        """Take a decision: the line is done, its items are open by so much less."""
        self.state[found.line] = MATCHED
        for item, cents in found.parts:
            left = self.open[item] - cents
            self.open[item] = left
            if item in self.claimed:
                self.taker[item] = found.line
            if left > 0:
                self._again(item)
        self.settled.append(found)

    def classify(self, line: int, line_class: LineClass, reason: str = "", counterpart: int = -1) -> None:
        """Say what a line is that settles nothing."""
        self.state[line] = CODE[line_class]
        if reason:
            self.reason[line] = reason
        if counterpart >= 0:
            self.counterpart[line] = counterpart

    def identity(self, line: int) -> Identity:
        """Who a line may be from and how that is known."""
        return self.identities[self.key[line]]

    def side_of(self, line: int) -> int:
        """Which items a line settles: credits receivables, debits payables."""
        return AR if self.cents[line] > 0 else AP

    def open_of(self, partner: int, side: int, carrier: int = PLAIN) -> list[int]:
        """The open items of a partner by due date; what is settled is forgotten on the way."""
        found = self.pool.get(partner * 4 + side * 2 + carrier)
        if not found:
            return []
        live = [item for item in found if self.open[item]]
        if len(live) < len(found):
            self.pool[partner * 4 + side * 2 + carrier] = live
        return live

    def exactly(self, partner: int, side: int, cents: int, carrier: int = PLAIN) -> list[int]:
        """The open items of a partner of exactly this amount, by due date."""
        found = self.exact.get((partner * 4 + side * 2 + carrier) * 10**14 + cents)
        if not found:
            return []
        return [item for item in found if self.open[item] == cents]

    def _again(self, item: int) -> None:
        """An item that is partly settled can be found by what is left of it."""
        key = (self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]) * 10**14 + self.open[item]
        self.exact.setdefault(key, []).append(item)

    def hold(self, item: int, found: Settled) -> None:
        """Remember that an item with twins was taken; `release` may still exchange it."""
        self.holder[item] = found
        self.held.setdefault(self.partner[item] * 2 + self.side[item], []).append(item)

    def released_by(self, item: int) -> int | None:
        """The open twin that can take the place of a held item."""
        found = self.holder.get(item)
        if found is None or self.open[item]:
            return None
        (_, cents), line = found.parts[0], found.line
        twins = self.exactly(self.partner[item], self.side[item], cents, self.carrier[item])
        return next((twin for twin in twins if self.in_window(twin, line)), None)

    def release(self, item: int) -> bool:
        """Open a held item again: whoever has it gets its twin."""
        twin = self.released_by(item)
        if twin is None:
            return False
        found = self.holder.pop(item)
        cents = found.parts[0][1]
        found.parts = [(twin, cents)]
        self.open[twin], self.open[item] = 0, cents
        self.hold(twin, found)
        key = self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]
        self.pool.setdefault(key, []).append(item)
        self.exact.setdefault(key * 10**14 + cents, []).insert(0, item)
        return True

    def index(self) -> None:
        """Index what is open now for the passes that search line by line."""
        self.pool.clear()
        self.exact.clear()
        pool, exact = self.pool, self.exact
        partner, side, carrier, due = self.partner, self.side, self.carrier, self.due
        still = [item for item, cents in enumerate(self.open) if cents > 0]
        still.sort(key=due.__getitem__)
        for item in still:
            key = partner[item] * 4 + side[item] * 2 + carrier[item]
            pool.setdefault(key, []).append(item)
            exact.setdefault(key * 10**14 + self.open[item], []).append(item)

    def in_window(self, item: int, line: int) -> bool:
        """Whether a line may pay an item by its dates."""
        apart = self.business[line] - self.due_business[item]
        return -self.rules.windows.early <= apart <= self.rules.windows.late and self.issued[item] <= self.day[line]

    def undecided(self, lines: Iterable[int]) -> list[int]:
        """Those of the lines that nothing explains yet."""
        return [line for line in lines if not self.state[line]]


def business_days(days: pl.Series, holidays: Sequence[dt.date]) -> list[int]:
    """Dates as a count of business days; a day off counts as the business day after it."""
    closed = np.array(holidays, dtype="datetime64[D]")
    unique = days.unique().sort()
    counted = np.busday_count(np.datetime64("1990-01-01"), unique.to_numpy().astype("datetime64[D]"), holidays=closed)
    return days.replace_strict(unique, pl.Series(counted), return_dtype=pl.Int32).to_list()
