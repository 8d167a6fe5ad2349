"""`retaguarda console`: the web console."""

from __future__ import annotations

from typing import Annotated

import typer

from retaguarda.language import say

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _console() -> None:
    """The web console."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; the setting console.host when empty.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; the setting console.port when 0.")] = 0,
) -> None:
    """Serve the web console until stopped; on the first start, a one-time link creates the administrator."""
    from retaguarda.console.web.server import address, open_console
    from retaguarda.console.web.server import serve as serve_pages

    house = open_console()
    given = {name: value for name, value in (("host", host), ("port", port)) if value}
    console = house.settings.console.model_copy(update=given)
    if not house.settings.oidc.only and (secret := house.register().first_link()):
        typer.echo(say("Nobody can sign in yet. This link, good once, creates the administrator {name}:", name="admin"))
        typer.echo(address(console, f"/link/{secret}"))
    typer.echo(say("The console is at {address}", address=address(console)))
    serve_pages(house, console.host, console.port)
