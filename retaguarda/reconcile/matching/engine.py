"""The pipeline: passes by name, run in the order of the rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retaguarda.errors import ConfigurationError
from retaguarda.reconcile.matching import days, instalments, leftovers, lost_returns, lots, offsets, references, returns
from retaguarda.reconcile.matching.board import Board
from retaguarda.reconcile.matching.collecting import not_collecting
from retaguarda.reconcile.matching.differences import Differences
from retaguarda.reconcile.matching.model import Provenance
from retaguarda.reconcile.matching.preparation import prepare
from retaguarda.reconcile.matching.result import Result, result_of
from retaguarda.reconcile.matching.rules import MatchingRules
from retaguarda.reconcile.matching.tables import Inputs


@dataclass(frozen=True, slots=True)
class Work:
    """What a pass works with."""

    board: Board
    inputs: Inputs
    differences: Differences


Pass = Callable[[Work], None]
PASSES: dict[str, Pass] = {
    "reversals": lambda work: offsets.reversals(work.board),
    "return_files": lambda work: returns.by_return_file(work.board),
    "our_numbers": lambda work: returns.by_our_number(work.board, work.differences),
    "payment_lots": lambda work: lots.by_lot_number(work.board),
    "references": lambda work: references.by_reference(work.board, work.differences),
    "days": lambda work: days.in_date_order(work.board, work.differences),
    "lost_returns": lambda work: lost_returns.by_neighbours(work.board, work.inputs.accounts, work.differences),
    "lotless_batches": lambda work: lots.without_lot(work.board),
    "instalments": lambda work: instalments.instalments(work.board),
    "named_in_part": lambda work: references.named_in_part(work.board),
    "lone_amounts": lambda work: leftovers.lone_amounts(work.board),
    "repeated_payments": lambda work: offsets.repeated_payments(work.board),
}
"""To add a pass, write a function of the work, name it here and give it its place in `config/matching.toml`."""


@not_collecting()
def match(inputs: Inputs, rules: MatchingRules, holidays: Sequence[dt.date] = ()) -> Board:
    """The board after all passes; the same for the same rows in any order."""
    if unknown := set(rules.passes) - set(PASSES):
        raise ConfigurationError(f"matching.toml: there is no pass {', '.join(sorted(unknown))}; known are {', '.join(PASSES)}.")
    board = prepare(inputs, rules, holidays)
    work = Work(board, inputs, Differences(rules.explain))
    for name in rules.passes:
        PASSES[name](work)
    return board


@not_collecting()
def reconcile(inputs: Inputs, rules: MatchingRules, holidays: Sequence[dt.date] = ()) -> Result:
    """The judged result of all passes, with what it was made from."""
    return result_of(match(inputs, rules, holidays), Provenance(inputs.digest, rules.digest, rules.version), inputs.rejections)
