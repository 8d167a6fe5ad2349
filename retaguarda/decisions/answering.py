"""What people answered in the accountants' workbook, carried out: each answer confirms or rejects the proposal of its line."""

from __future__ import annotations

import datetime as dt
import enum

from retaguarda.decisions.register import SHORT, confirm, reject
from retaguarda.errors import Conflict
from retaguarda.reconcile.answers import Answer
from retaguarda.store.models import DecisionState, MatchDecision


class Outcome(enum.StrEnum):
    """What an answer did."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    KNOWN = "known already"
    UNANSWERED = "not answered"


def carry_out(answer: Answer, by: str, at: dt.datetime, *, dry_run: bool = False) -> Outcome:
    """Confirm or reject the proposal of a line; an answer that was carried out before changes nothing.

    Raises Conflict when the line has no proposal, or several; what `confirm` raises goes through.
    """
    if answer.approved is None:
        return Outcome.UNANSWERED
    rows = list(MatchDecision.objects.filter(line=answer.line_id).order_by("pk"))
    waiting = [row for row in rows if row.state == DecisionState.PROPOSED]
    became = DecisionState.STANDS if answer.approved else DecisionState.REJECTED
    if not waiting and any(row.state == became for row in rows):
        return Outcome.KNOWN
    if len(waiting) != 1:
        keys = ", ".join(row.key[:SHORT] for row in waiting)
        problem = f"line {answer.line_id} has several proposals: {keys}" if waiting else f"line {answer.line_id} has no proposal"
        raise Conflict(problem, remedy="see: retaguarda reconcile proposals")
    if not dry_run and answer.approved:
        confirm(waiting[0], by, at, answer.reason)
    elif not dry_run:
        reject(waiting[0], by, at, answer.reason)
    return Outcome.CONFIRMED if answer.approved else Outcome.REJECTED
