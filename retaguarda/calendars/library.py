"""Holidays by the rules of the `holidays` package. Those of the years around now are kept beside this module, as the package gave them:
loading it takes a tenth of a second, ten megabytes, and every process of ours asks for a calendar.

`python -m retaguarda.calendars.library` writes them anew; it has to be done when the package gets another version, since what is kept
counts for that version only.
"""

from __future__ import annotations

import datetime as dt
import functools
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path

LIBRARIES = ("BR", "BR-SP", "BVMF")
KEPT = Path(__file__).with_name("library.json")
YEARS = range(2015, 2046)


@functools.cache
def library_days(library: str, year: int) -> Mapping[dt.date, str]:
    """The days of a year on which nobody works by these rules, with their names in Portuguese."""
    return _kept().get((library, year)) or computed(library, year)


@functools.cache
def library_version() -> str:
    """The version of the package that is installed."""
    return importlib.metadata.version("holidays")


def computed(library: str, year: int) -> Mapping[dt.date, str]:
    """The same, by the package itself."""
    import holidays

    if library == "BVMF":
        return dict(holidays.financial_holidays(library, years=year, language="pt_BR"))
    country, _, state = library.partition("-")
    return dict(holidays.country_holidays(country, subdiv=state or None, years=year, language="pt_BR"))


@functools.cache
def _kept() -> Mapping[tuple[str, int], Mapping[dt.date, str]]:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    if kept["version"] != library_version():
        return {}
    found: dict[tuple[str, int], dict[dt.date, str]] = {}
    for library, days in kept["days"].items():
        for text, name in days.items():
            day = dt.date.fromisoformat(text)
            found.setdefault((library, day.year), {})[day] = name
    return found


def keep() -> None:
    """Write what the package gives."""
    days = {
        library: {day.isoformat(): name for year in YEARS for day, name in sorted(computed(library, year).items())} for library in LIBRARIES
    }
    kept = {"version": library_version(), "days": days}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    keep()
