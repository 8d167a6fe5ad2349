"""Codes by mail: only what was delivered after the request counts, from whom it should come, and waiting has an end."""

from __future__ import annotations

import datetime as dt
import os
from email.message import EmailMessage
from pathlib import Path

import pytest

from retaguarda.errors import ChallengeRequired, ConfigurationError
from retaguarda.portal.mailbox import open_mailbox, wait_for_code
from tests.house import SetClock

CODE = r"código: (\d{6})"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    return tmp_path


def deliver(box: Path, text: str, when: dt.datetime, *, part: str = "new", sender: str = "nao-responda@portal", html: bool = False) -> Path:
    message = EmailMessage()
    message["From"], message["Date"] = sender, "Mon, 01 Jan 2035 00:00:00 +0000"
    message.set_content(text, subtype="html" if html else "plain")
    path = box / part / f"{len(list(box.rglob('*')))}.mail"
    path.write_bytes(message.as_bytes())
    os.utime(path, (when.timestamp(), when.timestamp()))
    return path


def code(box: Path, clock: SetClock, sender: str = "", patience: float = 5) -> str:
    return wait_for_code(open_mailbox(f"maildir:{box}"), clock, clock.now(), CODE, sender, patience)


def test_the_newest_code_after_the_request_is_taken(box: Path, clock: SetClock) -> None:
    asked = clock.now()
    deliver(box, "código: 111111", asked - dt.timedelta(seconds=1))
    deliver(box, "código: 222222", asked + dt.timedelta(seconds=1), part="cur")
    deliver(box, "código: 333333", asked + dt.timedelta(seconds=2))
    deliver(box, "promoção", asked + dt.timedelta(seconds=3))
    assert code(box, clock) == "333333"


def test_only_the_portals_mail_counts(box: Path, clock: SetClock) -> None:
    soon = clock.now() + dt.timedelta(seconds=1)
    deliver(box, "<b>código: 222222</b>", soon, html=True, sender="Portal <NAO-RESPONDA@portal>")
    deliver(box, "código: 333333", soon + dt.timedelta(seconds=1), sender="outro@portal")
    assert code(box, clock, sender="nao-responda@portal") == "222222"


def test_a_code_that_does_not_come_needs_a_person(box: Path, clock: SetClock) -> None:
    deliver(box, "código: 111111", clock.now() - dt.timedelta(days=1))
    before = clock.monotonic()
    with pytest.raises(ChallengeRequired, match="within 5 s"):
        code(box, clock)
    assert 5 <= clock.monotonic() - before < 6


def test_mail_that_another_reader_moves_stops_nothing(box: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    path = deliver(box, "código: 222222", clock.now())
    deliver(box, "código: 333333", clock.now() - dt.timedelta(seconds=0), part="cur")
    (box / "new" / "gone").symlink_to(box / "nowhere")
    mails = open_mailbox(f"maildir:{box}").newest()
    path.unlink()
    assert [mail.text.strip() for mail in mails] == ["código: 333333"]


def test_an_unknown_kind_of_mailbox_is_a_wrong_configuration() -> None:
    with pytest.raises(ConfigurationError, match="unknown kind of mailbox: 'imap'"):
        open_mailbox("imap://example")
