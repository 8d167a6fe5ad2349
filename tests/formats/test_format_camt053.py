"""CAMT.053: sides and details of entries, damage of every kind, and XML that attacks the parser."""

from __future__ import annotations

import datetime as dt
import resource
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import camt053
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from retaguarda.model.statements import Entry
from tests.formats.streamed import CHANGES, adds_up, changed, read, survives

SAMPLE = (Path(__file__).parent / "data" / "camt053.xml").read_bytes()


def ntry(cents: int, day: str = "2026-11-03", more: str = "") -> str:
    side = "CRDT" if cents > 0 else "DBIT"
    return f'<Ntry><Amt Ccy="BRL">{abs(cents) / 100:.2f}</Amt><CdtDbtInd>{side}</CdtDbtInd><BookgDt><Dt>{day}</Dt></BookgDt>{more}</Ntry>'


def balance(kind: str, cents: int, day: str) -> str:
    side = "CRDT" if cents >= 0 else "DBIT"
    amount = f'<Amt Ccy="BRL">{abs(cents) / 100:.2f}</Amt><CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt>'
    return f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{amount}</Bal>"


def file(*inner: str, version: str = "02", head: str = "") -> bytes:
    account = "<Acct><Id><Othr><Id>25808-3</Id></Othr></Id></Acct>"
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"
    stmt = f"<Stmt>{account}{''.join(inner)}</Stmt>"
    return f'<?xml version="1.0"?>{head}<c:Document xmlns:c="{space}"><B xmlns="{space}">{stmt}</B></c:Document>'.encode()


@pytest.mark.parametrize("version", ["02", "08", "13"])
def test_every_version_is_read(version: str) -> None:
    [statement] = read(camt053, file(ntry(-150), version=version))
    assert statement.movement == Decimal("-1.50")


def test_without_a_stated_period_balances_and_entries_tell_it() -> None:
    inner = (balance("OPBD", 0, "2026-11-01"), balance("CLBD", 100, "2026-11-06"), ntry(100, "2026-11-03"))
    [statement] = read(camt053, file(*inner))
    assert (statement.start, statement.end) == (dt.date(2026, 11, 2), dt.date(2026, 11, 6))


def test_a_reversal_counts_by_its_own_side() -> None:
    [statement] = read(camt053, file(ntry(-150, more="<RvslInd>true</RvslInd>")))
    assert [(e.amount, e.type) for e in statement.entries] == [(Decimal("-1.50"), "RVSL")]


@given(st.lists(st.integers(-50_000_00, 50_000_00).filter(bool), min_size=3, max_size=6, unique=True), st.data())
def test_a_changed_entry_is_seen(cents: list[int], data: st.DataObject) -> None:
    frame = balance("OPBD", 1000, "2026-11-01") + balance("CLBD", 1000 + sum(cents), "2026-11-06")
    rows = [ntry(value) for value in cents]
    assert adds_up(read(camt053, file(frame, *rows))[0])
    other = changed(rows, data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(CHANGES)), ntry(60_000_00))
    assert not adds_up(read(camt053, file(frame, *other))[0])


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        (ntry(100, "2026-02-30"), "not a date"),
        (ntry(100, ""), "no date"),
        (ntry(100).replace("1.00", "1.001"), "not an amount"),
        (ntry(100).replace("1.00", "-1.00"), "not an amount"),
        (ntry(100).replace("CRDT", "X"), "neither credit nor debit"),
        (ntry(100).replace("BRL", "USD"), "in USD"),
        (balance("CLBD", 1, "x").replace("0.01", "NaN"), "not an amount"),
        ("<TxsSummry><TtlNtries><NbOfNtries>x</NbOfNtries></TtlNtries></TxsSummry>", "the summary states"),
        ("<TxsSummry><TtlDbtNtries><Sum>1.00</Sum></TtlDbtNtries></TxsSummry>" + ntry(-200), "the summary states"),
    ],
)
def test_what_is_odd_is_kept_aside_with_its_reason(inner: str, says: str) -> None:
    [statement] = read(camt053, file(inner))
    assert [says in odd.reason for odd in statement.quarantine] == [True]


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a CAMT"),
        (file(ntry(100))[:-30], "damaged or ends"),
        (file("<Ntry>"), "damaged or ends"),
        (file("&b;"), "damaged or ends"),
        (file(ntry(100), head=BOMB), "document type"),
        (file(ntry(100), head="<!--" + " " * 9000 + "-->" + BOMB), "not a CAMT"),
        (file("<x>" * 5000), "damaged or ends"),
        (file(f"<Ntry><Amt>{'9' * 11_000_000}</Amt></Ntry>"), "damaged or ends"),
        (file().replace(b"<Stmt", b"<X").replace(b"</Stmt", b"</X"), "no statement"),
        (b'<!DOCTYPE d SYSTEM "file:///etc/passwd">' + file(ntry(1))[21:], "document type"),
        (file(ntry(1)).replace(b'"1.0"', b'"1.0" encoding="latin-99"'), "damaged or ends"),
        (file(f'<Ntry x="{"9" * 11_000_000}"/>'), "longer than any"),
        (file(ntry(1, more="<x>" * 3000 + "</x>" * 3000)), "too deeply"),
    ],
    ids=["empty", "cut", "open", "entity", "bomb", "late bomb", "deep", "giant", "none", "external", "encoding", "long tag", "nested"],
)
def test_what_is_no_statement_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(IncompleteDownload, match=says):
        collected(camt053.parts(Source.of(data)))


def test_a_document_type_behind_the_first_bytes_is_refused_too() -> None:
    """The name of the namespace stands in a comment, the document type beyond what `head` shows."""
    data = file(ntry(100), head="<!-- urn:iso:std:iso:20022:tech:xsd:camt.053. " + " " * 9000 + "-->" + BOMB)
    with pytest.raises(IncompleteDownload, match="document type"):
        collected(camt053.parts(Source.of(data)))


def test_lines_are_numbered_beyond_what_sixteen_bits_hold() -> None:
    [_, entry, _] = camt053.parts(Source.of(file("\n" * 70_000, ntry(1))))
    assert isinstance(entry, Entry)
    assert entry.line == 70_001


def resident() -> int:
    """Bytes of memory that this process holds, the parser's with them."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_an_entry_of_any_length_is_read_in_little_memory() -> None:
    """As a tree these details take over a hundred megabytes."""
    details = "<NtryDtls>" + f"<TxDtls><RmtInf><Ustrd>{'x' * 200}</Ustrd></RmtInf></TxDtls>" * 40_000 + "</NtryDtls>"
    source = Source.of(file(ntry(100, more=details)))
    before = resident()
    [_, entry, _] = camt053.parts(source)
    assert isinstance(entry, Entry)
    assert len(entry.description) <= camt053.MAX_TEXT
    assert resident() - before < 30_000_000


@given(st.binary(max_size=200), st.integers(0, len(SAMPLE)))
def test_junk_raises_nothing_unknown(junk: bytes, place: int) -> None:
    survives(camt053, junk)
    survives(camt053, SAMPLE[:place])
    survives(camt053, SAMPLE[:place] + junk + SAMPLE[place:])
    survives(camt053, SAMPLE[:place] + junk + SAMPLE[place + len(junk) :])


TAGS = st.sampled_from(["Ntry", "Amt", "CdtDbtInd", "Bal", "Stmt", "Acct", "NtryDtls", "TxDtls", "Dt", "BookgDt", "Sts", "TxsSummry"])


@given(st.lists(st.tuples(TAGS, st.sampled_from(["", "1.00", "CRDT", "2026-11-03", "x" * 99])), max_size=30), st.data())
def test_soup_raises_nothing_unknown(tags: list[tuple[str, str]], data: st.DataObject) -> None:
    soup = ""
    path: list[str] = []
    for tag, text in tags:
        soup += f"<{tag}>{text}"
        path.append(tag)
        while data.draw(st.booleans()) and path:
            soup += f"</{path.pop()}>"
    survives(camt053, file(soup + "".join(f"</{tag}>" for tag in reversed(path))))
