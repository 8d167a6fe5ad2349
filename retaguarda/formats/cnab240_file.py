"""The envelope of a CNAB 240 file: lines repaired to 240 characters, lots opened and closed, stated counts checked.

Real files strip trailing blanks, carry a BOM or 0x1A, blank lines, a 241st column; that is mended. A file without its
trailer, or whose trailer counts other lines than it has, is not whole and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.cnab240_layout import FILE_TRAILER, LOT_HEADER, LOT_TRAILER, STATEMENT_TRAILER, WIDTH, Columns
from retaguarda.formats.text import decode
from retaguarda.model.statements import Quarantined

STATEMENT, COLLECTION = "04", "01"
"""Service codes of a lot: extrato para conciliação, cobrança."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of exactly 240 characters."""

    line: int
    text: str

    @property
    def kind(self) -> str:
        """0 file header, 1 lot header, 3 detail, 5 lot trailer, 9 file trailer."""
        return self.text[7]

    @property
    def segment(self) -> str:
        return self.text[13]

    def quarantined(self, reason: str) -> Quarantined:
        return Quarantined(self.line, reason, self.text.rstrip())


@dataclass(slots=True)
class Lot:
    """A lot: its header, its details in order, its trailer once it came."""

    header: Record
    details: list[Record] = field(default_factory=list)
    trailer: Record | None = None
    unread: int = 0  # lines inside the lot that are no record: the trailer counts them all the same

    @property
    def service(self) -> str:
        return self.header.text[LOT_HEADER["service"]]

    @property
    def closing(self) -> Record:
        """The trailer; a lot of a whole file has one."""
        if self.trailer is None:
            raise _broken(f"the lot of line {self.header.line} has no trailer")
        return self.trailer


@dataclass(slots=True)
class File:
    """One file header with what follows it; a download may hold several."""

    header: Record
    lots: list[Lot] = field(default_factory=list)
    quarantine: list[Quarantined] = field(default_factory=list)
    lines: int = 1

    @property
    def bank(self) -> str:
        return self.header.text[:3]


def _broken(why: str) -> IncompleteDownload:
    return IncompleteDownload(f"The CNAB 240 file is not whole: {why}.", remedy="Download it again.")


def read(data: bytes) -> list[File]:
    """The files of a download; raises IncompleteDownload when it is no CNAB 240 or not whole."""
    builder = _Builder()
    for number, raw in enumerate(_lines(decode(data)), 1):
        if raw.strip():
            builder.add(number, raw)
    return builder.finished()


def _lines(text: str) -> list[str]:
    if "\n" not in text and "\r" not in text:
        return [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
    return [line.replace("\x1a", "") for line in text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")]


class _Builder:
    """Puts lines where they belong; what belongs nowhere is quarantined."""

    def __init__(self) -> None:
        self._files: list[File] = []
        self._file: File | None = None
        self._lot: Lot | None = None

    def add(self, number: int, raw: str) -> None:
        line = raw.rstrip()
        if len(line) > WIDTH or len(line) < 8 or not line[3:8].isascii() or not line[3:8].isdigit():
            self._odd(Quarantined(number, "the line is not a CNAB 240 record", line[: 4 * WIDTH]))
            return
        record = Record(number, line.ljust(WIDTH))
        if record.kind == "0":
            self._open(record)
        elif self._file is None:
            raise _broken("its first line is not a file header")
        else:
            self._file.lines += 1
            self._place(self._file, record)

    def finished(self) -> list[File]:
        if self._file is not None:
            raise _broken("its last line is not a file trailer")
        if not self._files:
            raise IncompleteDownload("The file is not a CNAB 240 file.")
        return self._files

    def _odd(self, quarantined: Quarantined) -> None:
        if self._file is None and not self._files:
            raise IncompleteDownload("The file is not a CNAB 240 file.")
        file = self._file or self._files[-1]
        file.quarantine.append(quarantined)
        if self._file is not None:
            file.lines += 1
        if self._lot is not None:
            self._lot.unread += 1

    def _open(self, record: Record) -> None:
        if self._file is not None:
            raise _broken(f"a second file header stands at line {record.line} before the first file's trailer")
        self._file = File(record)

    def _place(self, file: File, record: Record) -> None:
        if record.kind == "1" and self._lot is None:
            self._lot = Lot(record)
            file.lots.append(self._lot)
        elif record.kind in "234" and self._lot is not None:
            self._lot.details.append(record)
        elif record.kind == "5" and self._lot is not None:
            self._lot.trailer = record
            _judge_lot(self._lot)
            self._lot = None
        elif record.kind == "9":
            self._close(file, record)
        else:
            file.quarantine.append(record.quarantined(f"a record of type {record.kind} does not belong here"))

    def _close(self, file: File, record: Record) -> None:
        if self._lot is not None:
            raise _broken(f"the lot of line {self._lot.header.line} has no trailer")
        _judge(record, FILE_TRAILER, "lots", {len(file.lots)})
        _judge(record, FILE_TRAILER, "records", {file.lines, file.lines - 2})
        self._files.append(file)
        self._file = None


def _judge_lot(lot: Lot) -> None:
    inside = len(lot.details) + lot.unread
    layout = STATEMENT_TRAILER if lot.service == STATEMENT else LOT_TRAILER
    _judge(lot.closing, layout, "records", {inside, inside + 2})


def _judge(record: Record, layout: Columns, name: str, counted: set[int]) -> None:
    """Compare a stated count with ours; zeros and blanks state nothing, and banks differ on counting header and trailer."""
    stated = record.text[layout[name]]
    if stated.isascii() and stated.isdigit() and int(stated) and int(stated) not in counted:
        raise _broken(f"the trailer of line {record.line} states {int(stated)} {name}, the file has {max(counted)}")
