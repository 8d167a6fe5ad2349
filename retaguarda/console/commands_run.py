"""`retaguarda run`: launch, follow, stop, resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retaguarda.console.wiring import House, open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.runner import Runner
    from retaguarda.store.models import RunRecord

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
RunId = Annotated[str, typer.Argument(help="Id of the run, or the end of it.")]
RetryRefused = Annotated[bool, typer.Option("--retry-refused", help="Send again what a portal refused before.")]


@app.command()
def start(
    process: Annotated[str, typer.Argument(help="Name of the process; see `process list`.")],
    param: Annotated[list[str] | None, typer.Option("--param", "-p", help="name=value, repeatable; see `process show`.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look and plan, press nothing.")] = False,
    retry_refused: RetryRefused = False,
    queue: Annotated[str, typer.Option(help="Queue it for the workers instead of carrying it out here.")] = "",
    priority: Annotated[int, typer.Option(min=1, help="Of a queued run: lower numbers first.")] = 100,
    delay: Annotated[int, typer.Option(min=0, help="Of a queued run: seconds before it may begin.")] = 0,
    time_limit: Annotated[int | None, typer.Option(min=1, help="Seconds it may take; the process's own limit when not given.")] = None,
    as_json: Json = False,
) -> None:
    """Launch a process: now, waiting for its end, or by the workers of a queue."""
    house, given = open_house(), parse_params(param or [])
    if queue:
        wanted = {"dry_run": dry_run, "retry_refused": retry_refused, "priority": priority, "time_limit": time_limit}
        _say_queued(_queued(house, process, given, queue=queue, delay=delay, **wanted), as_json=as_json)
        return
    if time_limit or delay:
        raise ConfigurationError("--delay and --time-limit are for queued runs", remedy="add --queue NAME")
    execute(house, lambda runner: runner.start(process, given, dry_run=dry_run, retry_refused=retry_refused), as_json=as_json)


@app.command()
def resume(run_id: RunId, retry_refused: RetryRefused = False, as_json: Json = False) -> None:
    """Go on with a run at the item where it stood; finished items are not repeated."""
    house = open_house()
    record = house.runs().get(run_id)
    execute(house, lambda runner: runner.resume(record, retry_refused=retry_refused), as_json=as_json)


def _queued(house: House, process: str, given: dict[str, str], *, delay: int, **wanted: Any) -> RunRecord:
    """A run for the workers, its parameters checked now."""
    import datetime as dt

    from retaguarda.console.wiring import process_named

    process_named(process).bind(given)
    not_before = house.clock.now() + dt.timedelta(seconds=delay) if delay else None
    return house.runs().create(process, given, not_before=not_before, **wanted)


def _say_queued(run: RunRecord, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([describe(run)], ensure_ascii=False, indent=1))
        return
    typer.echo(say("Run {run} waits in queue {queue}.", run=run.pk, queue=run.queue))
    typer.echo(say("To follow it: retaguarda run show {run}", run=run.pk))


@app.command()
def retry(
    run_id: RunId,
    queue: Annotated[str, typer.Option(help="The queue; the run's own, or `default`, when not given.")] = "",
    retry_refused: RetryRefused = False,
    as_json: Json = False,
) -> None:
    """Queue a run that ended, or waits for a person, again: workers go on where it stood."""
    house = open_house()
    house.bury_dead()
    run = house.runs().get(run_id)
    house.runs().queue_up(run, queue, retry_refused=retry_refused)
    _say_queued(run, as_json=as_json)


@app.command()
def stop(run_id: RunId) -> None:
    """Ask a run to stop at its next safe point; a run that waits ends at once."""
    _end(run_id, kill=False)


@app.command()
def kill(run_id: RunId) -> None:
    """End a run at once, in the middle of its work. What it pressed and could not prove is looked up when it is resumed."""
    _end(run_id, kill=True)


def _end(run_id: str, *, kill: bool) -> None:
    house = open_house()
    house.bury_dead()
    run = house.runs().get(run_id)
    from retaguarda.console.screen import state
    from retaguarda.jobs.runs import ENDED

    if run.state not in ENDED:
        house.runs().request_stop(run, kill=kill)
        if kill and not run.queue:
            _kill_here(house, run)
    if run.state in ENDED:
        typer.echo(say("Run {run} has ended: {state}", run=run.pk, state=state(run.state).plain))
    elif kill:
        typer.echo(say("Run {run} will be ended by its worker within seconds.", run=run.pk))
    else:
        typer.echo(say("Run {run} was asked to stop; it will at its next safe point.", run=run.pk))


def _kill_here(house: House, run: RunRecord) -> None:
    """End a run that no worker carries out: the command that launched it, when it works on this machine."""
    import os
    import signal
    import socket
    from contextlib import suppress

    host, _, pid = run.executor.rpartition(":")
    if host != socket.gethostname():
        raise ConfigurationError(f"run {run.pk} is carried out on {host or '—'}", remedy="end it there")
    with suppress(ProcessLookupError):
        os.kill(int(pid), signal.SIGKILL)
    while not house.locks().is_free(f"run/{run.pk}"):
        house.clock.pause(0.05)
    house.bury_dead()
    run.refresh_from_db()


@app.command("list")
def list_runs(
    count: Annotated[int, typer.Option("--count", "-n", help="How many, newest first.")] = 20,
    process: Annotated[str, typer.Option(help="Only this process.")] = "",
    as_json: Json = False,
) -> None:
    """The latest runs."""
    house = open_house()
    house.bury_dead()
    runs = house.runs().latest(count, process)
    if as_json:
        typer.echo(json.dumps([describe(run) for run in runs], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import listing, mark, screen, short_moment, state

    table = listing("", say("run"), say("state"), say("started"), say("by"), whole=(0, 1, 3))
    for run in runs:
        shown = state(run.state).append(f" ({say('simulation')})" if run.dry_run else "")
        table.add_row(mark(run.state), run.pk, shown, short_moment(run.created_at), run.actor)
    screen().print(table if runs else say("No run yet. To launch one: retaguarda run start PROCESS"))


@app.command()
def show(run_id: RunId, as_json: Json = False) -> None:
    """One run: its steps, items and outputs."""
    house = open_house()
    house.bury_dead()
    tree = house.runs().tree(house.runs().get(run_id))
    if as_json:
        typer.echo(json.dumps([describe(run, items=True) for run in tree], ensure_ascii=False, indent=1))
        return
    from retaguarda.console.screen import screen
    from retaguarda.console.terminal import close, introduce

    introduce(screen(), tree[0])
    close(screen(), tree)


@app.command()
def logs(run_id: RunId, as_json: Json = False) -> None:
    """The log of a run; `--json` prints its raw lines."""
    run = open_house().runs().get(run_id)
    path = Path(run.folder) / "run.jsonl"
    if not path.exists():
        raise ConfigurationError(f"run {run.pk} has no log", remedy="it never started")
    from retaguarda.console.screen import log_line, screen

    console = screen()
    for line in path.read_text(encoding="utf-8").splitlines():
        if as_json:
            typer.echo(line)
        else:
            console.print(log_line(json.loads(line)), soft_wrap=True)


def parse_params(texts: list[str]) -> dict[str, str]:
    """`name=value` pairs; ConfigurationError for anything else."""
    pairs = [text.partition("=") for text in texts]
    wrong = [name for name, sign, _ in pairs if not sign]
    if wrong:
        raise ConfigurationError(f"parameter {wrong[0]!r} has no value", remedy="write --param name=value")
    return {name: value for name, _, value in pairs}


def describe(run: RunRecord, *, items: bool = False) -> dict[str, Any]:
    """A run as JSON values."""
    from retaguarda.console.screen import iso
    from retaguarda.store.outcomes import outcome_counts

    told: dict[str, Any] = {
        "run": run.pk,
        "process": run.process,
        "state": run.state,
        "dry_run": run.dry_run,
        "params": run.params,
        "actor": run.actor,
        "created_at": iso(run.created_at),
        "queue": run.queue,
        "attempt": run.attempt,
        "failures": run.failures,
        "not_before": iso(run.not_before),
        "trigger": run.trigger,
        "executor": run.executor,
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at),
        "folder": run.folder,
        "counts": dict(outcome_counts(run)),
        "result": run.result,
        "error": run.error,
    }
    if items:
        names = ("reference", "title", "state", "outcome", "code", "reason", "remedy", "protocol")
        told["items"] = [{name: getattr(item, name) for name in names} for item in run.items.order_by("id")]
    return told


def execute(house: House, work: Callable[[Runner], RunRecord], *, as_json: bool) -> None:
    """Run `work` with a runner, show how it goes, and end with the documented exit code."""
    from retaguarda.console.screen import screen
    from retaguarda.console.silent import SilentProgress
    from retaguarda.console.terminal import TerminalProgress, close
    from retaguarda.ends import exit_code

    if as_json:
        with house.runner(SilentProgress()) as runner:
            record = work(runner)
    else:
        with TerminalProgress(screen()).shown() as progress, house.runner(progress) as runner:
            record = work(runner)
    tree = house.runs().tree(record)
    if as_json:
        typer.echo(json.dumps([describe(run, items=True) for run in tree], ensure_ascii=False, indent=1))
    else:
        close(screen(), tree)
    interrupted = runner.interrupts.received
    raise typer.Exit(128 + interrupted if interrupted else exit_code(tree))
