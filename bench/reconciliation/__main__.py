"""Labelled bank lines by seed, a scorer, and what others reach on the same files.

    python -m bench.reconciliation generate --lines 100000 --seed 7 --out DIR
    python -m bench.reconciliation score DIR MATCHES [LINES] [--json]
    python -m bench.reconciliation peers DIR [--only NAME …] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from bench.reconciliation.generate import generate


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench.reconciliation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = asked.add_subparsers(dest="verb", required=True)
    made = verbs.add_parser("generate", help="write a labelled data set")
    made.add_argument("--lines", type=int, default=10_000)
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--out", type=Path, required=True)
    told = asked.parse_args()
    began = time.perf_counter()
    manifest = generate(told.lines, told.seed, told.out)
    print(json.dumps(manifest, indent=1, sort_keys=True))
    print(f"{time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
