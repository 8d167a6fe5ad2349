"""The store on a real PostgreSQL server."""

from __future__ import annotations

from tests.conftest import OpenStore
from tests.house import House


def test_any(any_house: House) -> None:
    record = any_house.record()
    assert any_house.services.runs.get(record.pk[-8:]) == record


def test_any2(any_store: OpenStore) -> None:
    pass
