"""`retaguarda demo`: the whole month against the sandbox portals and a real Tryton, in one command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from retaguarda.console.commands_run import execute
from retaguarda.console.commands_sandbox import sandbox_command
from retaguarda.console.commands_vault import store
from retaguarda.console.wiring import open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

PERIOD = "2026-11-01..2026-11-10"


def demo(
    state: Annotated[Path, typer.Option(help="Folder of the demo: portals, vault, store.")] = Path("output/demo"),
    seed: Annotated[int, typer.Option(help="Seed of the month.")] = 42,
    port_base: Annotated[int, typer.Option(help="First port of the sandbox portals.")] = 18700,
    process: Annotated[str, typer.Option(help="Process to run.")] = "close_month",
) -> None:
    """Close a month: ERP, two banks, CCEE, reconciliation, settlement and report. Run it twice: the second presses nothing."""
    from retaguarda.console.screen import screen

    console = screen()
    began = time.monotonic()
    console.print(say("Starting the sandbox portals and the ERP (the first start takes longer) …"))
    with sandbox_running(state / "sandbox", seed, port_base) as ready:
        console.print(
            say("Portals ready after {seconds:.0f} s: {names}", seconds=time.monotonic() - began, names=", ".join(ready["portals"]))
        )
        use_sandbox(state, ready)
        house = open_house()
        store(house, json.loads((state / "sandbox" / "credentials.json").read_text(encoding="utf-8")))
        given = {"month": ready["month"], "period": PERIOD}
        execute(house, lambda runner: runner.start(process, given), as_json=False)


def use_sandbox(state: Path, ready: dict[str, Any]) -> None:
    """Point this process's settings at a running sandbox: its addresses, a vault of its own, its business date."""
    os.environ |= {
        "RETAGUARDA_HOME": str(state / "state"),
        "RETAGUARDA_CONFIG": str(state / "sandbox" / "portals.toml"),
        "RETAGUARDA_VAULT__KEY_FILE": str(state / "vault.key"),
        "RETAGUARDA_CLOCK__BUSINESS_DATE": ready["today"],
    }


@contextmanager
def sandbox_running(state: Path, seed: int, port_base: int) -> Iterator[dict[str, Any]]:
    """The sandbox as a process for the block; ConfigurationError with its last words when it does not start."""
    state.mkdir(parents=True, exist_ok=True)
    log = state / "sandbox.log"
    with log.open("ab") as output:
        command = sandbox_command("up", "--state", str(state), "--seed", str(seed), "--port-base", str(port_base))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, text=True, start_new_session=True)  # noqa: S603  # our own module
        try:
            yield _ready(process, state, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _ready(process: subprocess.Popen[str], state: Path, log: Path) -> dict[str, Any]:
    """Wait for the line `ready …`, which the sandbox prints when every portal answers."""
    for line in _lines(process.stdout):
        if line.startswith("ready"):
            told: dict[str, Any] = json.loads((state / "ready.json").read_text(encoding="utf-8"))
            return told
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
    raise ConfigurationError(f"the sandbox did not start: {' | '.join(said)}", remedy=f"its log is {log}")


def _lines(stream: IO[str] | None) -> Iterator[str]:
    if stream is not None:
        yield from stream
