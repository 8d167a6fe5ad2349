"""The mail that the portal sends: a real Maildir, codes that come late, and other mail around them."""

from __future__ import annotations

import email.utils
import mailbox
import os
import random
import time
from email.message import EmailMessage
from pathlib import Path

from sandbox.portal import Sandbox

SENDER = "CCEE <nao-responda@ccee.example>"
LATE = (1.5, 3.0)
"""A code arrives this many real seconds after it was asked for (people report 12 to 45; nobody wants to wait)."""


def folder(sandbox: Sandbox) -> Path:
    """The Maildir of the robot's mail address."""
    return sandbox.state / "mail" / "robo"


def prepare(sandbox: Sandbox) -> None:
    """Make the mailbox; a new one starts with two stale codes and a mail of somebody else."""
    where = folder(sandbox)
    if where.exists():
        return
    where.parent.mkdir(parents=True, exist_ok=True)
    mailbox.Maildir(where, create=True)
    _deliver(where, SENDER, "Código de acesso", "CCEE: o seu codigo de acesso e 730164", age=26 * 3600)
    _deliver(where, SENDER, "Código de acesso", "CCEE: o seu codigo de acesso e 485920", age=420)
    _deliver(where, "Clima <boletim@energia-hoje.example>", "Boletim das 6h", "PLD médio do dia: R$ 214.563", age=300)


def send_code(sandbox: Sandbox, code: str) -> None:
    """Deliver the code late, and right after it a mail of another sender that also holds six digits."""
    where, delay = folder(sandbox), random.uniform(*LATE)
    sandbox.later(delay, lambda: _deliver(where, SENDER, "Código de acesso", f"CCEE: o seu codigo de acesso e {code}"))
    other = "Convite: reunião de operação. Sala virtual 918273, senha 445566."
    sandbox.later(delay + 0.05, lambda: _deliver(where, "Agenda <agenda@exemplo.example>", "Convite", other))


def _deliver(where: Path, sender: str, subject: str, text: str, age: float = 0) -> None:
    """Put a mail into the mailbox as delivered `age` seconds ago."""
    at = time.time() - age
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "robo@exemplo.example", subject
    message["Date"], message["Message-ID"] = email.utils.formatdate(at, localtime=True), email.utils.make_msgid(domain="ccee.example")
    message.set_content(text)
    box = mailbox.Maildir(where)
    key = box.add(message)
    os.utime(where / "new" / key, (at, at))
