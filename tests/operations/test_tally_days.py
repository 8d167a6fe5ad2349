"""The kept tallies say what the tables say, also after something of an old day changed; nothing else is counted again."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from retaguarda.audit import events
from retaguarda.clock import SAO_PAULO
from retaguarda.operations.indicators import as_values, figures, figures_of, periods
from retaguarda.operations.tally import together
from retaguarda.operations.tally_days import DAY, catch_up, kept
from retaguarda.settings import IndicatorSettings
from retaguarda.store.models import IndicatorDay, Item, ItemState, OutboxEvent, RunRecord, RunState
from tests.house import House

SETTINGS = IndicatorSettings()


def test_a_change_of_an_old_day_is_counted_again_and_other_days_are_left_alone(any_house: House) -> None:
    now = any_house.services.clock.now()
    old, older = _run(any_house, now - 40 * DAY), _run(any_house, now - 75 * DAY)
    _caught_up(any_house)
    assert _kept(any_house) == as_values(figures(SETTINGS, now.date(), "month", 12))
    OutboxEvent.objects.update(at=now - DAY)  # that the runs were made is known
    Item.objects.filter(run=older).update(state=ItemState.FAILED_BUSINESS, code="refused")  # and nothing is written of it
    with transaction.atomic():
        Item.objects.filter(run=old).update(state=ItemState.FAILED_BUSINESS, code="refused")
        events.record("item.failed", run=old.pk, item="BOL-1")
    _caught_up(any_house)
    told = {one["start"]: one["reasons"] for one in _kept(any_house) if one["reasons"]}
    assert told == {f"{(now - 40 * DAY).date().replace(day=1)}": {"refused": 1}}
    IndicatorDay.objects.all().delete()
    _caught_up(any_house)
    assert _kept(any_house) == as_values(figures(SETTINGS, now.date(), "month", 12))


def test_after_a_long_time_without_a_count_every_day_is_counted_again(any_house: House) -> None:
    now = any_house.services.clock.now()
    run = _run(any_house, now - 40 * DAY)
    _caught_up(any_house)
    Item.objects.filter(run=run).update(state=ItemState.UNCERTAIN, code="outcome-unknown")
    IndicatorDay.objects.update(counted_at=now - 8 * DAY)
    _caught_up(any_house)
    assert _kept(any_house) == as_values(figures(SETTINGS, now.date(), "month", 12))


def test_a_day_is_one_of_sao_paulo(any_house: House) -> None:
    late = dt.datetime(2026, 10, 31, 23, 30, tzinfo=SAO_PAULO)  # the next day in UTC, and the next month
    _run(any_house, late)
    _caught_up(any_house)
    assert [one["start"] for one in _kept(any_house) if one["runs"]] == ["2026-10-01"]


def _run(house: House, at: dt.datetime) -> RunRecord:
    run = house.services.runs.create("register_contracts", {})
    RunRecord.objects.filter(pk=run.pk).update(
        created_at=at, started_at=at, ended_at=at + dt.timedelta(minutes=5), state=RunState.SUCCESSFUL
    )
    Item.objects.create(run=run, reference="BOL-1", state=ItemState.SUCCESSFUL, outcome="done", updated_at=at)
    return run


def _caught_up(house: House) -> None:
    span = periods(house.services.clock.now().date(), "month", 12)
    catch_up(span[0][0], span[-1][1] - DAY, house.services.clock.now())


def _kept(house: House) -> list[dict[str, object]]:
    span = periods(house.services.clock.now().date(), "month", 12)
    return as_values([figures_of(SETTINGS, together(kept(*one)), *one) for one in span])
