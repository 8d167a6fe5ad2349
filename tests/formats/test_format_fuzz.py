"""A short sample of `python -m bench.fuzz`, and every input that a reader once did not stand."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.formats.fuzz import CORPUS, problem, samples, spoilt


@pytest.mark.parametrize("seed", range(4))
def test_spoilt_files_are_read_or_refused(seed: int) -> None:
    among = [path for path in samples() if path.suffix != ".pdf"]  # a process each: `bench.fuzz` has them
    found = [(number, told) for number, data in enumerate(islice(spoilt(seed, among), 400)) if (told := problem(data))]
    assert found == []


@pytest.mark.parametrize("path", sorted(path for path in CORPUS.iterdir() if path.suffix == ".bin"), ids=lambda path: path.stem[:12])
def test_what_once_broke_a_reader_no_longer_does(path: Path) -> None:
    assert problem(path.read_bytes()) == ""
