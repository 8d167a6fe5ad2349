"""Statements as PDF files: lines of cells at fixed places, as banks print them."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Sequence

from fpdf import FPDF

Line = Sequence[tuple[float, str]]
"""Where a cell begins, in millimetres from the left, and its text."""


def pdf(*pages: Sequence[Line], password: str = "") -> bytes:
    file = FPDF()
    file.set_creation_date(dt.datetime(2026, 5, 4, tzinfo=dt.UTC))
    if password:
        file.set_encryption(owner_password=password, user_password=password)
    for page in pages:
        file.add_page()
        file.set_font("Helvetica", size=9)
        for number, line in enumerate(page):
            for left, text in line:
                file.text(left, 20 + 5 * number, text)
    return bytes(file.output())


def nameless_letters(text: str) -> bytes:
    """A PDF whose font is a subset without a ToUnicode map: its letters are numbers of shapes."""
    shapes = "".join(f"{ord(letter):04x}" for letter in text)
    content = f"BT /F1 9 Tf 50 700 Td <{shapes}> Tj ET".encode()
    return assembled(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Arial/Encoding/Identity-H/DescendantFonts[6 0 R]>>",
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Arial/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>",
    )


def bomb() -> bytes:
    """A page whose content unpacks to gigabytes."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(b" " * 2**24) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = b"\x78\x9c" + block * 64
    return assembled(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed),
    )


def assembled(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    body, places = b"%PDF-1.4\n", []
    for number, thing in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, thing)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return body + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        table,
        size,
        len(body),
    )
