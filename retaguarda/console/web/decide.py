"""What people decide about matches and breaks from pages and API alike, by the same functions as the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from retaguarda.console.web.actions import queue
from retaguarda.console.web.place import house
from retaguarda.console.wiring import process_named
from retaguarda.decisions import breaks, by_hand, register
from retaguarda.errors import ConfigurationError, InvalidItem, RetaguardaError
from retaguarda.reconcile.break_rules import read_break_rules
from retaguarda.report.retell import retell
from retaguarda.store.models import BreakRecord, MatchDecision, Ticket
from retaguarda.tickets.tickets import FORM

AT_ONCE = 200
"""Matches that are decided in one go."""


@dataclass
class Told:
    """What became of each match that somebody decided on."""

    verdict: str
    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Key and reason, in the reader's words."""


def many(keys: Sequence[str], verdict: str, reason: str, who: str) -> Told:
    """Confirm, reject or undo matches one after the other; what cannot be decided is told, and the rest goes on.

    ConfigurationError for another verdict, for more than AT_ONCE, and for a rejection without a reason.
    """
    now, told = house().clock.now(), Told(verdict)
    verdicts: Mapping[str, Callable[[MatchDecision], None]] = {
        "confirm": lambda row: register.confirm(row, who, now, reason),
        "reject": lambda row: register.reject(row, who, now, reason),
        "undo": lambda row: register.undo(row, who, now, reason),
    }
    if verdict not in verdicts:
        raise ConfigurationError(f"{verdict!r} is no verdict", remedy="confirm, reject or undo")
    if len(keys) > AT_ONCE:
        raise ConfigurationError(f"more than {AT_ONCE} matches at once", remedy="choose fewer")
    if verdict != "confirm" and not reason:
        raise ConfigurationError("a match is not rejected or undone without a reason", remedy="say why")
    for key in dict.fromkeys(keys):
        try:
            verdicts[verdict](register.find(key))
        except RetaguardaError as error:
            told.refused.append((key, " ".join(filter(None, (retell(error.text), retell(error.remedy))))))
        else:
            told.done.append(key)
    return told


def start_work(row: BreakRecord, who: str) -> None:
    """Queue what is done about a break of its kind."""
    rule = read_break_rules()[row.kind]
    given = breaks.params(row, rule, house().clock.today())
    process_named(rule.process).bind(given)
    breaks.started(row, house().runs().create(rule.process, given, queue=queue()), who)


def match(line: str, parts: Sequence[tuple[str, Decimal]], who: str) -> MatchDecision:
    """Propose that a line of a statement settles items that the ERP told; another person confirms it."""
    if not parts:
        raise InvalidItem("A match needs an item.", remedy="choose what the line settles")
    if len({item for item, _ in parts}) < len(parts):
        raise InvalidItem("An item stands twice.", remedy="give each item once, with the whole amount")
    return by_hand.matched(line, parts, who, house().clock.now())


def ask_owner(row: BreakRecord, question: str, who: str) -> Ticket:
    """Ask the owner of a break what it is about: a request that goes to his area and is answered in time."""
    rule = read_break_rules().get(row.kind)
    subject = " · ".join([rule.title if rule else row.kind, f"{row.date:%d/%m/%Y}", *([f"{row.amount:.2f}"] if row.amount else [])])
    about = " · ".join(filter(None, (row.account, row.line, row.item)))
    text = "\n".join(filter(None, (question.strip(), retell(row.text), about)))
    if not question.strip():
        raise InvalidItem("A request needs a subject and a text.", remedy="say what is to be done, for what, and until when")
    return house().tickets().ask(FORM, who, subject, text, area=row.owner, about=f"break/{row.key}")
