"""`retaguarda trigger`: what fires when, what became of it, and what people may do about it."""

from __future__ import annotations

import datetime as dt
import json
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.clock import SAO_PAULO
from retaguarda.console.wiring import House, open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.triggers.trigger import Trigger

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Name = Annotated[str, typer.Argument(help="Name of the trigger; see `trigger list`.")]
PREVIEW_DAYS = 60


@app.command("list")
def list_triggers(as_json: Json = False) -> None:
    """Every trigger: its rule in words, its next fire, how the last one ended, and the margin of obligations."""
    house = open_house()
    from retaguarda.agenda.outlook import outlooks
    from retaguarda.console import trigger_screens as screens

    found, now = outlooks(house.triggers(), house.clock), house.clock.now()
    if as_json:
        _print_json([screens.outlook_of(one, now) for one in found])
    elif found:
        screens.tell_list(found, now)
    else:
        typer.echo(say("No trigger. They stand in {path}.", path=_path()))


@app.command()
def preview(
    name: Annotated[str, typer.Argument(help="Name of the trigger; all when left out.")] = "",
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD; 60 days from now when left out.")] = "",
    as_json: Json = False,
) -> None:
    """What will fire, day by day, and what will be skipped and why."""
    house = open_house()
    from retaguarda.agenda.outlook import only_planned
    from retaguarda.agenda.outlook import preview as previewed
    from retaguarda.console import trigger_screens as screens

    now = house.clock.now()
    chosen, unplanned = ([_trigger(house, name)], []) if name else only_planned(house.triggers())
    last = _end_of(until) if until else now + dt.timedelta(days=PREVIEW_DAYS)
    found = previewed(chosen, house.clock, last)
    if as_json:
        _print_json([screens.preview_of(one) for one in found])
    else:
        screens.tell_preview(found, chosen, unplanned, now, last)


@app.command()
def history(
    name: Name,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """What became of a trigger's fires, by the ledger: a run, skipped, or missed, with the reason."""
    house = open_house()
    from retaguarda.console import trigger_screens as screens
    from retaguarda.store.models import PlannedFire

    rows = list(PlannedFire.objects.filter(trigger=name).select_related("run").order_by("-at")[:count])
    trigger = house.triggers().get(name)
    if trigger is None and not rows:
        raise _unknown(house, name)
    if as_json:
        _print_json([screens.row_of(row) for row in rows])
    else:
        screens.tell_history(rows, name, trigger.zone if trigger else SAO_PAULO)


@app.command()
def enable(name: Name) -> None:
    """Switch a trigger on: fires from now on run again."""
    house = open_house()
    changed = house.by_hand().switch(_trigger(house, name), on=True, who=_who())
    typer.echo(say("{trigger} is switched on.", trigger=name) if changed else say("{trigger} was not switched off.", trigger=name))


@app.command()
def disable(name: Name, reason: Annotated[str, typer.Option(help="Why; the skipped fires will say so.")] = "") -> None:
    """Switch a trigger off: its fires are skipped, with your name and the reason."""
    house = open_house()
    changed = house.by_hand().switch(_trigger(house, name), on=False, who=_who(), reason=reason)
    typer.echo(say("{trigger} is switched off.", trigger=name) if changed else say("{trigger} was switched off already.", trigger=name))


@app.command()
def fire(name: Name, as_json: Json = False) -> None:
    """Fire a trigger now, beside its rule: workers take the run from its queue."""
    house = open_house()
    from retaguarda.console import trigger_screens as screens

    row = house.by_hand().fire_now(_trigger(house, name), _who())
    if as_json:
        _print_json(screens.row_of(row))
    elif row.run_id:
        typer.echo(say("Run {run} waits for a worker. To follow it: retaguarda run show {run}", run=row.run_id))
    else:
        typer.echo(say("Its earlier run has not ended: it comes after it. To see it: retaguarda trigger history {trigger}", trigger=name))


@app.command()
def backfill(
    name: Name,
    since: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD; up to now when left out.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them, run nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make up for the fires of past days that had no run: missed, skipped, or older than the ledger."""
    house = open_house()
    from retaguarda.console import trigger_screens as screens

    trigger, by_hand = _trigger(house, name), house.by_hand()
    first, last = _start_of(since, trigger), _end_of(until, trigger) if until else house.clock.now()
    found = by_hand.without_run(trigger, first, last) if dry_run else by_hand.backfill(trigger, first, last, _who())
    if as_json:
        _print_json([screens.without_run_of(one) for one in found])
        return
    if not found:
        typer.echo(say("Every fire of these days had its run."))
        return
    screens.tell_backfill(found, trigger.zone)
    if dry_run:
        typer.echo(say("{count} fires would be made up for.", count=len(found)))
    elif trigger.overlap == "allow":
        typer.echo(say("{count} fires are made up for: workers take their runs.", count=len(found)))
    else:
        typer.echo(
            say(
                "{count} fires are made up for, one after the other: the scheduler begins each when the one before it ends.",
                count=len(found),
            )
        )


@app.command("set")
def set_trigger(
    name: Annotated[str, typer.Argument(help="Name of the trigger: lower-case letters, digits and hyphens.")],
    path: Annotated[Path, typer.Argument(help="TOML file with one [[trigger]], as in config/triggers.toml; - reads it from here.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check it and show its next fires, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Keep a trigger in the store, as the console does; it goes before one of that name in config/triggers.toml."""
    house = open_house()
    from retaguarda.agenda import written
    from retaguarda.agenda.outlook import next_fires
    from retaguarda.console import trigger_screens as screens
    from retaguarda.console.wiring import processes

    given = {**_read_table(path), "name": name}
    if dry_run:
        trigger = written.tried(given, house.settings, processes(), house.clock)
    else:
        trigger = written.write(given, house.settings, processes(), house.clock, _who())
    found = next_fires(trigger, house.clock)
    if as_json:
        _print_json({"trigger": name, "in_words": trigger.describe(), "next": [screens.preview_of(one) for one in found]})
        return
    typer.echo(say("{trigger} would be kept.", trigger=name) if dry_run else say("{trigger} is kept.", trigger=name))
    screens.tell_preview(found, [], [], house.clock.now(), house.clock.now())


@app.command()
def remove(name: Name) -> None:
    """Take a trigger out of the store that was written there; one of that name in config/triggers.toml holds again."""
    open_house()
    from retaguarda.agenda import written

    told = say("{trigger} is taken out; the one of the configuration holds now.") if written.remove(name, _who()) else ""
    typer.echo((told or say("{trigger} is taken out.")).format(trigger=name))


def _read_table(path: Path) -> dict[str, Any]:
    """The one [[trigger]] of a file."""
    try:
        tables = tomllib.loads(sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")).get("trigger", [])
    except (OSError, ValueError) as error:  # ValueError: no TOML, or no UTF-8
        raise ConfigurationError(f"{path} cannot be read: {error}", remedy="write one [[trigger]] as in config/triggers.toml") from error
    if not isinstance(tables, list) or len(tables) != 1:
        raise ConfigurationError(f"{path} does not hold one trigger", remedy="write one [[trigger]] as in config/triggers.toml")
    return dict(tables[0])


def _who() -> str:
    from retaguarda.audit.events import actor

    return actor()


def _path() -> str:
    from retaguarda.triggers.file import triggers_path

    return str(triggers_path())


def _trigger(house: House, name: str) -> Trigger:
    triggers = house.triggers()
    if name not in triggers:
        raise _unknown(house, name)
    return triggers[name]


def _unknown(house: House, name: str) -> ConfigurationError:
    known = ", ".join(sorted(house.triggers())) or "none"
    return ConfigurationError(f"there is no trigger {name!r}", remedy=f"known: {known}; they stand in {_path()}")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is no day", remedy="write it as YYYY-MM-DD") from None


def _start_of(text: str, trigger: Trigger) -> dt.datetime:
    """The last moment before a day begins in the trigger's zone: fires lie after it."""
    return dt.datetime.combine(_day(text), dt.time(), trigger.zone) - dt.timedelta(seconds=1)


def _end_of(text: str, trigger: Trigger | None = None) -> dt.datetime:
    zone = trigger.zone if trigger else SAO_PAULO
    return dt.datetime.combine(_day(text) + dt.timedelta(days=1), dt.time(), zone) - dt.timedelta(seconds=1)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
