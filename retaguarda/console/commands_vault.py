"""`retaguarda vault`: credentials in and out of the vault; values are never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from retaguarda.console.wiring import House, open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_names() -> None:
    """The names of the credentials and of their fields."""
    vault = open_house().vault()
    for name in vault.names():
        typer.echo(f"{name}: {', '.join(sorted(vault.entry(name)))}")


@app.command("set")
def set_entry(
    name: Annotated[str, typer.Argument(help="Name of the credential, portal first, e.g. ccee/robo.")],
    field: Annotated[list[str] | None, typer.Option("--field", "-f", help="Field to ask for, repeatable.")] = None,
) -> None:
    """Set a credential; each field is asked for on the terminal. Clears its refusals, so that it is tried again."""
    house = open_house()
    fields = {one: asked_for(one) for one in (field or ["user", "password"])}
    kept = house.vault().entry(name) if name in house.vault().names() else {}
    store(house, {name: kept | fields})
    typer.echo(say("Credential {name} is kept.", name=name))


def asked_for(field: str, *, again: bool = False) -> str:
    """A field's value, typed on the terminal; a secret does not show, and `again` has it typed twice."""
    from retaguarda.vault import PUBLIC

    return str(typer.prompt(field, hide_input=field not in PUBLIC, confirmation_prompt=again and field not in PUBLIC))


@app.command("import")
def import_file(path: Annotated[Path, typer.Argument(help="JSON: name → field → value. Delete it afterwards.")]) -> None:
    """Import credentials from a JSON file."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}", remedy='give a JSON file: {"ccee/robo": {"user": "…"}}') from error
    store(open_house(), entries)
    typer.echo(say("{count} credentials are kept.", count=len(entries)))


def store(house: House, entries: dict[str, dict[str, str]]) -> None:
    """Seal entries, tell the audit log which (never what), and let refused ones be tried again."""
    from django.db import transaction

    from retaguarda.audit import events
    from retaguarda.store.models import SignIn

    for name, fields in entries.items():
        house.vault().put(name, fields)
        with transaction.atomic():
            SignIn.objects.filter(credential=name, cleared_at=None).update(cleared_at=house.clock.now())
            events.record("secret.rotated", target=name, data={"fields": sorted(fields)})
