"""`retaguarda reconcile month|sign|countersign`: how a month stands, and who says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.decisions.sign_off import State
    from retaguarda.model.values import Month

Chosen = Annotated[str, typer.Argument(help="Month, YYYY-MM.", metavar="MONTH")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Digest = Annotated[str, typer.Option(help="The digest that you saw; see `reconcile month`.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `retaguarda reconcile`."""
    for name, command in (("month", month), ("sign", sign), ("countersign", countersign)):
        app.command(name)(command)


def month(chosen: Chosen, as_json: Json = False) -> None:
    """How a month stands: statements, matches, open points, their digest, and who signed. Exit 1 when points are open."""
    open_house()
    from retaguarda.decisions.sign_off import state_of
    from retaguarda.store.models import SignOff

    asked = _month(chosen)
    state, rows = state_of(asked), list(SignOff.objects.filter(month=str(asked)).order_by("-signed_at")[:20])
    if as_json:
        signed = [_row(row, state) for row in rows]
        typer.echo(json.dumps({"month": str(asked), "digest": state.digest, **state.facts, "signed": signed}, ensure_ascii=False, indent=1))
    else:
        _tell(state, rows)
    raise typer.Exit(1 if state.open_points else 0)


def sign(chosen: Chosen, digest: Digest, reason: Annotated[str, typer.Option(help="Why, when points are open.")] = "") -> None:
    """Sign a month as you saw it; another person countersigns it."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.decisions import sign_off

    sign_off.sign(_month(chosen), digest, actor(), house.clock.now(), reason)
    typer.echo(say("{month} is signed; a second person countersigns it.", month=chosen))


def countersign(chosen: Chosen, digest: Digest) -> None:
    """Confirm the sign-off of another person."""
    house = open_house()
    from retaguarda.audit.events import actor
    from retaguarda.decisions import sign_off
    from retaguarda.store.models import SignOff

    row = SignOff.objects.filter(month=str(_month(chosen)), digest=digest).first()
    if row is None:
        raise ConfigurationError(f"nobody signed {chosen} by that digest", remedy=f"see: retaguarda reconcile month {chosen}")
    sign_off.countersign(row, actor(), house.clock.now())
    typer.echo(say("{month} is countersigned.", month=chosen))


def _month(text: str) -> Month:
    from retaguarda.console.parameters import month_option
    from retaguarda.model.values import Month

    return month_option(text, Month(1, 1))


def _row(row: Any, state: State) -> dict[str, Any]:
    names = ("digest", "signed_by", "countersigned_by", "reason")
    moments = {name: value.isoformat() if (value := getattr(row, name)) else None for name in ("signed_at", "countersigned_at")}
    return {name: getattr(row, name) for name in names} | moments | {"still_so": row.digest == state.digest}


def _tell(state: State, rows: list[Any]) -> None:
    from retaguarda.console.screen import bullet, moment, screen

    console = screen()
    for name, value in state.facts.items():
        bullet(console, f"{say(name.replace('_', ' '))}:", str(value))
    bullet(console, f"{say('digest')}:", state.digest)
    for row in rows:
        told = say("still so") if row.digest == state.digest else say("changed since")
        who = f"{row.signed_by}, {moment(row.signed_at)}"
        second = f"{row.countersigned_by}, {moment(row.countersigned_at)}" if row.countersigned_at else say("waits for a second person")
        bullet(console, f"{say('signed')}:", f"{who} · {second} · {told}")
