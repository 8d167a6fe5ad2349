"""The book of accounts filled from a bank and from files: only what is missing is asked for, and each movement stands once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.month.installation import Installation
from tests.sandbox_fixtures import Factory

pytestmark = pytest.mark.browser
CREDENTIAL = "bank_jatoba/robo"


def states(house: Installation) -> list[str]:
    done = house.command("statement", "status", "--month", "2026-11", "--json")
    [account] = json.loads(done.stdout)
    return [day["state"] for day in account["days"]]


@pytest.mark.thorough
def test_what_is_missing_is_fetched_once_and_files_add_nothing(tmp_path: Path, sandbox_factory: Factory) -> None:
    bank = sandbox_factory("bank_jatoba")
    house = Installation(tmp_path / "house", bank)
    first = house.run("update_statements", days="95", credentials=CREDENTIAL)
    items = first.root["items"]
    assert [item["state"] for item in items if ".." in item["reference"]] == ["SUCCESSFUL", "SUCCESSFUL"]  # 91 days, at most 90 at once
    refused = [item for item in items if ".." not in item["reference"]]
    assert refused, "the bank keeps ninety days on line"
    assert all("não oferece mais" in item["reason"] or "no longer gives" in item["reason"] for item in refused)
    assert set(states(house)[:10]) == {"proved"}
    assert states(house)[10] == "provisional"
    movements = house.query("select count(*) from store_statemententry")

    again = house.run("update_statements", days="20", credentials=CREDENTIAL)
    [item] = again.root["items"]
    assert "2026-11-10..2026-11-11" in item["reference"], "only the provisional day, with the day before it"
    assert house.query("select count(*) from store_statemententry") == movements

    [(sha256,)] = house.query("select sha256 from store_statementfile order by start desc, end desc limit 1")
    copied = tmp_path / "do banco.ofx"
    copied.write_bytes((tmp_path / "house" / "state" / "evidence" / sha256[:2] / sha256).read_bytes())
    torn = tmp_path / "rasgado.ofx"
    torn.write_bytes(copied.read_bytes().replace(b"<TRNAMT>", b"<TRNAMT>9", 1))
    junk = tmp_path / "lixo.ofx"
    junk.write_text("nada")
    told = house.run("import_statements", files=f"{junk};{torn};{copied}")
    outcomes = {item["reference"].partition(":")[0]: item["state"] for item in told.root["items"]}
    assert outcomes["do banco.ofx 1"] == "SUCCESSFUL"
    assert outcomes["lixo.ofx"] == "FAILED_BUSINESS"
    assert outcomes["rasgado.ofx 1"] == "FAILED_BUSINESS"
    assert house.query("select count(*) from store_statemententry") == movements
