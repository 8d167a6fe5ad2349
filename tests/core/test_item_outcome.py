"""What an item with several acts is said to have come to: done when one of them was done, already when all were there."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from retaguarda.desk import Desk
from retaguarda.jobs.leases import Leases
from retaguarda.model.acts import Found, Receipt
from retaguarda.model.secrets import Credential
from retaguarda.portal.session import Session
from retaguarda.run import Run
from retaguarda.store.models import Intent, Item, ItemState
from tests.house import Form, House, Thing, found

WANTED = Thing("R-1")


class Portal:
    """Holds what was pressed, by act."""

    def __init__(self, *there: str) -> None:
        self.there = {act: f"{act}-found" for act in there}

    def work(self, run: Run, *acts: str) -> tuple[str, str, str]:
        """One item with these acts; its state, outcome and protocol."""
        with run.item(WANTED):
            for act in acts:
                run.ensure(act, WANTED, find=lambda wanted, act=act: self._find(wanted, act), draft=lambda wanted, act=act: self._form(act))  # type: ignore[misc]
        item = Item.objects.get(run=run.record, reference=WANTED.reference)
        return item.state, item.outcome, item.protocol

    def _find(self, wanted: Thing, act: str) -> Found | None:
        return found(wanted, self.there[act]) if act in self.there else None

    def _form(self, act: str) -> Form:
        def press() -> Receipt:
            self.there[act] = f"{act}-pressed"
            return Receipt(self.there[act])

        return Form(WANTED.fields(), press)


@pytest.fixture
def run(house: House) -> Iterator[Run]:
    """A run whose robot is at work; of its session only the pictures are needed."""
    run = house.run()
    session = cast("Session", SimpleNamespace(shot=lambda _: "f" * 64))
    with Leases(house.services.locks, house.services.clock).hold("erp/robo", run.record) as lease:
        run._desk = Desk[Any]("erp", None, session, Credential("erp/robo", "robo", {}), lease, 75.0, lambda: None)
        yield run


@pytest.mark.parametrize(
    ("there", "outcome", "protocol", "pressed"),
    [
        ((), "done", "post-pressed", ["settle", "post"]),
        (("settle",), "done", "post-pressed", ["post"]),
        (("post",), "done", "settle-pressed", ["settle"]),
        (("settle", "post"), "already", "settle-found", []),
    ],
)
def test_an_item_is_done_when_any_of_its_acts_was(
    run: Run, there: tuple[str, ...], outcome: str, protocol: str, pressed: list[str]
) -> None:
    assert Portal(*there).work(run, "settle", "post") == (ItemState.SUCCESSFUL, outcome, protocol)
    assert [intent.act for intent in Intent.objects.order_by("id")] == pressed


def test_the_outcome_of_one_item_does_not_pass_to_the_next(run: Run) -> None:
    portal = Portal()
    assert portal.work(run, "settle", "post")[1] == "done"
    assert portal.work(run, "settle", "post")[1] == "already"


def test_a_rehearsal_says_what_is_planned(run: Run) -> None:
    run.record.dry_run = True
    assert Portal("settle").work(run, "settle", "post")[1] == "planned"
    assert Intent.objects.count() == 0
