"""Spoilt bank files by the million: whatever comes, a file is read or refused, never anything else.

    python -m bench.fuzz [--inputs 10000000] [--seed 1] [--processes 2]
    python -m bench.fuzz --guided [--seconds 300]

Inputs are made from the golden samples of every format: at random, or `--guided` by the code that they reach (with atheris, which is
installed into an environment of its own; needs the package index). One that a reader does not stand is kept in tests/formats/corpus,
where the tests try it from then on; exits 1 when there was one.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from bench.environments import CACHE, environment
from tests.formats.fuzz import CORPUS, DATA, problem, samples, spoilt

AT_ONCE = 2000
ATHERIS = "atheris==3.1.0" if sys.version_info >= (3, 12) else "atheris==3.0.0"
"""3.1.0 has no wheel for Python 3.11."""


def main() -> None:
    """Fuzz and print what was found."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--inputs", type=int, default=10_000_000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--guided", action="store_true")
    asked.add_argument("--seconds", type=int, default=300, help="of the guided run")
    given = asked.parse_args()
    if given.guided:
        sys.exit(guided(given.seconds, given.seed))
    seeds = range(given.seed * 1_000_000, given.seed * 1_000_000 + -(-given.inputs // AT_ONCE))
    began, done, kept = time.monotonic(), 0, 0
    with ProcessPoolExecutor(given.processes) as pool:
        for found in pool.map(_some, seeds):
            done += AT_ONCE
            kept += len(found)
            for name, told in found:
                print(f"\n{name[:12]} {told}", flush=True)
            print(f"\r{done:,} inputs, {done / (time.monotonic() - began):,.0f} a second, {kept} not stood", end="", flush=True)
    print()
    sys.exit(1 if kept else 0)


def guided(seconds: int, seed: int) -> int:
    """1 when the guided run kept an input."""
    before = set(CORPUS.iterdir())
    learnt = CACHE / "fuzz-corpus"
    learnt.mkdir(parents=True, exist_ok=True)
    limits = (f"-max_total_time={seconds}", "-max_len=16384", "-timeout=60", "-rss_limit_mb=2048", "-print_final_stats=1")
    interpreter = environment("atheris", (ATHERIS,), alone=False)
    run = subprocess.run(
        [
            interpreter,
            "-m",
            "bench.guided",
            *limits,
            f"-seed={seed}",
            f"-artifact_prefix={learnt.parent}/",
            *map(str, (learnt, DATA, CORPUS)),
        ],
        check=False,
    )
    kept = set(CORPUS.iterdir()) - before
    print(f"{len(kept)} not stood{''.join(f', {path.name[:12]}' for path in kept)}")
    return int(bool(kept) or run.returncode != 0)


def _some(seed: int) -> list[tuple[str, str]]:
    """The inputs of a seed that a reader did not stand, kept."""
    found = []
    for data in islice(spoilt(seed, samples()), AT_ONCE):
        if told := problem(data):
            name = hashlib.sha256(data).hexdigest()
            (CORPUS / f"{name}.bin").write_bytes(data)
            found.append((name, told))
    return found


if __name__ == "__main__":
    main()
