"""Finding a text in the audit log's index on PostgreSQL, with its index and without: `python -m bench.audit_search`.

The ratio is measured in one run on one server, which is started for it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from retaguarda.store.connection import connect, set_up

REPEATS = 7


def main() -> int:
    """Fill the index, ask, drop what helps, ask again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    asked = parser.parse_args()
    set_up()
    from tests.postgres import running_postgres

    with running_postgres() as server, server.database() as url:
        connect(url)
        fill(asked.events)
        return measure(asked.events)


def fill(count: int) -> None:
    """So many entries as an index holds them."""
    from django.db import connection

    from retaguarda.store.models import AuditEntry

    rng, began = random.Random(1), dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    for start in range(0, count, 5000):
        AuditEntry.objects.bulk_create(
            AuditEntry(
                seq=seq,
                at=began + dt.timedelta(seconds=seq),
                actor="robo",
                action="item.successful",
                run=f"run-{seq // 200}",
                item=f"BOL-{seq}",
                target="",
                text=f"robo item.successful run-{seq // 200} bol-{seq:07d} {rng.randint(10**13, 10**14)} {rng.randbytes(16).hex()}",
                segment="000001.jsonl",
                offset=seq * 400,
                length=400,
            )
            for seq in range(start, min(count, start + 5000))
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE store_auditentry")


def measure(count: int) -> int:
    """Print both times and their ratio; 1 when the index does not help."""
    from django.db import connection

    with_index = asked(count)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_relation_size('store_audit_text'))")
        [size] = cursor.fetchone()
        cursor.execute("DROP INDEX store_audit_text")
    without = asked(count)
    print(f"{count} events, a text in one of them: {with_index * 1000:.1f} ms with the index ({size}), {without * 1000:.1f} ms without")
    print(f"ratio {without / with_index:.0f}")
    return int(without <= with_index)


def asked(count: int) -> float:
    """Seconds that a search takes, the middle one of several, each for another text."""
    from retaguarda.audit.index import Asked, AuditIndex
    from retaguarda.audit.log import AuditLog

    index, rng, times = AuditIndex(AuditLog(Path(tempfile.mkdtemp()))), random.Random(2), []
    for _ in range(REPEATS):
        word = f"BOL-{rng.randrange(count):07d}"
        began = time.perf_counter()
        found = index.found(Asked(words=(word,))).count()
        times.append(time.perf_counter() - began)
        if found != 1:
            raise SystemExit(f"{word} was found {found} times")
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
