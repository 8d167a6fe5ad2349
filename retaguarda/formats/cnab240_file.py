"""The envelope of a CNAB 240 file: lines repaired to 240 characters, lots opened and closed, stated counts checked.

Real files strip trailing blanks, carry a BOM or 0x1A, blank lines, a 241st column; that is mended. A file without its
trailer, or whose trailer counts other lines than it has, is not whole and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.cnab240_layout import FILE_TRAILER, LOT_HEADER, LOT_TRAILER, STATEMENT_TRAILER, WIDTH, Columns
from retaguarda.formats.source import Line, Source
from retaguarda.model.statements import Quarantined

STATEMENT, COLLECTION = "04", "01"
"""Service codes of a lot: extrato para conciliação, cobrança."""


def service(head: bytes) -> str | None:
    """The service of the first lot of a CNAB 240 file that begins so, "" when it shows none; None when it is no CNAB 240."""
    text = head.replace(b"\0", b"")
    if not re.match(rb"(?:\xef\xbb\xbf)?[0-9]{3}00000", text):
        return None
    lot = re.search(rb"[0-9]{7}1.([0-9]{2})", re.sub(rb"^.{200,320}?[\r\n]+", b"", text, count=1, flags=re.DOTALL))
    return lot[1].decode() if lot else ""


def is_remittance(head: bytes) -> bool:
    """Whether a file that begins so is a remessa de cobrança, which goes to the bank, and no retorno."""
    return service(head) == COLLECTION and head.removeprefix(b"\xef\xbb\xbf")[142:143] == b"1"


class Record(NamedTuple):
    """One line of exactly 240 characters, and the service of the lot that it stands in."""

    line: int
    text: str
    service: str = ""

    @property
    def kind(self) -> str:
        """0 file header, 1 lot header, 2 to 4 detail, 5 lot trailer, 9 file trailer."""
        return self.text[7]

    @property
    def is_detail(self) -> bool:
        return self.text[7] in "234"

    @property
    def segment(self) -> str:
        return self.text[13]

    def said(self, layout: Columns, name: str) -> str:
        """A field's text, runs of blanks as one."""
        return " ".join(self.text[layout[name]].split())

    def cents(self, layout: Columns, name: str) -> Decimal:
        """An amount with two implied decimals; blanks are zero; raises ValueError for anything but digits."""
        try:
            return _cents(self.text[layout[name]])
        except ValueError as error:
            raise ValueError(f"{name} is not an amount: {error}") from error

    def signed(self, layout: Columns, name: str) -> Decimal:
        """An amount with its side, `C` or `D`, in the field `side`."""
        side, amount = self.text[layout["side"]], self.cents(layout, name)
        if amount and side not in {"C", "D"}:
            raise ValueError(f"neither credit nor debit: {side!r}")
        return -amount if side == "D" else amount

    def number(self, layout: Columns, name: str) -> str:
        """An account or branch without leading zeros, its check digit after a dash."""
        digits, check = self.text[layout[name]].strip().lstrip("0"), self.text[layout[f"{name}_digit"]].strip()
        return f"{digits}-{check}" if digits and check else digits

    def quarantined(self, reason: str) -> Quarantined:
        return Quarantined(self.line, reason, self.text.rstrip())


@lru_cache(maxsize=4096)
def _cents(text: str) -> Decimal:
    raw = text.strip()
    if raw and not (raw.isascii() and raw.isdigit()):
        raise ValueError(repr(raw))
    return Decimal(raw or 0).scaleb(-2)


def _broken(why: str) -> IncompleteDownload:
    return IncompleteDownload(f"The CNAB 240 file is not whole: {why}.", remedy="Download it again.")


def records(source: Source) -> Iterator[Record | Quarantined]:
    """The records of a download, which may hold several files, in their order; what belongs nowhere is quarantined.

    Raises IncompleteDownload when it is no CNAB 240 or, at the place where that shows, not whole.
    """
    envelope = _Envelope()
    for line in _lines(source):
        if line.text.strip():
            yield envelope.taken(line)
    envelope.judge_end()


def _lines(source: Source) -> Iterator[Line]:
    return source.lines() if b"\n" in source.head or b"\r" in source.head else _unbroken(source)


def _unbroken(source: Source) -> Iterator[Line]:
    """A file without any line end: every 240 characters are a record."""
    number, rest = 1, ""
    for piece in source.text():
        rest += piece.replace("\x1a", "")
        whole = len(rest) - len(rest) % WIDTH
        for at in range(0, whole, WIDTH):
            yield Line(number, rest[at : at + WIDTH], cut=False)
            number += 1
        rest = rest[whole:]
    if rest:
        yield Line(number, rest, cut=False)


class _Envelope:
    """Where in the file the next line stands."""

    def __init__(self) -> None:
        self._files = 0
        self._open = False
        self._lines = 0  # of the file that is open
        self._lots = 0
        self._lot: Record | None = None  # the header of the lot that is open
        self._inside = 0  # lines of the lot between header and trailer, those that are no record as well

    def taken(self, line: Line) -> Record | Quarantined:
        text = line.text.rstrip()
        self._lines += 1
        if line.cut or len(text) > WIDTH or len(text) < 8 or not text[3:8].isascii() or not text[3:8].isdigit():
            return self._odd(line.number, text)
        record = Record(line.number, text.ljust(WIDTH))
        if record.kind == "0":
            return self._opened(record)
        if not self._open:
            if self._files:
                raise _broken(f"line {line.number} stands behind the file's trailer")
            raise _broken("its first line is not a file header")
        return self._placed(record)

    def judge_end(self) -> None:
        if self._open:
            raise _broken("its last line is not a file trailer")
        if not self._files:
            raise IncompleteDownload("The file is not a CNAB 240 file.")

    def _odd(self, number: int, text: str) -> Quarantined:
        if not self._files:
            raise IncompleteDownload("The file is not a CNAB 240 file.")
        self._inside += 1
        return Quarantined(number, "the line is not a CNAB 240 record", text[: 4 * WIDTH])

    def _opened(self, record: Record) -> Record:
        if self._open:
            raise _broken(f"a second file header stands at line {record.line} before the first file's trailer")
        self._open, self._lines, self._lots = True, 1, 0
        self._files += 1
        return record

    def _placed(self, record: Record) -> Record | Quarantined:
        if record.kind == "1" and self._lot is None:
            self._lot = Record(record.line, record.text, record.text[LOT_HEADER["service"]])
            self._lots, self._inside = self._lots + 1, 0
            return self._lot
        if record.is_detail and self._lot is not None:
            self._inside += 1
            return Record(record.line, record.text, self._lot.service)
        if record.kind == "5" and self._lot is not None:
            return self._lot_closed(record, self._lot)
        if record.kind == "9":
            return self._closed(record)
        return record.quarantined(f"a record of type {record.kind} does not belong here")

    def _lot_closed(self, record: Record, header: Record) -> Record:
        layout = STATEMENT_TRAILER if header.service == STATEMENT else LOT_TRAILER
        _judge(record, layout, "records", {self._inside, self._inside + 2})
        self._lot = None
        return Record(record.line, record.text, header.service)

    def _closed(self, record: Record) -> Record:
        if self._lot is not None:
            raise _broken(f"the lot of line {self._lot.line} has no trailer")
        _judge(record, FILE_TRAILER, "lots", {self._lots})
        _judge(record, FILE_TRAILER, "records", {self._lines, self._lines - 2})
        self._open = False
        return record


def _judge(record: Record, layout: Columns, name: str, counted: set[int]) -> None:
    """Compare a stated count with ours; zeros and blanks state nothing, and banks differ on counting header and trailer."""
    stated = record.text[layout[name]]
    if stated.isascii() and stated.isdigit() and int(stated) and int(stated) not in counted:
        raise _broken(f"the trailer of line {record.line} states {int(stated)} {name}, the file has {max(counted)}")
