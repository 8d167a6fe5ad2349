"""Brazilian account numbers inside an IBAN: BR, check 2, ISPB 8, branch 5, account 10, type 1, owner 1 (Circular BCB 3.625)."""

from __future__ import annotations

import re

_BRAZILIAN = re.compile(r"BR[0-9]{2}([0-9A-Z]{8})([0-9]{5})([0-9]{10})[A-Z][0-9A-Z]")
_COMPE = {"00000000": "001", "90400888": "033", "00360305": "104", "30306294": "208", "60746948": "237", "60701190": "341"}


def compe(bank: str) -> str:
    """The three digits of a bank that is named by its ISPB; another name stays as it is."""
    return _COMPE.get(bank, bank)


def brazilian(text: str) -> tuple[str, str, str] | None:
    """Bank, branch and account of a Brazilian IBAN; None for any other text."""
    found = _BRAZILIAN.fullmatch(text.replace(" ", "").upper())
    return (compe(found[1]), found[2].lstrip("0"), found[3].lstrip("0")) if found else None
