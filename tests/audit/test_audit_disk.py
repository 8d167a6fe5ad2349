"""A sample of the sweep over the log's system calls (bench/audit.py --sweep runs all of it)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit import disk
from tests.audit.disk import points, violations

SAMPLE = 9


@pytest.mark.timeout(600)
def test_whatever_call_is_killed_or_fails_state_and_log_agree_and_nothing_acknowledged_is_lost(migrated: Path, tmp_path: Path) -> None:
    every = points(migrated, tmp_path / "run", count=1)
    assert {point.fault for point in every} == {"kill", "EIO", "ENOSPC"}
    chosen = every[:: max(1, len(every) // SAMPLE)]
    assert [problem for point in chosen for problem in violations(migrated, tmp_path / "run", 1, point)] == []


def test_the_sweep_notices_an_injection_that_does_not_fire(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = disk.Point("fdatasync", 9_999, "kill")
    assert "it did not fire" in next(violations(migrated, tmp_path / "run", 1, point))
