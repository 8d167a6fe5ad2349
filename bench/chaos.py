"""Workers, their children and schedulers killed at random for minutes; exit 1 when a promise does not hold.

python -m bench.chaos --store postgresql --workers 4 --schedulers 2 --seconds 300 --seed 1
"""

from __future__ import annotations

import argparse
import json
import sys

from retaguarda.store.connection import set_up

set_up()

from bench.stores import KINDS, fresh_store  # noqa: E402  # needs the tables


def main() -> None:
    """Play, and print what happened."""
    from tests.jobs.chaos import chaos_at

    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--store", choices=KINDS, default="sqlite")
    asked.add_argument("--workers", type=int, default=4)
    asked.add_argument("--schedulers", type=int, default=2)
    asked.add_argument("--seconds", type=float, default=180)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    with fresh_store(given.store) as (url, home):
        chaos = chaos_at(url, home, given.seed, given.workers, given.schedulers)
        try:
            chaos.play(given.seconds)
            print(json.dumps({"store": given.store, "seconds": given.seconds} | chaos.must_hold(), indent=1, default=str))
        except AssertionError as broken:
            print(f"BROKEN: {broken}", file=sys.stderr)
            sys.exit(1)
        finally:
            chaos.place.close()


if __name__ == "__main__":
    main()
