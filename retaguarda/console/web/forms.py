"""The form of a process, made from the types of its parameters, and back to the texts that a run keeps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin

from django.http import HttpRequest

from retaguarda.console.web.actions import is_upload, keep_upload
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import processes as queries
from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.language import say
from retaguarda.model.values import Month, Period
from retaguarda.process import LIST_SEPARATOR, Artifact, Parameter, Process, from_text, to_text
from retaguarda.report.retell import retell
from retaguarda.report.vocabulary import PARAMETERS

CREDENTIALS = {"credential", "credentials"}
SAMPLES = {"sheet": "contracts"}
"""Parameters whose file has a template to download."""


@dataclass
class Field:
    """One input of the form: how it is asked for, what was typed, and what is wrong with it."""

    name: str
    kind: str
    """month, period, date, yes, number, file, choice, lines or text."""
    label: str
    required: bool
    many: bool = False
    value: str = ""
    wrong: str = ""
    choices: list[tuple[str, str]] = field(default_factory=list)
    template: str = ""
    kept: list[str] = field(default_factory=list)
    """Names of files that were given before."""

    @property
    def period(self) -> tuple[str, str]:
        """Both ends of a period that was typed."""
        first, _, last = self.value.partition("..")
        return first, last

    @property
    def chosen(self) -> list[str]:
        """The values that were typed into a list."""
        return [part for part in self.value.split(LIST_SEPARATOR) if part]

    @property
    def strangers(self) -> list[str]:
        """Values that are chosen and not among the choices: those of an earlier run."""
        return [value for value in self.chosen if value not in dict(self.choices)]


@dataclass
class Form:
    """A process's form as it was filled in."""

    process: Process
    fields: list[Field]
    wrong: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The parameters as a run keeps them; what was left empty is left out."""
        return {one.name: one.value for one in self.fields if one.value}

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong and not any(one.wrong for one in self.fields)


def empty(process: Process, given: Mapping[str, str]) -> Form:
    """The form with the defaults, or with the parameters of an earlier run."""
    return Form(process, [_field(parameter, given.get(parameter.name, _default(parameter))) for parameter in process.parameters])


def filled(process: Process, request: HttpRequest) -> Form:
    """The form as it was sent: files kept, every value tried by its type; what is wrong stands beside its field."""
    form = Form(process, [_typed(parameter, request) for parameter in process.parameters])
    for one, parameter in zip(form.fields, process.parameters, strict=True):
        one.wrong = one.wrong or _judged(one, parameter)
    if form.is_right:
        try:
            process.bind(form.given)
        except ConfigurationError as error:
            form.wrong = " ".join(filter(None, (retell(error.text), retell(error.remedy))))
    return form


def _judged(one: Field, parameter: Parameter) -> str:
    if not one.value:
        return say("This is needed.") if one.required else ""
    try:
        from_text(one.value, parameter.annotation)
    except (ValueError, ArithmeticError) as error:
        return retell(str(error)) or say("This cannot be read.")
    if one.kind == "file" and not all(is_upload(Path(path)) for path in one.chosen):
        return say("Give the file itself.")
    return ""


def _typed(parameter: Parameter, request: HttpRequest) -> Field:
    one = _field(parameter, "")
    if one.kind == "file":
        _take_files(one, request)
    elif one.kind == "period":
        ends = [request.POST.get(f"{one.name}.{end}", "").strip() for end in ("first", "last")]
        one.value = "..".join(ends) if any(ends) else ""
    elif one.kind == "yes":
        one.value = "yes" if request.POST.get(one.name) else "no"
    elif one.many:
        typed = [part.strip() for text in request.POST.getlist(one.name) for part in text.splitlines()]
        one.value = LIST_SEPARATOR.join(part for part in typed if part)
    else:
        one.value = request.POST.get(one.name, "").strip()[:2000]
    return one


def _take_files(one: Field, request: HttpRequest) -> None:
    """New files, or those that an earlier try of the form gave already."""
    try:
        paths = [str(keep_upload(given.name or "", given.file)) for given in request.FILES.getlist(one.name) if given.file]
    except InvalidItem as error:
        one.wrong, paths = f"{retell(error.text)} {retell(error.remedy)}", []
    one.value = LIST_SEPARATOR.join(paths) or request.POST.get(f"{one.name}.kept", "")
    one.kept = [Path(path).name for path in one.chosen]


def _field(parameter: Parameter, value: str) -> Field:
    kind, many = _kind(parameter)
    meaning = PARAMETERS.get(parameter.name, "")
    made = Field(parameter.name, kind, say(meaning) if meaning else parameter.name, parameter.required, many, value)
    if kind == "choice":
        made.choices = _choices(parameter, many)
    if kind == "file":
        made.template = SAMPLES.get(parameter.name, "")
        made.value = value if all(is_upload(Path(path)) for path in made.chosen) else ""
        made.kept = [Path(path).name for path in made.chosen]
    return made


def _kind(parameter: Parameter) -> tuple[str, bool]:
    """How a parameter is asked for, and whether it takes several values."""
    annotation: Any = parameter.annotation
    parts = [part for part in get_args(annotation) if part not in {type(None), ...}]
    many = get_origin(annotation) is tuple
    plain = parts[0] if parts else annotation
    if parameter.name in CREDENTIALS or plain is Artifact:
        return "choice", many
    kinds: dict[Any, str] = {Month: "month", Period: "period", dt.date: "date", bool: "yes", Path: "file", Decimal: "text", int: "number"}
    kind = kinds.get(plain, "text")
    return ("lines" if many and kind == "text" else kind), many


def _choices(parameter: Parameter, many: bool) -> list[tuple[str, str]]:
    if parameter.name in CREDENTIALS:
        return [(name, name) for name in queries.credentials(house().settings)]
    return [("", "—"), *queries.artifacts(parameter.name)] if not many else queries.artifacts(parameter.name)


def _default(parameter: Parameter) -> str:
    return "" if parameter.required or parameter.default is None else to_text(parameter.default)
