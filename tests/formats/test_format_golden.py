"""Every sample beside its golden reading. A reading that changes on purpose: run this file as a script and review the diff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retaguarda.formats import identify, is_return, read_returns, read_statements
from retaguarda.formats.source import Source
from retaguarda.model.reconciliation import as_dict

DATA = Path(__file__).parent / "data"
SAMPLES = sorted(path for path in DATA.iterdir() if path.suffix not in {".json", ".rem"})


def told(path: Path) -> object:
    data = path.read_bytes()
    values = read_returns(data) if is_return(Source.of(data)) else read_statements(data)
    return {"format": identify(data).value, "read": as_dict(values)}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_read_as_its_golden_file_says(path: Path) -> None:
    assert told(path) == json.loads((DATA / f"{path.name}.json").read_text(encoding="utf-8"))


def test_every_golden_file_has_its_sample() -> None:
    assert {path.name for path in DATA.glob("*.json")} == {f"{path.name}.json" for path in SAMPLES}


if __name__ == "__main__":
    for sample in SAMPLES:
        golden = json.dumps(told(sample), ensure_ascii=False, indent=1)
        (DATA / f"{sample.name}.json").write_text(golden + "\n", encoding="utf-8")
