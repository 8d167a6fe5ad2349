"""Labelled bank lines by seed, a scorer, and what others reach on the same files.

python -m bench.reconciliation generate --lines 100000 --seed 7 --out DIR
python -m bench.reconciliation score DIR MATCHES [LINES] [--json]
python -m bench.reconciliation contracts DIR CONTRACTS
python -m bench.reconciliation peers DIR [--only NAME …] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from bench.reconciliation.generate import generate
from bench.reconciliation.peers import MATCHERS, compare, table
from bench.reconciliation.score import score, score_contracts, show


def main() -> None:
    asked = argparse.ArgumentParser(
        prog="python -m bench.reconciliation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = asked.add_subparsers(dest="verb", required=True)
    made = verbs.add_parser("generate", help="write a labelled data set")
    made.add_argument("--lines", type=int, default=10_000)
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--months", type=int, default=6)
    made.add_argument("--out", type=Path, required=True)
    scored = verbs.add_parser("score", help="compare decisions with the labels")
    scored.add_argument("data", type=Path)
    scored.add_argument("matches", type=Path)
    scored.add_argument("lines", type=Path, nargs="?")
    compared = verbs.add_parser("contracts", help="compare `reconcile ccee` with the labels")
    compared.add_argument("data", type=Path)
    compared.add_argument("contracts", type=Path)
    others = verbs.add_parser("peers", help="ours and others on the same files")
    others.add_argument("data", type=Path)
    others.add_argument("--only", nargs="*", choices=list(MATCHERS), default=[])
    for verb in (scored, others):
        verb.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    told = asked.parse_args()
    {"generate": _generate, "score": _score, "contracts": _contracts, "peers": _peers}[told.verb](told)


def _generate(told: argparse.Namespace) -> None:
    began = time.perf_counter()
    print(json.dumps(generate(told.lines, told.seed, told.out, told.months), indent=1, sort_keys=True))
    print(f"{time.perf_counter() - began:.1f} s", file=sys.stderr)


def _score(told: argparse.Namespace) -> None:
    found = score(told.data, told.matches, told.lines)
    print(json.dumps(found.as_dict(), indent=1) if told.json else show(found))


def _contracts(told: argparse.Namespace) -> None:
    print(json.dumps(score_contracts(told.data, told.contracts), indent=1))


def _peers(told: argparse.Namespace) -> None:
    measured = list(compare(told.data, told.only))
    print(json.dumps([m.as_dict() for m in measured], indent=1) if told.json else table(measured))


if __name__ == "__main__":
    main()
