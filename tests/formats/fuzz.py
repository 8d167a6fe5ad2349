"""Bank files spoilt at random: whatever comes, a file is read or refused with IncompleteDownload, in bounded time."""

from __future__ import annotations

import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import identify, is_return, return_parts, statement_parts
from retaguarda.formats.source import Source

DATA = Path(__file__).parent / "data"
CORPUS = Path(__file__).parent / "corpus"
"""Inputs that a reader once did not stand, by the SHA-256 of their bytes."""
SLOW = {".pdf": 500, ".xlsx": 2}
"""Formats whose inputs cost that many times as much are tried as much more rarely."""
LONGEST_SECONDS = 5.0
INTERESTING = (
    *(b"<", b">", b"&", b";", b",", b".", b"-", b'"', b"\0", b"\x1a", b"\r\n", b"\n"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"9" * 30, b"0" * 8, b" " * 241),
)


def samples() -> list[Path]:
    """Every golden sample, the slow ones rarely."""
    found = [path for path in sorted(DATA.iterdir()) if path.suffix not in {".json", ".rem"}]
    most = max(SLOW.values())
    return [path for path in found for _ in range(most // SLOW.get(path.suffix, 1))]


def spoilt(seed: int, among: list[Path]) -> Iterator[bytes]:
    """Endless inputs, the same for the same seed: bytes turned, pieces cut, doubled, swapped, or of two files put together."""
    rnd, known = random.Random(seed), {path: path.read_bytes() for path in set(among)}
    while True:
        data = bytearray(known[rnd.choice(among)])
        for _ in range(rnd.choice((1, 1, 1, 2, 3, 8, 40))):
            rnd.choice(_WAYS)(rnd, data)
        if rnd.random() < 0.05:
            data += known[rnd.choice(among)]
        yield bytes(data)


def problem(data: bytes) -> str:
    """What a reader does not stand about an input; "" when it is read or refused as it should, within bounds of processor time."""
    began = _seconds()
    try:
        source = Source.of(data)
        identify(data)
        for _ in (return_parts if is_return(source) else statement_parts)(source):
            pass
    except IncompleteDownload:
        pass
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return f"{type(error).__name__}: {error}"
    took = _seconds() - began
    return f"took {took:.1f} s" if took > LONGEST_SECONDS else ""


def _seconds() -> float:
    """Processor time of this process and of those it started and saw end: a busy machine takes none."""
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def _turn(rnd: random.Random, data: bytearray) -> None:
    if data:
        data[rnd.randrange(len(data))] = rnd.randrange(256)


def _piece(rnd: random.Random, data: bytearray) -> slice:
    start = rnd.randrange(len(data) + 1)
    return slice(start, min(len(data), start + rnd.choice((1, 2, 8, 40, 240, 400, 2000))))


def _cut(rnd: random.Random, data: bytearray) -> None:
    del data[_piece(rnd, data)]


def _double(rnd: random.Random, data: bytearray) -> None:
    piece = _piece(rnd, data)
    data[piece.start : piece.start] = data[piece]


def _move(rnd: random.Random, data: bytearray) -> None:
    piece = _piece(rnd, data)
    held = data[piece]
    del data[piece]
    at = rnd.randrange(len(data) + 1)
    data[at:at] = held


def _put(rnd: random.Random, data: bytearray) -> None:
    at = rnd.randrange(len(data) + 1)
    data[at:at] = rnd.choice(INTERESTING)


def _end(rnd: random.Random, data: bytearray) -> None:
    del data[rnd.randrange(len(data) + 1) :]


_WAYS: tuple[Callable[[random.Random, bytearray], None], ...] = (_turn, _turn, _cut, _double, _move, _put, _end)
