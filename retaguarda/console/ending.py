"""How a process ends: Python takes apart what it holds, object by object, although everything goes with the process anyway."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_kept: list[object] = []


def keep(whole: object) -> None:
    """Hold something large until the process ends, which then ends at once; for commands that hold no connection to the store."""
    _kept.append(whole)
    gc.freeze()  # no need to look for cycles in it


@contextmanager
def at_once() -> Iterator[None]:
    """Let the process end with the block; what waits for its end is done before."""
    codes: list[int] = []
    atexit.register(_end, codes)  # first of all, and so called last
    try:
        yield
    except SystemExit as end:
        codes += [end.code] if isinstance(end.code, int) else []
        raise


def _end(codes: list[int]) -> None:
    gc.freeze()
    if _kept and codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codes[0])
