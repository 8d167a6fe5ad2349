"""Processes: a task with typed parameters, found by name; texts of parameters become values and back."""

from __future__ import annotations

import datetime as dt
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin, overload
from urllib.parse import unquote

from pydantic import TypeAdapter

from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month, Period

LIST_SEPARATOR = ";"
_ARTIFACT = re.compile(r"(?:sha256:)?([0-9a-f]{64})(?:/(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file kept as evidence, handed from one step to the next: `sha256:<hex>/<name>` in text."""

    sha256: str
    name: str

    def __str__(self) -> str:
        """The hash and the name; a name that a portal chose must not tear a list of artifacts apart."""
        return f"sha256:{self.sha256}/{self.name.replace('%', '%25').replace(LIST_SEPARATOR, '%3B')}"

    @classmethod
    def parse(cls, text: str) -> Artifact:
        found = _ARTIFACT.fullmatch(text)
        if not found:
            raise ValueError(f"not an artifact: {text!r}")
        return cls(found[1], unquote(found[2] or ""))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a process: its type, and its default where it has one."""

    name: str
    annotation: Any
    default: Any = inspect.Parameter.empty

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Process:
    """A task that can be launched by name."""

    name: str
    function: Callable[..., Any]
    composed: bool = False
    time_limit: int | None = None
    """Seconds an attempt may take; the installation's own limit where none is stated."""

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.function) or "").splitlines()[0]

    @property
    def steps(self) -> list[str]:
        """The processes that a composed one starts, as its source names them."""
        return re.findall(r'\.child\(\s*"(\w+)"', inspect.getsource(self.function)) if self.composed else []

    @property
    def parameters(self) -> list[Parameter]:
        hints = typing.get_type_hints(self.function)
        found = list(inspect.signature(self.function).parameters.values())[1:]
        return [Parameter(p.name, hints[p.name], p.default) for p in found]

    @property
    def result_type(self) -> Any:
        return typing.get_type_hints(self.function).get("return", type(None))

    def bind(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Typed arguments from texts; ConfigurationError names the parameter and what it takes."""
        known = {p.name: p for p in self.parameters}
        for name in given:
            if name not in known:
                raise ConfigurationError(f"{self.name} has no parameter {name!r}", remedy=f"it takes: {', '.join(known) or 'none'}")
        missing = [p.name for p in known.values() if p.required and p.name not in given]
        if missing:
            raise ConfigurationError(f"{self.name} needs {', '.join(missing)}", remedy=f"give it with --param {missing[0]}=…")
        return {name: _converted(known[name], text) for name, text in given.items()}

    def dump(self, result: Any) -> Any:
        """A result as plain JSON values, to be stored with the run."""
        return TypeAdapter(self.result_type).dump_python(result, mode="json")

    def load(self, stored: Any) -> Any:
        """A stored result as the typed value it was."""
        return TypeAdapter(self.result_type).validate_python(stored)


@overload
def task(function: Callable[..., Any], /) -> Process: ...
@overload
def task(*, composed: bool = False, time_limit: int | None = None) -> Callable[[Callable[..., Any]], Process]: ...
def task(
    function: Callable[..., Any] | None = None, /, *, composed: bool = False, time_limit: int | None = None
) -> Process | Callable[[Callable[..., Any]], Process]:
    """Mark a function as a process; `composed` processes are made of child runs, `time_limit` is in seconds."""

    def mark(marked: Callable[..., Any]) -> Process:
        return Process(marked.__name__, marked, composed, time_limit)

    return mark(function) if function else mark


def processes_of(modules: Iterable[types.ModuleType]) -> dict[str, Process]:
    """Every process of these modules by name."""
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Process))
    return {process.name: process for process in found}


def to_text(value: Any) -> str:
    """A parameter's value as the text that `bind` reads back."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        parts = [to_text(part) for part in value]
        if torn := [part for part in parts if LIST_SEPARATOR in part or not part]:
            raise ValueError(f"{torn[0]!r} cannot stand in a list: its parts are set apart by {LIST_SEPARATOR}")
        return LIST_SEPARATOR.join(parts)
    return str(value)


def _converted(parameter: Parameter, text: str) -> Any:
    try:
        return from_text(text, parameter.annotation)
    except (ValueError, ArithmeticError) as error:
        raise ConfigurationError(f"parameter {parameter.name}: {error}") from error


def _yes_or_no(text: str) -> bool:
    for answer, words in ((True, {"1", "true", "yes", "sim"}), (False, {"0", "false", "no", "não", "nao"})):
        if text.strip().lower() in words:
            return answer
    raise ValueError(f"neither yes nor no: {text!r}")


def from_text(text: str, annotation: Any) -> Any:
    """The value of a type from its text; ValueError says what the type takes."""
    if get_origin(annotation) is tuple:
        return tuple(from_text(part, get_args(annotation)[0]) for part in text.split(LIST_SEPARATOR) if part)
    if get_origin(annotation) in {types.UnionType, typing.Union}:
        return from_text(text, next(part for part in get_args(annotation) if part is not type(None))) if text else None
    if annotation is bool:
        return _yes_or_no(text)
    readers: dict[Any, Callable[[str], Any]] = {
        Month: Month.parse,
        Period: Period.parse,
        Artifact: Artifact.parse,
        dt.date: dt.date.fromisoformat,
    }
    readers |= {Path: Path, Decimal: Decimal, int: int, str: str}
    if annotation not in readers:
        raise ValueError(f"no text form for {annotation}")
    return readers[annotation](text)
