"""Help and usage in the operator's language: the commands' English texts, and typer's own, looked up in the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from retaguarda.language import say

USAGE = "Usage: "
HELP_OPTION = "Show this message and exit."
METAVARS = ("[OPTIONS]", "COMMAND [ARGS]...")
ARGUMENTS = {"process": "PROCESS", "run_id": "RUN", "name": "NAME", "path": "PATH"}
KINDS = {"int": "NUMBER", "Path": "PATH"}
PANELS = {
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commands",
    "DEFAULT_STRING": "[default: {}]",
    "REQUIRED_LONG_STRING": "[required]",
}
"""typer.rich_utils' own words, by the name of their constant."""


class _Formatter(typer.Context.formatter_class):  # type: ignore[valid-type, misc]  # typer names the class in no public module
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or say(USAGE))


class SpokenContext(typer.Context):
    """A command's context whose help and usage speak the chosen language."""

    formatter_class = _Formatter

    def get_help(self) -> str:
        from typer import rich_utils

        for constant, text in PANELS.items():
            setattr(rich_utils, constant, say(text))
        for command in (self.command, *_under(self.command)):
            speak(command)
        return super().get_help()

    def get_usage(self) -> str:
        speak(self.command)
        return super().get_usage()


def spoken(command: Any) -> Any:
    """The command with all commands under it, made to speak the chosen language as soon as it says anything."""
    command.context_class = SpokenContext
    for under in _under(command):
        spoken(under)
    return command


def speak(command: Any) -> None:
    """Put what a command says of itself into the chosen language."""
    if getattr(command, "speaks", False):
        return
    command.speaks = True
    command.help, command.short_help, command.epilog = _said(command.help), _said(command.short_help), _said(command.epilog)
    command.options_metavar = _said(command.options_metavar)
    for parameter in [*command.params, command.get_help_option(SpokenContext(command))]:
        _speak(parameter)
    if isinstance(command, TyperGroup):
        command.subcommand_metavar = say(command.subcommand_metavar)


def _under(command: Any) -> Iterable[Any]:
    return command.commands.values() if isinstance(command, TyperGroup) else ()


def _speak(parameter: Any) -> None:
    """An argument is called by what it stands for; an option says what it takes, and a switch takes nothing."""
    parameter.help = _said(parameter.help)
    if parameter.param_type_name == "argument":
        parameter.metavar = say(ARGUMENTS.get(parameter.name, parameter.name.upper()))
        parameter.display_type_rich = lambda ctx: None  # noqa: ARG005  # typer's signature
    else:
        kind = "" if parameter.is_flag or parameter.type_descriptor.annotation is bool else KINDS.get(parameter.bare_type(), "TEXT")
        parameter.metavar = _said(kind)


def texts_of(command: TyperCommand | TyperGroup) -> set[str]:
    """Every English text that help shows of a command and of all commands under it."""
    own = {command.help, command.short_help, command.epilog, *(getattr(param, "help", None) for param in command.params)}
    return {text for text in own if text}.union(*(texts_of(one) for one in _under(command)))


def _said(text: str | None) -> str | None:
    return say(text) if text else text
