"""Every sample beside its golden reading. A reading that changes on purpose: run this file as a script and review the diff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retaguarda.formats import Format, identify, read_returns, read_statements
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from retaguarda.model.reconciliation import as_dict
from tests.formats.streamed import READERS

DATA = Path(__file__).parent / "data"
SAMPLES = sorted(path for path in DATA.iterdir() if path.suffix != ".json")


def told(path: Path) -> object:
    data = path.read_bytes()
    recognised = [name for name, reader in READERS.items() if reader.recognises(data[:8192])]
    assert len(recognised) <= 1, recognised
    for name in recognised:
        return {"format": name, "read": as_dict(collected(READERS[name].parts(Source.of(data))))}
    found = identify(data)
    values = read_returns(data) if found is Format.CNAB240_RETURN else read_statements(data)
    return {"format": found.value, "read": as_dict(values)}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_read_as_its_golden_file_says(path: Path) -> None:
    assert told(path) == json.loads((DATA / f"{path.name}.json").read_text(encoding="utf-8"))


def test_every_golden_file_has_its_sample() -> None:
    assert {path.name for path in DATA.glob("*.json")} == {f"{path.name}.json" for path in SAMPLES}


if __name__ == "__main__":
    for sample in SAMPLES:
        golden = json.dumps(told(sample), ensure_ascii=False, indent=1)
        (DATA / f"{sample.name}.json").write_text(golden + "\n", encoding="utf-8")
