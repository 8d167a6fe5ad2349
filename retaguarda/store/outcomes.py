"""How the items of a run ended, counted for people."""

from __future__ import annotations

from collections import Counter

from retaguarda.store.models import ItemState, RunRecord

_BY_STATE = {
    ItemState.UNCERTAIN: "uncertain",
    ItemState.DEFERRED: "uncertain",
    ItemState.IN_PROGRESS: "uncertain",
    ItemState.FAILED_APPLICATION: "failed",
    ItemState.NEW: "open",
}
FROM_RESULT = ("breaks", "held")
"""Counts that a task tells in its result: breaks found, items held back."""


def outcome_counts(run: RunRecord) -> Counter[str]:
    """Outcome → items: done, already, planned, refused, refused_before, rejected, uncertain, failed, open, breaks, held."""
    found: Counter[str] = Counter(_BY_STATE.get(ItemState(item.state), item.outcome or "open") for item in run.items.all())
    result = run.result if isinstance(run.result, dict) else {}
    return found + Counter({name: int(result.get(name, 0)) for name in FROM_RESULT})
