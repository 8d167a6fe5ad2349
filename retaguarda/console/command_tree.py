"""The tree of commands: a branch is loaded when it is asked for, since each brings a room of the house with it."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

from retaguarda.console.help_texts import SpokenContext, spoken


@dataclass(frozen=True, slots=True)
class Branch:
    """Where the commands of one name are: a module of this room, and the `typer.Typer` or the function in it."""

    module: str
    attribute: str = "app"
    help: str = ""
    """What a `typer.Typer` is for; a function says so itself."""
    joined: tuple[str, ...] = ()
    """Modules whose `register` adds further commands to the same `typer.Typer`."""


class Branches(Mapping[str, Any]):
    """The commands by name; their names are known, the commands themselves are loaded one by one."""

    def __init__(self, known: Mapping[str, Branch]) -> None:
        self._known = known
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = spoken(_command(name, self._known[name]))
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def group_of(branches: Mapping[str, Branch]) -> type[TyperGroup]:
    """The group whose commands these are, as `typer.Typer(cls=...)` takes it."""

    class Group(TyperGroup):
        context_class = SpokenContext

        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = Branches(branches)  # type: ignore[assignment]  # typer only reads it

    return Group


def _command(name: str, branch: Branch) -> Any:
    found, trunk = _found(branch), typer.Typer()
    if isinstance(found, typer.Typer):
        trunk.add_typer(found, name=name, help=branch.help)
    else:
        trunk.command(name)(found)
    return typer.main.get_group(trunk).commands[name]


@functools.cache
def _found(branch: Branch) -> Any:
    found = getattr(_module(branch.module), branch.attribute)
    for joined in branch.joined:
        _module(joined).register(found)
    return found


def _module(name: str) -> Any:
    return importlib.import_module(f"{__package__}.{name}")
