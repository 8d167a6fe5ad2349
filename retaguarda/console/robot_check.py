"""Whether a robot is fit for work: its four files, manifest, capabilities, site, credential, and its sign-in."""

from __future__ import annotations

import inspect
from pathlib import Path

from retaguarda.console.wiring import House, robot_class
from retaguarda.errors import RetaguardaError
from retaguarda.portal import Robot, capabilities

FILES = ("robot.toml", "robot.py", "pages.py", "README.md")


def check_robot(house: House, name: str, *, sign_in: bool) -> list[str]:
    """The problems of one robot, in words; an empty list when it is fit."""
    try:
        robot = robot_class(name)
    except RetaguardaError as error:
        return [error.text]
    problems = _of_the_folder(robot) + _of_capabilities(robot) + _of_configuration(house, robot)
    return problems or (_of_sign_in(house, robot) if sign_in else [])


def _of_the_folder(robot: type[Robot]) -> list[str]:
    folder = Path(inspect.getfile(robot)).parent
    return [f"{name} is missing" for name in FILES if not (folder / name).exists()]


def _of_capabilities(robot: type[Robot]) -> list[str]:
    problems = []
    for name in robot.manifest().capabilities:
        protocol = getattr(capabilities, name, None)
        if protocol is None:
            problems.append(f"capability {name} does not exist")
        else:
            verbs = [verb for verb in vars(protocol) if not verb.startswith("_")]
            problems += [f"{name} needs the verb {verb}()" for verb in verbs if not callable(getattr(robot, verb, None))]
    return problems


def _of_configuration(house: House, robot: type[Robot]) -> list[str]:
    portal = house.settings.portals.get(robot.manifest().name)
    if portal is None:
        return [f"[portals.{robot.manifest().name}] is not configured: add it with its url to config/portals.toml"]
    credential = portal.credential or f"{robot.manifest().name}/robo"
    try:
        house.vault().entry(credential)
    except RetaguardaError as error:
        return [error.text]
    return []


def _of_sign_in(house: House, robot: type[Robot]) -> list[str]:
    from retaguarda.console.silent import SilentProgress

    with house.runner(SilentProgress()) as runner:
        credential = house.settings.portals[robot.manifest().name].credential or f"{robot.manifest().name}/robo"
        run = runner.start("check_sign_in", {"credential": credential})
    return [str((run.error or {}).get("text"))] if run.error else []
