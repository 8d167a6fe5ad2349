"""The text of a PDF, page by page and line by line, read by a process whose memory and time are bounded (`pdf_letters`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import pdf_letters
from retaguarda.formats.source import Source

MAX_BYTES = 20 * 2**20
SECONDS = 60
"""Longest time that reading a PDF may take; 100 pages take about ten seconds."""
MOST_UNREADABLE = 0.1
"""Share of letters without a meaning beyond which the text is not believed at all."""
ASK = "Ask the bank for the statement as OFX."


def pages(source: Source) -> list[list[str]]:
    """The lines of each page; raises IncompleteDownload when the PDF is damaged, locked, too large or its letters have no meaning."""
    if b"%%EOF" not in source.tail:
        raise IncompleteDownload("The PDF ends in the middle.", remedy="Download it again.")
    data = source.read(MAX_BYTES)
    try:
        done = subprocess.run(  # noqa: S603  # our own script
            [sys.executable, "-I", str(Path(pdf_letters.__file__))], input=data, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _unreadable() from error
    if done.returncode == pdf_letters.PASSWORD:
        raise IncompleteDownload("The PDF is locked by a password.", remedy=ASK)
    if done.returncode:
        raise _unreadable()
    return _meaningful([json.loads(line) for line in done.stdout.splitlines()])


def _unreadable() -> IncompleteDownload:
    return IncompleteDownload("The PDF is damaged, or larger than a statement is.", remedy=ASK)


def _meaningful(found: list[list[str]]) -> list[list[str]]:
    text = "".join(line for page in found for line in page).replace(" ", "")
    if not text or text.count("\ufffd") > MOST_UNREADABLE * len(text):
        raise IncompleteDownload("The text of the PDF cannot be read: it is a picture, or its fonts do not name their letters.", remedy=ASK)
    return found
