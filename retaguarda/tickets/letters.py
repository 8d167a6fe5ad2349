"""E-mails as tickets need them: bytes to who wrote, what about, what it says, and what came with it."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr
from html.parser import HTMLParser

LONGEST = 100_000
"""Characters of a text that are kept beside the e-mail itself, which is kept whole."""
QUOTE = re.compile(r"^(>|Em .{5,200} escreveu:|On .{5,200} wrote:|-{3,} ?(Original|Mensagem))", re.IGNORECASE)
REFERENCE = re.compile(r"<[^<>\s]{1,390}>")
BULK = {"bulk", "junk", "list", "auto_reply"}


@dataclass(frozen=True)
class Attachment:
    """A file that came with an e-mail, by the name that its sender gave it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Letter:
    """An e-mail that was read."""

    message_id: str
    """As its sender set it; the hash of the whole where there is none."""
    references: Sequence[str]
    """The e-mails that it answers, the latest last."""
    sender: str
    """The address alone, in small letters; empty when there is none."""
    subject: str
    text: str
    attachments: Sequence[Attachment]
    automatic: bool
    """Sent by a machine: an absence note, a bounce, a list. Answering it might go on for ever."""


def read_letter(raw: bytes) -> Letter:
    """An e-mail from its bytes, however badly it is made: what cannot be decoded is shown with marks of replacement."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    sender = parseaddr(_header(message, "From").replace("\0", ""))[1].strip().lower()
    return Letter(
        message_id=(_references(message, "Message-ID") or [f"<{hashlib.sha256(raw).hexdigest()}@sha256>"])[0],
        references=[*_references(message, "References"), *_references(message, "In-Reply-To")],
        sender=sender if sender.count("@") == 1 and len(sender) <= 254 else "",
        subject=" ".join(_header(message, "Subject").split())[:200],
        text=_text(message)[:LONGEST],
        attachments=[found for part in message.walk() if (found := _attachment(part))],
        automatic=_is_automatic(message),
    )


def own_words(text: str) -> str:
    """What somebody wrote in an answer, without the e-mail that he quoted below."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if QUOTE.match(line)), len(lines))
    return "\n".join(lines[:end]).strip() or text.strip()


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except (MessageError, ValueError, IndexError, AttributeError):  # headers that the parser itself stumbles over
        return ""


def _references(message: EmailMessage, name: str) -> list[str]:
    return REFERENCE.findall(_header(message, name).replace("\0", ""))


def _is_automatic(message: EmailMessage) -> bool:
    """By RFC 3834, by the null sender of bounces, and by the headers that mailing lists have."""
    submitted = _header(message, "Auto-Submitted").strip().lower()
    bulk = _header(message, "Precedence").strip().lower() in BULK
    returned = _header(message, "Return-Path").strip() == "<>"
    return (
        submitted not in {"", "no"}
        or bulk
        or returned
        or bool(_header(message, "List-Id"))
        or message.get_content_type() == "multipart/report"
    )


def _text(message: EmailMessage) -> str:
    try:
        body = message.get_body(("plain", "html"))
    except (MessageError, KeyError, AttributeError):
        body = None
    if body is None:
        return ""
    text = _decoded(body)
    return _without_tags(text) if body.get_content_type() == "text/html" else text.replace("\r\n", "\n").strip()


def _decoded(part: MIMEPart) -> str:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    try:
        return raw.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:  # a charset that nobody knows
        return raw.decode("utf-8", "replace")


def _attachment(part: MIMEPart) -> Attachment | None:
    """A part that is a file: it says so, or has a name; an e-mail inside an e-mail is one as a whole."""
    name = part.get_filename() or ""
    if part.is_multipart() or not (name or part.get_content_disposition() == "attachment"):
        return None
    content = part.get_payload(decode=True)
    return Attachment(name or f"file.{part.get_content_subtype()}", content if isinstance(content, bytes) else b"")


class _Words(HTMLParser):
    """The words of a page, a line for each block."""

    BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table"})
    UNSEEN = frozenset({"script", "style", "head", "title"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the parser's signature
        self._unseen += tag in self.UNSEEN
        if tag in self.BLOCKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in self.UNSEEN))

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)


def _without_tags(page: str) -> str:
    reader = _Words()
    reader.feed(page)
    lines = (" ".join(line.split()) for line in "".join(reader.words).splitlines())
    return "\n".join(line for line in lines if line)
