"""What banks, the CCEE and spreadsheets hand over: bytes in, typed values out, nothing lost on the way."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import (
    bank_csv,
    bank_pdf,
    bank_sheet,
    camt053,
    canonical,
    cnab240_file,
    cnab240_return,
    cnab240_statement,
    cnab400,
    mt940,
    ofx,
)
from retaguarda.formats.parts import Part, ReturnPart, collected, collected_returns
from retaguarda.formats.source import Source
from retaguarda.model.statements import ReturnFile, Statement

__all__ = [
    "Format",
    "identify",
    "is_return",
    "read_return",
    "read_returns",
    "read_statement",
    "read_statements",
    "return_parts",
    "statement_parts",
]


class Format(enum.StrEnum):
    """What a file is, told by its bytes alone; its name is never asked."""

    OFX = "ofx"
    CNAB240_STATEMENT = "cnab240-extrato"
    CNAB240_RETURN = "cnab240-retorno"
    CNAB240_REMITTANCE = "cnab240-remessa"
    CNAB240 = "cnab240"
    CNAB400_RETURN = "cnab400-retorno"
    CANONICAL = "csv"
    BANK_CSV = "csv-banco"
    CAMT053 = "camt053"
    MT940 = "mt940"
    PDF = "pdf"
    XLSX = "xlsx"
    ZIP = "zip"
    HTML = "html"
    TEXT = "text"
    EMPTY = "empty"
    UNKNOWN = "unknown"


def identify(data: bytes) -> Format:
    """The format of a file; never raises."""
    if not data.strip():
        return Format.EMPTY
    head = data[:8192]
    found = next((name for name, recognises in _RECOGNISED if recognises(head)), None)
    return found or (Format.UNKNOWN if b"\0" in head else Format.TEXT)


def _is_html(head: bytes) -> bool:
    return re.match(rb"\W{0,8}<(?:!doctype html|html)", head.replace(b"\0", b""), re.IGNORECASE) is not None


_RECOGNISED: tuple[tuple[Format, Callable[[bytes], bool]], ...] = (
    (Format.XLSX, bank_sheet.recognises),
    (Format.ZIP, lambda head: head.startswith(b"PK")),
    (Format.OFX, ofx.recognises),
    (Format.HTML, _is_html),
    (Format.CNAB240_STATEMENT, lambda head: cnab240_file.service(head) == cnab240_file.STATEMENT),
    (Format.CNAB240_REMITTANCE, cnab240_file.is_remittance),
    (Format.CNAB240_RETURN, lambda head: cnab240_file.service(head) == cnab240_file.COLLECTION),
    (Format.CNAB240, lambda head: cnab240_file.service(head) is not None),
    (Format.CNAB400_RETURN, cnab400.recognises),
    (Format.PDF, bank_pdf.recognises),
    (Format.CAMT053, camt053.recognises),
    (Format.MT940, mt940.recognises),
    (Format.CANONICAL, canonical.recognises),
    (Format.BANK_CSV, bank_csv.recognises),
)
"""Asked in this order."""


_T = TypeVar("_T")
_STATEMENTS: Mapping[Format, Callable[[Source], Iterator[Part]]] = {
    Format.OFX: ofx.parts,
    Format.CNAB240_STATEMENT: cnab240_statement.parts,
    Format.CNAB240: cnab240_statement.parts,
    Format.CANONICAL: canonical.parts,
    Format.BANK_CSV: bank_csv.parts,
    Format.CAMT053: camt053.parts,
    Format.MT940: mt940.parts,
    Format.PDF: bank_pdf.parts,
    Format.XLSX: bank_sheet.parts,
}
_RETURNS: Mapping[Format, Callable[[Source], Iterator[ReturnPart]]] = {
    Format.CNAB240_RETURN: cnab240_return.return_parts,
    Format.CNAB240: cnab240_return.return_parts,
    Format.CNAB400_RETURN: cnab400.parts,
}


def is_return(source: Source) -> bool:
    """Whether a file is a retorno de cobrança rather than a statement."""
    found = identify(source.head)
    return found in _RETURNS and found not in _STATEMENTS


def statement_parts(source: Source) -> Iterator[Part]:
    """The statements of a bank file of any size, whatever its format, part by part; raises IncompleteDownload as `read_statements` does."""
    found = identify(source.head)
    if found not in _STATEMENTS:
        raise IncompleteDownload(f"The file is not a bank statement: {found}.", remedy="Check what the portal gave.", format=found)
    return _STATEMENTS[found](source)


def return_parts(source: Source) -> Iterator[ReturnPart]:
    """The retornos de cobrança of a file of any size, part by part; raises IncompleteDownload as `read_returns` does."""
    found = identify(source.head)
    if found not in _RETURNS:
        raise IncompleteDownload(f"The file is not a retorno de cobrança: {found}.", remedy="Check what the portal gave.", format=found)
    return _RETURNS[found](source)


def read_statements(data: bytes) -> list[Statement]:
    """The statements of a bank file, whatever its format; raises IncompleteDownload when it is none or not whole."""
    return collected(statement_parts(Source.of(data)))


def read_statement(data: bytes) -> Statement:
    """The one statement of a bank file; raises IncompleteDownload when it holds several accounts."""
    return _one(read_statements(data), "statements")


def read_returns(data: bytes) -> list[ReturnFile]:
    """The retornos de cobrança of a bank file; raises IncompleteDownload when it is none or not whole."""
    return collected_returns(return_parts(Source.of(data)))


def read_return(data: bytes) -> ReturnFile:
    """The one retorno of a bank file; raises IncompleteDownload when it holds several."""
    return _one(read_returns(data), "retornos")


def _one(found: list[_T], what: str) -> _T:
    if len(found) != 1:
        raise IncompleteDownload(f"The file holds {len(found)} {what}; one was asked for.")
    return found[0]
