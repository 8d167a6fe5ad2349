"""`retaguarda retention` and `retaguarda hold`: what is kept how long, and what must not go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.operations.retention import Expired
    from retaguarda.store.models import LegalHold

app = typer.Typer(no_args_is_help=True)
holds = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]


@app.command()
def show(as_json: Json = False) -> None:
    """What is kept for how long, and how much of it has expired. Changes nothing."""
    house = open_house()
    _tell_plan(house, as_json=as_json)


@app.command()
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, delete nothing.")] = False,
    compact: Annotated[bool, typer.Option(help="Afterwards give free space of a SQLite store back to the disk, when nothing runs.")] = True,
    as_json: Json = False,
) -> None:
    """Let go what has expired and nobody holds. Hashes and tombstones stay in the audit log; safe to break off and to repeat."""
    house = open_house()
    if dry_run:
        _tell_plan(house, as_json=as_json)
        return
    from retaguarda.operations import retention

    gone = retention.Retention(house.installation()).apply()
    house.audit().seal()
    freed = gone.freed + (retention.compact() if compact and not gone.held else 0)
    if as_json:
        typer.echo(json.dumps({"held": gone.held, "counts": dict(gone.counts), "freed": freed}, ensure_ascii=False, indent=1))
    elif gone.held:
        typer.echo(say("Everything is held: nothing was let go. See: retaguarda hold list"))
    else:
        for name, count in gone.counts.items():
            if count:
                typer.echo(f"{_classes()[name]}: {count}")
        typer.echo(say("{count} rows and files let go, {size:.1f} MB freed.", count=sum(gone.counts.values()), size=freed / 1e6))


@holds.command("add")
def add_hold(
    reason: Reason,
    run_id: Annotated[str, typer.Option("--run", help="Run to hold, with all its steps.")] = "",
    everything: Annotated[bool, typer.Option("--everything", help="Hold everything.")] = False,
    as_json: Json = False,
) -> None:
    """Hold a run, or everything: nothing of it is deleted, whatever its retention says."""
    if bool(run_id) == everything:
        raise ConfigurationError("say what is to be held", remedy="give --run RUN, or --everything")
    house = open_house()
    from retaguarda.operations.holds import hold

    _tell_holds([hold(house.runs().get(run_id) if run_id else None, reason, house.clock)], as_json=as_json)


@holds.command("list")
def list_holds(
    lifted: Annotated[bool, typer.Option("--lifted", help="Also those that were lifted.")] = False, as_json: Json = False
) -> None:
    """The holds that stand."""
    open_house()
    from retaguarda.store.models import LegalHold

    found = LegalHold.objects.order_by("pk")
    _tell_holds(list(found if lifted else found.filter(lifted_at=None)), as_json=as_json)


@holds.command("lift")
def lift_hold(
    number: Annotated[int, typer.Argument(help="Number of the hold; see `hold list`.")], reason: Reason, as_json: Json = False
) -> None:
    """Lift a hold: what has expired goes with the next `retention apply`."""
    house = open_house()
    from retaguarda.operations.holds import lift

    _tell_holds([lift(number, reason, house.clock)], as_json=as_json)


def _tell_plan(house: House, *, as_json: bool) -> None:
    from retaguarda.console.screen import listing, screen
    from retaguarda.operations.retention import Retention

    plan = Retention(house.installation()).plan()
    if as_json:
        typer.echo(json.dumps([_expired_as_json(one) for one in plan], ensure_ascii=False, indent=1))
        return
    table = listing(say("class"), say("kept for"), say("what it is"), say("have expired"), say("on hold"), whole=(0, 1, 3, 4))
    about = {name: field.description or "" for name, field in type(house.settings.retention).model_fields.items()}
    for one in plan:
        kept = say("{days} days", days=one.days) if one.days else say("for ever")
        table.add_row(_classes()[one.name], kept, say(about[one.name]), str(one.count), str(one.held) if one.held else "")
    screen().print(table)
    typer.echo(say("The audit log is always kept."))


def _expired_as_json(one: Expired) -> dict[str, Any]:
    from retaguarda.console.screen import iso

    return {"class": one.name, "days": one.days, "before": iso(one.before), "expired": one.count, "held": one.held}


def _classes() -> dict[str, str]:
    """Classes of data as people call them."""
    return {
        "logs": say("technical logs"),
        "pictures": say("pictures"),
        "files": say("files"),
        "runs": say("runs"),
        "ledger": say("fires"),
        "alerts": say("alerts"),
        "engine": say("engine"),
        "outbox": say("event copies"),
    }


def _tell_holds(found: list[LegalHold], *, as_json: bool) -> None:
    from retaguarda.console.screen import iso, listing, screen, short_moment

    if as_json:
        told = [
            {
                "number": one.pk,
                "run": one.run_id,
                "reason": one.reason,
                "by": one.by,
                "at": iso(one.at),
                "lifted_by": one.lifted_by,
                "lifted_at": iso(one.lifted_at),
            }
            for one in found
        ]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    table = listing(say("hold"), say("of"), say("reason"), say("by"), say("since"), say("lifted"), whole=(0, 1, 4))
    for one in found:
        lifted = f"{short_moment(one.lifted_at)} {one.lifted_by}" if one.lifted_at else ""
        table.add_row(str(one.pk), one.run_id or say("everything"), one.reason, one.by, short_moment(one.at), lifted)
    screen().print(table if found else say("No hold stands."))
