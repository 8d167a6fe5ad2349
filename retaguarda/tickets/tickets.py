"""The life of a ticket: asked, taken by its owner, done by a run where there is one for it, answered, and marked by whoever asked."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from retaguarda.audit import events
from retaguarda.calendars.calendar import calendar_of, load_calendars
from retaguarda.clock import SAO_PAULO, Clock
from retaguarda.errors import ConfigurationError, InvalidItem, NotEntitled
from retaguarda.settings import TicketSettings
from retaguarda.store.models import RunRecord, Ticket, TicketMessage, TicketState
from retaguarda.vault import Vault

FORM, MAIL, API = "form", "mail", "api"
KEY = "ticket/links"
LONGEST = 20_000
"""Characters of a text that a person types."""
MARKS = range(1, 6)


@dataclass(frozen=True)
class Tickets:
    """The requests that other areas made here."""

    settings: TicketSettings
    clock: Clock
    vault: Callable[[], Vault]

    def get(self, number: int) -> Ticket:
        """The ticket of that number; ConfigurationError when there is none."""
        found = Ticket.objects.select_related("run").filter(pk=number).first()
        if found is None:
            raise ConfigurationError(f"no ticket {number}", remedy="see: retaguarda ticket list")
        return found

    def waiting(self) -> list[Ticket]:
        """What is not answered, the nearest deadline first."""
        return list(Ticket.objects.exclude(state=TicketState.ANSWERED).order_by("due_at", "pk")[:500])

    def ask(
        self,
        source: str,
        requester: str,
        subject: str,
        text: str,
        *,
        area: str = "",
        about: str = "",
        files: Iterable[Path] = (),
        message_id: str = "",
    ) -> Ticket:
        """A new ticket. Raises InvalidItem when it says nothing."""
        subject = " ".join(subject.replace("\0", "").split())[:200]
        if not subject or not text.strip():
            raise InvalidItem("A request needs a subject and a text.", remedy="say what is to be done, for what, and until when")
        now = self.clock.now()
        with transaction.atomic():
            made = Ticket.objects.create(
                subject=subject, area=area.strip()[:80], about=about, requester=requester, source=source, asked_at=now, due_at=self.due(now)
            )
            kept = self._write(made, requester, text, files=files, message_id=message_id)
            facts = {"source": source, "about": about, "due_at": made.due_at.isoformat(), "files": [one["sha256"] for one in kept.files]}
            events.record("ticket.opened", target=f"{made.pk}", who=requester, data=facts)
        return made

    def due(self, asked: dt.datetime) -> dt.datetime:
        """Until when what was asked at that moment is to be answered: the same hour, so many business days later."""
        there, days = asked.astimezone(SAO_PAULO), calendar_of(self.settings.calendar, load_calendars())
        return dt.datetime.combine(days.shifted(there.date(), self.settings.answer_days), there.timetz())

    def add(self, ticket: Ticket, who: str, text: str, *, files: Iterable[Path] = (), message_id: str = "") -> None:
        """Something more about a ticket; what its requester adds to one that was answered opens it again."""
        if not text.strip():
            raise InvalidItem("An empty text says nothing.", remedy="write something")
        with transaction.atomic():
            held = _locked(ticket)
            kept = self._write(held, who, text, files=files, message_id=message_id)
            events.record("ticket.added", target=f"{held.pk}", who=who, data={"files": [one["sha256"] for one in kept.files]})
            if held.state == TicketState.ANSWERED and who == held.requester:
                held.state, held.due_at = TicketState.OPEN, self.due(self.clock.now())
                held.satisfaction, held.remark, held.rated_at = None, "", None
                held.save()
                events.record("ticket.reopened", target=f"{held.pk}", who=who)

    def take(self, ticket: Ticket, who: str) -> None:
        """Make a person the owner of a ticket, in the place of an earlier one."""
        with transaction.atomic():
            held = _unanswered(ticket)
            before, held.owner, held.state = held.owner, who, TicketState.IN_PROGRESS
            held.save(update_fields=["owner", "state"])
            events.record("ticket.taken", target=f"{held.pk}", who=who, data={"before": before})

    def work(self, ticket: Ticket, run: RunRecord, who: str) -> None:
        """Note the run that does what was asked for; whoever launched it owns the ticket."""
        with transaction.atomic():
            held = _unanswered(ticket)
            held.run, held.owner, held.state = run, who, TicketState.IN_PROGRESS
            held.save(update_fields=["run", "owner", "state"])
            events.record("ticket.launched", run=run.pk, target=f"{held.pk}", who=who, data={"process": run.process})

    def answer(self, ticket: Ticket, who: str, text: str) -> None:
        """Answer a ticket; an answer to an e-mail waits to be sent (see `retaguarda.tickets.post`)."""
        if not text.strip():
            raise InvalidItem("An empty text says nothing.", remedy="write something")
        with transaction.atomic():
            held = _unanswered(ticket)
            now, by_mail = self.clock.now(), held.source == MAIL
            held.state, held.answered_at, held.answered_by, held.owner = TicketState.ANSWERED, now, who, held.owner or who
            held.save()
            self._write(held, who, text, answers=True, send_to=held.requester if by_mail else "")
            late = (now - held.due_at).total_seconds() > 0
            events.record("ticket.answered", target=f"{held.pk}", who=who, data={"late": late, "by_mail": by_mail})

    def rate(self, ticket: Ticket, who: str, mark: int, remark: str = "") -> None:
        """How content the requester is, from 1 to 5; the last mark counts.

        Raises NotEntitled for anybody else; InvalidItem for another mark; ConfigurationError while there is no answer.
        """
        if who != ticket.requester:
            raise NotEntitled("only the person who asked marks the answer", remedy="ask the requester")
        if mark not in MARKS:
            raise InvalidItem("The mark is from 1 to 5.", remedy="choose one of the five")
        with transaction.atomic():
            held = _locked(ticket)
            if held.state != TicketState.ANSWERED:
                raise ConfigurationError(f"ticket {held.pk} is not answered yet", remedy="wait for the answer")
            held.satisfaction, held.remark, held.rated_at = mark, remark.strip()[:2000], self.clock.now()
            held.save(update_fields=["satisfaction", "remark", "rated_at"])
            events.record("ticket.rated", target=f"{held.pk}", who=who, data={"mark": mark})

    def secret(self, ticket: Ticket) -> str:
        """What leads whoever asked by e-mail to his ticket without signing in: its number, sealed."""
        return f"{ticket.pk}-{self._seal(ticket.pk)}"

    def by_secret(self, secret: str) -> Ticket | None:
        """The ticket that a secret leads to; None for a wrong one."""
        number, _, seal = secret.partition("-")
        if not (number.isascii() and number.isdecimal() and len(number) < 16):
            return None
        right = hmac.compare_digest(self._seal(int(number)).encode(), seal.encode())
        return Ticket.objects.filter(pk=int(number), source=MAIL).first() if right else None

    def _seal(self, number: int) -> str:
        vault = self.vault()
        if KEY not in vault.names():
            vault.put(KEY, {"key": secrets.token_hex(32)})
        return hmac.new(bytes.fromhex(vault.entry(KEY)["key"]), f"ticket {number}".encode(), "sha256").hexdigest()[:40]

    def _write(self, ticket: Ticket, by: str, text: str, *, files: Iterable[Path] = (), **more: Any) -> TicketMessage:
        text = text.replace("\0", "").strip()[: LONGEST * 5]  # no text column of PostgreSQL takes the first of all characters
        kept = [{"name": path.name, "path": str(path), "sha256": path.parent.name} for path in files]
        return TicketMessage.objects.create(ticket=ticket, at=self.clock.now(), by=by, text=text, files=kept, **more)


def files_of(ticket: Ticket) -> Sequence[dict[str, str]]:
    """Every file that came with a ticket, the first first."""
    return [file for files in ticket.messages.order_by("pk").values_list("files", flat=True) for file in files]


def _locked(ticket: Ticket) -> Ticket:
    """The ticket as it is now, kept from others until the transaction ends."""
    return Ticket.objects.select_for_update().get(pk=ticket.pk)


def _unanswered(ticket: Ticket) -> Ticket:
    held = _locked(ticket)
    if held.state == TicketState.ANSWERED:
        raise ConfigurationError(f"ticket {held.pk} is answered already", remedy="its requester opens it again by writing")
    return held
