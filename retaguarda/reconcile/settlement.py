"""CCEE's settlement of the short-term market against the bank: what the list says of our agents, and what the custody account shows."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.formats.ccee_settlement import Settled
from retaguarda.model.statements import Entry
from retaguarda.model.values import Month, plain

CCEE = re.compile(r"\bCCEE\b|LIQ\w* FINANCEIRA|CAMARA DE COMERCIALIZACAO")
"""What the statement calls movements of the settlement."""


class SettlementOutcome(enum.StrEnum):
    """What became of one agent's line of the settlement, or of a movement that no line explains."""

    SETTLED = "settled"
    DIFFERS = "settlement-differs"
    MISSING_AT_BANK = "missing-at-bank"
    MISSING_IN_LIST = "missing-in-list"
    IN_DEFAULT = "in-default"  # settled as told, but less than was due


@dataclass(frozen=True, slots=True)
class SettlementComparison:
    """One agent and month: due, settled and in default by CCEE's list; moved at the bank."""

    outcome: SettlementOutcome
    month: Month
    agent: str
    due: Decimal
    settled: Decimal
    default: Decimal
    moved: Decimal
    date: dt.date | None = None
    line: int = 0
    """Of the movement, in its file."""

    @property
    def difference(self) -> Decimal:
        """Bank minus list."""
        return self.moved - self.settled

    @property
    def is_break(self) -> bool:
        return self.outcome is not SettlementOutcome.SETTLED


def compare_settlement(
    listed: Iterable[Settled], entries: Iterable[Entry], agents: Iterable[str], month: Month
) -> tuple[SettlementComparison, ...]:
    """Our agents' lines of `month` against the movements of the two months after it that CCEE's settlement names.

    Equal amounts meet first; a line and a movement of the same sign that are left alone differ.
    """
    wanted = {" ".join(plain(agent).split()) for agent in agents}
    rows = sorted((r for r in listed if r.agent in wanted and r.settled), key=lambda r: (r.agent, r.settled))
    rows += sorted((r for r in listed if r.agent in wanted and not r.settled), key=lambda r: r.agent)
    until = month.shifted(2).last
    moves = sorted(
        (e for e in entries if not e.checkpoint and month.last < e.date <= until and CCEE.search(plain(e.description))),
        key=lambda e: (e.date, e.line),
    )
    out: list[SettlementComparison] = []
    left: list[Settled] = []
    for row in rows:
        move = next((m for m in moves if m.amount == row.settled), None)
        if move is None and row.settled:
            left.append(row)
            continue
        if move is not None:
            moves.remove(move)
        out.append(_found(row, move, month))
    for row in left:
        near = [m for m in moves if (m.amount > 0) == (row.settled > 0)]
        if len(near) == 1:
            moves.remove(near[0])
            out.append(_of(SettlementOutcome.DIFFERS, row, near[0], month))
        else:
            out.append(_of(SettlementOutcome.MISSING_AT_BANK, row, None, month))
    nobody = Settled("", Decimal("0.00"), Decimal("0.00"), Decimal("0.00"), 0)
    out.extend(_of(SettlementOutcome.MISSING_IN_LIST, nobody, move, month) for move in moves)
    return tuple(out)


def _found(row: Settled, move: Entry | None, month: Month) -> SettlementComparison:
    whole = not row.default and row.due == row.settled
    return _of(SettlementOutcome.SETTLED if whole else SettlementOutcome.IN_DEFAULT, row, move, month)


def _of(outcome: SettlementOutcome, row: Settled, move: Entry | None, month: Month) -> SettlementComparison:
    moved = move.amount if move else Decimal("0.00")
    return SettlementComparison(
        outcome, month, row.agent, row.due, row.settled, row.default, moved, move.date if move else None, move.line if move else 0
    )
