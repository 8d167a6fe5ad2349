"""The run's log: JSON lines by loguru, one file a run tree, secrets removed by value in the sink itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from loguru import logger

from retaguarda.redaction import redactor

if TYPE_CHECKING:
    from loguru import Logger, Message


class JsonLines:
    """A sink that writes one compact JSON object a line and flushes it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def write(self, message: Message) -> None:
        record = message.record
        line = {
            "ts": record["time"].isoformat(timespec="milliseconds"),
            "level": record["level"].name,
            "text": record["message"],
            **record["extra"],
        }
        if record["exception"]:
            line["exception"] = str(message).strip()
        self._file.write(redactor.clean(orjson.dumps(line, default=str).decode()) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


_open: set[str] = set()
"""Roots whose log is open in this process."""


@contextmanager
def run_log(path: Path, root: str) -> Iterator[Logger]:
    """A logger whose lines go to `path` while the block runs; the runs of one tree share it, opened by the first of them."""
    if root in _open:
        yield logger.bind(root=root)
        return
    sink = JsonLines(path)
    _open.add(root)
    mine = logger.add(
        sink.write,
        level="DEBUG",
        diagnose=False,
        backtrace=False,
        format="{exception}",
        filter=lambda record: record["extra"].get("root") == root,
    )
    try:
        yield logger.bind(root=root)
    finally:
        _open.discard(root)
        logger.remove(mine)
        sink.close()


def quiet_console(*, verbose: bool) -> None:
    """Take loguru off the terminal, where progress bars are, unless asked; bring the standard library's warnings in."""
    logger.remove()
    if verbose:
        logger.add(_to_stderr, level="DEBUG", diagnose=False, backtrace=False)
    logging.captureWarnings(capture=True)


def _to_stderr(message: Message) -> None:
    sys.stderr.write(redactor.clean(str(message)))
