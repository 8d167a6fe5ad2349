"""`retaguarda credential`: set and renew credentials, when they end, who works with one, and how often it may still be tried."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.clock import SAO_PAULO
from retaguarda.console.commands_vault import asked_for, set_entry, store
from retaguarda.console.wiring import House, open_house, robot_class, unopened_house
from retaguarda.errors import ConfigurationError, CredentialRefused, CredentialResting, RetaguardaError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.models import Lease

NOT_SHOWN = ("challenge/",)
"""Entries of the vault that are no credentials: codes that people typed."""
app = typer.Typer(no_args_is_help=True)


@app.callback()
def _credential() -> None:
    """Set and renew credentials, see when they end, who works with one, and how often it may still be tried."""


app.command("set")(set_entry)


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(help="Name of the credential, portal first, e.g. ccee/robo.")],
    field: Annotated[list[str] | None, typer.Option("--field", "-f", help="Field to ask for anew, repeatable; else the password.")] = None,
    until: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day on which the portal takes it.")] = None,
) -> None:
    """Renew a credential after its portal took the new password: ask for it, keep the other fields, let it be tried again."""
    from retaguarda.jobs.certificates import PASSWORD_UNTIL

    house = open_house()
    if name not in house.vault().names():
        raise ConfigurationError(f"the vault has no credential {name!r}", remedy=f"retaguarda credential set {name}")
    wanted, kept = field or ["password"], house.vault().entry(name)
    if "password" in wanted:
        kept.pop(PASSWORD_UNTIL, None)  # it was said of the old one
    end = {PASSWORD_UNTIL: f"{until:%Y-%m-%d}"} if until else {}
    store(house, {name: kept | {one: asked_for(one, again=True) for one in wanted} | end})
    typer.echo(say("Credential {name} is kept.", name=name))


@app.command()
def lease(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Each credential: who holds it or held it last, and what the portal said to the sign-ins. Exit 1 when one must not be tried."""
    house = open_house()
    found = [credential_values(house, name) for name in credential_names()]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _show(found)
    raise typer.Exit(1 if any(one["blocked"] for one in found) else 0)


@app.command("list")
def list_credentials(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Each credential of the vault: which fields it has, never their values, and when its certificate and its password end."""
    _certificates(as_json)


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """As `list`; exit 1 when a certificate or password has ended, ends soon (alerts.certificate_days) or cannot be told."""
    raise typer.Exit(1 if _certificates(as_json) else 0)


def _certificates(as_json: bool) -> bool:
    """Show the credentials; whether a person must see to the certificate of one."""
    house = unopened_house()
    found = [_fields_of(house, name) for name in house.vault().names() if not name.startswith(NOT_SHOWN)]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _show_fields(found)
    return any(one["attention"] for one in found)


def _fields_of(house: House, name: str) -> dict[str, Any]:
    now, endings = house.clock.now(), house.certificates()
    held = {"certificate": endings.of(name), "password": endings.password_of(name)}
    ends = {what: one.ends.astimezone(SAO_PAULO) if one and one.ends else None for what, one in held.items()}
    left = {what: one.days_left(now) if one and one.ends else None for what, one in held.items()}
    nearest = min((days for days in left.values() if days is not None), default=None)
    problem = next((one.problem for one in held.values() if one and one.problem), "")
    return {
        "credential": name,
        "fields": sorted(house.vault().entry(name)),
        "certificate_ends": ends["certificate"].isoformat() if ends["certificate"] else None,
        "password_ends": ends["password"].isoformat() if ends["password"] else None,
        "business_days_left": left["certificate"],
        "password_days_left": left["password"],
        "problem": problem,
        "attention": bool(problem) or (nearest is not None and nearest <= house.settings.alerts.certificate_days),
    }


def _show_fields(found: list[dict[str, Any]]) -> None:
    from retaguarda.console.screen import listing, screen
    from retaguarda.report.retell import retell

    console = screen()
    if not found:
        console.print(say("The vault holds no credential."))
        return
    heads = say("credential"), say("fields"), say("certificate until"), say("password until"), say("business days left")
    table = listing("", *heads, whole=(1, 3, 4))
    for one in sorted(found, key=lambda one: (_nearest(one) is None, _nearest(one) or 0, one["credential"])):
        until = [f"{dt.datetime.fromisoformat(one[end]):%d/%m/%Y}" if one[end] else "" for end in ("certificate_ends", "password_ends")]
        nearest = _nearest(one)
        sign = "[bold red]✗[/bold red]" if one["attention"] else "[green]✓[/green]"
        left = "" if nearest is None else str(max(0, nearest))
        table.add_row(sign, one["credential"], ", ".join(one["fields"]), *until, left)
    console.print(table)
    for one in found:
        if one["problem"]:
            console.print(f"✗ {one['credential']}: {retell(one['problem'])}", style="red", markup=False)


def _nearest(one: dict[str, Any]) -> int | None:
    """Business days to whichever ends first."""
    left = [days for days in (one["business_days_left"], one["password_days_left"]) if days is not None]
    return min(left, default=None)


@app.command()
def allow(name: Annotated[str, typer.Argument(help="Name of the credential, portal first, e.g. ccee/robo.")]) -> None:
    """Let a credential be tried again as it stands: you signed in by hand, and it worked. One that was wrong is set anew instead."""
    house = open_house()
    if name not in credential_names() and name not in house.vault().names():
        raise ConfigurationError(f"no credential {name!r}", remedy="see: retaguarda credential lease")
    forgiven = house.sign_ins().allow(name)
    typer.echo(say("Credential {name} may be tried again; attempts forgiven: {count}.", name=name, count=forgiven))


def credential_names() -> list[str]:
    """Every credential that was ever leased or tried."""
    from retaguarda.store.models import Lease, SignIn

    tried = SignIn.objects.filter(cleared_at=None).values_list("credential", flat=True)
    return sorted({*tried, *Lease.objects.values_list("pk", flat=True)})


def credential_values(house: House, name: str) -> dict[str, Any]:
    """Who works with a credential, and what became of its sign-ins."""
    from retaguarda.console.screen import iso
    from retaguarda.jobs.sign_ins import Standing
    from retaguarda.store.models import Lease

    row = Lease.objects.filter(pk=name).first() or Lease(pk=name)
    held, standing = house.leases().is_held(name), Standing.of(name)
    blocked = _blocked(house, name)
    return {
        "credential": name,
        "state": _state(row, held=held),
        "held": held,
        "run": row.run,
        "executor": row.executor,
        "since": iso(row.since),
        "released_at": iso(row.released_at),
        "fence": row.fence,
        "refused": standing.refused,
        "unseen": standing.unseen,
        "accepted_before": standing.proven,
        "blocked": None if blocked is None else {"code": blocked.code, "text": blocked.text, "remedy": blocked.remedy},
    }


def _state(row: Lease, *, held: bool) -> str:
    """What the lock and the row say together: only the lock tells whether somebody is at work."""
    if held:
        return "at work"
    return "free" if row.released_at or row.since is None else "died"


def _blocked(house: House, name: str) -> RetaguardaError | None:
    """Why the credential must not be tried now, where its robot says how patient the portal is."""
    try:
        patience = robot_class(name.partition("/")[0]).manifest().lockout_attempts
    except ConfigurationError:  # of a robot that is gone
        return None
    try:
        house.sign_ins().must_be_allowed(name, patience)
    except (CredentialRefused, CredentialResting) as error:
        return error
    return None


def _show(found: list[dict[str, Any]]) -> None:
    from retaguarda.console.screen import bullet, listing, screen, short_moment
    from retaguarda.report.retell import retell

    console = screen()
    if not found:
        console.print(say("No credential was used yet."))
        return
    table = listing("", say("credential"), say("state"), say("run"), say("since"), say("lease"), say("sign-ins"), whole=(1, 3, 4))
    for one in found:
        since = short_moment(dt.datetime.fromisoformat(one["since"])) if one["since"] else ""
        table.add_row(_sign(one), one["credential"], _words(one), one["run"], since, f"{one['fence']}", _tries(one))
    console.print(table)
    for one in found:
        if one["blocked"]:
            console.print()
            bullet(console, _sign(one), retell(one["blocked"]["text"]))
            bullet(console, " ", say("What to do: {remedy}", remedy=retell(one["blocked"]["remedy"])))


def _sign(one: dict[str, Any]) -> str:
    """Red: a person must look. Yellow: it comes right by itself."""
    if one["blocked"]:
        return "[yellow]![/yellow]" if one["blocked"]["code"] == CredentialResting().code else "[bold red]✗[/bold red]"
    signs = {"at work": "[cyan]…[/cyan]", "died": "[yellow]![/yellow]"}
    return signs.get(one["state"], "[green]✓[/green]")


def _words(one: dict[str, Any]) -> str:
    if one["state"] == "at work":
        return say("at work in {process}", process=one["executor"])
    return say("its process died") if one["state"] == "died" else say("free")


def _tries(one: dict[str, Any]) -> str:
    """What became of the sign-ins since the portal last accepted one."""
    told = [say("{count} refused", count=one["refused"])] if one["refused"] else []
    told += [say("{count} without an end", count=one["unseen"])] if one["unseen"] else []
    return ", ".join(told) or (say("accepted") if one["accepted_before"] else "")
