"""`retaguarda token`: secrets by which programs ask the console's API as a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.store.models import ApiToken

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The person; see `user list`.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command("list")
def list_tokens(name: Name, as_json: Json = False) -> None:
    """A person's tokens, without their secrets."""
    house = open_house()
    found = house.tokens().of(house.register().get(name))
    if as_json:
        typer.echo(json.dumps([described(token) for token in found], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import listing, moment, screen

    table = listing(say("number"), say("name"), say("roles"), say("ends"), say("last used"), say("revoked"), whole=(0, 1))
    for one in found:
        roles = ", ".join(map(say, one.roles))
        table.add_row(f"{one.pk}", one.name, roles, moment(one.expires_at), moment(one.used_at), moment(one.revoked_at))
    screen().print(table if found else say("No token."))


@app.command()
def make(
    name: Name,
    program: Annotated[str, typer.Argument(help="Which program it is for.")],
    role: Annotated[list[str], typer.Option("--role", "-r", help="Of the person's roles, those that it may use; repeatable.")],
    days: Annotated[int, typer.Option(min=1, help="Days that it holds.")] = 30,
) -> None:
    """Make a token; its secret is printed once and kept nowhere."""
    house = open_house()
    typer.echo(house.tokens().make(house.register().get(name), program, role, days))


@app.command()
def revoke(number: Annotated[int, typer.Argument(help="Number of the token; see `token list`.")]) -> None:
    """End a token at once."""
    house = open_house()
    from retaguarda.store.models import ApiToken

    found = ApiToken.objects.select_related("person").filter(pk=number).first()
    if found is None:
        raise ConfigurationError(f"there is no token {number}", remedy="see: retaguarda token list")
    house.tokens().revoke(found)
    typer.echo(say("Token {number} is revoked.", number=found.pk))


def described(token: ApiToken) -> dict[str, Any]:
    """A token as values for programs, without its secret."""
    from retaguarda.console.screen import iso

    moments = {name: iso(getattr(token, name)) for name in ("made_at", "expires_at", "used_at", "revoked_at")}
    return {"number": token.pk, "name": token.name, "roles": token.roles, **moments}
