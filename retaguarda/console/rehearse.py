"""`retaguarda rehearse`: production code where everything around it misbehaves, by seed; judged by what the portal holds."""

from __future__ import annotations

import enum
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from retaguarda.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
REMEDY = "give one seed (--seeds 7) or a range (--seeds 1..500)"


class Level(enum.StrEnum):
    """How much of the world is real."""

    SIM = "sim"
    PROC = "proc"
    BROWSER = "browser"
    ONCE = "once"


def rehearse(
    level: Annotated[
        Level,
        typer.Argument(
            help="sim: one thread, clock and portal injected; proc: real processes, killed; browser: a real Chromium; once: clicks counted."
        ),
    ] = Level.SIM,
    seeds: Annotated[str, typer.Option(help="One seed, or a range A..B; as many as the record asks for when left out.")] = "",
    minutes: Annotated[float | None, typer.Option(help="Begin no schedule after so many minutes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Play schedules of faults against the sandbox, and judge by what its portals hold. Touches no real portal, store or vault.

    Exit 1 names the seed where a promise did not hold; the same seed plays the same schedule again.
    """
    if not (ROOT / "bench" / "rehearse").is_dir():
        raise ConfigurationError("the rehearsal lies in the source tree, which is not here", remedy="clone the project, then: make setup")
    command = [sys.executable, "-m", "bench.rehearse", level, *_which(seeds)]
    command += [f"--minutes={minutes}"] if minutes is not None else []
    command += ["--json"] if as_json else []
    raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)  # noqa: S603  # our own module


def _which(seeds: str) -> list[str]:
    """The seeds as the bench takes them."""
    if not seeds:
        return []
    found = re.fullmatch(r"([0-9]+)(?:\.\.([0-9]+))?", seeds)
    if not found:
        raise ConfigurationError(f"{seeds!r} is no range of seeds", remedy=REMEDY)
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise ConfigurationError(f"{seeds!r} holds no seed", remedy=REMEDY)
    return [f"--seed={first}"] if first == last else [f"--first={first}", f"--seeds={last - first + 1}"]
