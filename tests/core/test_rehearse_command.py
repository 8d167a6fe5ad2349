"""`retaguarda rehearse`: seeds as people write them, and the bench's own verdict as the exit code."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from retaguarda.console import rehearse
from retaguarda.console.cli import app
from retaguarda.errors import ConfigurationError


@pytest.mark.parametrize(
    ("seeds", "given"),
    [("", []), ("7", ["--seed=7"]), ("7..7", ["--seed=7"]), ("1..500", ["--first=1", "--seeds=500"])],
)
def test_seeds_are_one_or_a_range(seeds: str, given: list[str]) -> None:
    assert rehearse._which(seeds) == given


@pytest.mark.parametrize("seeds", ["1-5", "5..1", "x", "..5"])
def test_what_is_no_range_is_told(seeds: str) -> None:
    with pytest.raises(ConfigurationError, match="seed"):
        rehearse._which(seeds)


def test_a_schedule_is_played(capfd: pytest.CaptureFixture[str]) -> None:
    done = CliRunner().invoke(app, ["rehearse", "sim", "--seeds", "1188", "--json"])
    told = json.loads(capfd.readouterr().out)
    assert (done.exit_code, told["schedules"], told["broken"]) == (0, 1, [])
