"""What a reconciliation starts from, as columns: a line is named by its row number, an item too. Nothing here changes while passes run."""

from __future__ import annotations

import datetime as dt
import itertools
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from retaguarda.reconcile.matching.columns import ordered, packed, spread
from retaguarda.reconcile.matching.payers import Identity, Payers
from retaguarda.reconcile.matching.rules import MatchingRules
from retaguarda.reconcile.matching.titles import Told

AR, AP = 0, 1
PLAIN, BOLETO = 0, 1
KEY = 1 << 44
"""Keys of exact amounts: who, times this, plus the cents, which are fewer (`tables` rejects larger amounts)."""
CROWD = 100
"""Of more partners than this, whom a cut name fits all, items are looked for by their amounts first."""
DAYS = 1 << 20
"""Keys of due dates: partner, times this, plus the business day."""


@dataclass
class Facts:
    """Lines and items in the order of their content."""

    rules: MatchingRules
    lines: pl.DataFrame
    items: pl.DataFrame
    payers: Payers
    holidays: Sequence[dt.date] = ()
    told: Told = field(default_factory=Told)
    """What is known of boletos."""

    # lines
    cents: Sequence[int] = ()
    day: Sequence[int] = ()
    business: Sequence[int] = ()
    role: list[str] = field(default_factory=list)
    key: array[int] = field(default_factory=lambda: array("q"))
    identities: list[Identity] = field(default_factory=list)
    """Who lines may be from, by the key of each."""
    references: dict[int, list[int]] = field(default_factory=dict)
    """The invoice numbers that lines name."""
    # items
    gross: Sequence[int] = ()
    partner: Sequence[int] = ()
    side: Sequence[int] = ()
    carrier: Sequence[int] = ()
    due: Sequence[int] = ()
    due_business: Sequence[int] = ()
    issued: Sequence[int] = ()
    number: Sequence[int] = ()
    first: Sequence[int] = ()
    """Where the items of each partner begin, and after the last partner the end; they stand in the order of their due dates."""
    crowds: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    """What was open of the items of a crowd of partners in the beginning, in rising order, and those items."""
    _known_sets: dict[int, tuple[frozenset[int], frozenset[int]]] = field(default_factory=dict)

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

    def in_window(self, item: int, line: int) -> bool:
        """Whether a line may pay an item by its dates."""
        apart = self.business[line] - self.due_business[item]
        return -self.rules.windows.early <= apart <= self.rules.windows.late and self.issued[item] <= self.day[line]

    def crowded(self, lines: np.ndarray) -> np.ndarray:
        """Which of the lines may be from a crowd of partners."""
        start, key = self.payers_of_key[1], np.asarray(self.key)[lines]
        crowded: np.ndarray = start[key + 1] - start[key] > CROWD
        return crowded

    def is_crowd(self, payers: Sequence[int]) -> bool:
        """Whether a name fits so many partners that one of them has what fits almost any amount."""
        return len(payers) > CROWD

    def possible(self, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(line, partner) for all partners that each line may be from."""
        flat, start = self.payers_of_key
        key = np.asarray(self.key)[lines]
        row, payer = spread(start[key], start[key + 1])
        return lines[row], flat[payer]

    @cached_property
    def names_invoices(self) -> np.ndarray:
        """Which lines name invoices, as a column."""
        column = np.zeros(len(self.cents), dtype=bool)
        column[list(self.references)] = True
        return column

    @cached_property
    def whole(self) -> array[int]:
        """What was open of every item in the beginning."""
        return packed(self.items["open_amount"])

    @cached_property
    def shelf(self) -> np.ndarray:
        """Partner and due date of every item as one rising number: the items of a partner due in some days stand together."""
        shelf: np.ndarray = np.asarray(self.partner) * DAYS + np.asarray(self.due_business)
        return shelf

    @cached_property
    def priced(self) -> tuple[np.ndarray, np.ndarray]:
        """Partner and what was open in the beginning of the plain items as one rising number, and those items."""
        plain = np.flatnonzero(np.asarray(self.carrier) == PLAIN)
        return ordered(np.asarray(self.partner)[plain] * KEY + np.asarray(self.whole)[plain], plain)

    @cached_property
    def payers_of_key(self) -> tuple[np.ndarray, np.ndarray]:
        """The partners of all identities one after the other, and where those of each begin."""
        payers = [payers for payers, _ in self.identities]
        count = list(map(len, payers))
        flat = np.fromiter(itertools.chain.from_iterable(payers), dtype=np.int64, count=sum(count))
        return flat, np.concatenate(([0], np.cumsum(count, dtype=np.int64)))

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of every partner, as a column."""
        return np.array(self.payers.group, dtype=np.int64)

    @cached_property
    def who(self) -> list[int]:
        """A number for the payers of every identity; the same for the same payers, however they are known."""
        numbers: dict[tuple[int, ...], int] = {}
        return [numbers.setdefault(payers, len(numbers)) for payers, _ in self.identities]

    @cached_property
    def account(self) -> list[str]:
        """The account of every line; a text for each account, not for each line."""
        accounts = self.lines["account_id"]
        names = accounts.unique().sort().to_list()
        return [names[code] for code in accounts.cast(pl.Enum(names)).to_physical()]

    @cached_property
    def two_sided(self) -> frozenset[int]:
        """The partners with receivables and payables."""
        partner, side = np.asarray(self.partner), np.asarray(self.side)
        return frozenset(np.intersect1d(partner[side == AR], partner[side == AP]).tolist())
