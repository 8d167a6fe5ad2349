"""How long 500 triggers take to plan: `python -m bench.triggers [--triggers 500] [--days 30]`.

Most fire once on a business day, some by cron, some are obligations, one in 25 fires every hour or every 15 minutes; a third
has opening hours. Also told: one trigger of each kind over ten years.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable

from retaguarda.calendars.calendar import load_calendars
from retaguarda.settings import Settings
from retaguarda.triggers.file import Trigger, parse_triggers

RULES = (
    "every business day at 07:30",
    "every business day at 08:00, 12:00 and 17:45",
    "every day at 06:00",
    "every monday to friday at 09:15",
    "MS+7du at 18:00",
    "last business day of the month at 17:00",
    "day 10 of the month, or the next business day, at 09:00",
    "registered by MS+7du 18:00",
)
DENSE = ("every hour at :10", "every 15 minutes")
DENSE_EACH = 25
"""One trigger in so many is of these in turn."""
CRONS = ("30 7 * * 1-5", "*/30 8-18 * * 1-5")
REPEATS = 5


def main() -> None:
    """Print how long it takes to read the triggers, and to plan them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triggers", type=int, default=500)
    parser.add_argument("--days", type=int, default=30)
    asked = parser.parse_args()
    after = dt.datetime(2026, 10, 26, 10, tzinfo=dt.UTC)
    triggers = made(asked.triggers)
    print(f"read {asked.triggers} triggers: {seconds(lambda: made(asked.triggers)):.2f} s")
    count = len(planned(triggers, after, asked.days))
    taken = seconds(lambda: planned(triggers, after, asked.days))
    print(f"between, {asked.triggers} triggers over {asked.days} days: {taken:.3f} s, {count} fires, {taken / count * 1e6:.1f} µs a fire")
    print(f"between, {asked.triggers} triggers over one minute: {seconds(lambda: planned(triggers, after, 1 / 1440)):.3f} s")
    for trigger in [*triggers[: len(RULES) + len(CRONS)], triggers[DENSE_EACH - 1], triggers[2 * DENSE_EACH - 1]]:
        taken = seconds(lambda trigger=trigger: trigger.between(after, after + dt.timedelta(days=3650)))  # type: ignore[misc]
        print(f"  ten years of {trigger.rule:<56} {taken:6.3f} s")


def made(count: int) -> list[Trigger]:
    """So many triggers, a third of them with opening hours."""
    tables = [
        {"name": f"trigger-{n}", "process": "download_statements", **rule_of(n), **({} if n % 3 else {"portal": "ccee"})}
        for n in range(count)
    ]
    hours = {"name": "ccee", "windows": ["mon-fri 06:00-22:00", "sat 08:00-14:00"]}
    return list(parse_triggers({"schema": 1, "portal": [hours], "trigger": tables}, Settings(), load_calendars()).values())


def rule_of(number: int) -> dict[str, str]:
    """The rule of the n-th trigger."""
    if number % DENSE_EACH == DENSE_EACH - 1:
        return {"rule": DENSE[number // DENSE_EACH % len(DENSE)]}
    rules = [{"rule": rule} for rule in RULES] + [{"cron": cron} for cron in CRONS]
    return rules[number % len(rules)]


def planned(triggers: list[Trigger], after: dt.datetime, days: float) -> list[object]:
    """Every fire of these triggers in that many days."""
    return [fire for trigger in triggers for fire in trigger.between(after, after + dt.timedelta(days=days))]


def seconds(work: Callable[[], object]) -> float:
    """Seconds of processor time, the least of a few tries: other work on the machine does not count."""
    return min(_once(work) for _ in range(REPEATS))


def _once(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
