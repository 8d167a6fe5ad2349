"""The working state of one reconciliation: what is open of every item, what became of every line. Passes write here only."""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from retaguarda.errors import RetaguardaError
from retaguarda.reconcile.matching.columns import among, grouped, ordered, spread
from retaguarda.reconcile.matching.facts import DAYS, KEY, PLAIN, Facts
from retaguarda.reconcile.matching.model import LineClass

OPEN, MATCHED = 0, 1
CLASSES = (LineClass.UNMATCHED, LineClass.MATCH, *(one for one in LineClass if one not in {LineClass.UNMATCHED, LineClass.MATCH}))
CODE = {one: code for code, one in enumerate(CLASSES)}


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


@dataclass
class Board(Facts):
    """What has become of every line, and what is left of every item."""

    # lines
    settled: list[Settled] = field(default_factory=list)
    state: bytearray = field(default_factory=bytearray)
    counterpart: dict[int, int] = field(default_factory=dict)
    reason: dict[int, str] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    """Lines whose subset search reached its bound."""
    title: dict[int, int] = field(default_factory=dict)
    """The item whose nosso número a line names."""
    paid: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    """Lines that paid exactly or by a formula, by payers (as `who` counts them) and amount."""

    # items
    open: array[int] = field(default_factory=lambda: array("q"))
    pool: dict[int, list[int]] = field(default_factory=dict)
    """The open items of a partner, side and carrier that was asked for, by due date."""
    exact: dict[int, list[int]] = field(default_factory=dict)
    """Items by partner, side, carrier and amount; amounts that no line has are left out."""
    rests: dict[int, list[int]] = field(default_factory=dict)
    """Items that were settled in part, by side and what was left of them, whoever the partner is."""
    indexed: bool = False
    by_number: dict[int, list[int]] = field(default_factory=dict)
    claimed: set[int] = field(default_factory=set)
    """Items that a line still to be decided names: others take them only when nothing else fits."""
    takers: dict[int, list[int]] = field(default_factory=dict)
    """Which lines settled a claimed item, or parts of it."""
    holder: dict[int, Settled] = field(default_factory=dict)
    """Who took an item that had open twins (same partner, side and amount): the twin would have done as well."""
    held: dict[int, list[int]] = field(default_factory=dict)
    in_part: dict[int, set[int]] = field(default_factory=dict)
    """The plain items that are, or were, settled in part, by partner."""
    held_cents: array[int] = field(default_factory=lambda: array("q"))
    """What the holder of an item took of it; zero for items without holder."""

    def settle(self, found: Settled) -> None:
        """Take a decision: the line is done, its items are open by so much less."""
        self.state[found.line] = MATCHED
        for item, cents in found.parts:
            left = self.open[item] - cents
            if left < 0 or cents <= 0:
                raise RetaguardaError(f"Item {self.items['item_id'][item]} would be settled beyond what is open of it.")
            self.open[item] = left
            if item in self.claimed:
                self.takers.setdefault(item, []).append(found.line)
            if left > 0:
                self._again(item)
        self.settled.append(found)

    def settle_pairs(self, found: Sequence[Settled]) -> None:
        """Take many decisions at once: each line settles all that is open of one item, which no other line names."""
        self.settled += found
        np.frombuffer(self.state, dtype=np.uint8)[[one.line for one in found]] = MATCHED
        np.asarray(self.open)[[one.parts[0][0] for one in found]] = 0

    def take_back(self, places: Collection[int]) -> None:
        """Undo decisions, named by their places: their lines and items are open again."""
        gone = set(places)
        for found in [self.settled[place] for place in places]:
            self.state[found.line] = OPEN
            for item, cents in found.parts:
                self.open[item] += cents
                self.pool.pop(self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item], None)
                if self.holder.pop(item, None):
                    self.held_cents[item] = 0
        self.settled = [found for place, found in enumerate(self.settled) if place not in gone]

    def remember(self, line: int) -> None:
        """Note that a line paid what was due: the same again within days is a payment made twice, unless it finds its own item."""
        self.paid.setdefault((self.who[self.key[line]], self.cents[line]), []).append(line)

    def earlier(self, line: int) -> int | None:
        """The line of the same payer and amount that paid what was due a few days before."""
        key = self.key[line]
        before = self.paid.get((self.who[key], self.cents[line]))
        if not before or not self.identities[key][0]:
            return None
        day, window = self.business[line], self.rules.windows.repeated_payment
        for other in reversed(before):
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

    def classify_all(self, lines: np.ndarray, line_class: LineClass, reason: str) -> None:
        """The same of many lines at once."""
        np.frombuffer(self.state, dtype=np.uint8)[lines] = CODE[line_class]
        self.reason.update(dict.fromkeys(lines.tolist(), reason))

    def open_of(self, partner: int, side: int, carrier: int = PLAIN) -> list[int]:
        """The open items of a partner by due date; what is settled is forgotten on the way."""
        key, cents = partner * 4 + side * 2 + carrier, self.open
        found = self.pool.get(key)
        if found is None:
            sides, carriers = self.side, self.carrier
            all_items = range(self.first[partner], self.first[partner + 1])
            found = [item for item in all_items if cents[item] and sides[item] == side and carriers[item] == carrier]
        else:
            found = [item for item in found if cents[item]]
        self.pool[key] = found
        return found

    def payable(self, line: int, partner: int, side: int) -> list[int]:
        """The open items of a partner that a line may pay by its dates, by due date; boletos and claimed ones are left out."""
        found = self.open_of(partner, side)
        if not found:
            return found
        day, business, due, issued = self.day[line], self.business[line], self.due_business, self.issued
        first, last, claimed = business - self.rules.windows.late, business + self.rules.windows.early, self.claimed
        return [item for item in found if first <= due[item] <= last and issued[item] <= day and item not in claimed]

    def fitting(self, line: int, payers: Sequence[int]) -> np.ndarray:
        """The open items of these partners that a line may pay by its dates; boletos are left out."""
        around = np.asarray(payers, dtype=np.int64) * DAYS + self.business[line]
        first = self.shelf.searchsorted(around - self.rules.windows.late, "left")
        last = self.shelf.searchsorted(around + self.rules.windows.early, "right")
        item = np.arange(first[0], last[0]) if len(payers) == 1 else spread(first, last)[1]
        opened, side, carrier = np.asarray(self.open)[item], np.asarray(self.side)[item], np.asarray(self.carrier)[item]
        fits = (opened > 0) & (side == self.side_of(line)) & (carrier == PLAIN) & (np.asarray(self.issued)[item] <= self.day[line])
        fitting: np.ndarray = item[fits]
        return fitting

    def exactly(self, partner: int, side: int, cents: int, carrier: int = PLAIN) -> list[int]:
        """The open items of a partner of exactly this amount, by due date."""
        found = self.exact.get((partner * 4 + side * 2 + carrier) * KEY + cents)
        if not found:
            return []
        return [item for item in found if self.open[item] == cents]

    def _again(self, item: int) -> None:
        """An item that is partly settled can be found by what is left of it, and by its partner."""
        key = (self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]) * KEY + self.open[item]
        if item not in self.exact.setdefault(key, []):
            self.exact[key].append(item)
            self.rests.setdefault(self.side[item] * KEY + self.open[item], []).append(item)
        if self.carrier[item] == PLAIN:
            self.in_part.setdefault(self.partner[item], set()).add(item)

    def has_twins(self, item: int, cents: int) -> bool:
        """Whether another item of the same partner, side and amount was ever seen."""
        key = self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]
        return len(self.exact.get(key * KEY + cents, ())) > 1

    def hold(self, item: int, found: Settled) -> None:
        """Remember that an item with twins was taken; `release` may still exchange it."""
        self.holder[item], self.held_cents[item] = found, found.parts[0][1]
        self.held.setdefault(self.partner[item] * 2 + self.side[item], []).append(item)

    def amount(self, item: int) -> int:
        """What is open of an item, or was before its holder took it."""
        return self.open[item] or self.held_cents[item]

    def exchange(self, item: int, kept: Collection[int] = ()) -> list[int]:
        """The chain of twins that frees a held item: its holder takes the second, whose holder takes the third, the last is open.

        Twins of `kept` stay as they are.
        """
        found = self.holder.get(item)
        if found is None or self.open[item]:
            return []
        cents = found.parts[0][1]
        key = (self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item]) * KEY + cents
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
            self.holder[twin], self.held_cents[twin] = found, cents
        self.open[chain[-1]], self.open[item], self.held_cents[item] = 0, cents, 0
        self.held[self.partner[item] * 2 + self.side[item]].append(chain[-1])
        there = self.pool.get(self.partner[item] * 4 + self.side[item] * 2 + self.carrier[item], [item])
        if item not in there:
            bisect.insort(there, item)
        return True

    def index(self) -> None:
        """Let the passes that search line by line find items by partner and amount."""
        if self.indexed:
            return
        self.indexed = True
        self.exact = grouped(*self.by_exact_amount())

    def _wanted(self) -> np.ndarray:
        """The items of which so much is open as an open line has."""
        cents = np.asarray(self.open)
        return np.flatnonzero((cents > 0) & among(cents, np.abs(np.asarray(self.cents)[self.is_open])))

    def by_exact_amount(self) -> tuple[np.ndarray, np.ndarray]:
        """Keys of partner, side, carrier and amount in their order, and the wanted item of each."""
        item = self._wanted()
        cents, partner, side, carrier = (np.asarray(column)[item] for column in (self.open, self.partner, self.side, self.carrier))
        return ordered((partner * 4 + side * 2 + carrier) * KEY + cents, item)

    @cached_property
    def is_claimed(self) -> np.ndarray:
        """Which items are claimed, as a column; first asked for when the claims stand."""
        column = np.zeros(len(self.open), dtype=bool)
        column[list(self.claimed)] = True
        return column

    @property
    def is_open(self) -> np.ndarray:
        """Which lines nothing explains yet, as a column."""
        column: np.ndarray = np.frombuffer(self.state, dtype=np.uint8) == OPEN
        return column

    def open_lines(self) -> list[int]:
        """All lines that nothing explains yet."""
        return np.flatnonzero(self.is_open).tolist()

    def undecided(self, lines: Iterable[int]) -> list[int]:
        """Those of the lines that nothing explains yet."""
        return [line for line in lines if not self.state[line]]
