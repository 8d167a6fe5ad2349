"""E-mails in and out: what arrives becomes a ticket or goes to the one it is about, answers are sent until the server takes them."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import make_msgid
from pathlib import Path
from smtplib import SMTPException
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from retaguarda.audit import events
from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.language import say
from retaguarda.model.secrets import Secret
from retaguarda.redaction import redactor
from retaguarda.store.models import Ticket, TicketMessage
from retaguarda.tickets.inboxes import PATIENCE, open_inbox
from retaguarda.tickets.letters import Letter, own_words, read_letter
from retaguarda.tickets.tickets import MAIL, Tickets
from retaguarda.uploads import Uploads

AT_ONCE = 50
"""Answers that one look sends."""


@dataclass(frozen=True)
class Post:
    """The mailbox of the tickets; `link` makes an address of the console from a path."""

    tickets: Tickets
    uploads: Uploads
    link: Callable[[str], str]

    def take_in(self) -> Counter[str]:
        """Take in what is unread: an e-mail becomes a ticket, or an addition to the one it answers; each counts under what became of it.

        An e-mail is marked as seen after it is kept, so that one that was met by a crash is met again, and known by its id.
        """
        told: Counter[str] = Counter()
        if self.tickets.settings.mailbox:
            with open_inbox(self.tickets.settings.mailbox, self._password()) as inbox:
                for handle, raw in inbox.unread():
                    told[self._take(raw)] += 1
                    inbox.seen(handle)
        return told

    def send(self) -> Counter[str]:
        """Send the answers that wait; one that the server does not take stays, with the reason, and is tried again."""
        told: Counter[str] = Counter()
        waiting = TicketMessage.objects.filter(sent_at=None).exclude(send_to="").select_related("ticket").order_by("at")
        for message in waiting[:AT_ONCE]:
            trouble = self._sent(message)
            with transaction.atomic():
                message.trouble = trouble
                message.sent_at = None if trouble else self.tickets.clock.now()
                message.save(update_fields=["trouble", "sent_at", "message_id"])
                if not trouble:
                    events.record("ticket.sent", target=f"{message.ticket_id}", data={"message": message.message_id})
            told["unsent" if trouble else "sent"] += 1
        return told

    def _take(self, raw: bytes) -> str:
        letter = read_letter(raw)
        if TicketMessage.objects.filter(message_id=letter.message_id).exists():
            return "known"
        refusal = self._refusal(letter)
        if refusal:
            with transaction.atomic():
                told = {"sender": letter.sender[:200], "reason": refusal, "sha256": hashlib.sha256(raw).hexdigest()}
                events.record("ticket.mail_refused", target=letter.message_id[:200], who=letter.sender[:200] or "?", data=told)
            return "refused"
        files, about = self._files(letter, raw), self._about(letter)
        if about is not None:
            text = own_words(letter.text) or say("(without a text)")
            self.tickets.add(about, letter.sender, text, files=files, message_id=letter.message_id)
            return "added"
        subject, text = letter.subject or say("(without a subject)"), letter.text.strip() or say("(without a text)")
        self.tickets.ask(MAIL, letter.sender, subject, text, files=files, message_id=letter.message_id)
        return "opened"

    def _refusal(self, letter: Letter) -> str:
        """Why an e-mail is left where it is, if it is. An address in an e-mail is no proof of who wrote it: it only opens a ticket."""
        if letter.automatic:
            return "sent by a machine"
        allowed = [one.lower() for one in self.tickets.settings.senders]
        if letter.sender and any(letter.sender == one or (one.startswith("@") and letter.sender.endswith(one)) for one in allowed):
            return ""
        return "the sender is not among tickets.senders"

    def _files(self, letter: Letter, raw: bytes) -> list[Path]:
        """The e-mail itself, and each of its files; one that is too large is in the e-mail, or told where that is too large as well."""
        kept = []
        for name, content in [("message.eml", raw), *((one.name, one.content) for one in letter.attachments)]:
            try:
                kept.append(self.uploads.keep(name, io.BytesIO(content)))
            except InvalidItem as error:
                with transaction.atomic():
                    events.record("ticket.file_refused", target=letter.message_id[:200], data={"name": name[:200], "reason": error.text})
        return kept

    def _about(self, letter: Letter) -> Ticket | None:
        """The ticket that an e-mail answers: the one of the latest e-mail that it refers to, when its sender is the one who asked."""
        found = TicketMessage.objects.filter(message_id__in=letter.references[-50:], ticket__requester=letter.sender)
        last = found.select_related("ticket").order_by("-pk").first()
        return last.ticket if last else None

    def _sent(self, message: TicketMessage) -> str:
        """Send an answer; returns why it could not be, or nothing."""
        settings, ticket = self.tickets.settings, message.ticket
        if not (settings.smtp and settings.sender):
            return "tickets.smtp or tickets.sender is not set"
        message.message_id = message.message_id or make_msgid(f"ticket{ticket.pk}", settings.sender.rpartition("@")[2])
        first = ticket.messages.exclude(message_id="").order_by("pk").first()
        thread = {"In-Reply-To": first.message_id, "References": first.message_id} if first else {}
        headers = {"Message-ID": message.message_id, "Auto-Submitted": "no", **thread}
        address = self.link(f"/ticket/{self.tickets.secret(ticket)}")
        body = "\n\n".join((message.text, say("How content are you with this answer? Mark it here, without signing in:") + f"\n{address}"))
        try:
            mail = EmailMessage(f"Re: {ticket.subject}", body, settings.sender, [message.send_to], headers=headers)
            mail.connection = get_connection(**self._server())
            mail.send()
        except (OSError, SMTPException) as error:
            return redactor.clean(f"{type(error).__name__}: {error}")[:500]
        return ""

    def _server(self) -> dict[str, Any]:
        parts = urlsplit(self.tickets.settings.smtp)
        if parts.scheme not in {"smtp", "smtps", "smtp+starttls"} or not parts.hostname:
            raise ConfigurationError(
                "tickets.smtp is no address of a mail server", remedy="use smtps://user@host:465 or smtp+starttls://user@host:587"
            )
        password = self._password()
        return {
            "backend": "django.core.mail.backends.smtp.EmailBackend",
            "host": parts.hostname,
            "port": parts.port or {"smtps": 465, "smtp+starttls": 587}.get(parts.scheme, 25),
            "username": unquote(parts.username or ""),
            "password": password.reveal() if password and parts.username else "",
            "use_ssl": parts.scheme == "smtps",
            "use_tls": parts.scheme == "smtp+starttls",
            "timeout": PATIENCE,
        }

    def _password(self) -> Secret | None:
        name = self.tickets.settings.credential
        return self.tickets.vault().credential(name).secret("password") if name else None
