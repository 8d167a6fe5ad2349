"""Names as banks write them: what the index finds is what going through the whole register finds."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.reconcile.matching.names import Beginnings, NamesByWord, contracted

SMALL = frozenset({"DE", "DO", "E"})
words = st.sampled_from(
    ["COMERCIAL", "COMERCIO", "COND", "CONDOMINIO", "ED", "EDIFICIO", "HORIZONTE", "DE", "DO", "E", "DELTA", "EBANO", "A"]
)
names = st.lists(st.lists(words, min_size=1, max_size=5), max_size=12)
written = st.lists(
    st.sampled_from(["COM", "COML", "COMER", "COND", "CONDOM", "ED", "E", "EDIF", "HOR", "HRZ", "D", "DE", "DEL", "A", "EB"]), max_size=4
)


def fits(tokens: list[str], name: list[str]) -> bool:
    """Each token stands for the next word of the name, from the first on; small words may be left out after it."""
    if len(tokens) < 2 or len(name) < 2 or tokens[0][:3] != name[0][:3] or not contracted(tokens[0], name[0]):
        return False
    rest = iter(name[1:])
    for token in tokens[1:]:
        word = next(rest, "")
        while word in SMALL and not word.startswith(token):
            word = next(rest, "")
        if not contracted(token, word):
            return False
    return True


@given(names, written)
def test_words_are_found_as_going_through_all_names_finds_them(known: list[list[str]], tokens: list[str]) -> None:
    assert NamesByWord(known, SMALL).like(tokens) == {code for code, name in enumerate(known) if fits(tokens, name)}


@given(st.lists(st.tuples(st.text("AB", max_size=5), st.integers(0, 9))), st.text("ABC", max_size=4))
def test_beginnings_are_found_as_going_through_all_texts_finds_them(known: list[tuple[str, int]], start: str) -> None:
    expected = tuple(sorted({code for text, code in known if text.startswith(start)}))
    assert Beginnings(known).starting(start) == expected
    assert list(Beginnings(known).all_starting(pl.Series([start, "A", start]))) == [
        expected,
        tuple(sorted({code for text, code in known if text.startswith("A")})),
        expected,
    ]


def test_what_stands_for_a_word() -> None:
    assert contracted("COML", "COMERCIAL")
    assert contracted("C", "COMERCIAL")
    assert not contracted("CL", "COMERCIAL"), "two letters are a beginning or nothing"
    assert not contracted("CML", "COMERCIAL"), "the first two letters stay"
    assert not contracted("COMO", "COMERCIAL")
