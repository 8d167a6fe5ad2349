"""`retaguarda user`: people of the web console."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.models import Person

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name that the person signs in with; see `user list`.")]
Roles = Annotated[list[str], typer.Option("--role", "-r", help="operator, approver, auditor or administrator; repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def add(name: Name, role: Roles, full_name: Annotated[str, typer.Option("--full-name", help="The person's whole name.")] = "") -> None:
    """Add a person; the one-time link is for choosing a password and a second factor."""
    house = open_house()
    _say_link(house, house.register().add(name.lower(), role, full_name))


@app.command("list")
def list_people(as_json: Json = False) -> None:
    """Everybody who may sign in, or might."""
    people = open_house().register().everybody()
    if as_json:
        typer.echo(json.dumps([described(person) for person in people], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import listing, moment, screen

    table = listing(say("name"), say("roles"), say("state"), say("last sign-in"), whole=(0,))
    for person in people:
        state = say("shut out") if not person.active else say("active") if person.password else say("invited")
        table.add_row(person.name, ", ".join(map(say, person.roles)), state, moment(person.signed_in_at))
    screen().print(table if people else say("Nobody yet. To add somebody: retaguarda user add NAME --role ROLE"))


@app.command()
def link(name: Name) -> None:
    """A new one-time link for somebody who lost the password or the second factor; the old ones stay good until it is used."""
    house = open_house()
    _say_link(house, house.register().get(name))


@app.command()
def roles(name: Name, role: Roles) -> None:
    """Let a person have these roles and no others."""
    register = open_house().register()
    person = register.get(name)
    register.give_roles(person, role)
    typer.echo(say("Roles of {name}: {value}", name=person.name, value=", ".join(map(say, person.roles))))


@app.command()
def disable(name: Name) -> None:
    """Shut a person out; sessions and links end at once."""
    register = open_house().register()
    register.disable(register.get(name))
    typer.echo(say("{name} is shut out.", name=name))


@app.command()
def enable(name: Name) -> None:
    """Let a person in again who was shut out."""
    register = open_house().register()
    register.enable(register.get(name))
    typer.echo(say("{name} may sign in again.", name=name))


@app.command()
def unlock(name: Name) -> None:
    """Forget a person's wrong attempts, so that another try is let through."""
    house = open_house()
    house.entrance().unlock(house.register().get(name))
    typer.echo(say("{name} may sign in again.", name=name))


def described(person: Person) -> dict[str, Any]:
    """A person as JSON values."""
    from retaguarda.console.screen import iso

    return {
        "name": person.name,
        "full_name": person.full_name,
        "roles": person.roles,
        "active": person.active,
        "enrolled": bool(person.password),
        "created_at": iso(person.created_at),
        "created_by": person.created_by,
        "signed_in_at": iso(person.signed_in_at),
    }


def _say_link(house: House, person: Person) -> None:
    from retaguarda.console.web.server import address

    secret = house.register().link(person)
    hours = f"{house.settings.console.link_hours:g}"
    typer.echo(say("This link, good once and for {count} hours, is for {name}:", count=hours, name=person.name))
    typer.echo(address(house.settings.console, f"/link/{secret}"))
