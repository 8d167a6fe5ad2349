"""`retaguarda request`: what runs wait for people for."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import open_house
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.models import Request

app = typer.Typer(no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the request; see `request list`.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command("list")
def list_requests(as_json: Json = False) -> None:
    """What waits for a person, oldest first. Exit 7 when something does."""
    house = open_house()
    house.requests().expire()
    waiting = house.requests().open()
    if as_json:
        typer.echo(json.dumps([_told(request) for request in waiting], ensure_ascii=False, indent=1))
    else:
        from retaguarda.console.screen import listing, screen, short_moment

        table = listing(say("number"), say("question"), say("about"), say("run"), say("asked"), say("until"), whole=(0, 3))
        for request in waiting:
            until = short_moment(request.expires_at) if request.expires_at else ""
            table.add_row(str(request.pk), say(request.kind), request.subject, request.run_id, short_moment(request.asked_at), until)
        screen().print(table if waiting else say("Nobody is waited for."))
    raise typer.Exit(7 if waiting else 0)


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """A request: the plan to approve with its totals and digest, or the question of a portal."""
    request = open_house().requests().get(number)
    if as_json:
        typer.echo(json.dumps(_told(request), ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import bullet, moment, screen

    console = screen()
    bullet(console, say("question"), f"{say(request.kind)}: {request.subject}")
    bullet(console, say("run"), f"{request.run_id} ({request.run.actor}, {moment(request.asked_at)})")
    for name, value in request.facts.items():
        bullet(console, say(name), ", ".join(value) if isinstance(value, list) else str(value))
    if request.digest:
        bullet(console, say("digest"), request.digest)
    answered = f" {request.answered_by} {moment(request.answered_at)} {request.reason}" if request.answered_at else ""
    bullet(console, say("state"), say(request.state.lower()) + answered)


@app.command()
def approve(number: Number, reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "") -> None:
    """Approve a plan that somebody else launched; its run goes on by the workers."""
    _decide(number, yes=True, reason=reason)


@app.command()
def refuse(number: Number, reason: Annotated[str, typer.Option(help="Why, for the launcher and the audit log.")]) -> None:
    """Refuse a plan; its run ends."""
    _decide(number, yes=False, reason=reason)


def _decide(number: int, *, yes: bool, reason: str) -> None:
    house = open_house()
    from retaguarda.audit.events import actor

    requests = house.requests()
    request = requests.get(number)
    requests.decide(request, actor(), yes=yes, reason=reason)
    _say_answered(request)


@app.command()
def answer(
    number: Number,
    ready: Annotated[bool, typer.Option("--ready", help="Give no code yet: the portal is to send a new one.")] = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the code from standard input.")] = False,
) -> None:
    """Type the code that a portal asks for; it is kept in the vault until it is used, and nowhere else."""
    house = open_house()
    from retaguarda.audit.events import actor

    requests = house.requests()
    request = requests.get(number)
    code = "" if ready else sys.stdin.readline().strip() if stdin else typer.prompt(say("Code"), hide_input=True)
    requests.answer(request, actor(), code)
    _say_answered(request)


def _say_answered(request: Request) -> None:
    from retaguarda.jobs.runs import root_of
    from retaguarda.store.models import RunState

    root = root_of(request.run)
    if root.state == RunState.PENDING:
        typer.echo(say("Run {run} waits in queue {queue}.", run=root.pk, queue=root.queue))
    else:
        typer.echo(say("Run {run} goes on with the answer.", run=root.pk))


def _told(request: Request) -> dict[str, Any]:
    from retaguarda.console.screen import iso

    return {
        "number": request.pk,
        "kind": request.kind,
        "subject": request.subject,
        "run": request.run_id,
        "digest": request.digest,
        "facts": request.facts,
        "state": request.state,
        "asked_at": iso(request.asked_at),
        "expires_at": iso(request.expires_at),
        "answered_by": request.answered_by,
        "answered_at": iso(request.answered_at),
        "reason": request.reason,
    }
