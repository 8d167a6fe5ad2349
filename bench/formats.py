"""How fast bank files are read, beside public libraries that can read the same file, in the same run.

    python -m bench.formats [--entries 20000] [--formats OFX "CNAB 240 extrato" ...] [--alone]
    python -m bench.formats --gigabyte [--formats OFX ...]

Each reader and each library reads the same file in a process of its own, again and again for five seconds at most; what counts
is the processor time of the best run, which a busy machine stretches least, and the ratio is theirs to ours. Libraries are installed,
pinned, into an environment of their own (needs the package index); `--alone` leaves them out.

`--gigabyte` writes files of 10^9 bytes one after the other, reads each, and exits 1 when one needs more than 500 MB of memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench.bank_files import FILES
from bench.environments import environment

LIBRARIES = (
    *("ofxparse==0.21", "ofxtools==0.9.5", "mt-940==4.30.0", "bankstatementparser==0.0.14", "pycamt==1.1.1", "febraban==0.11.0"),
    *("six==1.17.0", "lxml==6.1.3"),
)
GIGABYTE = 10**9
RUNS = 15
"""How often each reads a file, the best one counts: others use the machine as well."""
LONG = 5
"""Seconds after which a reader is not tried once more."""
REPEATED = 50_000
MOST_MEMORY = 500
"""Megabytes."""
OURS = """
from retaguarda.formats import is_return, return_parts, statement_parts
from retaguarda.formats.source import Source
from retaguarda.model.statements import Entry, Title
from pathlib import Path
def read():
    with Source.at(Path(path)) as source:
        return sum(isinstance(part, (Entry, Title)) for part in (return_parts if is_return(source) else statement_parts)(source))
"""
_OFX = {
    "ofxparse 0.21": """
from ofxparse import OfxParser
def read(): return len(OfxParser.parse(open(path, 'rb')).account.statement.transactions)
""",
    "ofxtools 0.9.5": """
from ofxtools.Parser import OFXTree
def read():
    tree = OFXTree()
    tree.parse(path)
    return len(tree.convert().statements[0].transactions)
""",
    "bankstatementparser 0.0.14": """
from bankstatementparser.additional_parsers import OfxParser
def read(): return len(OfxParser(path).parse())
""",
}
_CAMT = {
    "bankstatementparser 0.0.14": "from bankstatementparser import CamtParser\ndef read(): return len(CamtParser(path).get_transactions())",
    "the same, streaming": """
from bankstatementparser import CamtParser
def read(): return sum(1 for _ in CamtParser(path).parse_streaming())
""",
    "pycamt 1.1.1": "from pycamt.parser import Camt053Parser\ndef read(): return len(Camt053Parser.from_file(path).get_transactions())",
}
PEERS = {
    "OFX": _OFX,
    "OFX, credits only": {"bankstatementparser 0.0.14": _OFX["bankstatementparser 0.0.14"]},
    "CNAB 240 retorno": {
        "febraban 0.11.0 (five fields, unchecked)": """
from febraban.cnab240.itau.charge.result.parser import SlipParser
def read(): return len(SlipParser.parseFile(open(path)))
""",
        "the same, our fields typed": """
import datetime as dt
from decimal import Decimal
from febraban.cnab240.itau.charge.result.parser import SlipParser
def money(text): return Decimal(text).scaleb(-2)
def day(text): return dt.date(int(text[4:]), int(text[2:4]), int(text[:2]))
def read():
    count = 0
    for slip in SlipParser.parseFile(open(path)):
        t, u = slip.content
        (t[40:48].strip(), t[58:68].strip(), day(t[73:81]), money(t[81:96]), t[133:148].strip(), t[148:188].strip(), money(t[198:213]))
        (money(u[17:32]), money(u[32:47]) + money(u[47:62]), money(u[77:92]), money(u[92:107]), day(u[137:145]), day(u[145:153]))
        count += 1
    return count
""",
    },
    "MT940": {
        "mt-940 4.30.0": "import mt940\ndef read(): return len(mt940.parse(open(path).read()))",
        "bankstatementparser 0.0.14 (days as text)": """
from bankstatementparser.additional_parsers import Mt940Parser
def read(): return len(Mt940Parser(path).parse())
""",
        "the same, days as days": """
import datetime as dt
from bankstatementparser.additional_parsers import Mt940Parser
def read():
    found = Mt940Parser(path).parse()
    return len([dt.date(2000 + int(day[:2]), int(day[2:4]), int(day[4:])) for day in found['date']])
""",
    },
    "our CSV": {
        "csv of Python (rows without types)": "import csv\ndef read(): return sum(1 for _ in csv.DictReader(open(path, newline='')))",
        "the same, days and amounts typed": """
import csv, datetime as dt
from decimal import Decimal
def read():
    rows = csv.DictReader(open(path, newline=''))
    return len([(dt.date.fromisoformat(row['date']), Decimal(row['amount']), row['description'].strip()) for row in rows])
""",
    },
    "CAMT.053": _CAMT,
    "CAMT.053, no details": _CAMT,
}
MEASURED = """
import json, logging, resource, sys, time
logging.disable(logging.CRITICAL)
path = sys.argv[1]
{reader}
runs = []
while len(runs) < {runs} and sum(run[0] for run in runs) < {long}:
    began, cpu = time.perf_counter(), time.process_time()
    count = read()
    runs.append([time.process_time() - cpu, time.perf_counter() - began, count])
print(json.dumps([*min(runs), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000]))
"""


def main() -> None:
    """Measure and print a line for each format and library."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--entries", type=int, default=20_000)
    asked.add_argument("--alone", action="store_true")
    asked.add_argument("--gigabyte", action="store_true")
    asked.add_argument("--formats", nargs="+", choices=list(FILES), default=list(FILES), metavar="FORMAT")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.gigabyte:
            sys.exit(gigabytes(Path(folder), given.formats))
        compare(Path(folder), given.formats, given.entries, environment("bench-formats", LIBRARIES) if not given.alone else "")


def compare(folder: Path, names: Iterable[str], entries: int, peer: str) -> None:
    """Each format's file read by ours and by every library."""
    print(f"{'format':<21} {'reader':<41} {'entries/s':>10} {'MB/s':>7} {'ours is … times as fast':>24}")
    for name in names:
        extension, written = FILES[name]
        path = folder / f"statement{extension}"
        path.write_text("".join(written(entries)), encoding="utf-8", newline="")
        ours = measured(sys.executable, OURS, path)
        tell(name, "ours", ours, path, None)
        for library, reader in PEERS.get(name, {}).items() if peer else ():
            theirs = measured(peer, reader, path)
            tell("", library, theirs, path, theirs[0] / ours[0] if theirs else None)


def measured(python: str, reader: str, path: Path) -> list[float]:
    """Of the quickest of RUNS, or of fewer that take long: processor seconds, seconds, entries and megabytes of memory at most.

    Nothing when the file cannot be read.
    """
    run = subprocess.run(
        [python, "-c", MEASURED.format(reader=reader, runs=RUNS, long=LONG), str(path)], capture_output=True, text=True, check=False
    )
    return json.loads(run.stdout.splitlines()[-1]) if run.returncode == 0 else []


def tell(name: str, reader: str, took: list[float], path: Path, ratio: float | None) -> None:
    """A line of the table."""
    if not took:
        print(f"{name:<21} {reader:<41} {'cannot read this file':>42}", flush=True)
        return
    cpu, _, read, _ = took
    shown = f"{ratio:.1f}" if ratio is not None else ""
    print(f"{name:<21} {reader:<41} {read / cpu:>10,.0f} {path.stat().st_size / 1e6 / cpu:>7.1f} {shown:>24}", flush=True)


def gigabytes(folder: Path, names: Iterable[str]) -> int:
    """1 when a file could not be read, or not within MOST_MEMORY."""
    if (free := shutil.disk_usage(folder).free) < 1.2 * GIGABYTE:
        print(f"{folder} has {free / 1e9:.1f} GB free, 1.2 are needed: point TMPDIR at a larger disk.", file=sys.stderr)
        return 2
    print(f"{'format':<21} {'entries':>11} {'seconds':>8} {'processor s':>12} {'MB/s':>6} {'memory MB':>10}")
    failed = False
    for name in names:
        path = folder / f"large{FILES[name][0]}"
        write(path, name)
        took = measured(sys.executable, OURS, path)
        failed |= not took or took[3] > MOST_MEMORY
        told = "cannot read this file"
        if took:
            told = f"{took[2]:>11,.0f} {took[1]:>8.0f} {took[0]:>12.0f} {path.stat().st_size / 1e6 / took[1]:>6.1f} {took[3]:>10.0f}"
        print(f"{name:<21} {told}", flush=True)
        path.unlink()
    return int(failed)


def write(path: Path, name: str) -> None:
    """A file of about a gigabyte: the movements of a smaller one again and again, but for records that are numbered throughout."""
    written = FILES[name][1]
    none, some = list(written(0)), list(written(REPEATED))
    differing = (at for at, (one, other) in enumerate(zip(none, some, strict=False)) if one != other)
    head = next(differing, len(none))
    tail = len(some) - (len(none) - head)
    movements = "".join(some[head:tail])
    times = GIGABYTE // len(movements)
    with path.open("w", encoding="utf-8", newline="") as file:
        if name == "CNAB 400 retorno":
            file.writelines(written(times * REPEATED))
            return
        file.writelines(some[:head])
        for _ in range(times):
            file.write(movements)
        file.writelines(some[tail:])


if __name__ == "__main__":
    main()
