"""The working state of one reconciliation: what is open of every item, what became of every line. Passes write here only."""

from __future__ import annotations

import datetime as dt
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from retaguarda.errors import RetaguardaError
from retaguarda.reconcile.matching.model import LineClass
from retaguarda.reconcile.matching.payers import Identity, Payers
from retaguarda.reconcile.matching.rules import MatchingRules

OPEN, MATCHED = 0, 1
CLASSES = (LineClass.UNMATCHED, LineClass.MATCH, *(one for one in LineClass if one not in {LineClass.UNMATCHED, LineClass.MATCH}))
CODE = {one: code for code, one in enumerate(CLASSES)}
AR, AP = 0, 1
PLAIN, BOLETO = 0, 1
_KEY = 10**14
"""Keys of exact amounts: who, times this, plus the cents."""


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
    cents: Sequence[int] = ()
    day: Sequence[int] = ()
    business: Sequence[int] = ()
    title: dict[int, int] = field(default_factory=dict)
    """The item whose nosso número a line names."""
    role: list[str] = field(default_factory=list)
    key: list[int] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    references: dict[int, list[int]] = field(default_factory=dict)
    # items
    open: list[int] = field(default_factory=list)
    gross: Sequence[int] = ()
    partner: Sequence[int] = ()
    side: Sequence[int] = ()
    carrier: Sequence[int] = ()
    due: Sequence[int] = ()
    due_business: Sequence[int] = ()
    issued: Sequence[int] = ()
    number: Sequence[int] = ()
    pool: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    exact: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    amounts: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Items by side and amount, whoever the partner is."""
    waiting: list[int] = field(default_factory=list)
    indexed: bool = False
    wanted: set[int] = field(default_factory=set)
    """Amounts of the lines that the days begin with: other amounts need no index."""
    _known_sets: dict[int, tuple[frozenset[int], frozenset[int]]] = field(default_factory=dict)
    by_number: dict[int, list[int]] = field(default_factory=dict)
    claimed: set[int] = field(default_factory=set)
    """Items that a line still to be decided names: others take them only when nothing else fits."""
    taker: dict[int, int] = field(default_factory=dict)
    """Which line settled a claimed item."""
    paid: dict[tuple[tuple[int, ...], int], list[int]] = field(default_factory=dict)
    """Lines that paid one item exactly, by payers and amount."""
    holder: dict[int, Settled] = field(default_factory=dict)
    """Who took an item that had open twins (same partner, side and amount): the twin would have done as well."""
    held: dict[int, list[int]] = field(default_factory=dict)

    def settle(self, found: Settled) -> None:
        """Take a decision: the line is done, its items are open by so much less."""
        self.state[found.line] = MATCHED
        for item, cents in found.parts:
            left = self.open[item] - cents
            if left < 0 or cents <= 0:
                raise RetaguardaError(f"Item {self.items['item_id'][item]} would be settled beyond what is open of it.")
            self.open[item] = left
            if item in self.claimed:
                self.taker[item] = found.line
            if left > 0:
                self._again(item)
        self.settled.append(found)

    def remember(self, line: int) -> None:
        """Note that a line paid exactly what was open: the same again within days is a payment made twice, unless it finds its own item."""
        self.paid.setdefault((self.identity(line)[0], self.cents[line]), []).append(line)

    def earlier(self, line: int) -> int | None:
        """The line of the same payer and amount that paid exactly a few days before."""
        payers = self.identity(line)[0]
        if not payers:
            return None
        day, window = self.business[line], self.rules.windows.repeated_payment
        for other in reversed(self.paid.get((payers, self.cents[line]), ())):
            if other != line and 0 <= day - self.business[other] <= window:
                return other
        return None

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

    def payer_set(self, line: int) -> frozenset[int]:
        """The partners that a line may be from, to look them up in."""
        return self._sets(line)[0]

    def group_set(self, line: int) -> frozenset[int]:
        """The groups of those partners."""
        return self._sets(line)[1]

    def _sets(self, line: int) -> tuple[frozenset[int], frozenset[int]]:
        key = self.key[line]
        found = self._known_sets.get(key)
        if found is None:
            payers, group = self.identities[key][0], self.payers.group
            found = self._known_sets[key] = frozenset(payers), frozenset(group[payer] for payer in payers)
        return found

    def side_of(self, line: int) -> int:
        """Which items a line settles: credits receivables, debits payables."""
        return AR if self.cents[line] > 0 else AP

    def open_of(self, partner: int, side: int, carrier: int = PLAIN) -> list[int]:
        """The open items of a partner by due date; what is settled is forgotten on the way."""
        key = partner * 4 + side * 2 + carrier
        found = self.pool.get(key)
        if not found:
            return []
        cents = self.open
        live = [item for item in found if cents[item]]
        if len(live) < len(found):
            self.pool[key] = live
        return live

    def payable(self, line: int, partner: int, side: int) -> list[int]:
        """The open items of a partner that a line may pay by its dates, by due date; boletos and claimed ones are left out."""
        found = self.open_of(partner, side)
        if not found:
            return found
        day, business, due, issued = self.day[line], self.business[line], self.due_business, self.issued
        first, last, claimed = business - self.rules.windows.late, business + self.rules.windows.early, self.claimed
        return [item for item in found if first <= due[item] <= last and issued[item] <= day and item not in claimed]

    def exactly(self, partner: int, side: int, cents: int, carrier: int = PLAIN) -> list[int]:
        """The open items of a partner of exactly this amount, by due date."""
        found = self.exact.get((partner * 4 + side * 2 + carrier) * _KEY + cents)
        if not found:
            return []
        return [item for item in found if self.open[item] == cents]

    def _again(self, item: int) -> None:
        """An item that is partly settled can be found by what is left of it."""
        key = (self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]) * _KEY + self.open[item]
        self.exact[key].append(item)
        self.amounts[self.side[item] * _KEY + self.open[item]].append(item)

    def has_twins(self, item: int, cents: int) -> bool:
        """Whether another item of the same partner, side and amount was ever seen."""
        key = self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]
        return len(self.exact[key * _KEY + cents]) > 1

    def of_amount(self, side: int, cents: int) -> list[int]:
        """The items of an amount, whoever the partner is."""
        return self.amounts.get(side * _KEY + cents, [])

    def hold(self, item: int, found: Settled) -> None:
        """Remember that an item with twins was taken; `release` may still exchange it."""
        self.holder[item] = found
        self.held.setdefault(self.partner[item] * 2 + self.side[item], []).append(item)

    def is_held(self, item: int) -> bool:
        """Whether an item was taken by a line that a twin would have satisfied as well."""
        return not self.open[item] and item in self.holder

    def amount(self, item: int) -> int:
        """What is open of an item, or was before its holder took it."""
        return self.open[item] or (self.holder[item].parts[0][1] if item in self.holder else 0)

    def exchange(self, item: int, kept: Collection[int] = ()) -> list[int]:
        """The chain of twins that frees a held item: its holder takes the second, whose holder takes the third, the last is open.

        Twins of `kept` stay as they are.
        """
        found = self.holder.get(item)
        if found is None or self.open[item]:
            return []
        cents = found.parts[0][1]
        key = (self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]) * _KEY + cents
        twins = [twin for twin in self.exact.get(key, ()) if self.open[twin] == cents or twin in self.holder]
        chains, seen = [[item]], {item, *kept}
        while chains and len(twins) > 1:
            longer = []
            for chain in chains:
                line = self.holder[chain[-1]].line
                for twin in twins:
                    if twin not in seen and self.in_window(twin, line):
                        if self.open[twin]:
                            return [*chain, twin]
                        seen.add(twin)
                        longer.append([*chain, twin])
            chains = longer
        return []

    def release(self, item: int, kept: Collection[int] = ()) -> bool:
        """Open a held item again: every holder of the chain moves on to the next twin."""
        chain = self.exchange(item, kept)
        if not chain:
            return False
        holders = [self.holder.pop(one) for one in chain[:-1]]
        cents = holders[0].parts[0][1]
        for found, twin in zip(holders, chain[1:], strict=True):
            found.parts = [(twin, cents)]
            self.holder[twin] = found
        self.open[chain[-1]], self.open[item] = 0, cents
        self.held[self.partner[item] * 2 + self.side[item]].append(chain[-1])
        self.pool[self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]].append(item)
        return True

    def advance(self, business: int) -> None:
        """Let the passes that search line by line see the items due until some days after this one."""
        if not self.indexed:
            self.waiting = [item for item, cents in enumerate(self.open) if cents > 0]
            self.waiting.sort(key=self.due.__getitem__, reverse=True)
            self.indexed = True
            self.wanted = {abs(cents) for line, cents in enumerate(self.cents) if not self.state[line]}
        waiting, due, last = self.waiting, self.due_business, business + self.rules.windows.early
        pool, exact, amounts = self.pool, self.exact, self.amounts
        partner, side, carrier, wanted = self.partner, self.side, self.carrier, self.wanted
        while waiting and due[waiting[-1]] <= last:
            item = waiting.pop()
            if cents := self.open[item]:
                key = partner[item] * 4 + side[item] * 2 + carrier[item]
                pool[key].append(item)
                if cents in wanted:
                    exact[key * _KEY + cents].append(item)
                    if not carrier[item]:
                        amounts[side[item] * _KEY + cents].append(item)

    def index(self) -> None:
        """Let them see all items."""
        self.advance(1 << 40)

    def in_window(self, item: int, line: int) -> bool:
        """Whether a line may pay an item by its dates."""
        apart = self.business[line] - self.due_business[item]
        return -self.rules.windows.early <= apart <= self.rules.windows.late and self.issued[item] <= self.day[line]

    def undecided(self, lines: Iterable[int]) -> list[int]:
        """Those of the lines that nothing explains yet."""
        return [line for line in lines if not self.state[line]]


def packed(column: pl.Series) -> array[int]:
    """A column of whole numbers as an array: a ninth of the memory of a list, and as quick to read one by one."""
    values = array("q")
    values.frombytes(column.cast(pl.Int64).to_numpy().tobytes())
    return values


def business_days(days: pl.Series, holidays: Sequence[dt.date]) -> array[int]:
    """Dates as a count of business days; a day off counts as the business day after it."""
    closed = np.array(holidays, dtype="datetime64[D]")
    unique = days.unique().sort()
    counted = np.busday_count(np.datetime64("1990-01-01"), unique.to_numpy().astype("datetime64[D]"), holidays=closed)
    return packed(days.replace_strict(unique, pl.Series(counted), return_dtype=pl.Int64))
