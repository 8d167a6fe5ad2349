"""E-mails become tickets once, answers go out until they are taken; a real Maildir, a real SMTP server, both kinds of store."""

from __future__ import annotations

import datetime as dt
import email.message
from pathlib import Path

import pytest

from retaguarda.audit import events
from retaguarda.clock import SAO_PAULO
from retaguarda.errors import ConfigurationError, InvalidItem, NotEntitled
from retaguarda.settings import TicketSettings
from retaguarda.store.models import OutboxEvent, Ticket, TicketMessage, TicketState
from retaguarda.tickets.post import Post
from retaguarda.tickets.tickets import FORM, Tickets
from retaguarda.uploads import Uploads
from retaguarda.vault import Vault
from tests.conftest import OpenStore
from tests.house import KEY, SetClock
from tests.operations.sinks import smtp_server

ANA = "compras@empresa.example"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "box" / part).mkdir(parents=True)
    return tmp_path / "box"


def post(store: OpenStore, box: Path, clock: SetClock, *, port: int = 0, limit: float = 1) -> Post:
    settings = TicketSettings(
        mailbox=f"maildir:{box}",
        senders=("@empresa.example",),
        smtp=f"smtp://127.0.0.1:{port}" if port else "",
        sender="backoffice@empresa.example" if port else "",
    )
    tickets = Tickets(settings, clock, lambda: Vault(store.home / "vault.json", KEY))
    return Post(tickets, Uploads(store.home, limit), lambda path: f"https://console.example{path}")


def deliver(box: Path, name: str, *, sender: str = ANA, message_id: str = "<1@empresa>", **headers: str) -> email.message.EmailMessage:
    made = email.message.EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = sender, "backoffice@empresa.example", "Reenviar extrato", message_id
    for header, value in headers.items():
        made[header.replace("_", "-")] = value
    made.set_content("Falta o extrato de 05/11.\x00\n\nEm qui., 5 de nov. de 2026, Banco escreveu:\n> citado")
    made.add_attachment(b"a;b\n1;2\n", maintype="text", subtype="csv", filename="../../saldo.csv")
    (box / "new" / name).write_bytes(made.as_bytes())
    return made


def told() -> list[str]:
    return [event.line["action"] for event in OutboxEvent.objects.order_by("id") if event.line["action"].startswith("ticket.")]


def test_an_email_becomes_a_ticket_once_with_everything_that_came(any_store: OpenStore, box: Path, clock: SetClock) -> None:
    deliver(box, "100.M1.host")
    mail = post(any_store, box, clock)
    assert mail.take_in() == {"opened": 1}
    assert [path.name for path in (box / "cur").iterdir()] == ["100.M1.host:2,S"]
    (box / "cur" / "100.M1.host:2,S").replace(box / "new" / "100.M1.host")  # a crash before it was marked as seen
    assert mail.take_in() == {"known": 1}
    ticket = Ticket.objects.get()
    assert (ticket.requester, ticket.subject, ticket.state, ticket.source) == (ANA, "Reenviar extrato", "OPEN", "mail")
    [message] = ticket.messages.all()
    assert message.text.startswith("Falta o extrato de 05/11.")
    assert [file["name"] for file in message.files] == ["message.eml", "saldo.csv"]
    assert Path(message.files[1]["path"]).read_bytes() == b"a;b\n1;2\n"
    assert Path(message.files[0]["path"]).is_relative_to(any_store.home / "uploads")
    assert told() == ["ticket.opened"]


def test_what_is_not_for_us_opens_nothing_and_is_told(any_store: OpenStore, box: Path, clock: SetClock) -> None:
    deliver(box, "1", sender="alguem@fora.example", message_id="<1@x>")
    deliver(box, "2", sender="x@empresa.example.fora.example", message_id="<2@x>")
    deliver(box, "3", message_id="<3@x>", Auto_Submitted="auto-replied")
    assert post(any_store, box, clock).take_in() == {"refused": 3}
    assert not Ticket.objects.exists()
    assert told() == ["ticket.mail_refused"] * 3


def test_the_answer_goes_out_and_a_reply_opens_the_ticket_again(any_store: OpenStore, box: Path, clock: SetClock) -> None:
    deliver(box, "1")
    with smtp_server() as server:
        mail = post(any_store, box, clock, port=server.port)
        mail.take_in()
        ticket = Ticket.objects.get()
        mail.tickets.take(ticket, "maria")
        mail.tickets.answer(ticket, "maria", "Baixado de novo e conferido.")
        server.refuses = True
        assert mail.send() == {"unsent": 1}
        assert "no such mailbox" in TicketMessage.objects.get(answers=True).trouble
        server.refuses = False
        assert mail.send() == {"sent": 1}
        assert mail.send() == {}
        [sent] = server.mails
    assert (sent["To"], sent["In-Reply-To"], sent["Subject"]) == (ANA, "<1@empresa>", "Re: Reenviar extrato")
    body = sent.get_content()
    assert body.startswith("Baixado de novo e conferido.")
    secret = mail.tickets.secret(ticket)
    assert f"https://console.example/ticket/{secret}" in body
    found = mail.tickets.by_secret(secret)
    assert found == ticket
    assert mail.tickets.by_secret(f"{ticket.pk}-{'0' * 40}") is None
    assert mail.tickets.by_secret("²-x") is None
    mail.tickets.rate(ticket, ANA, 2, "demorou")
    deliver(box, "2", message_id="<2@empresa>", In_Reply_To=str(sent["Message-ID"]))
    assert mail.take_in() == {"added": 1}
    ticket.refresh_from_db()
    assert (ticket.state, ticket.satisfaction, ticket.messages.count()) == (TicketState.OPEN, None, 3)
    assert ticket.messages.last().text == "Falta o extrato de 05/11."  # type: ignore[union-attr]  # there are three
    wanted = ["opened", "taken", "answered", "sent", "rated", "added", "reopened"]
    assert told() == [f"ticket.{one}" for one in wanted]


def test_somebody_elses_reply_does_not_reach_the_ticket(any_store: OpenStore, box: Path, clock: SetClock) -> None:
    deliver(box, "1")
    mail = post(any_store, box, clock)
    mail.take_in()
    deliver(box, "2", sender="outro@empresa.example", message_id="<2@empresa>", In_Reply_To="<1@empresa>")
    assert mail.take_in() == {"opened": 1}
    assert Ticket.objects.count() == 2


def test_a_file_that_is_too_large_is_told_and_the_rest_is_kept(any_store: OpenStore, box: Path, clock: SetClock) -> None:
    deliver(box, "1")
    assert post(any_store, box, clock, limit=0.00005).take_in() == {"opened": 1}  # fifty bytes
    assert [file["name"] for file in Ticket.objects.get().messages.get().files] == ["saldo.csv"]
    assert told() == ["ticket.file_refused", "ticket.opened"]


def test_the_time_for_an_answer_counts_business_days(store: Path, clock: SetClock) -> None:
    tickets = Tickets(TicketSettings(answer_days=2), clock, lambda: Vault(store.parent / "vault.json", KEY))
    friday = dt.datetime(2026, 10, 9, 16, 30, tzinfo=SAO_PAULO)  # Monday is Our Lady's
    assert tickets.due(friday) == dt.datetime(2026, 10, 14, 16, 30, tzinfo=SAO_PAULO)


def test_who_may_do_what(store: Path, clock: SetClock) -> None:
    tickets = Tickets(TicketSettings(), clock, lambda: Vault(store.parent / "vault.json", KEY))
    with events.acting("joana"):
        ticket = tickets.ask(FORM, "joana", "Extrato", "Falta um")
    with pytest.raises(ConfigurationError, match="not answered"):
        tickets.rate(ticket, "joana", 5)
    with pytest.raises(InvalidItem):
        tickets.answer(ticket, "maria", " \n")
    tickets.answer(ticket, "maria", "Feito")
    ticket.refresh_from_db()
    with pytest.raises(NotEntitled):
        tickets.rate(ticket, "maria", 5)
    with pytest.raises(InvalidItem):
        tickets.rate(ticket, "joana", 6)
    with pytest.raises(ConfigurationError, match="answered already"):
        tickets.take(ticket, "maria")
    assert tickets.by_secret(tickets.secret(ticket)) is None, "what was asked here is not shown to strangers"
