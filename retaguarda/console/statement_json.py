"""Bank files as JSON of any size: entries go to a spool while they are read, and a file that breaks off takes back what it told."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import orjson

from retaguarda.errors import RetaguardaError
from retaguarda.formats.parts import Begin, BeginReturn, End, Part, ReturnPart
from retaguarda.model.statements import Entry, Quarantined, Title

IN_MEMORY = 16 * 2**20
"""Bytes of a spool that are kept in memory; the rest goes to a temporary file."""


class Rows:
    """The members of a JSON array, one written after the other."""

    def __init__(self) -> None:
        self._file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed when it was copied
        self.count = 0

    def add(self, row: dict[str, Any]) -> None:
        """One more member."""
        self._between()
        self._file.write(orjson.dumps(row, default=_text))

    def add_nested(self, row: dict[str, Any], nested: dict[str, Rows]) -> None:
        """One more member, with arrays that may be larger than memory behind its other keys."""
        self._between()
        self._file.write(orjson.dumps(row, default=_text)[:-1])
        for name, rows in nested.items():
            self._file.write(b',"%s":' % name.encode())
            rows.copy_to(self._file)
        self._file.write(b"}")

    def copy_to(self, out: IO[bytes]) -> None:
        """The whole array; nothing can be added afterwards."""
        self._file.seek(0)
        out.write(b"[")
        shutil.copyfileobj(self._file, out)
        out.write(b"]")
        self._file.close()

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """What the block added is taken back when it fails."""
        place, count, whole = self._file.tell(), self.count, False
        try:
            yield
            whole = True
        finally:
            if not whole:
                self._file.seek(place)
                self._file.truncate()
                self.count = count

    def _between(self) -> None:
        self._file.write(b"," if self.count else b"")
        self.count += 1


@dataclass
class Telling:
    """All files of one call."""

    statements: Rows = field(default_factory=Rows)
    returns: Rows = field(default_factory=Rows)
    unread: Rows = field(default_factory=Rows)

    def statement_file(self, _path: Path, parts: Iterable[Part]) -> None:
        """Take in the statements of a file; when it turns out not to be whole, all of them are taken back and the error goes on."""
        with self.statements.all_or_nothing():
            begin, entries, odd = Begin("", "", "", ""), Rows(), Rows()
            for part in parts:
                if isinstance(part, Entry):
                    entries.add(_entry(part))
                elif isinstance(part, Quarantined):
                    odd.add(_quarantined(part))
                elif isinstance(part, Begin):
                    begin, entries, odd = part, Rows(), Rows()
                else:
                    self.statements.add_nested(_statement(begin, part), {"entries": entries, "quarantine": odd})

    def return_file(self, _path: Path, parts: Iterable[ReturnPart]) -> None:
        """Take in the return files of a download, likewise."""
        with self.returns.all_or_nothing():
            begin, titles, odd = BeginReturn("", 0, ""), Rows(), Rows()
            for part in parts:
                if isinstance(part, Title):
                    titles.add(_title(part))
                elif isinstance(part, Quarantined):
                    odd.add(_quarantined(part))
                elif isinstance(part, BeginReturn):
                    begin, titles, odd = part, Rows(), Rows()
                else:
                    head = {"bank": begin.bank or None, "file_sequence": begin.file_sequence or None, "account": begin.account or None}
                    self.returns.add_nested(head, {"titles": titles, "quarantine": odd})

    def unreadable(self, path: Path, error: RetaguardaError) -> None:
        """A file of which nothing counts."""
        self.unread.add({"file": str(path), "reason": str(error), "remedy": error.remedy})

    def copy_to(self, out: IO[bytes]) -> None:
        """One JSON object with everything that was taken in."""
        for lead, rows in ((b'{"statements":', self.statements), (b',"returns":', self.returns), (b',"unread":', self.unread)):
            out.write(lead)
            rows.copy_to(out)
        out.write(b"}\n")


def _text(value: object) -> str:
    """Amounts as decimal strings."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(type(value).__name__)


def _statement(begin: Begin, end: End) -> dict[str, Any]:
    return {
        "bank": begin.bank or None,
        "branch": begin.branch or None,
        "account": begin.account or None,
        "currency": begin.currency or None,
        "period": {"start": end.start, "end": end.end},
        "opening_balance": end.opening_balance,
        "closing_balance": end.closing_balance,
        "provisional": end.partial,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "date": entry.date,
        "amount": None if entry.blank and entry.checkpoint else entry.amount,
        "type": entry.type or None,
        "document": entry.document or None,
        "fitid": entry.fitid or None,
        "description": entry.description or None,
        "counterparty_document": entry.counterparty_document or None,
        "counterparty_name": entry.counterparty_name or None,
        "checkpoint": entry.checkpoint,
    }


def _quarantined(odd: Quarantined) -> dict[str, Any]:
    return {"line": odd.line, "reason": odd.reason, "raw": odd.raw}


def _title(title: Title) -> dict[str, Any]:
    return {
        "movement": title.movement,
        "our_number": title.our_number or None,
        "document": title.document or None,
        "due_date": title.due_date,
        "face_value": title.face_value,
        "paid_value": title.paid_value,
        "interest": title.interest,
        "discount": title.discount,
        "fee": title.fee,
        "net_value": title.net_value,
        "occurrence_date": title.occurrence_date,
        "credit_date": title.credit_date,
        "payer_document": title.payer_document or None,
        "payer_name": title.payer_name or None,
        "txid": title.txid or None,
    }
