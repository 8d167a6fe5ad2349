"""`retaguarda`, and `python -m retaguarda`."""

from __future__ import annotations

from retaguarda.console.cli import main
from retaguarda.console.ending import at_once


def start() -> None:
    """The whole life of the process."""
    with at_once():
        main()


if __name__ == "__main__":
    start()
