"""`retaguarda ticket`: what other areas ask for, and the mailbox that it arrives in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house
from retaguarda.errors import ConfigurationError, RetaguardaError
from retaguarda.interrupts import Interrupts
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.models import Ticket

app = typer.Typer(no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the request; see `ticket list`.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Text = Annotated[str, typer.Option("--text", help="What is written; from standard input when left out.")]
TOLD = {
    "opened": "Requests opened: {count}",
    "added": "Added to a request: {count}",
    "known": "Known already: {count}",
    "refused": "Not taken in: {count}",
    "sent": "Answers sent: {count}",
    "unsent": "Answers that wait: {count}",
}


@app.command("list")
def list_tickets(as_json: Json = False) -> None:
    """What is not answered, the nearest deadline first. Exit 7 when there is something."""
    house = open_house()
    waiting = house.tickets().waiting()
    if as_json:
        typer.echo(json.dumps([described(ticket) for ticket in waiting], ensure_ascii=False, indent=1))
    else:
        from retaguarda.console.screen import listing, screen, short_moment
        from retaguarda.report.labels import label
        from retaguarda.report.vocabulary import TICKET_STATES

        table = listing(say("number"), say("subject"), say("asked by"), say("state"), say("owner"), say("answer by"), whole=(0, 5))
        for one in waiting:
            row = (f"{one.pk}", one.subject, one.requester, label(TICKET_STATES, one.state).text, one.owner, short_moment(one.due_at))
            table.add_row(*row)
        screen().print(table if waiting else say("All of them are answered."))
    raise typer.Exit(7 if waiting else 0)


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """A request with everything that was written about it."""
    ticket = open_house().tickets().get(number)
    if as_json:
        typer.echo(json.dumps(told(ticket), ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import bullet, moment, screen

    console = screen()
    bullet(console, say("subject"), f"{ticket.subject} ({ticket.requester}, {moment(ticket.asked_at)})")
    bullet(console, say("owner"), ticket.owner or "—")
    bullet(console, say("answer by"), moment(ticket.due_at))
    for one in ticket.messages.order_by("pk"):
        bullet(console, f"{one.by}, {moment(one.at)}", one.text)
    if ticket.satisfaction:
        bullet(console, say("satisfaction"), f"{ticket.satisfaction} / 5 {ticket.remark}".rstrip())


@app.command()
def ask(
    subject: Annotated[str, typer.Argument(help="What it is about, in a line.")],
    text: Text = "",
    area: Annotated[str, typer.Option(help="Area that asks.")] = "",
    file: Annotated[list[Path] | None, typer.Option(help="A file that goes with it; repeatable.", exists=True, dir_okay=False)] = None,
) -> None:
    """Ask the back office for something."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.tickets.tickets import FORM

    files = []
    for path in file or ():
        with path.open("rb") as content:
            files.append(house.uploads().keep(path.name, content))
    made = house.tickets().ask(FORM, actor(), subject, text or sys.stdin.read(), area=area, files=files)
    typer.echo(say("Request {number} is to be answered by {value}.", number=made.pk, value=_moment(made)))


@app.command()
def take(number: Number) -> None:
    """Make a request yours."""
    _do(number, lambda house, ticket, who: house.tickets().take(ticket, who))


@app.command()
def answer(number: Number, text: Text = "") -> None:
    """Answer a request; to whoever asked by e-mail the answer goes by e-mail."""
    _do(number, lambda house, ticket, who: house.tickets().answer(ticket, who, text or sys.stdin.read()))


@app.command()
def add(number: Number, text: Text = "") -> None:
    """Write something more about a request; from its requester it opens an answered one again."""
    _do(number, lambda house, ticket, who: house.tickets().add(ticket, who, text or sys.stdin.read()))


@app.command()
def rate(
    number: Number,
    mark: Annotated[int, typer.Argument(help="From 1, not at all, to 5, very much.")],
    remark: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """How content you are with the answer to what you asked."""
    _do(number, lambda house, ticket, who: house.tickets().rate(ticket, who, mark, remark))


@app.command()
def receive(as_json: Json = False) -> None:
    """Take in the e-mails that are unread, and send the answers that wait."""
    house = open_house()
    if not (house.settings.tickets.mailbox or house.settings.tickets.smtp):
        raise ConfigurationError("no mailbox is configured", remedy="write [tickets] in config/retaguarda.toml")
    counts = _look(house)
    if as_json:
        typer.echo(json.dumps(counts))
    else:
        _say_counts(counts)


@app.command()
def watch() -> None:
    """Do so again and again until stopped; `up` does where a mailbox is configured."""
    house, interrupts = open_house(), Interrupts()
    with interrupts.listening():
        while not interrupts.asked():
            try:
                _say_counts(_look(house), quiet=True)
            except RetaguardaError as error:  # a mail server that is away comes back
                typer.echo(error.text, err=True)
            until = house.clock.monotonic() + house.settings.tickets.poll_seconds
            while house.clock.monotonic() < until and not interrupts.asked():
                house.clock.pause(0.2)


def described(ticket: Ticket) -> dict[str, Any]:
    """A ticket as values for programs, without what was written."""
    from retaguarda.console.screen import iso

    names = ("subject", "area", "requester", "source", "state", "owner", "answered_by", "satisfaction", "remark")
    moments = {name: iso(getattr(ticket, name)) for name in ("asked_at", "due_at", "answered_at", "rated_at")}
    return {"number": ticket.pk, **{name: getattr(ticket, name) for name in names}, "run": ticket.run_id, **moments}


def told(ticket: Ticket) -> dict[str, Any]:
    """A ticket as values for programs, with everything that was written."""
    from retaguarda.console.screen import iso

    written = [
        {"at": iso(one.at), "by": one.by, "text": one.text, "answers": one.answers, "sent_at": iso(one.sent_at), "trouble": one.trouble}
        | {"files": [{"name": file["name"], "sha256": file["sha256"]} for file in one.files]}
        for one in ticket.messages.order_by("pk")[:200]
    ]
    return described(ticket) | {"messages": written}


def _do(number: int, work: Callable[[House, Ticket, str], None]) -> None:
    house = open_house()
    from retaguarda.audit.events import actor

    ticket = house.tickets().get(number)
    work(house, ticket, actor())
    ticket.refresh_from_db()
    typer.echo(say("Request {number}: {value}", number=ticket.pk, value=_state(ticket)))


def _look(house: House) -> dict[str, int]:
    post = house.post()
    return dict(post.take_in() + post.send())


def _say_counts(counts: dict[str, int], *, quiet: bool = False) -> None:
    for name, text in TOLD.items():
        if counts.get(name):
            typer.echo(say(text, count=counts[name]))
    if not counts and not quiet:
        typer.echo(say("Nothing new."))


def _state(ticket: Ticket) -> str:
    from retaguarda.report.labels import label
    from retaguarda.report.vocabulary import TICKET_STATES

    return label(TICKET_STATES, ticket.state).text


def _moment(ticket: Ticket) -> str:
    from retaguarda.console.screen import moment

    return moment(ticket.due_at)
