"""A sample of the sweep over the log's system calls and of power cuts (bench/disk.py plays all of them)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from retaguarda.audit.log import AuditLog
from retaguarda.errors import StoreUnavailable
from tests.audit import disk, power
from tests.audit.disk import points, violations
from tests.audit.logs import tell

SAMPLE = 9


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_whatever_call_is_killed_or_fails_state_and_log_agree_and_nothing_acknowledged_is_lost(migrated: Path, tmp_path: Path) -> None:
    every = points(migrated, tmp_path / "run", count=1)
    assert {point.fault for point in every} == {"kill", "EIO", "ENOSPC"}
    chosen = every[:: max(1, len(every) // SAMPLE)]
    assert [problem for point in chosen for problem in violations(migrated, tmp_path / "run", 1, point)] == []


def test_the_sweep_notices_an_injection_that_does_not_fire(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = disk.Point("fdatasync", 9_999, "kill")
    assert "it did not fire" in next(violations(migrated, tmp_path / "run", 1, point))


def test_a_power_cut_loses_nothing_that_was_acknowledged(migrated: Path, tmp_path: Path) -> None:
    before, calls = power.recorded(migrated, tmp_path / "run", 2)
    assert list(power.cut(before, calls, random.Random(7), tmp_path / "cuts", 20, 2)) == []
    assert before.said, "nothing was acknowledged before the last cut"


def test_the_power_cuts_notice_a_log_that_is_not_flushed(migrated: Path, tmp_path: Path) -> None:
    before, calls = power.recorded(migrated, tmp_path / "run", 2, "unflushed")
    assert any("lost" in problem or "go on" in problem for problem in power.cut(before, calls, random.Random(7), tmp_path / "cuts", 12, 2))


@pytest.mark.parametrize("torn", [b"\0" * 900 + b'"}\n', b'{"seq":3,"id":"' + b"\0" * 300 + b'"item":"x"}\n{"seq":4}\n', b'{"seq":3'])
def test_what_a_power_cut_tore_behind_the_sealed_lines_is_written_again(store: Path, tmp_path: Path, torn: bytes) -> None:
    log = AuditLog(tmp_path / "audit")
    tell(3)
    log.seal()
    with (log.folder / "segments" / "000001.jsonl").open("ab") as file:
        file.write(torn)
    tell(2)
    made = AuditLog(tmp_path / "audit").seal()
    assert made is not None
    assert (made.size, len(list(log.lines()))) == (5, 5)


def test_a_sealed_line_that_is_no_event_is_never_cut(store: Path, tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit")
    tell(3)
    log.seal()
    path = log.folder / "segments" / "000001.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\0" * (len(lines[2]) - 1) + b"\n"]))
    tell(1)
    with pytest.raises(StoreUnavailable, match="was changed"):
        AuditLog(tmp_path / "audit").seal()
    assert len(path.read_bytes().splitlines()) == 3
