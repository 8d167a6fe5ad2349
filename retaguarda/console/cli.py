"""The command line. Exit codes: 0 all done · 1 items failed or breaks found · 2 usage · 3 configuration or credential ·
5 items UNCERTAIN (outranks 1) · 6 deadline missed · 7 waiting for a person · 75 portal unavailable, try later · 124 timeout ·
130/143 interrupted.
"""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from retaguarda import __version__
from retaguarda.console import commands_audit, commands_new, commands_robot, commands_run, commands_sandbox, commands_vault
from retaguarda.console.demo import demo
from retaguarda.console.doctor import doctor
from retaguarda.errors import RetaguardaError
from retaguarda.language import say
from retaguarda.redaction import redactor
from retaguarda.runlog import quiet_console

app = typer.Typer(
    name="retaguarda",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Robots for the back office of an energy trader. " + " ".join((__doc__ or "").split()[3:]),
)
app.add_typer(commands_run.app, name="run", help="Launch, follow, stop and resume runs.")
app.add_typer(commands_robot.robots, name="robot", help="Robots and whether they are fit for work.")
app.add_typer(commands_robot.processes_app, name="process", help="Processes and their parameters.")
app.add_typer(commands_new.app, name="new", help="Start a new robot or task from its template.")
app.add_typer(commands_sandbox.app, name="sandbox", help="Portals that behave, and misbehave, like the real ones.")
app.add_typer(commands_audit.app, name="audit", help="The audit log.")
app.add_typer(commands_vault.app, name="vault", help="Credentials.")
app.command()(doctor)
app.command()(demo)


def _version(asked: bool) -> None:  # typer's callback signature
    if asked:
        typer.echo(f"retaguarda {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show the log on the terminal."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),  # noqa: ARG001
) -> None:
    quiet_console(verbose=verbose)


def main() -> None:
    """Entry point: every expected error ends as one sentence, its remedy and the documented exit code."""
    try:
        app()
    except RetaguardaError as error:
        from retaguarda.report.retell import retell
        from retaguarda.runner import exit_of

        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(redactor.clean(retell(error.text)), style="bold red", markup=False)
        if error.remedy:
            console.print(say("What to do: {remedy}", remedy=retell(error.remedy)), markup=False)
        sys.exit(exit_of(error))


if __name__ == "__main__":
    main()
