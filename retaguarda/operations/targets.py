"""Sends messages to people, by apprise: the address is a secret, kept in the vault as `alert/<name>`, field url."""

from __future__ import annotations

import logging
from urllib.parse import parse_qsl, unquote, urlsplit

from retaguarda.errors import RetaguardaError
from retaguarda.operations.installation import Installation
from retaguarda.redaction import redactor

FIELD = "url"


def send(installation: Installation, target: str, subject: str, body: str) -> str:
    """Send a message to a target; returns why it could not be, or nothing. It never raises for what a service does."""
    try:
        address = installation.vault().credential(f"alert/{target}").secret(FIELD).reveal()
    except RetaguardaError as error:
        return redactor.clean(error.text)
    _learn(address)
    return _deliver(address, subject, body)


def _learn(address: str) -> None:
    """Every secret inside an address is one by itself: a service's answer may quote a part of it."""
    parts = urlsplit(address)
    inside = [parts.password or "", *(unquote(parts.path).split("/")), *(value for _, value in parse_qsl(parts.query))]
    for secret in inside:
        if len(secret) >= 8:
            redactor.add(unquote(secret))


def _deliver(address: str, subject: str, body: str) -> str:
    from apprise import Apprise, LogCapture, NotifyFormat  # half a second, only where something is sent

    with LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        service = Apprise()
        if not service.add(address):
            return "the address is none that apprise knows"
        for one in service:
            one.notify_format = NotifyFormat.TEXT
        if service.notify(body=body, title=subject, body_format=NotifyFormat.TEXT):
            return ""
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
    return redactor.clean(lines[-1] if lines else "the service did not take it")[:500]
