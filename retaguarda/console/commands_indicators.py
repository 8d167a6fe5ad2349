"""`retaguarda indicators`: how well it goes, by week or month, counted anew in the tables."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from retaguarda.console.wiring import open_house
from retaguarda.errors import ConfigurationError
from retaguarda.language import say

if TYPE_CHECKING:
    from retaguarda.operations.indicators import Figures, Grain

GRAINS: tuple[Grain, ...] = ("week", "month")


def indicators(
    by: Annotated[str, typer.Option("--by", help="week or month.")] = "month",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=120, help="How many periods, the last one not over.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Handling time, success and error rates, automatic matches, hours saved, margins of deadlines, ages of breaks."""
    house = open_house()
    from retaguarda.operations.indicators import as_values, figures

    grain = next((one for one in GRAINS if one == by), None)
    if grain is None:
        raise ConfigurationError(f"{by!r} is no period", remedy="write week or month")
    found = figures(house.settings.indicators, house.clock.today(), grain, count)
    if as_json:
        assumed = house.settings.indicators.model_dump()
        typer.echo(json.dumps({"by": grain, "assumed": assumed, "periods": as_values(found)}, ensure_ascii=False, indent=1))
    else:
        _tell(found)


def _tell(found: list[Figures]) -> None:
    from retaguarda.console.screen import listing, screen
    from retaguarda.report.show import number, span

    names = ("from", "items", "in order", "mean time", "automatic matches", "hours saved", "deadlines met", "margin", "satisfaction")
    table = listing(*(say(name) for name in names), whole=tuple(range(len(names))))
    for one in found:
        rates = [f"{rate:.1%}" if rate is not None else "—" for rate in (one.handled.rate, one.matched.rate, one.deadlines.rate)]
        margin = "—" if one.margin_hours is None else f"{one.margin_hours:.1f} h"
        mean = "—" if one.mean_seconds is None else span(dt.timedelta(seconds=round(one.mean_seconds)))
        table.add_row(
            f"{one.start:%d/%m/%Y}",
            str(one.handled.total),
            rates[0],
            mean,
            rates[1],
            number(Decimal(str(one.hours_saved)), 1),
            rates[2],
            margin,
            "—" if one.satisfaction is None else number(Decimal(str(one.satisfaction)), 1),
        )
    screen().print(table)
