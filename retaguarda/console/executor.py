"""The child of a worker: carries out the runs that it is ordered to, one at a time, and dies with the worker.

`python -m retaguarda.console.executor`; `retaguarda.jobs.pool` tells what is said between the two.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retaguarda.runner import Runner


def main() -> None:
    """Obey until the orders end."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # while idle; a run listens to it
    orders = _orders(sys.stdin.buffer)

    from retaguarda.console.wiring import open_house

    os.environ.setdefault("LOGURU_AUTOINIT", "0")
    house = open_house()
    from retaguarda.console.silent import SilentProgress  # needs the tables

    with house.runner(SilentProgress()) as runner:
        for order in orders:
            answers.write(json.dumps({"became": _obey(runner, order, answers)}) + "\n")


def _obey(runner: Runner, order: dict[str, Any], answers: IO[str]) -> str:
    if "sweep" in order:
        runner.bury_dead()
        return "done"
    if "end" in order:
        runner.end_killed(order["end"], timed_out=bool(order["timed_out"]))
        return "done"

    def begun(limit: float) -> None:
        answers.write(json.dumps({"limit": limit}) + "\n")

    return str(runner.deliver(order["run"], int(order["attempt"]), begun))


def _orders(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The orders as they come. When they end the worker is dead or done with us: whatever is at work ends with it, at once."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        for line in stream:
            waiting.put(line)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(waiting.get())


if __name__ == "__main__":
    main()
