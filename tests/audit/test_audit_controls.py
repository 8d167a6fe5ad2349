"""A sample of bench/controls.py: a control that is taken out is missed by its test, and one that cannot be taken out is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.controls import CONTROLS, ROOT, outcome


def test_every_control_stands_in_the_code_where_the_list_says() -> None:
    assert [one.name for one in CONTROLS if one.held not in (ROOT / one.file).read_text(encoding="utf-8")] == []
    assert [one.name for one in CONTROLS if not (ROOT / one.test.partition("::")[0]).exists()] == []


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_a_control_that_is_taken_out_is_missed_and_one_that_stays_is_not(tmp_path: Path) -> None:
    [control] = [one for one in CONTROLS if one.name == "one transaction for state and event"]
    assert outcome(control, tmp_path / "tree") == "noticed"
    assert outcome(replace(control, gone=control.held), tmp_path / "tree") == "not noticed (pytest ended with 0)"
    assert outcome(replace(control, held="no such code"), tmp_path / "tree").startswith("its code reads otherwise")
