"""Where the time of the last demo went: `python -m bench.demo_times` after `make demo`.

Times come from the run's own records: a row a step, and for acts the median of its parts (look and fill, press, verify).
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import orjson


def main() -> None:
    """Print the time split of the latest root run under a demo folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("output/demo"))
    state = parser.parse_args().state
    os.environ["RETAGUARDA_HOME"] = str(state / "state")
    from retaguarda.console.wiring import open_house

    house = open_house()
    run = house.runs().latest(1)[0]
    print(f"{run.pk}: {seconds(run):.0f} s, {run.state}")
    for step in house.runs().tree(run)[1:]:
        print(f"  {step.process:<22} {seconds(step):6.1f} s {step.items.count():4} items")
    for name, times in parts(house.audit_folder, {r.pk for r in house.runs().tree(run)}):
        print(f"  {name:<34} median {statistics.median(times):5.2f} s, longest {max(times):5.2f} s, n = {len(times)}")


def seconds(run: object) -> float:
    """How long a run took."""
    return float((run.ended_at - run.started_at).total_seconds())  # type: ignore[attr-defined]


def parts(audit: Path, runs: set[str]) -> Iterator[tuple[str, list[float]]]:
    """The parts of acts, from the monotonic times of the audit log."""
    found: dict[str, list[float]] = {}
    begun: dict[str, float] = {}
    for segment in sorted((audit / "segments").glob("*.jsonl")):
        for line in segment.read_bytes().splitlines():
            event = orjson.loads(line)
            if event["run"] not in runs:
                continue
            name, item = event["action"], event["run"] + event["item"]
            before = begun.get(item)
            if name in {"item.in_progress", "act.intent"}:
                if name == "act.intent" and before is not None:
                    found.setdefault(f"{event['target']}: look, fill", []).append(event["mono"] - before)
                begun[item] = event["mono"]
            elif name == "act.done" and before is not None:
                found.setdefault(f"{event['target']}: press, verify", []).append(event["mono"] - before)
    yield from sorted(found.items())


if __name__ == "__main__":
    main()
