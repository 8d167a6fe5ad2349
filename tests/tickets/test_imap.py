"""Requests that lie on an IMAP server: a real Dovecot, where the machine has one."""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from retaguarda.errors import ConfigurationError, CredentialRefused, NetworkDown
from retaguarda.model.secrets import Secret
from retaguarda.settings import TicketSettings
from retaguarda.tickets.inboxes import open_inbox
from retaguarda.tickets.post import Post
from retaguarda.tickets.tickets import Tickets
from retaguarda.uploads import Uploads
from retaguarda.vault import Vault
from tests.conftest import OpenStore
from tests.console.web.server import free_port
from tests.house import KEY, SetClock
from tests.tickets.test_post import deliver, told

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PASSWORD = "correio-1"
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(DOVECOT is None or os.geteuid() != 0, reason="needs Dovecot (apt install dovecot-imapd), and root to start it"),
]


@dataclass(frozen=True)
class Mail:
    """A server with one mailbox."""

    port: int
    box: Path

    def url(self, folder: str = "INBOX") -> str:
        return f"imap://backoffice%40empresa.example@127.0.0.1:{self.port}/{folder}"


@pytest.fixture
def mail() -> Iterator[Mail]:
    """Dovecot over a Maildir, on a port of its own."""
    owner, port = pwd.getpwnam("dovecot"), free_port()
    with tempfile.TemporaryDirectory(prefix="dovecot-") as folder:
        place = Path(folder)
        for part in ("box/new", "box/cur", "box/tmp"):
            (place / part).mkdir(parents=True)
        place.chmod(0o755)
        for path in (place / "box", *(place / "box").iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        (place / "dovecot.conf").write_text(f"""
protocols = imap
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{place}/box
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={place}/box
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
}}
""")
        process = subprocess.Popen([str(DOVECOT), "-F", "-c", str(place / "dovecot.conf")])
        try:
            _wait_for(port, process, place / "log")
            yield Mail(port, place / "box")
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server greets; the test's own timeout bounds it."""
    while True:
        assert process.poll() is None, log.read_text() if log.exists() else "Dovecot ended"
        try:
            imaplib.IMAP4("127.0.0.1", port, timeout=5).logout()
        except OSError:
            continue
        return


def test_what_lies_on_the_server_becomes_a_request_once_and_stays_there_as_seen(any_store: OpenStore, mail: Mail, clock: SetClock) -> None:
    vault = Vault(any_store.home / "vault.json", KEY)
    vault.put("correio/backoffice", {"user": "backoffice", "password": PASSWORD})
    settings = TicketSettings(mailbox=mail.url(), senders=("@empresa.example",), credential="correio/backoffice")
    post = Post(Tickets(settings, clock, lambda: vault), Uploads(any_store.home, 1), lambda path: f"https://console.example{path}")
    deliver(mail.box, "1.host")
    assert post.take_in() == {"opened": 1}
    assert post.take_in() == {}
    assert told() == ["ticket.opened"]
    assert [path.name.rpartition(",")[2] for path in (mail.box / "cur").iterdir()] == ["S"]


def test_what_the_server_refuses_is_told(mail: Mail) -> None:
    with pytest.raises(CredentialRefused), open_inbox(mail.url(), Secret("outra")):
        pass
    with pytest.raises(ConfigurationError, match="no folder"), open_inbox(mail.url("Pedidos"), Secret(PASSWORD)):
        pass
    gone = replace(mail, port=free_port())
    with pytest.raises(NetworkDown, match="cannot be reached"), open_inbox(gone.url(), Secret(PASSWORD)):
        pass
