"""Our own CSV: accounts may be mixed, each gets its statement, and every row is an entry or in quarantine."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import canonical
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from tests.formats.streamed import read, survives

HEADER = ",".join(canonical.COLUMNS)


def row(number: int, account: str = "341/1234/99999-9", amount: str = "1.00", day: str = "2026-11-03", text: str = "PIX") -> str:
    return f"{number},{account},F1,{day},{amount},COD,,,{text}"


def file(*rows: str) -> bytes:
    return "\r\n".join([HEADER, *rows, ""]).encode()


def test_mixed_accounts_are_told_one_after_another() -> None:
    found = read(canonical, file(row(1, "a"), row(2, "b", "2.00"), row(3, "a", "4.00"), "rubbish", row(4, "237/b")))
    assert [(s.account_key, s.movement) for s in found] == [("a", Decimal("5.00")), ("b", Decimal("2.00")), ("237/b", Decimal("1.00"))]
    assert [[odd.line for odd in s.quarantine] for s in found] == [[5], [], []]


def test_a_file_without_rows_is_an_empty_statement() -> None:
    [statement] = read(canonical, file())
    assert (statement.account, statement.entries, statement.start) == ("", (), None)


def test_too_many_accounts_are_refused() -> None:
    with pytest.raises(IncompleteDownload, match="more than 200 accounts"):
        read(canonical, file(*(row(n, f"conta{n}") for n in range(201))))


def test_another_header_is_refused() -> None:
    with pytest.raises(IncompleteDownload, match="header"):
        collected(canonical.parts(Source.of(b"a,b\n1,2\n")))


def test_a_gigantic_cell_spoils_its_row_alone() -> None:
    [statement] = read(canonical, file(row(1), row(2, text="x" * 200_000), row(3)))
    assert len(statement.entries) == 2
    assert [odd.line for odd in statement.quarantine] == [3]


AMOUNTS = st.sampled_from(["1.00", "-2.5", "1,00", "1.234", "1e9", "", "NaN", "7", "9" * 30])
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", ""]),
        AMOUNTS,
        st.sampled_from(["2026-11-03", "03/11/26", "2026-02-30", ""]),
        st.sampled_from(["PIX", "SALDO DIA", '"', "a,b", '"a,b"']),
    ),
    max_size=12,
)


@given(ROWS)
def test_entries_and_quarantine_account_for_every_row(rows: list[tuple[str, str, str, str]]) -> None:
    found = read(canonical, file(*(row(n, *cells) for n, cells in enumerate(rows))))
    assert sum(len(s.entries) + len(s.quarantine) for s in found) == len(rows)


@given(st.integers(0, 4), st.sampled_from(["drop", "double", "alter"]))
def test_a_changed_row_is_seen(place: int, change: str) -> None:
    rows = [row(n, amount=f"{2**n}.00") for n in range(5)]
    [whole] = read(canonical, file(*rows))
    rows[place : place + 1] = {"drop": [], "double": [rows[place]] * 2, "alter": [row(place, amount="999.00")]}[change]
    [other] = read(canonical, file(*rows))
    assert other.quarantine or other.movement != whole.movement


@given(st.binary(max_size=300), st.integers(0, 200))
def test_junk_raises_nothing_unknown(junk: bytes, cut: int) -> None:
    survives(canonical, junk)
    survives(canonical, HEADER.encode() + b"\n" + junk)
    survives(canonical, file(row(1), row(2))[:cut])
