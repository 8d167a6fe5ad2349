"""`retaguarda alert`: what is wrong, who was told of it, and whether messages arrive."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house, unopened_house
from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.interrupts import Interrupts
from retaguarda.language import say

if TYPE_CHECKING:
    from rich.text import Text

    from retaguarda.operations.alerts import Changes
    from retaguarda.store.models import Alert

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
WATCH_SECONDS = 60
SIGNS = {"info": ("·", "cyan"), "warning": ("!", "yellow"), "critical": ("✗", "bold red")}


@app.command("list")
def list_alerts(
    days: Annotated[int, typer.Option(min=0, help="Also those that were over within so many days.")] = 0,
    as_json: Json = False,
) -> None:
    """What is open, by its root cause. Exit 1 when something is."""
    house = open_house()
    found = _chosen(house, days)
    if as_json:
        typer.echo(json.dumps([_told(alert) for alert in found], ensure_ascii=False, indent=1))
    else:
        _show(found)
    raise typer.Exit(1 if any(alert.recovered_at is None for alert in found) else 0)


@app.command("test")
def send_test(
    target: Annotated[str, typer.Argument(help="Target of [alerts.targets]; all when left out.")] = "",
    as_json: Json = False,
) -> None:
    """Send a test message to the targets. Exit 3 when one does not take it, or none is configured."""
    house = open_house()
    known = house.settings.alerts.targets
    if not known or (target and target not in known):
        raise ConfigurationError(
            f"there is no alert target {target!r}" if known else "no alert target is configured",
            remedy="write [alerts.targets.NAME] in config/retaguarda.toml, then: retaguarda vault set alert/NAME --field url",
        )
    from retaguarda.operations.targets import send

    subject, body = f"[Retaguarda] {say('test')}", say("This is a test of the alerts: nothing happened.")
    answers = {name: send(house.installation(), name, subject, body) for name in ([target] if target else known)}
    if as_json:
        typer.echo(json.dumps({name: answer or None for name, answer in answers.items()}, ensure_ascii=False, indent=1))
    else:
        for name, answer in answers.items():
            typer.echo(f"{'✗' if answer else '✓'} {name:<14} {answer or say('sent')}")
    raise typer.Exit(3 if any(answers.values()) else 0)


@app.command()
def update(as_json: Json = False) -> None:
    """Look once, tell what changed and send what waits; `up` and the watchdog's timer do so every minute."""
    house = pointed_house()
    changes, error = one_look(house)
    if as_json:
        typer.echo(json.dumps(vars(changes) if changes else None, ensure_ascii=False, indent=1))
    elif changes is None:
        typer.echo(say("Another process keeps the watch at this moment."))
    else:
        typer.echo(_counted(changes))
    if error:
        raise error
    if not as_json:
        _show(_chosen(house, 0))


@app.command()
def watch() -> None:
    """Look every minute, tell what changed and send what waits, until stopped. Several may run: one at a time looks."""
    house, interrupts = pointed_house(), Interrupts()
    with interrupts.listening():
        while not interrupts.asked():
            changes, error = one_look(house)
            if error:
                typer.echo(error.text, err=True)
            if changes and (changes.opened or changes.raised or changes.recovered or changes.sent):
                typer.echo(_counted(changes))
            until = house.clock.monotonic() + WATCH_SECONDS
            while house.clock.monotonic() < until and not interrupts.asked():
                house.clock.pause(0.2)


def pointed_house() -> House:
    """The installation with its store named, not opened: that it does not open is what must be told."""
    from retaguarda.store.connection import point_at, set_up

    house = unopened_house()
    set_up()
    point_at(house.store_url)
    return house


def one_look(house: House) -> tuple[Changes | None, StoreUnavailable | None]:
    """What changed, and why the store could not be opened where it could not."""
    from retaguarda.operations.alerts import keep_watch, tell_that_the_store_is_lost
    from retaguarda.store.connection import connect

    try:
        connect(house.store_url)
    except StoreUnavailable as error:
        return tell_that_the_store_is_lost(house.installation(), error), error
    return keep_watch(house.installation()), None


def _counted(changes: Changes) -> str:
    counts = {"opened": len(changes.opened), "recovered": len(changes.recovered), "sent": changes.sent, "unsent": changes.unsent}
    return say("{opened} opened, {recovered} over; messages: {sent} sent, {unsent} waiting", **counts)


def _chosen(house: House, days: int) -> list[Alert]:
    """Open alerts, the gravest first, then those that were over lately."""
    from retaguarda.store.models import Alert

    opened = sorted(Alert.objects.filter(recovered_at=None), key=lambda one: (-list(SIGNS).index(one.severity), one.first_at))
    since = house.clock.now() - dt.timedelta(days=days)
    return opened + list(Alert.objects.filter(recovered_at__gte=since).order_by("-recovered_at") if days else [])


def _show(alerts: list[Alert]) -> None:
    from retaguarda.console.screen import listing, screen, short_moment
    from retaguarda.report.retell import retell

    table = listing("", say("cause"), say("what is wrong"), say("since"), say("symptoms"), say("told"), whole=(0, 3, 4, 5))
    for alert in alerts:
        what = retell(alert.text)
        if alert.facts.get("remedy") and not alert.recovered_at:
            what += f"\n→ {retell(str(alert.facts['remedy']))}"
        over = f" ({say('over')} {short_moment(alert.recovered_at)})" if alert.recovered_at else ""
        told = short_moment(alert.told_at) if alert.told_at else say("nobody")
        table.add_row(_sign(alert), alert.cause, what + over, short_moment(alert.first_at), str(alert.symptoms), told)
    screen().print(table if alerts else say("Nothing is open."))


def _sign(alert: Alert) -> Text:
    from rich.text import Text

    sign, style = ("✓", "green") if alert.recovered_at else SIGNS[alert.severity]
    return Text(sign, style=style)


def _told(alert: Alert) -> dict[str, Any]:
    from retaguarda.console.screen import iso

    return {
        "cause": alert.cause,
        "severity": alert.severity,
        "text": alert.text,
        "symptoms": alert.symptoms,
        "facts": alert.facts,
        "first_at": iso(alert.first_at),
        "last_at": iso(alert.last_at),
        "told_at": iso(alert.told_at),
        "recovered_at": iso(alert.recovered_at),
        "messages": [
            {
                "target": notice.target,
                "kind": notice.kind,
                "sent_at": iso(notice.sent_at),
                "attempts": notice.attempts,
                "error": notice.error,
            }
            for notice in alert.notices.order_by("id")
        ],
    }
