"""What banks, the CCEE and spreadsheets hand over: bytes in, typed values out, nothing lost on the way."""

from __future__ import annotations

import enum
import re
from typing import TypeVar

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import cnab240, cnab240_file, ofx
from retaguarda.model.statements import ReturnFile, Statement

__all__ = ["Format", "identify", "read_return", "read_returns", "read_statement", "read_statements"]


class Format(enum.StrEnum):
    """What a file is, told by its bytes alone; its name is never asked."""

    OFX = "ofx"
    CNAB240_STATEMENT = "cnab240-extrato"
    CNAB240_RETURN = "cnab240-retorno"
    CNAB240_REMITTANCE = "cnab240-remessa"
    CNAB240 = "cnab240"
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
    if data.startswith(b"PK"):
        return Format.XLSX if b"xl/" in data[:4000] or b"[Content_Types].xml" in data[:4000] else Format.ZIP
    head = data[:8000].replace(b"\0", b"")
    if re.search(rb"<OFX[\s>]|^\W{0,8}OFXHEADER", head, re.IGNORECASE):
        return Format.OFX
    if re.match(rb"\s*(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<(?:!doctype html|html)", head, re.IGNORECASE):
        return Format.HTML
    if re.match(rb"(?:\xef\xbb\xbf)?[0-9]{3}0000[0]", head):
        return _cnab(head)
    return Format.TEXT if b"\0" not in data[:8000] else Format.UNKNOWN


def _cnab(head: bytes) -> Format:
    lot = re.search(rb"[0-9]{7}1.([0-9]{2})", re.sub(rb"^.{200,320}?[\r\n]+", b"", head, count=1, flags=re.DOTALL))
    service = lot[1].decode() if lot else ""
    if service == cnab240_file.COLLECTION and head.removeprefix(b"\xef\xbb\xbf")[142:143] == b"1":
        return Format.CNAB240_REMITTANCE
    return {
        cnab240_file.STATEMENT: Format.CNAB240_STATEMENT,
        cnab240_file.COLLECTION: Format.CNAB240_RETURN,
    }.get(service, Format.CNAB240)


_T = TypeVar("_T")
_READERS = {Format.OFX: ofx.read, Format.CNAB240_STATEMENT: cnab240.statements, Format.CNAB240: cnab240.statements}


def read_statements(data: bytes) -> list[Statement]:
    """The statements of a bank file, whatever its format; raises IncompleteDownload when it is none or not whole."""
    found = identify(data)
    if found not in _READERS:
        raise IncompleteDownload(f"The file is not a bank statement: {found}.", remedy="Check what the portal gave.", format=found)
    return _READERS[found](data)


def read_statement(data: bytes) -> Statement:
    """The one statement of a bank file; raises IncompleteDownload when it holds several accounts."""
    return _one(read_statements(data), "statements")


def read_returns(data: bytes) -> list[ReturnFile]:
    """The retornos de cobrança of a bank file; raises IncompleteDownload when it is none or not whole."""
    found = identify(data)
    if found not in {Format.CNAB240_RETURN, Format.CNAB240}:
        raise IncompleteDownload(f"The file is not a retorno de cobrança: {found}.", remedy="Check what the portal gave.", format=found)
    return cnab240.returns(data)


def read_return(data: bytes) -> ReturnFile:
    """The one retorno of a bank file; raises IncompleteDownload when it holds several."""
    return _one(read_returns(data), "retornos")


def _one(found: list[_T], what: str) -> _T:
    if len(found) != 1:
        raise IncompleteDownload(f"The file holds {len(found)} {what}; one was asked for.")
    return found[0]
