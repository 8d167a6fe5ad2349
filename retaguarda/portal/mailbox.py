"""Codes that a portal sends by e-mail: only mail delivered after the request counts, stale codes never do."""

from __future__ import annotations

import contextlib
import datetime as dt
import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from retaguarda.clock import Clock
from retaguarda.errors import ChallengeRequired, ConfigurationError

POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Mail:
    """One message: when our mail server received it, who sent it, and its text."""

    delivered: dt.datetime
    sender: str
    text: str


class Mailbox(Protocol):
    """Where codes arrive."""

    def newest(self) -> Iterator[Mail]:
        """Messages, newest delivery first."""
        ...


class MaildirMailbox:
    """A Maildir on this machine; the delivery time is the file's, since a sender's Date header proves nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> Iterator[Mail]:
        dated = [(when, path) for part in ("new", "cur") for path in (self._folder / part).glob("*") if (when := _delivery(path))]
        for when, path in sorted(dated, reverse=True):
            with contextlib.suppress(FileNotFoundError):  # another reader of the mailbox moved it meanwhile
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                yield _mail(message, dt.datetime.fromtimestamp(when, dt.UTC))


def _delivery(path: Path) -> float:
    """When a message was delivered, in seconds; 0 when it is gone or no file."""
    try:
        return path.stat().st_mtime if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _mail(message: EmailMessage, delivered: dt.datetime) -> Mail:
    body = message.get_body(("plain", "html"))
    return Mail(delivered, str(message["From"] or ""), str(body.get_content()) if body else "")


def open_mailbox(url: str) -> Mailbox:
    """The mailbox behind `maildir:/folder`."""
    scheme, _, rest = url.partition(":")
    if scheme != "maildir":
        raise ConfigurationError(f"unknown kind of mailbox: {scheme!r}", remedy="use maildir:/folder")
    return MaildirMailbox(Path(rest))


class Person(Protocol):
    """Somebody who may be asked, while a robot waits, for a code that nothing else gives."""

    def ask(self, question: str) -> None:
        """Put the question where people see it; doing so again changes nothing."""
        ...

    def code(self, since: dt.datetime | None = None) -> str | None:
        """What the person typed lately, or since a moment, if anything; given once."""
        ...

    def not_needed(self) -> None:
        """The code came by itself."""
        ...


class Nobody:
    """There is no person to ask."""

    def ask(self, question: str) -> None:  # the protocol's
        pass

    def code(self, since: dt.datetime | None = None) -> str | None:  # noqa: ARG002  # the protocol's
        return None

    def not_needed(self) -> None:
        pass


def wait_for_code(
    box: Mailbox, clock: Clock, after: dt.datetime, pattern: str, sender: str = "", patience: float = 60, person: Person | None = None
) -> str:
    """The code (group 1 of `pattern`) of the newest mail delivered after `after`, or the one that a person types meanwhile.

    The person is asked when half of the patience is over; ChallengeRequired when none comes in time.
    """
    person, began = person or Nobody(), clock.monotonic()
    until = began + patience
    while True:
        for mail in box.newest():
            if mail.delivered < after:
                break
            found = re.search(pattern, mail.text)
            if found and sender.lower() in mail.sender.lower():
                person.not_needed()
                return found[1]
        if typed := person.code(after):  # the portal voids the codes that it sent before
            return typed
        if clock.monotonic() >= began + patience / 2:
            person.ask("the code that the portal sent by e-mail")
        if clock.monotonic() >= until:
            raise ChallengeRequired(
                f"no code arrived in the mailbox within {patience:.0f} s", remedy="look at the mailbox; then: retaguarda request list"
            )
        clock.pause(POLL_SECONDS)
