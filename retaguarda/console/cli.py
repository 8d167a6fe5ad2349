"""The command line. Exit codes: 0 all done · 1 items failed or breaks found · 2 usage · 3 configuration or credential ·
5 items UNCERTAIN (outranks 1) · 6 deadline missed · 7 waiting for a person · 75 portal unavailable, try later · 124 timeout ·
130/143 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.exceptions import TyperException

from retaguarda import __version__
from retaguarda.console.command_tree import Branch, group_of
from retaguarda.console.help_texts import speak
from retaguarda.errors import RetaguardaError, StoreUnavailable
from retaguarda.language import configured_language, say, set_language

if TYPE_CHECKING:
    from rich.console import Console

BRANCHES = {
    "up": Branch("up", "up"),
    "metrics": Branch("commands_metrics", "metrics"),
    "indicators": Branch("commands_indicators", "indicators"),
    "watchdog": Branch("commands_watchdog", "watchdog"),
    "rehearse": Branch("rehearse", "rehearse"),
    "doctor": Branch("doctor", "doctor"),
    "demo": Branch("demo", "demo"),
    "run": Branch("commands_run", help="Launch, follow, stop and resume runs."),
    "robot": Branch("commands_robot", "robots", help="Robots and whether they are fit for work."),
    "process": Branch("commands_robot", "processes_app", help="Processes and their parameters."),
    "ticket": Branch("commands_ticket", help="Requests from other areas, and their mailbox."),
    "token": Branch("commands_token", help="Secrets by which programs ask the console's API."),
    "new": Branch("commands_new", help="Start a new robot or task from its template."),
    "statement": Branch("commands_statement", help="Bank statements and boleto returns: read them, see what is proved."),
    "reconcile": Branch(
        "commands_reconcile",
        help="Bank lines and open items, ERP and CCEE: what matches, what does not, who decided.",
        joined=("commands_reconcile_ccee", "commands_decisions", "commands_sign_off"),
    ),
    "lineage": Branch("commands_lineage", help="The way of a contract's money, from the ERP to CCEE and back."),
    "sandbox": Branch("commands_sandbox", help="Portals that behave, and misbehave, like the real ones."),
    "audit": Branch("commands_audit", help="The audit log.", joined=("commands_audit_papers",)),
    "evidence": Branch("commands_evidence", help="Files in which a secret was found: what there is, and opening one."),
    "witness": Branch("commands_witness", help="A witness of audit logs, on a machine of another administrator."),
    "vault": Branch("commands_vault", help="Credentials."),
    "credential": Branch("commands_credential", help="Set and renew credentials, see when they end and who works with one."),
    "store": Branch("commands_store", help="The database: check it, migrate it, move it to a server."),
    "request": Branch("commands_request", help="What runs wait for people for: approvals and codes."),
    "calendar": Branch("commands_calendar", help="Business days: calendars, their sources, and deadlines."),
    "trigger": Branch("commands_trigger", help="What runs when: rules, what comes, what became of it."),
    "scheduler": Branch("commands_scheduler", help="The process that decides when runs begin."),
    "worker": Branch("commands_worker", help="Processes that carry queued runs out."),
    "alert": Branch("commands_alert", help="What is wrong, and who was told."),
    "backup": Branch("commands_backup", help="Copies of the installation that prove themselves, and the way back."),
    "retention": Branch("commands_retention", help="What is kept for how long."),
    "console": Branch("commands_console", help="The web console."),
    "user": Branch("commands_user", help="People of the web console: roles, one-time links, lock-outs."),
    "hold": Branch("commands_retention", "holds", help="Legal holds: what must not be deleted."),
}
app = typer.Typer(
    name="retaguarda",
    cls=group_of(BRANCHES),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Robots for the back office of an energy trader.",
    epilog=" ".join((__doc__ or "").split()[3:]),
)


def _version(asked: bool) -> None:  # typer's callback signature
    if asked:
        typer.echo(f"retaguarda {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show the log on the terminal."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),  # noqa: ARG001
) -> None:
    logging.captureWarnings(capture=True)
    os.environ.setdefault("LOGURU_AUTOINIT", "0")  # loguru comes with the first run: the terminal belongs to the bars
    if verbose:
        from retaguarda.runlog import quiet_console

        quiet_console(verbose=True)


def main() -> None:
    """The command of this process: every expected error ends as one sentence, its remedy and the documented exit code."""
    set_language(configured_language())
    try:
        code = typer.main.get_command(app).main(prog_name="retaguarda", standalone_mode=False)
    except TyperException as error:
        code = _say_usage(error)
    except typer.Abort:
        _console().print(say("Broken off."), style="bold red")
        code = 130
    except RetaguardaError as error:
        code = _say_error(error)
    except Exception as error:  # noqa: BLE001  # the top: a defect is told in one sentence, and in full where it is asked for
        trouble = _store_trouble(error)
        code = _say_error(trouble) if trouble else _say_defect(error)
    sys.exit(code or 0)


def _say_usage(error: TyperException) -> int:
    """A wrong command line: what is wrong with it, how it is written, and where its help is."""
    from retaguarda.report.retell import retell

    context = getattr(error, "ctx", None)
    if context is not None:
        speak(context.command)
    if type(error).__name__ == "NoArgsIsHelpError":  # its help is printed already
        return error.exit_code
    _console().print(retell(error.format_message()), style="bold red", markup=False)
    if context is not None:
        _console().print(context.get_usage(), markup=False)
        _console().print(say("Help: {command} --help", command=context.command_path), markup=False)
    return error.exit_code


def _say_error(error: RetaguardaError) -> int:
    from retaguarda.redaction import redactor
    from retaguarda.report.retell import retell
    from retaguarda.store.connection import set_up

    set_up()  # an error may come before the store is open, and the runner knows its tables
    from retaguarda.ends import exit_of

    _console().print(redactor.clean(retell(error.text)), style="bold red", markup=False)
    if error.remedy:
        _console().print(say("What to do: {remedy}", remedy=retell(error.remedy)), markup=False)
    return exit_of(error)


def _store_trouble(error: Exception) -> StoreUnavailable | None:
    """A server that went away, or a disk that is full, is no defect of the program."""
    from django.db import InterfaceError, OperationalError

    if not isinstance(error, InterfaceError | OperationalError):
        return None
    return StoreUnavailable(f"the store failed: {' '.join(str(error).split())}", remedy="check the server and the disk, then try again")


def _say_defect(error: Exception) -> int:
    """A defect of the program: what and where; its traceback with --verbose, without secrets."""
    from retaguarda.redaction import redactor

    where = traceback.extract_tb(error.__traceback__)[-1]
    told = {"text": f"{type(error).__name__}: {error}", "where": f"{Path(where.filename).name}:{where.lineno}"}
    _console().print(redactor.clean(say("Defect of the program at {where}: {text}", **told)), style="bold red", markup=False)
    if {"-v", "--verbose"} & set(sys.argv):
        _console().print(redactor.clean("".join(traceback.format_exception(error))), markup=False)
    else:
        _console().print(
            say("What to do: {remedy}", remedy=say("repeat it with retaguarda --verbose … and send what it shows")), markup=False
        )
    return 1


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
