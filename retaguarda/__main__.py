"""`retaguarda`, and `python -m retaguarda`."""

from __future__ import annotations

import gc

_OBJECTS = 20_000
"""Python looks for cycles each time that so many objects more are there: what is imported makes many and hardly any cycle."""


def start() -> None:
    """The whole life of the process."""
    gc.set_threshold(_OBJECTS)
    from retaguarda.console.cli import main
    from retaguarda.console.ending import at_once

    with at_once():
        main()


if __name__ == "__main__":
    start()
