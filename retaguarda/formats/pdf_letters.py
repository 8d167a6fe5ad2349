"""Run as a process of its own by `pdf_text`: a PDF on standard input, on standard output a JSON list of its lines for each page.

It imports nothing of the product and bounds itself (memory, processor time), so that a hostile PDF harms nobody but it.
Letters are put into lines by where they stand, not by the order in which the file draws them. A letter whose font does not
say which one it is becomes U+FFFD. Exit codes: 0, PASSWORD, and anything else for a PDF that cannot be read.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

PASSWORD = 3
MEMORY = 640 * 2**20
SECONDS = 40
MAX_PAGES = 400
MAX_LETTERS = 60_000
"""Letters of one page; a statement's has some 5000."""
MAX_TEXT = 3_000_000
"""Letters of all pages."""


class Letter(NamedTuple):
    """A letter, the point where it stands, where it ends and its height."""

    y: float
    x: float
    end: float
    size: float
    text: str


def main() -> int:
    """Read, bounded; returns the exit code."""
    _bound()
    logging.disable(logging.CRITICAL)
    from pdfminer.pdfdocument import PDFPasswordIncorrect, PDFTextExtractionNotAllowed

    try:
        for page in pages(sys.stdin.buffer.read()):
            sys.stdout.write(json.dumps(page) + "\n")
    except (PDFPasswordIncorrect, PDFTextExtractionNotAllowed):
        return PASSWORD
    return 0


def _bound() -> None:
    try:
        import resource
    except ImportError:  # Windows: the caller's time limit remains
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def pages(data: bytes) -> Iterator[list[str]]:
    """The lines of each page, from top to bottom; ValueError when there are too many pages or letters."""
    from pdfminer.converter import PDFPageAggregator
    from pdfminer.pdfdocument import PDFDocument
    from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
    from pdfminer.pdfpage import PDFPage
    from pdfminer.pdfparser import PDFParser

    document, resources = PDFDocument(PDFParser(io.BytesIO(data)), fallback=False), PDFResourceManager()  # repaired is not whole
    device = PDFPageAggregator(resources, laparams=None)
    interpreter = PDFPageInterpreter(resources, device)
    left = MAX_TEXT
    for number, page in enumerate(PDFPage.create_pages(document)):
        interpreter.process_page(page)
        found = lines(_letters(device.get_result()))
        left -= sum(map(len, found))
        if number == MAX_PAGES or left < 0:
            raise ValueError("too many pages")
        yield found


def _letters(container: Iterable[object]) -> Iterator[Letter]:
    """The letters of a page, those of its forms with them."""
    from pdfminer.layout import LTChar, LTFigure

    for thing in container:
        if isinstance(thing, LTChar):
            text = thing.get_text()
            readable = text.isprintable() and not text.startswith("(cid:")
            yield Letter(thing.matrix[5], thing.x0, thing.x1, max(thing.size, 1.0), text if readable else "\ufffd")
        elif isinstance(thing, LTFigure):
            yield from _letters(thing)


def lines(letters: Iterable[Letter]) -> list[str]:
    """Letters of about one height as lines, a blank where they stand apart; letters drawn twice for boldness count once."""
    found: list[list[Letter]] = []
    for count, letter in enumerate(sorted(letters, key=lambda one: -one.y)):
        if count == MAX_LETTERS:
            raise ValueError("too many letters on a page")
        if found and found[-1][0].y - letter.y < 0.3 * letter.size:
            found[-1].append(letter)
        else:
            found.append([letter])
    return [text for line in found if (text := _line(sorted(line, key=lambda one: one.x)))]


def _line(letters: list[Letter]) -> str:
    text, last = "", None
    for letter in letters:
        if last and letter.text == last.text and letter.x - last.x < 0.1 * letter.size:
            continue
        text += (" " if last and letter.x - last.end > 0.15 * letter.size else "") + letter.text
        last = letter
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
