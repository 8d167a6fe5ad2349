"""Whether every return file of an account came, and each once: judged by the numbers (NSA) that the banks give their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Received:
    """A return file that came; sequence 0: the bank gives it no number."""

    bank: str
    account: str
    sequence: int
    sha256: str
    name: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Files that did not come between two that did, `first` to `last`."""

    bank: str
    account: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """One file that came more than once, byte for byte."""

    bank: str
    account: str
    sequence: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Different files under one number: one of them is wrong, or the bank began to count anew."""

    bank: str
    account: str
    sequence: int
    names: tuple[str, ...]


Finding = Gap | Repeat | Contradiction
_Numbers = Mapping[int, Sequence[Received]]


def judge(files: Iterable[Received]) -> list[Finding]:
    """What is missing, repeated or contradictory, by bank, account and number; files without a number are not judged."""
    accounts: dict[tuple[str, str], dict[int, list[Received]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        if file.sequence > 0:
            accounts[file.bank, file.account][file.sequence].append(file)
    return [finding for (bank, account), numbers in sorted(accounts.items()) for finding in _of_account(bank, account, numbers)]


def _of_account(bank: str, account: str, numbers: _Numbers) -> Iterator[Finding]:
    for before, number in pairwise((0, *sorted(numbers))):
        if before and number > before + 1:
            yield Gap(bank, account, before + 1, number - 1)
        yield from _of_number(bank, account, number, numbers[number])


def _of_number(bank: str, account: str, number: int, files: Sequence[Received]) -> Iterator[Finding]:
    by_content: dict[str, list[str]] = defaultdict(list)
    for file in files:
        by_content[file.sha256].append(file.name)
    yield from (Repeat(bank, account, number, tuple(names)) for names in by_content.values() if len(names) > 1)
    if len(by_content) > 1:
        yield Contradiction(bank, account, number, tuple(file.name for file in files))
