"""`retaguarda watchdog`: what should have happened and did not; for a timer that depends on no scheduler."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.console.commands_alert import SIGNS, one_look, pointed_house
from retaguarda.console.wiring import open_house
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.operations.findings import Finding


def watchdog(
    quiet: Annotated[bool, typer.Option("--quiet", help="Only show; tell no alert target.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Look for fires that nobody decided, schedulers that do not move, deadlines and queues, and tell the alert targets.

    Exit 1 when something is overdue. It depends on no scheduler: start it every minute from a timer, best on another machine.
    """
    if not quiet:
        _, error = one_look(pointed_house())
        if error:
            raise error
    house = open_house()
    from retaguarda.operations.conditions import WATCHDOG, look

    found = look(house.installation(), WATCHDOG).findings
    if as_json:
        told = [{"cause": one.cause, "severity": one.severity, "text": one.text, "facts": dict(one.facts)} for one in found]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _show(found)
    raise typer.Exit(1 if any(one.severity != "info" for one in found) else 0)


def _show(found: Sequence[Finding]) -> None:
    from rich.text import Text

    from retaguarda.console.screen import screen
    from retaguarda.report.retell import retell

    console = screen()
    for one in found:
        count = f" ({one.facts['symptoms']})" if one.facts.get("symptoms", 1) > 1 else ""
        console.print(Text(*SIGNS[one.severity]).append(f" {retell(one.text)}{count}", style="default"))
        if said := one.facts.get("said"):
            console.print(f"  {retell(str(said))}", markup=False, style="dim")
        if remedy := one.facts.get("remedy"):
            console.print(f"  → {retell(str(remedy))}", markup=False)
    if not found:
        console.print(say("Everything that was planned has happened."), style="green")
