"""From any station of a contract's money the same way is found."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from retaguarda.clock import SAO_PAULO
from retaguarda.decisions.lineage import STAGES, walk
from retaguarda.decisions.register import record
from retaguarda.errors import ConfigurationError
from retaguarda.store.models import Booking, Intent, IntentState, Item, ItemState, LedgerItem, MatchDecision
from tests.decisions.test_register import AT, DAY, decision
from tests.house import House


def furnished(house: House) -> str:
    """A contract of two invoices, one paid, released, registered and settled; the key of the decision."""
    run = house.services.runs.create("register_contracts", {})
    for name, number in (("R-1", "4203"), ("R-2", "4204")):
        values = {"kind": "AR", "document": number, "contract": "BOL-7", "partner": "P1", "partner_name": "Siderúrgica", "due_date": DAY}
        LedgerItem.objects.create(item=name, open_amount=Decimal("100.00"), seen_at=AT, **values)
    record([decision("aabbccdd00112233", {"R-1": "100.00"})], "r", AT, run)
    Item.objects.create(run=run, reference="BOL-7", state=ItemState.SUCCESSFUL, outcome="done", protocol="CCEE-99", updated_at=AT)
    at = dt.datetime(2026, 11, 12, 9, tzinfo=SAO_PAULO)
    facts = {"attempt": 1, "digest": "d", "state": IntentState.DONE, "at": at, "boot": "b", "monotonic": 1.0, "protocol": "CCEE-99"}
    Intent.objects.create(portal="ccee", act="register", reference="BOL-7", run=run, **facts)
    Booking.objects.create(source="341/1 x", receivable="4203", date=DAY, amount=Decimal("100.00"), batch="EXT-1", run=run)
    return MatchDecision.objects.get().key


def test_every_station_leads_to_the_whole_way(any_house: House) -> None:
    key = furnished(any_house)
    found = walk("BOL-7")
    assert [one.stage for one in found.stations] == ["contract", "invoice", "invoice", "bank line", "release", "receipt", "settlement"]
    assert [one.stage for one in found.stations] == sorted((one.stage for one in found.stations), key=STAGES.index)
    for reference in ("R-1", "R-2", "4203", "aabbccdd00112233", key, key[:12], "CCEE-99", "EXT-1"):
        assert walk(reference) == found, reference
    assert found.stations[3].amount == Decimal("100.00")
    assert found.stations[5].reference == "CCEE-99"


def test_an_invoice_without_a_contract_is_its_own_way_and_the_unknown_is_told(any_house: House) -> None:
    furnished(any_house)
    LedgerItem.objects.create(item="X-9", kind="AP", partner="P2", due_date=DAY, open_amount=Decimal("5.00"), seen_at=AT)
    assert [one.reference for one in walk("X-9").stations] == ["X-9"]
    for unknown in ("nothing", "", "a"):
        with pytest.raises(ConfigurationError, match="nothing is known"):
            walk(unknown)
