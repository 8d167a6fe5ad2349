"""Time: aware, monotonic across processes of a boot, and a business date that moves deadlines but no timestamp."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest

from retaguarda.clock import SAO_PAULO, Clock, boot_id
from tests.house import SetClock


def test_the_wall_clock_is_aware_and_in_sao_paulo() -> None:
    now = Clock().now()
    assert now.tzinfo is SAO_PAULO
    assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)


def test_monotonic_time_never_goes_back_and_is_shared_by_processes_of_a_boot() -> None:
    clock = Clock()
    before = clock.monotonic()
    code = "from retaguarda.clock import Clock; c = Clock(); print(c.monotonic(), c.boot_id())"
    told, boot = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert before <= float(told) <= clock.monotonic()
    assert boot == clock.boot_id() == boot_id()


def test_a_business_date_rehearses_a_day_and_leaves_timestamps_real() -> None:
    clock = Clock(dt.date(2020, 2, 29))
    assert clock.rehearsal
    assert clock.today() == dt.date(2020, 2, 29)
    assert clock.now().year > 2020
    rehearsed = SetClock(dt.date(2026, 10, 9))
    rehearsed.advance(90)
    assert rehearsed.business_now() == dt.datetime(2026, 10, 9, 9, 1, 30, tzinfo=SAO_PAULO)
    assert SetClock().business_now() == SetClock().now()
    assert not Clock().rehearsal
    assert Clock().today() == Clock().now().date()


def test_the_offset_changes_only_when_somebody_sets_the_clock() -> None:
    clock = SetClock()
    before = clock.offset()
    clock.advance(3600)
    assert clock.offset() == pytest.approx(before, abs=0.001)
    clock.set_wall(-90)
    assert clock.offset() == pytest.approx(before - 90, abs=0.001)


def test_a_pause_waits() -> None:
    clock = Clock()
    before = clock.monotonic()
    clock.pause(0.01)
    assert clock.monotonic() - before >= 0.01
