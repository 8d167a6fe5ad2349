"""The server is started anew while a worker carries a run out: the worker ends, the next one goes on where the run stood."""

from __future__ import annotations

from django.db import connection

from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs
from retaguarda.store.models import RunRecord
from tests.conftest import OpenStore
from tests.jobs.workplace import workplace
from tests.postgres import PostgresServer


def test_a_run_outlives_its_server(postgres: PostgresServer, postgres_store: OpenStore) -> None:
    with workplace(postgres_store.url, postgres_store.home, Runs(postgres_store.home / "output", Clock())) as place:
        run = place.queue("itemised", items=3, gate=1)
        worker = place.worker()
        place.reached("at gate")
        postgres.stop()
        postgres.start()
        connection.close()  # this test's own
        assert worker.wait(60) == 75, (postgres_store.home / "processes.log").read_text()
        place.worker()
        place.reached("at gate", 2, within=60)
        (place.folder / "go").touch()
        assert place.ended(run) == ["SUCCESSFUL"]
        assert [note for note in place.notes if note.startswith("item")] == ["item T-000", "item T-001", "item T-002"]
        assert RunRecord.objects.get(pk=run.pk).failures == 1
