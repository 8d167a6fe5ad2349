"""Names as banks write them: cut anywhere, their words cut or contracted; looked up among all names of the register at once."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

_AFTER = "\U0010ffff"
"""Stands after every other letter."""


class Beginnings:
    """Texts and the codes they stand for, found by how they begin."""

    def __init__(self, written: Iterable[tuple[str, int]]) -> None:
        known = sorted(set(written))
        self._texts = [text for text, _ in known]
        self._codes = [code for _, code in known]

    def starting(self, start: str) -> tuple[int, ...]:
        """The codes of all texts that begin so, in rising order."""
        first = bisect.bisect_left(self._texts, start)
        return self._between(first, bisect.bisect_left(self._texts, start + _AFTER, first))

    def all_starting(self, starts: pl.Series) -> Iterator[tuple[int, ...]]:
        """The same for each of many beginnings."""
        texts = pl.Series(self._texts, dtype=pl.String)
        known: dict[tuple[int, int], tuple[int, ...]] = {}
        first, last = texts.search_sorted(starts, "left"), texts.search_sorted(starts + _AFTER, "left")
        for between in zip(first.to_list(), last.to_list(), strict=True):
            found = known.get(between)
            if found is None:
                found = known[between] = self._between(*between)
            yield found

    def _between(self, first: int, last: int) -> tuple[int, ...]:
        return tuple(sorted(set(self._codes[first:last]))) if last - first > 1 else tuple(self._codes[first:last])


class _Node:
    """The names that begin with the same words."""

    __slots__ = ("after", "codes", "small")

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.small: dict[str, _Node] = {}
        self.after: defaultdict[str, dict[str, _Node]] = defaultdict(dict)
        """The next words by their first two letters, which no contraction changes."""

    def next(self, word: str, small: frozenset[str]) -> _Node:
        there = self.small if word in small else self.after[word[:2]]
        found = there.get(word)
        if found is None:
            found = there[word] = _Node()
        return found

    def words(self, token: str) -> Iterator[tuple[str, _Node]]:
        if len(token) > 1:
            yield from self.after.get(token[:2], {}).items()
        else:
            for start, words in self.after.items():
                if start.startswith(token):
                    yield from words.items()


class NamesByWord:
    """Names by their words: those of several words whose first ones begin, or are contracted, as a line writes them."""

    def __init__(self, names: Sequence[Sequence[str]], small: frozenset[str]) -> None:
        self._small = small
        self._first: defaultdict[str, dict[str, _Node]] = defaultdict(dict)
        for code, words in enumerate(names):
            if len(words) < 2:
                continue
            node = self._first[words[0][:3]].setdefault(words[0], _Node())
            for word in words[1:]:
                node = node.next(word, small)
                node.codes.append(code)

    def like(self, tokens: Sequence[str]) -> set[int]:
        """The codes of names each of whose first words fits the token of the line, small words left out: `COND ED HORIZONTE`.

        The first words agree in their first three letters.
        """
        found: set[int] = set()
        if len(tokens) > 1:
            for word, node in self._first.get(tokens[0][:3], {}).items():
                if contracted(tokens[0], word):
                    self._below(node, tokens, 1, found)
        return found

    def _below(self, node: _Node, tokens: Sequence[str], place: int, found: set[int]) -> None:
        if place == len(tokens):
            found.update(node.codes)
            return
        token = tokens[place]
        for word, child in node.words(token):
            if contracted(token, word):
                self._below(child, tokens, place + 1, found)
        for word, child in node.small.items():
            self._below(child, tokens, place + word.startswith(token), found)


def contracted(token: str, long: str) -> bool:
    """Whether a word may stand for a longer one: its beginning, or its first two letters and others in their order (`COML`)."""
    if long.startswith(token):
        return True
    if len(token) < 3 or token[:2] != long[:2]:
        return False
    rest = iter(long)
    return all(letter in rest for letter in token)
