"""The workbook of a run: a summary that ties out, and every line behind it."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook

from retaguarda.language import say
from retaguarda.report.content import RunReport
from retaguarda.report.figures import local
from retaguarda.report.files import replace_file
from retaguarda.report.labels import label
from retaguarda.report.lines import listings
from retaguarda.report.sheets import Frame, clean, write_list
from retaguarda.report.styles import Styles
from retaguarda.report.summary import write_summary
from retaguarda.report.vocabulary import PROCESSES

MAX_FOOTER = 120  # Excel takes 255 characters of header or footer, codes of layout included
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_workbook(report: RunReport, path: Path) -> None:
    """Write the run's workbook; the same report gives the same bytes. Raises OSError when `path` cannot be written."""
    buffer = io.BytesIO()
    lists = listings(report)
    with Workbook(buffer, _OPTIONS) as book:
        book.set_properties(_properties(report))
        names = {content.key: content.name for content in lists}
        frame = Frame(
            book, Styles(book), _subtitle(report), clean(f"{report.company} · {report.run_id}")[:MAX_FOOTER], say("Summary"), names
        )
        write_summary(frame, report, lists)
        for content in lists:
            write_list(frame, content)
    replace_file(path, buffer.getbuffer())


def _properties(report: RunReport) -> dict[str, Any]:
    made = local(report.ended or report.started or dt.datetime.combine(report.business_date, dt.time()))
    properties = {
        "title": f"{label(PROCESSES, report.process).text} – {report.company}",
        "subject": report.run_id,
        "author": report.actor,
        "company": report.company,
        "comments": f"Retaguarda {report.version}",
    }
    return {name: clean(text)[:255] for name, text in properties.items()} | {"created": made.replace(tzinfo=None)}


def _subtitle(report: RunReport) -> str:
    return clean(f"{report.company} · {label(PROCESSES, report.process).text} · {report.run_id}")
