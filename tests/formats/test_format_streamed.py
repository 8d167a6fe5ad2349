"""What every streaming reader owes: it knows its own files only, and says so at once whatever the bytes are."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.streamed import READERS

HOSTILE = [
    b"\n", b"\r\n ", b":20:\n", b"\n:25:", b"\n:20:\n:25:", b"Extrato de:", b'"', b";", b'"1";', b"<", b" ", b"\xef\xbb\xbf", b"0", b"Ag:",
]  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("unit", HOSTILE)
def test_no_head_keeps_a_recogniser_busy(name: str, unit: bytes) -> None:
    begun = time.perf_counter()
    assert not READERS[name].recognises((unit * 8192)[:8192])
    assert time.perf_counter() - begun < 0.1


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"OFXHEADER:100\nDATA:OFXSGML\n<OFX>",
        b"<html><body>Extrato</body></html>",
        b"34100000         2112223330001810417",
        b"Data;Valor\n01/04/2026;1,00\n",
        b'<?xml version="1.0"?><nfeProc xmlns="http://www.portalfiscal.inf.br/nfe">',
    ],
)
def test_no_reader_takes_a_file_of_another_kind(name: str, head: bytes) -> None:
    assert not READERS[name].recognises(head)


@given(st.binary(max_size=200))
def test_recognising_never_raises(head: bytes) -> None:
    assert sum(reader.recognises(head) for reader in READERS.values()) <= 1
