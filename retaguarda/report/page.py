"""The page of a run: one file that opens offline for years, in which every text of a portal is only a text."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.template import Context, Engine
from django.utils.safestring import SafeString, mark_safe

from retaguarda.language import language, say
from retaguarda.report.content import RunReport
from retaguarda.report.figures import banners
from retaguarda.report.files import replace_file
from retaguarda.report.gallery import Group, groups_of
from retaguarda.report.headline import facts, headline
from retaguarda.report.labels import label
from retaguarda.report.lines import log_listing, page_listings, statement_listing
from retaguarda.report.pictures import choose
from retaguarda.report.proof_views import deadline_lines, kind_lines, tie_view
from retaguarda.report.retell import retell
from retaguarda.report.show import number, shown
from retaguarda.report.step_views import steps_view
from retaguarda.report.tables import Table
from retaguarda.report.vocabulary import PROCESSES, RUN_STATES

TEMPLATES = Path(__file__).parent / "templates"
MISSING = "⟨missing: %s⟩"
"""What a template shows for a name that the context does not have; a test looks for it."""


def write_page(report: RunReport, path: Path) -> None:
    """Write the run's page; raises OSError when `path` cannot be written."""
    replace_file(path, page(report).encode("utf-8", "replace"))


def page(report: RunReport) -> str:
    """The page as HTML."""
    # settings of the process must not decide how a report looks: numbers and days are texts already
    context = Context(_content(report), autoescape=True, use_l10n=False, use_tz=False)
    return str(engine().get_template("log.html").render(context))


def _content(report: RunReport) -> dict[str, Any]:
    groups = groups_of(choose(report.evidence))
    lists = page_listings(report, {group.reference: n for n, group in enumerate(groups) if group.reference})
    log = log_listing(report)
    first = [Table(lists[key]) for key in ("breaks", "items", "rejections", "matches", "contracts")]
    tail = [Table(lists["evidence"]), Table(log)]
    style, script = _inline("log.css"), _inline("log.js")
    return {
        "language": language(),
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "report": report,
        "words": words(),
        "process": label(PROCESSES, report.process).text,
        "state": label(RUN_STATES, report.state),
        "subline": " · ".join(filter(None, (report.run_id, shown(report.started), report.actor))),
        "banners": _banners(report),
        "error": retell(report.error),
        "remedy": retell(report.remedy),
        "figures": [{"name": f.name, "text": shown(f.value, f.kind), "tone": f.tone or ""} for f in headline(report)],
        "facts": [{"name": f.name, "text": shown(f.value, f.kind), "tone": f.tone or "", "mono": f.kind == "mono"} for f in facts(report)],
        "notes": [retell(note) for note in report.notes],
        "steps": steps_view(report),
        "tie": tie_view(report),
        "deadlines": deadline_lines(report),
        "kinds": kind_lines(report),
        "statements": Table(statement_listing(report)),
        "lists": first,
        "pictures": groups,
        "tail": tail,
        "contents": _contents(first, groups, tail),
        "log_note": _log_note(len(log.lines), len(report.log)),
    }


def _banners(report: RunReport) -> list[dict[str, str]]:
    return [{"tone": str(tone), "text": text} for tone, text in banners(report)]


def _contents(first: Sequence[Table], groups: Sequence[Group], tail: Sequence[Table]) -> list[dict[str, str]]:
    """The sections of the page, in their order, for its navigation."""

    def entry(key: str, name: str, count: str = "") -> dict[str, str]:
        return {"key": key, "name": name, "count": count}

    pictures = number(sum(len(group.pictures) for group in groups), 0)
    return [
        entry("summary", say("Summary")),
        entry("steps", say("Steps")),
        entry("proofs", say("Proofs")),
        *(entry(table.key, table.listing.name, table.count) for table in first),
        entry("pictures", say("Pictures"), pictures),
        *(entry(table.key, table.listing.name, table.count) for table in tail),
    ]


def _log_note(carried: int, whole: int) -> str:
    if carried == whole:
        return ""
    counts = {"shown": number(carried, 0), "all": number(whole, 0)}
    return say("{shown} of {all} lines: the last ones, and every warning before them. The whole log is run.jsonl.", **counts)


def words() -> Mapping[str, str]:
    """The page's own words, by the names that the templates use."""
    return {
        "skip": say("Skip to the content"),
        "sections": say("Sections"),
        "error": say("The run ended with an error:"),
        "remedy": say("What to do:"),
        "summary": say("Summary"),
        "notes": say("Notes"),
        "steps": say("Steps"),
        "proofs": say("Proofs"),
        "nothing": say("Nothing to show"),
        "tie_out": say("Tie-out of the receipts: received = booked + classified + breaks"),
        "line": say("Line"),
        "entries": say("Entries"),
        "amount": say("Amount (R$)"),
        "deadlines": say("Deadlines"),
        "kinds": say("Breaks by kind"),
        "kind": say("Kind"),
        "area": say("Area"),
        "quantity": say("Quantity"),
        "difference": say("Difference"),
        "statements": say("Completeness of the statements: opening + movement = closing"),
        "pictures": say("Pictures of what the robots saw"),
        "pictures_note": say("Each picture is the kept file itself, byte by byte; the list of evidence has its whole SHA-256."),
        "enlarge": say("Enlarge:"),
        "large": say("Picture"),
        "close": say("Close"),
        "root": say("Audit root"),
        "search": say("Search"),
        "all": say("All"),
        "shown": say("# of # lines"),
    }


def _inline(name: str) -> SafeString:
    """A style sheet or script of ours, which stands in the page as it is."""
    return mark_safe((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S308  # our own file, no value in it


def _policy(style: str, script: str) -> str:
    """What the browser may do with the page: show it, and run this one script. Nothing is fetched."""

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    own = f"style-src {digest(style)}; script-src {digest(script)}"
    return f"default-src 'none'; img-src data:; {own}; base-uri 'none'; form-action 'none'"


@functools.cache
def engine() -> Engine:
    """The templates of the reports."""
    return Engine(dirs=[str(TEMPLATES)], string_if_invalid=MISSING)
