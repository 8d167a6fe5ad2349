"""A progress that tells nobody."""

from __future__ import annotations

from retaguarda.store.models import Item, RunRecord


class SilentProgress:
    """Tells nobody: for `--json` and unattended runs."""

    def stage(self, run: RunRecord, text: str) -> None:
        pass

    def total(self, run: RunRecord, items: int) -> None:
        pass

    def item(self, run: RunRecord, item: Item) -> None:
        pass
