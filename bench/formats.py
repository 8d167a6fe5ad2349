"""How fast bank files are read, beside public libraries that can read the same file, in the same run.

    python -m bench.formats [--entries 5000] [--alone]

Each reader and each library reads the same file in a process of its own; the ratio is theirs to ours in entries a second. Libraries
are installed into an environment of their own under the user's cache (needs the package index); `--alone` leaves them out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

CACHE = Path("~/.cache/retaguarda/bench-formats").expanduser()
LIBRARIES = ("ofxparse==0.21", "ofxtools==0.9.5", "mt-940==4.30.0", "six", "lxml")
OURS = """
import json, sys, time
from pathlib import Path
from retaguarda.formats import is_return, return_parts, statement_parts
from retaguarda.formats.source import Source
with Source.at(Path(sys.argv[1])) as source:
    began = time.perf_counter()
    read = sum(type(part).__name__ in {"Entry", "Title"} for part in (return_parts if is_return(source) else statement_parts)(source))
    print(json.dumps([time.perf_counter() - began, read]))
"""
PEERS = {
    "ofx": {
        "ofxparse": "from ofxparse import OfxParser\nread = len(OfxParser.parse(open(path, 'rb')).account.statement.transactions)",
        "ofxtools": (
            "from ofxtools.Parser import OFXTree\ntree = OFXTree()\ntree.parse(path)\nread = len(tree.convert().statements[0].transactions)"
        ),
    },
    "mt940": {"mt-940": "import mt940\nread = len(mt940.parse(open(path).read()))"},
    "csv": {"csv (rows only)": "import csv\nread = sum(1 for _ in csv.DictReader(open(path, newline='')))"},
}
TIMED = """
import json, sys, time
path = sys.argv[1]
{imports}
began = time.perf_counter()
{body}
print(json.dumps([time.perf_counter() - began, read]))
"""


def ofx(count: int) -> Iterable[str]:
    """Itaú's dialect."""
    yield "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
    yield "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261130100000"
    yield "<LANGUAGE>POR<FI><ORG>BANCO<FID>341</FI></SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO"
    yield "</STATUS><STMTRS><CURDEF>BRL<BANKACCTFROM><BANKID>341<ACCTID>1234567890<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>"
    yield "<DTSTART>20261101<DTEND>20261130\n"
    for n in range(count):
        yield f"<STMTTRN>\n<TRNTYPE>CREDIT\n<DTPOSTED>202611{n % 28 + 1:02}100000\n<TRNAMT>{n % 9999}.{n % 100:02}\n<FITID>{n:010}\n"
        yield f"<CHECKNUM>{n:010}\n<MEMO>TED RECEBIDA COMERCIALIZADORA {n % 977}\n</STMTTRN>\n"
    yield "</BANKTRANLIST><LEDGERBAL><BALAMT>1.00<DTASOF>20261130</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"


def cnab240(count: int) -> Iterable[str]:
    """A FEBRABAN extrato."""
    yield f"{'34100000':<142}20112026{'':<6}000001".ljust(240) + "\r\n"
    yield f"{'34100011E0440033':<52}012340000000567890".ljust(142) + f"01112026{0:018}CFBRL".ljust(98) + "\r\n"
    for n in range(count):
        head = f"34100013{n % 99999 + 1:05}E".ljust(142)
        yield f"{head}{n % 28 + 1:02}112026{n % 999999:018}C2010000TED RECEBIDA {n % 977:<12}{n:<38}".ljust(240)[:240] + "\r\n"
    yield f"{'34100015':<142}30112026{sum(n % 999999 for n in range(count)):018}CF".ljust(240) + "\r\n"
    yield f"{'34199999':<17}000001".ljust(240) + "\r\n"


def mt940(count: int) -> Iterable[str]:
    """One page with a :86: an entry."""
    yield ":20:STMT\r\n:25:341/1234567890\r\n:28C:1/1\r\n:60F:C261101BRL1000,00\r\n"
    for n in range(count):
        day = f"{n % 28 + 1:02}"
        yield f":61:2611{day}11{day}C{n % 9999},{n % 100:02}NTRF{n:010}\r\n:86:TED RECEBIDA COMERCIALIZADORA {n % 977}\r\n"
    total = sum((n % 9999) * 100 + n % 100 for n in range(count)) + 100_000
    yield f":62F:C261130BRL{total // 100},{total % 100:02}\r\n-\r\n"


def canonical(count: int) -> Iterable[str]:
    """Our own CSV."""
    yield "line_id,account_id,file_id,date,amount,hist_code,doc_number,fitid,description\n"
    for n in range(count):
        yield f"{n},341/1234/56789-0,F1,2026-11-{n % 28 + 1:02},{n % 9999}.{n % 100:02},201,{n},{n:010},"
        yield f"TED RECEBIDA COMERCIALIZADORA {n % 977}\n"


def camt053(count: int) -> Iterable[str]:
    """One Ntry an entry."""
    yield '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
    yield "<BkToCstmrStmt><Stmt><Id>1</Id>"
    yield "<Acct><Id><Othr><Id>1234567890</Id></Othr></Id><Ccy>BRL</Ccy></Acct>"
    for n in range(count):
        day = f"2026-11-{n % 28 + 1:02}"
        yield f'<Ntry><Amt Ccy="BRL">{n % 9999}.{n % 100:02}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        yield f"<BookgDt><Dt>{day}</Dt></BookgDt>"
        yield f"<AcctSvcrRef>{n:010}</AcctSvcrRef><AddtlNtryInf>TED RECEBIDA {n % 977}</AddtlNtryInf></Ntry>\n"
    yield "</Stmt></BkToCstmrStmt></Document>\n"


FILES: dict[str, Callable[[int], Iterable[str]]] = {
    "ofx": ofx,
    "cnab240": cnab240,
    "mt940": mt940,
    "csv": canonical,
    "camt053": camt053,
}


def main() -> None:
    """Measure and print a line for each format and library."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--entries", type=int, default=5_000)
    asked.add_argument("--alone", action="store_true")
    given = asked.parse_args()
    peer = "" if given.alone else environment()
    print(f"{'format':<9} {'reader':<15} {'entries/s':>10} {'MB/s':>7} {'ours is … times as fast':>24}")
    with tempfile.TemporaryDirectory() as folder:
        for name, written in FILES.items():
            path = Path(folder) / name
            path.write_text("".join(written(given.entries)), encoding="utf-8", newline="")
            ours = timed(sys.executable, OURS, path)
            tell(name, "retaguarda", ours, path, 1.0)
            for library, body in PEERS.get(name, {}).items() if peer else ():
                imports, _, rest = body.partition("\n")
                theirs = timed(peer, TIMED.format(imports=imports, body=rest), path)
                tell(name, library, theirs, path, theirs[0] / ours[0] if theirs else 0)


def environment() -> str:
    """The interpreter of the libraries' own environment."""
    python = CACHE / "bin" / "python"
    if not python.exists():
        uv = os.environ.get("UV") or str(Path(".venv-uv/bin/uv").resolve())
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(CACHE)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *LIBRARIES], check=True)
    return str(python)


def timed(python: str, code: str, path: Path) -> list[float]:
    """Seconds and entries of the best of three; nothing when the file cannot be read."""
    runs = [subprocess.run([python, "-c", code, str(path)], capture_output=True, text=True, check=False) for _ in range(3)]
    told = [json.loads(run.stdout.splitlines()[-1]) for run in runs if run.returncode == 0]
    return min(told) if told else []


def tell(name: str, reader: str, measured: list[float], path: Path, ratio: float) -> None:
    if not measured:
        print(f"{name:<9} {reader:<15} {'cannot read this file':>42}")
        return
    seconds, read = measured
    print(f"{name:<9} {reader:<15} {read / seconds:>10,.0f} {path.stat().st_size / 1e6 / seconds:>7.1f} {ratio:>24.1f}")


if __name__ == "__main__":
    main()
