"""Files of a run: kept by their hash, handed on unchanged, and told when they are not there any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.process import Artifact
from retaguarda.store.models import Evidence, OutboxEvent
from tests.house import House, Thing


def test_what_a_run_keeps_comes_back_as_it_was(house: House, tmp_path: Path) -> None:
    run = house.run()
    (tmp_path / "boletas.xlsx").write_bytes(b"PK")
    taken = run.take(tmp_path / "boletas.xlsx")
    assert (run.bytes_of(taken), taken.name) == (b"PK", "boletas.xlsx")
    things = (Thing("R-1"), Thing("R-2", "ção"))
    handed = run.hand_over("things.json", things)
    assert run.receive(handed, tuple[Thing, ...]) == things
    assert list(Evidence.objects.order_by("id").values_list("kind", "label")) == [("input", "boletas.xlsx"), ("output", "things.json")]


def test_a_file_that_is_not_there_or_was_changed_is_told(house: House, tmp_path: Path) -> None:
    run = house.run()
    with pytest.raises(ConfigurationError, match="cannot read"):
        run.take(tmp_path / "missing.xlsx")
    with pytest.raises(ConfigurationError, match="no evidence"):
        run.bytes_of(Artifact("ab" * 32, "extrato.ofx"))
    kept = run.keep("extrato.ofx", b"OFXHEADER")
    path = run.path(kept)
    path.chmod(0o640)
    path.write_bytes(b"OFXHEADEr")
    with pytest.raises(StoreUnavailable, match="was changed on the disk"):
        run.bytes_of(kept)


def test_a_run_tells_the_audit_log_without_changing_state(house: House) -> None:
    run = house.run()
    run.tell("plan.made", "register", items=3)
    event = OutboxEvent.objects.latest("id")
    assert (event.line["action"], event.line["target"], event.line["data"], event.line["run"]) == (
        "plan.made",
        "register",
        {"items": 3},
        run.record.pk,
    )


def test_an_account_is_the_configured_one(house: House) -> None:
    with pytest.raises(ConfigurationError, match=r"portals\.bank\.account is not set"):
        house.run().account("bank/robo")
