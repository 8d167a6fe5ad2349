"""Processes: what a task takes, read from texts and written back, and refused in words when it is wrong."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month, Period
from retaguarda.process import Artifact, Process, from_text, processes_of, task, to_text
from retaguarda.run import Run

SHA = "ab" * 32


@dataclass(frozen=True)
class Result:
    """What a task found."""

    total: Decimal
    files: tuple[Artifact, ...]
    day: dt.date | None = None


@task
def example(
    run: Run,
    month: Month,
    files: tuple[Artifact, ...],
    sheet: Path | None = None,
    credential: str = "ccee/robo",
    again: bool = False,
    count: int = 3,
    limit: Decimal = Decimal("0.05"),
    period: Period | None = None,
    day: dt.date | None = None,
) -> Result:
    """Do an example.

    And nothing else.
    """
    return Result(limit, files, day)


@task(composed=True)
def nothing(run: Run) -> None:
    """Do nothing."""


def test_a_task_is_a_process_with_a_name_a_summary_and_parameters() -> None:
    assert (example.name, example.summary, example.composed, nothing.composed) == ("example", "Do an example.", False, True)
    assert [parameter.name for parameter in example.parameters if parameter.required] == ["month", "files"]
    assert processes_of([sys.modules[__name__]]) == {"example": example, "nothing": nothing}


def test_texts_become_typed_values() -> None:
    bound = example.bind({
        "month": "10/2026",
        "files": f"sha256:{SHA}/a.ofx;{SHA}/b.ofx",
        "sheet": "boletas.xlsx",
        "again": "Sim",
        "count": "7",
        "limit": "0.10",
        "period": "2026-10-01..2026-10-31",
        "day": "2026-10-09",
    })  # fmt: skip
    assert bound == {
        "month": Month(2026, 10),
        "files": (Artifact(SHA, "a.ofx"), Artifact(SHA, "b.ofx")),
        "sheet": Path("boletas.xlsx"),
        "again": True,
        "count": 7,
        "limit": Decimal("0.10"),
        "period": Period(dt.date(2026, 10, 1), dt.date(2026, 10, 31)),
        "day": dt.date(2026, 10, 9),
    }
    assert example.bind({"month": "2026-10", "files": "", "sheet": "", "again": "não"}) == {
        "month": Month(2026, 10),
        "files": (),
        "sheet": None,
        "again": False,
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"month": "2026-10"}, "needs files"),
        ({}, "needs month, files"),
        ({"month": "2026-10", "files": "", "mes": "1"}, "no parameter 'mes'"),
        ({"month": "2026-13", "files": ""}, "parameter month"),
        ({"month": "2026-10", "files": "a.ofx"}, "parameter files: not an artifact"),
        ({"month": "2026-10", "files": "../" * 20 + "etc/"}, "parameter files: not an artifact"),
        ({"month": "2026-10", "files": "", "count": "many"}, "parameter count"),
        ({"month": "2026-10", "files": "", "limit": "R$ 5"}, "parameter limit"),
        ({"month": "2026-10", "files": "", "again": "maybe"}, "parameter again: neither yes nor no"),
        ({"month": "2026-10", "files": "", "day": "31/02/2026"}, "parameter day"),
    ],
)
def test_what_is_missing_unknown_or_wrong_is_named(given: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        example.bind(given)


def test_a_parameter_without_a_text_form_is_a_defect_that_is_named() -> None:
    def odd(run: Run, table: dict[str, str]) -> None:
        """Take a table."""

    with pytest.raises(ConfigurationError, match="no text form"):
        Process("odd", odd).bind({"table": "x"})


VALUES: list[tuple[Any, Any]] = [
    (Month(2026, 10), Month),
    (Period(dt.date(2026, 10, 1), dt.date(2026, 10, 31)), Period),
    (dt.date(2026, 2, 28), dt.date),
    (Decimal("1234.50"), Decimal),
    (True, bool),
    (False, bool),
    (0, int),
    ("ção", str),
    (None, Path | None),
    (Path("a/b.xlsx"), Path | None),
    ((), tuple[Artifact, ...]),
    ((Artifact(SHA, "extrato; parte 100%.ofx"), Artifact(SHA, "b/c.ofx")), tuple[Artifact, ...]),
]


@pytest.mark.parametrize(("value", "kind"), VALUES)
def test_a_value_becomes_the_text_that_reads_back_as_it(value: Any, kind: Any) -> None:
    assert from_text(to_text(value), kind) == value


@given(st.lists(st.tuples(st.text(alphabet="0123456789abcdef", min_size=64, max_size=64), st.text(max_size=12)), max_size=4))
def test_any_name_that_a_portal_gives_a_file_survives(files: list[tuple[str, str]]) -> None:
    artifacts = tuple(Artifact(*file) for file in files)
    assert from_text(to_text(artifacts), tuple[Artifact, ...]) == artifacts


def test_a_list_that_would_come_apart_elsewhere_is_refused() -> None:
    for torn in (("a;b", "c"), ("a", "")):
        with pytest.raises(ValueError, match="cannot stand in a list"):
            to_text(torn)


def test_a_result_is_stored_and_comes_back_as_it_was() -> None:
    result = Result(Decimal("10.50"), (Artifact(SHA, "a"),), dt.date(2026, 10, 9))
    assert example.load(example.dump(result)) == result
    assert nothing.load(nothing.dump(None)) is None
    with pytest.raises(ValueError, match="validation error"):
        example.load({"total": "x"})
