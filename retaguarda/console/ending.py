"""How a process ends: Python takes apart what it holds, object by object, although everything goes with the process anyway."""

from __future__ import annotations

import atexit
import gc
import os
import sys

_kept: list[object] = []


def keep(whole: object) -> None:
    """Hold something large until the process ends, which then ends at once; for commands that hold no connection to the store."""
    _kept.append(whole)
    gc.freeze()  # no need to look for cycles in it


class Ending:
    """What is done last of all, after every other thing that waits for the end; `code` is how the process ends."""

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._end)

    def _end(self) -> None:
        gc.freeze()
        if _kept and self.code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code)
