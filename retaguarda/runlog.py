"""The run's log: JSON lines by loguru, one file a run tree, secrets removed by value in the sink itself."""

from __future__ import annotations

import contextlib
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
        line = {"text": record["message"], **record["extra"]}
        if record["exception"]:
            line["exception"] = str(message).strip()
        when = {"ts": record["time"].isoformat(timespec="milliseconds"), "level": record["level"].name}
        try:
            self._file.write(orjson.dumps(when | {name: _plain(value) for name, value in line.items()}).decode() + "\n")
            self._file.flush()
        except OSError as error:  # loguru would print the record with all that stands in it
            sys.stderr.write(f"the run log cannot be written: {error}: {_plain(record['message'])}\n")

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it was said when the line was written
            self._file.close()


def _plain(value: object) -> object:
    """A value as JSON takes it, without secrets."""
    return value if isinstance(value, bool | int | float) or value is None else redactor.clean(str(value))


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
