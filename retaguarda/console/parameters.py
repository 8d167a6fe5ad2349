"""Parameters of processes as people write them on the command line, and as JSON tells them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin

from rich.table import Table

from retaguarda.console.screen import listing
from retaguarda.errors import ConfigurationError
from retaguarda.language import say
from retaguarda.model.values import Month, Period
from retaguarda.process import LIST_SEPARATOR, Artifact, Parameter, Process, to_text
from retaguarda.report.vocabulary import PARAMETERS


def parameter_table(process: Process) -> Table:
    """Each parameter as it is given, what it is, and what holds when it is left out."""
    table = listing(say("parameter"), say("what it is"), say("when left out"))
    for parameter in process.parameters:
        meaning = say(PARAMETERS.get(parameter.name, ""))
        table.add_row(f"--param {parameter.name}={form(parameter.annotation)}", meaning, _when_left_out(parameter))
    return table


def described(process: Process) -> dict[str, object]:
    """A process as JSON values."""
    parameters = [
        {
            "name": p.name,
            "type": type_name(p.annotation),
            "required": p.required,
            "default": None if p.required or p.default is None else to_text(p.default),
        }
        for p in process.parameters
    ]
    return {"name": process.name, "summary": process.summary, "composed": process.composed, "parameters": parameters}


def type_name(annotation: Any) -> str:
    """A type as code names it, without its modules: `Month`, `tuple[str, ...]`, `Artifact | None`."""
    text = str(annotation) if get_args(annotation) else str(getattr(annotation, "__name__", annotation))
    return re.sub(r"(?:\w+\.)+(?=\w)", "", text)


def form(annotation: Any) -> str:
    """How a value of a type is written on the command line, in the chosen language."""
    parts = [part for part in get_args(annotation) if part not in {type(None), ...}]
    if get_origin(annotation) is tuple:
        return f"{form(parts[0])}{LIST_SEPARATOR}…"
    if parts:
        return form(parts[0])
    day = say("YYYY-MM-DD")
    forms: dict[Any, str] = {Month: say("YYYY-MM"), Period: f"{day}..{day}", dt.date: day, Artifact: f"sha256:…/{say('NAME')}"}
    forms |= {Path: say("FILE"), Decimal: say("NUMBER"), int: say("NUMBER"), bool: say("yes|no")}
    return forms.get(annotation, say("TEXT"))


def month_option(text: str, otherwise: Month) -> Month:
    """The month that `--month` tells; ConfigurationError when it tells none."""
    try:
        return Month.parse(text) if text else otherwise
    except ValueError as error:
        raise ConfigurationError(f"parameter month: {error}", remedy="write --month 2026-10") from error


def _when_left_out(parameter: Parameter) -> str:
    if parameter.required:
        return say("(required)")
    return to_text(parameter.default) if parameter.default not in {None, ()} else "—"
