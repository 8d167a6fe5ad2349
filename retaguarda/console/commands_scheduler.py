"""`retaguarda scheduler`: the process that decides when runs begin."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.console.wiring import open_house
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.agenda.ledger import Tally

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """One command so far; without this, `scheduler` alone would start it."""


@app.command()
def start(as_json: Annotated[bool, typer.Option("--json", help="Each decision as a line of JSON.")] = False) -> None:
    """Decide what is due, second by second, until stopped. Several may run, on one machine or on many: each fire happens once."""
    house = open_house()
    from retaguarda.interrupts import Interrupts

    interrupts, show = Interrupts(), Show(as_json)
    loop = house.scheduler_loop(show.tally)
    loop.rulebook.read()
    with interrupts.listening(), loop.workers.slot("scheduler") as name, house.keeper().running():
        show.line(say("Scheduler {name} follows {count} triggers.", name=name, count=len(loop.rulebook.triggers)))
        if house.clock.rehearsal:
            show.line(say("Rehearsing {day}: triggers follow the real clock all the same.", day=f"{house.clock.today():%d/%m/%Y}"))
        loop.run(name, interrupts.asked)
    show.line(say("Scheduler {name} has ended.", name=name))


@dataclass
class Show:
    """What a scheduler says on its terminal, or in the journal of its service."""

    as_json: bool
    _problems: dict[str, str] = field(default_factory=dict)

    def line(self, text: str) -> None:
        if not self.as_json:
            typer.echo(text)

    def tally(self, tally: Tally) -> None:
        """What a tick did: a line a run, a line for all fires of a trigger that ended alike, and each problem once."""
        if self.as_json:
            for one in tally.decided:
                facts = {"trigger": one.trigger, "at": one.fire.at.isoformat(), "state": one.state, "reason": one.reason, "run": one.run}
                typer.echo(json.dumps(facts, ensure_ascii=False))
        else:
            self._decided(tally)
        for trigger, problem in tally.failed.items():
            if self._problems.get(trigger) != problem:
                typer.echo(f"✗ {trigger}: {problem}", err=True)
        self._problems = tally.failed

    def _decided(self, tally: Tally) -> None:
        from retaguarda.report.labels import label
        from retaguarda.report.retell import retell
        from retaguarda.report.vocabulary import FIRES

        for one in tally.decided:
            if one.run:
                typer.echo(f"{one.fire.local[:16].replace('T', ' ')} {one.trigger} → {one.run}")
        others = Counter((one.trigger, one.state, one.reason) for one in tally.decided if one.reason)
        for (trigger, state, reason), count in others.items():
            typer.echo(f"{trigger}: {label(FIRES, state).text} ({count}): {retell(reason)}")
        if tally.filled:
            typer.echo(say("{count} fires of the past have their rows.", count=tally.filled))
