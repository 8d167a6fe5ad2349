"""Where e-mails lie: a Maildir on this machine, or a folder of an IMAP server. What was taken in is marked as seen, never deleted."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from retaguarda.errors import ConfigurationError, CredentialRefused, NetworkDown
from retaguarda.model.secrets import Secret

AT_ONCE = 100
"""E-mails that one look takes in: a flood is worked off look by look."""
LARGEST = 50_000_000
"""Bytes of an e-mail; a larger one stays unread and is told."""
PATIENCE = 30.0


class Inbox(Protocol):
    """A folder of e-mails."""

    def unread(self) -> Iterator[tuple[str, bytes]]:
        """E-mails that nobody marked as seen, the oldest first, each with its handle."""
        ...

    def seen(self, handle: str) -> None:
        """Mark an e-mail as seen."""
        ...


class MaildirInbox:
    """A Maildir: what is in `new` is unread, and moves to `cur` when it was taken in."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "new").is_dir():
            raise ConfigurationError(f"{folder} is no Maildir", remedy="tickets.mailbox = maildir:/folder, which has new, cur and tmp")
        self._folder = folder

    def unread(self) -> Iterator[tuple[str, bytes]]:
        waiting = sorted((self._folder / "new").iterdir(), key=lambda path: (path.stat().st_mtime, path.name))
        for path in [path for path in waiting if path.is_file() and path.stat().st_size <= LARGEST][:AT_ONCE]:
            with suppress(FileNotFoundError):  # another reader moved it meanwhile
                yield path.name, path.read_bytes()

    def seen(self, handle: str) -> None:
        with suppress(FileNotFoundError):
            (self._folder / "new" / handle).replace(self._folder / "cur" / f"{handle.partition(':')[0]}:2,S")


class ImapInbox:
    """A folder of an IMAP server; `BODY.PEEK` leaves an e-mail unread until it was taken in."""

    def __init__(self, server: imaplib.IMAP4) -> None:
        self._server = server

    def unread(self) -> Iterator[tuple[str, bytes]]:
        found = self._said("SEARCH", None, "UNSEEN", "SMALLER", str(LARGEST))
        for uid in (found[0] if isinstance(found[0], bytes) else b"").split()[:AT_ONCE]:
            parts = self._said("FETCH", uid.decode(), "(BODY.PEEK[])")
            raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
            if raw is not None:  # somebody deleted it meanwhile
                yield uid.decode(), raw

    def seen(self, handle: str) -> None:
        self._said("STORE", handle, "+FLAGS.SILENT", r"(\Seen)")

    def _said(self, command: str, *arguments: str | None) -> list[bytes | tuple[bytes, bytes] | None]:
        answer, parts = self._server.uid(command, *arguments)  # type: ignore[arg-type]  # None: no charset
        if answer != "OK":
            raise NetworkDown(f"the mail server refused {command}", remedy="look at the mailbox with a mail program")
        return parts


@contextmanager
def open_inbox(url: str, password: Secret | None) -> Iterator[Inbox]:
    """The mailbox behind `maildir:/folder` or `imaps://user@host/folder` (`imap://` for a server on this machine) for the block.

    Raises CredentialRefused when the server does not take the password, NetworkDown when it cannot be reached.
    """
    parts = urlsplit(url)
    if parts.scheme == "maildir":
        yield MaildirInbox(Path(parts.path))
        return
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme not in {"imaps", "imap"} or not parts.hostname or (parts.scheme == "imap" and not local):
        raise ConfigurationError(
            f"unknown kind of mailbox: {url.partition('@')[2] or url}", remedy="use maildir:/folder or imaps://user@host/folder"
        )
    try:
        server = _connected(parts.hostname, parts.port, secure=parts.scheme == "imaps")
        try:
            _enter(server, unquote(parts.username or ""), password, unquote(parts.path.strip("/")) or "INBOX")
            yield ImapInbox(server)
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                server.logout()
    except (OSError, imaplib.IMAP4.abort) as error:
        raise NetworkDown(f"the mail server cannot be reached: {error}", remedy="see tickets.mailbox") from error


def _connected(host: str, port: int | None, *, secure: bool) -> imaplib.IMAP4:
    if secure:
        return imaplib.IMAP4_SSL(host, port or 993, ssl_context=ssl.create_default_context(), timeout=PATIENCE)
    return imaplib.IMAP4(host, port or 143, timeout=PATIENCE)


def _enter(server: imaplib.IMAP4, user: str, password: Secret | None, folder: str) -> None:
    try:
        server.login(user, password.reveal() if password else "")
    except imaplib.IMAP4.error as error:
        if isinstance(error, imaplib.IMAP4.abort):
            raise
        raise CredentialRefused(
            "the mail server refused the password", remedy="retaguarda vault set, for the entry of tickets.credential"
        ) from None
    answer, _ = server.select(f'"{folder}"')
    if answer != "OK":
        raise ConfigurationError(f"the mail server has no folder {folder!r}", remedy="see tickets.mailbox")
