"""A short sample of `python -m bench.chaos`: killed at random, on both stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs.chaos import chaos_at

if TYPE_CHECKING:
    from tests.conftest import OpenStore


@pytest.mark.one_store
@pytest.mark.timeout(400)
def test_killed_at_random_nothing_is_lost_doubled_or_told_otherwise_than_it_is(any_store: OpenStore) -> None:
    chaos = chaos_at(any_store.url, any_store.home, seed=7, workers=2, schedulers=2)
    try:
        chaos.play(15)
        told = chaos.must_hold()
    finally:
        chaos.place.close()
    assert told["registered"]
