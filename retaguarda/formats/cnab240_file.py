"""The envelope of a CNAB 240 file: lines repaired to 240 characters, lots opened and closed, stated counts checked.

Real files strip trailing blanks, carry a BOM or 0x1A, blank lines, a 241st column; that is mended. A file without its
trailer, or whose trailer counts other lines than it has, is not whole and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.cnab240_layout import FILE_TRAILER, LOT_HEADER, LOT_TRAILER, STATEMENT_TRAILER, WIDTH, Columns
from retaguarda.formats.source import Line, Source, is_cut
from retaguarda.formats.text import cents
from retaguarda.model.statements import Quarantined

STATEMENT, COLLECTION = "04", "01"
"""Service codes of a lot: extrato para conciliação, cobrança."""
_DETAILS = "234"
"""Kinds of records that stand between a lot's header and trailer."""


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


@dataclass(frozen=True, slots=True)
class Record:
    """A line of exactly 240 characters, and the service of the lot that it stands in."""

    line: int
    text: str
    service: str = ""

    @property
    def kind(self) -> str:
        """0 file header, 1 lot header, 2 to 4 detail, 5 lot trailer, 9 file trailer."""
        return self.text[7]

    def said(self, layout: Columns, name: str) -> str:
        """A field's text, runs of blanks as one."""
        return " ".join(self.text[layout[name]].split())

    def cents(self, layout: Columns, name: str) -> Decimal:
        """An amount with two implied decimals; blanks are zero; raises ValueError for anything but digits."""
        return _named(self.text[layout[name]], name)

    def signed(self, layout: Columns, name: str) -> Decimal:
        """An amount with its side, `C` or `D`, in the field `side`."""
        return signed(self.text[layout[name]], self.text[layout["side"]], name)

    def number(self, layout: Columns, name: str) -> str:
        """An account or branch without leading zeros, its check digit after a dash."""
        digits, check = self.text[layout[name]].strip().lstrip("0"), self.text[layout[f"{name}_digit"]].strip()
        return f"{digits}-{check}" if digits and check else digits

    def quarantined(self, reason: str) -> Quarantined:
        return Quarantined(self.line, reason, self.text.rstrip())


def _named(text: str, name: str) -> Decimal:
    try:
        return cents(text)
    except ValueError as error:
        raise ValueError(f"{name} is {error}") from error


def signed(text: str, side: str, name: str) -> Decimal:
    """An amount with its side; raises ValueError that tells its name when it is none or its side is neither `C` nor `D`."""
    amount = _named(text, name)
    if amount and side not in {"C", "D"}:
        raise ValueError(f"neither credit nor debit: {side!r}")
    return -amount if side == "D" else amount


def _broken(why: str) -> IncompleteDownload:
    return IncompleteDownload(f"The CNAB 240 file is not whole: {why}.", remedy="Download it again.")


def records(source: Source) -> Iterator[Line | Record | Quarantined]:
    """The lines of a download, which may hold several files, in their order: details of a lot as they are, 240 characters long.

    Headers and trailers are records; what belongs nowhere is quarantined. Raises IncompleteDownload when it is no CNAB 240 or, at the
    place where that shows, not whole.
    """
    envelope = _Envelope()
    for line in _lines(source):
        text = line[1]
        if len(text) == WIDTH and text[7] in _DETAILS and envelope.lot and text[3:7].isdigit() and text.isascii():
            yield line
        elif not text or text.isspace():
            envelope.left_out()
        else:
            yield envelope.taken(*line)
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
            yield number, rest[at : at + WIDTH]
            number += 1
        rest = rest[whole:]
    if rest:
        yield number, rest


class _Envelope:
    """Where in the file the next line stands; records are counted by the numbers of their lines."""

    def __init__(self) -> None:
        self._files = 0
        self._header: Record | None = None  # of the file that is open
        self._blank = 0  # lines of the file that are none
        self._lots = 0
        self.lot: Record | None = None  # the header of the lot that is open
        self._beside = 0  # lines behind its header that are blank or belong to no lot

    def left_out(self) -> None:
        """A blank line, which no trailer counts."""
        self._blank += 1
        self._beside += 1

    def taken(self, line: int, text: str) -> Line | Record | Quarantined:
        """The line as what it is, or why it is none."""
        whole = text.rstrip()
        if is_cut(text) or not 8 <= len(whole) <= WIDTH or not whole[3:8].isdigit() or not whole[3:8].isascii():
            if not self._files:
                raise IncompleteDownload("The file is not a CNAB 240 file.")
            return Quarantined(line, "the line is not a CNAB 240 record", whole[: 4 * WIDTH])
        whole = whole.ljust(WIDTH)
        if whole[7] in _DETAILS and self.lot:
            return line, whole
        return self._framed(Record(line, whole, self.lot.service if self.lot else ""))

    def _framed(self, record: Record) -> Record | Quarantined:
        """A header or trailer, or a record outside of a lot."""
        if record.kind == "0":
            return self._opened(record)
        if not self._header:
            if self._files:
                raise _broken(f"line {record.line} stands behind the file's trailer")
            raise _broken("its first line is not a file header")
        return self._placed(record, self._header)

    def judge_end(self) -> None:
        if self._header:
            raise _broken("its last line is not a file trailer")
        if not self._files:
            raise IncompleteDownload("The file is not a CNAB 240 file.")

    def _opened(self, record: Record) -> Record:
        if self._header:
            raise _broken(f"a second file header stands at line {record.line} before the first file's trailer")
        self._header, self._blank, self._lots = record, 0, 0
        self._files += 1
        return record

    def _placed(self, record: Record, header: Record) -> Record | Quarantined:
        if record.kind == "1" and self.lot is None:
            self.lot = Record(record.line, record.text, record.text[LOT_HEADER["service"]])
            self._lots, self._beside = self._lots + 1, 0
            return self.lot
        if record.kind == "5" and self.lot is not None:
            return self._lot_closed(record, self.lot)
        if record.kind == "9":
            return self._closed(record, header)
        self._beside += 1
        return record.quarantined(f"a record of type {record.kind} does not belong here")

    def _lot_closed(self, record: Record, header: Record) -> Record:
        layout = STATEMENT_TRAILER if header.service == STATEMENT else LOT_TRAILER
        inside = record.line - header.line - 1 - self._beside
        _judge(record, layout, "records", {inside, inside + 2})
        self.lot = None
        return record

    def _closed(self, record: Record, header: Record) -> Record:
        if self.lot is not None:
            raise _broken(f"the lot of line {self.lot.line} has no trailer")
        lines = record.line - header.line + 1 - self._blank
        _judge(record, FILE_TRAILER, "lots", {self._lots})
        _judge(record, FILE_TRAILER, "records", {lines, lines - 2})
        self._header = None
        return record


def _judge(record: Record, layout: Columns, name: str, counted: set[int]) -> None:
    """Compare a stated count with ours; zeros and blanks state nothing, and banks differ on counting header and trailer."""
    stated = record.text[layout[name]]
    if stated.isascii() and stated.isdigit() and int(stated) and int(stated) not in counted:
        raise _broken(f"the trailer of line {record.line} states {int(stated)} {name}, the file has {max(counted)}")
