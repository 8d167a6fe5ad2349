"""The kept days of the `holidays` package: what it gives, or nothing."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest

from retaguarda.calendars import library


def test_what_is_kept_is_what_the_installed_package_gives() -> None:
    kept = json.loads(library.KEPT.read_text(encoding="utf-8"))
    assert kept["version"] == library.library_version(), "run python -m retaguarda.calendars.library"
    for name in library.LIBRARIES:
        for year in library.YEARS:
            assert library.library_days(name, year) == library.computed(name, year)


def test_a_year_that_is_not_kept_is_asked_of_the_package() -> None:
    assert library.library_days("BVMF", 2099)[dt.date(2099, 12, 25)] == "Natal"


def test_what_was_kept_of_another_version_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "library.json"
    stale.write_text(json.dumps({"version": "0.1", "days": {"BVMF": {"2026-02-30": "Nunca"}}}), encoding="utf-8")
    monkeypatch.setattr(library, "KEPT", stale)
    for cached in (library.library_days, library._kept):
        cached.cache_clear()
    assert library.library_days("BVMF", 2026) == library.computed("BVMF", 2026)
    for cached in (library.library_days, library._kept):
        cached.cache_clear()


def test_a_calendar_of_these_years_loads_no_package() -> None:
    asked = "from retaguarda.calendars.calendar import banks; import sys; banks().holidays(2026); sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
