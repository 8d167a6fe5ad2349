"""`retaguarda statement parse`: whatever the bank gave, told in one shape; what cannot be read is told, never lost."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from retaguarda.accounts import book
from retaguarda.accounts.book import Origin
from retaguarda.calendars.calendar import is_business_day
from retaguarda.model.statements import Statement
from tests.conftest import OpenStore
from tests.house import House
from tests.sandbox_fixtures import ROOT

DATA = ROOT / "tests" / "formats" / "data"
MEMORY = """
import resource, sys
from retaguarda.console.cli import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def parse(*arguments: object, program: tuple[str, ...] = ("-m", "retaguarda"), **environment: str) -> subprocess.CompletedProcess[str]:
    called = [sys.executable, *program, "statement", "parse", *map(str, arguments)]
    return subprocess.run(called, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120)


def test_statements_and_returns_in_one_shape() -> None:
    done = parse(DATA / "itau.ofx", DATA / "retorno.ret", DATA / "extrato_estragado.ret", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["unread"]) == (0, [])
    itau, torn = told["statements"]
    assert (itau["bank"], itau["branch"], itau["account"], itau["currency"]) == ("341", "9999", "99999-9", "BRL")
    assert (itau["period"], itau["opening_balance"]) == ({"start": "2026-11-01", "end": "2026-11-10"}, "1000.00")
    assert [(entry["date"], entry["amount"], entry["checkpoint"]) for entry in itau["entries"]][1:3] == [
        ("2026-11-03", "2500.10", False),
        ("2026-11-04", "-666.66", False),
    ]
    assert itau["entries"][1]["document"] is None
    assert [odd["line"] for odd in torn["quarantine"]] == [6, 7, 8]
    [retorno] = told["returns"]
    assert (retorno["bank"], retorno["file_sequence"], len(retorno["titles"])) == ("773", 1183, 3)
    assert retorno["titles"][0].keys() >= {"movement", "our_number", "face_value", "net_value", "credit_date", "payer_name"}


def test_a_file_that_breaks_off_takes_nothing_of_the_others_along(tmp_path: Path) -> None:
    cut = tmp_path / "cut.ofx"
    cut.write_bytes((DATA / "itau.ofx").read_bytes()[:-30])
    torn = tmp_path / "torn.ret"
    torn.write_bytes((DATA / "extrato_estragado.ret").read_bytes().rsplit(b"\n", 2)[0])
    done = parse(cut, torn, DATA / "sicoob.ofx", tmp_path / "away.ofx", "--json", RETAGUARDA_LANGUAGE="en")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert [statement["bank"] for statement in told["statements"]] == ["756"]
    assert [Path(one["file"]).name for one in told["unread"]] == ["cut.ofx", "torn.ret", "away.ofx"]
    assert "ends in the middle" in told["unread"][0]["reason"]


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("pt-BR", ["fecha", "Linhas que não puderam ser lidas: 3", "a linha não é um registro CNAB 240"]),
        ("en", ["adds up", "neither credit"]),
    ],
)
def test_people_are_told_what_adds_up_and_what_could_not_be_read(language: str, says: list[str]) -> None:
    done = parse(DATA / "itau.ofx", DATA / "extrato_estragado.ret", RETAGUARDA_LANGUAGE=language, COLUMNS="120")
    assert done.returncode == 0
    assert [text for text in says if text not in done.stdout] == []


def test_a_large_file_needs_little_memory(tmp_path: Path) -> None:
    """Two files, one twenty times as large as the other, take the same memory."""
    peaks = []
    for count in (2_000, 100_000):
        movements = (
            f"<STMTTRN><TRNTYPE>OTHER<DTPOSTED>202611{n % 28 + 1:02}<TRNAMT>-{n}.{n % 100:02}<FITID>{n}<MEMO>TED {n}</STMTTRN>\n"
            for n in range(count)
        )
        path = tmp_path / f"{count}.ofx"
        path.write_text(f"<OFX><STMTRS><BANKID>341<ACCTID>1-2<BANKTRANLIST>{''.join(movements)}</BANKTRANLIST></STMTRS></OFX>")
        done = parse(path, "--json", program=("-c", MEMORY))
        assert len(json.loads(done.stdout)["statements"][0]["entries"]) == count
        peaks.append(int(done.stderr.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 60


@pytest.mark.one_store
def test_status_tells_account_by_day_what_is_proved(any_store: OpenStore, any_house: House) -> None:
    def status(*arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        own = {"RETAGUARDA_STORE__URL": any_store.url, "RETAGUARDA_HOME": str(any_store.home), "RETAGUARDA_LANGUAGE": language}
        own |= {"RETAGUARDA_OUTPUT": str(any_store.home / "output"), "RETAGUARDA_CLOCK__BUSINESS_DATE": "2026-11-13"}
        called = [sys.executable, "-m", "retaguarda", "statement", "status", *arguments]
        return subprocess.run(called, cwd=ROOT, env=os.environ | own, capture_output=True, text=True, check=False, timeout=60)

    assert "No statement was taken in yet." in status().stdout
    balance, today = Decimal("10.00"), dt.date(2026, 11, 11)
    for first, last, opening in ((1, 6, balance), (10, 11, balance + 1)):
        told = Statement("341", "1", "2-3", "BRL", dt.date(2026, 11, first), dt.date(2026, 11, last), opening, opening, ())
        book.take_in(told, Origin(f"{first:064}", f"{first}.ofx", "ofx", any_house.services.clock.now(), today), is_business_day)
    done = status("--month", "2026-11", language="pt-BR")
    assert (done.returncode, done.stdout.splitlines()[:2]) == (
        1,
        ["11/2026    1   5    10   15   20   25   30", "341/1/2-3  ✓✓✓✓✓✓··–✓~––"],
    ), done.stderr
    [told_account] = json.loads(status("--json", "--account", "341").stdout)
    assert [day["state"] for day in told_account["days"]][8:11] == ["gap", "proved", "provisional"]
    assert status("--month", "2027-01").returncode == 3
    wrong = status("--month", "foo")
    assert (wrong.returncode, "not a month: 'foo'" in wrong.stderr) == (3, True)
