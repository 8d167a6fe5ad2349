"""Answers of the workbook: each is carried out once, and what cannot be is told."""

from __future__ import annotations

import pytest

from retaguarda.decisions.answering import Outcome, carry_out
from retaguarda.decisions.register import record
from retaguarda.errors import Conflict
from retaguarda.reconcile.answers import Answer
from retaguarda.reconcile.matching.model import Verdict
from retaguarda.store.models import DecisionState, MatchDecision
from tests.decisions.test_register import AT, decision, item

pytestmark = pytest.mark.usefixtures("any_house")


def states() -> dict[str, str]:
    return dict(MatchDecision.objects.values_list("line", "state"))


def test_an_answer_is_carried_out_once_and_a_dry_run_changes_nothing() -> None:
    item("I1")
    item("I2")
    record([decision("L1", {"I1": "100.00"}, Verdict.PROPOSAL), decision("L2", {"I2": "100.00"}, Verdict.PROPOSAL)], "r", AT)
    yes, no, silent = Answer("L1", True, "conferido"), Answer("L2", False, "outro cliente"), Answer("L2", None, "")
    assert carry_out(yes, "ana", AT, dry_run=True) is Outcome.CONFIRMED
    assert states() == {"L1": DecisionState.PROPOSED, "L2": DecisionState.PROPOSED}
    assert [carry_out(one, "ana", AT) for one in (yes, no, silent)] == [Outcome.CONFIRMED, Outcome.REJECTED, Outcome.UNANSWERED]
    assert states() == {"L1": DecisionState.STANDS, "L2": DecisionState.REJECTED}
    assert [carry_out(one, "ana", AT) for one in (yes, no)] == [Outcome.KNOWN, Outcome.KNOWN]


def test_an_answer_without_one_proposal_is_told() -> None:
    item("I1")
    item("I2")
    record([decision("L1", {"I1": "100.00"}, Verdict.PROPOSAL), decision("L1", {"I2": "100.00"}, Verdict.PROPOSAL)], "r", AT)
    with pytest.raises(Conflict, match="line L1 has several proposals"):
        carry_out(Answer("L1", True, ""), "ana", AT)
    with pytest.raises(Conflict, match="line L9 has no proposal"):
        carry_out(Answer("L9", False, "nada"), "ana", AT)
