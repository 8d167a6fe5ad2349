"""The engine behind a port: DBOS keeps the queues, gives each delivery to one living worker, and gives it to another when that one dies.

The store is the truth about runs; the engine knows deliveries alone: `<run>/<attempt>`. A delivery may come twice (after a
death it must), so whoever gets one asks the store whether there is still something to do.

Import only in a worker process: the library takes over a second to import, and no other process may launch it.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, Serializer, SetEnqueueOptions, SetWorkflowID

from retaguarda.errors import StoreUnavailable
from retaguarda.redaction import redactor

VERSION = "1"
"""Of deliveries, not of the product: a delivery is carried out by whatever version the worker has."""
MADE_AT_ONCE = 500
UNDER_WAY = {"PENDING", "ENQUEUED", "DELAYED"}
Deliver = Callable[[str, int], None]
_receivers: list[Deliver] = []


class Json(Serializer):
    """Plain JSON: the library's own choice would let whoever writes the database run code."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=str)

    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805  # the library's own signature
        return json.loads(serialized_data)

    def name(self) -> str:
        return "retaguarda_json"


@DBOS.workflow(name="deliver")
def _deliver(run: str, attempt: int) -> None:
    _receivers[-1](run, attempt)


class Engine:
    """The engine of one worker, told apart by the worker's name: no two living workers may share one."""

    def __init__(self, url: str, worker: str, deliver: Deliver) -> None:
        self._url = sqlalchemy_url(url)
        self._worker = worker
        self._deliver = deliver
        self._engine: sa.Engine | None = None

    @contextmanager
    def running(self, queues: Sequence[str], concurrency: int, poll_seconds: float, grace: float) -> Iterator[Engine]:
        """Deliveries come while the block lasts, at most `concurrency` at a time from each queue.

        What this worker had when it died comes again. At the end, deliveries at work are given `grace` seconds to end, and
        those that were not begun are given back. StoreUnavailable when the engine's tables cannot be opened.
        """
        _receivers.append(self._deliver)
        DBOS.destroy(destroy_registry=False)
        self._engine = database_engine(self._url)
        try:
            DBOS.migrate(self._url)
            DBOS(config=self._config())
            DBOS.listen_queues(list(queues))
            DBOS.launch()
            for queue in queues:
                DBOS.register_queue(queue, worker_concurrency=concurrency, polling_interval_sec=poll_seconds, on_conflict="always_update")
            yield self
        except sa.exc.SQLAlchemyError as error:
            raise StoreUnavailable(
                f"the engine failed: {redactor.clean(str(error))}", remedy="check the store, then start again"
            ) from error
        finally:
            DBOS.destroy(destroy_registry=False, workflow_completion_timeout_sec=math.ceil(grace))
            self._give_back_own()
            self._engine.dispose()
            _receivers.remove(self._deliver)

    def hand_over(self, run: str, attempt: int, queue: str, priority: int) -> None:
        """Queue a delivery; doing so twice, here or in another worker, is doing so once."""
        with SetWorkflowID(f"{run}/{attempt}"), SetEnqueueOptions(priority=max(1, priority)):
            DBOS.enqueue_workflow(queue, _deliver, run, attempt)

    def lost(self, deliveries: Mapping[str, int]) -> list[str]:
        """Which of these runs have no delivery under way: the engine does not know it, or is done with it."""
        ids = {f"{run}/{attempt}": run for run, attempt in deliveries.items()}
        found = DBOS.list_workflows(workflow_ids=list(ids), load_input=False, load_output=False) if ids else []
        under_way = {workflow.workflow_id for workflow in found if workflow.status in UNDER_WAY}
        return [run for delivery, run in ids.items() if delivery not in under_way]

    def _give_back_own(self) -> None:
        """What this worker took and did not begin goes to the others."""
        client = DBOSClient(system_database_engine=self._engine, serializer=Json(), application_name="retaguarda")
        try:
            for workflow in client.list_workflows(executor_id=self._worker, status="PENDING", load_input=False, load_output=False):
                client.resume_workflows([workflow.workflow_id], queue_name=workflow.queue_name)
        finally:
            client.destroy()

    def take_over(self, dead: str) -> int:
        """Give the deliveries of a worker that died back to their queues; returns how many."""
        left = DBOS.list_workflows(executor_id=dead, status="PENDING", load_input=False, load_output=False)
        for workflow in left:
            DBOS.resume_workflows([workflow.workflow_id], queue_name=workflow.queue_name)
        return len(left)

    def forget(self, before: dt.datetime) -> int:
        """Delete what the engine keeps of deliveries that ended before a moment; returns how many."""
        forgotten = 0
        while True:
            ended = DBOS.list_workflows(
                status=["SUCCESS", "ERROR", "CANCELLED"],
                end_time=before.isoformat(),
                limit=MADE_AT_ONCE,
                load_input=False,
                load_output=False,
            )
            if not ended:
                return forgotten
            DBOS.delete_workflows([workflow.workflow_id for workflow in ended])
            forgotten += len(ended)

    def _config(self) -> Any:
        return {
            "name": "retaguarda",
            "system_database_url": self._url,
            "system_database_engine": self._engine,
            "run_migrations": False,
            "executor_id": self._worker,
            "application_version": VERSION,
            "serializer": Json(),
            "log_level": "ERROR",
            "use_listen_notify": False,
        }


def sqlalchemy_url(url: str) -> str:
    """The store's address as the engine's library writes it: the same file, or the same database."""
    scheme, _, rest = url.partition("://")
    return f"sqlite:///{rest}" if scheme == "sqlite" else f"postgresql+psycopg://{rest}"


def database_engine(url: str) -> sa.Engine:
    """A connection pool for the engine's tables.

    On SQLite: every transaction takes the write lock at its begin, since the library counts before it claims; commits reach the
    disk; and SQLite before 3.42 is given the clock function that the library calls.
    """
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=10, max_overflow=5, pool_pre_ping=True)
    engine = sa.create_engine(url, pool_size=20, max_overflow=0)

    @sa.event.listens_for(engine, "connect")
    def _open(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        if sqlite3.sqlite_version_info < (3, 42):
            connection.create_function("unixepoch", 1, lambda kind: time.time() if kind == "subsec" else None)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
