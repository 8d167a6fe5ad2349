"""The first page of a dossier: what happened, in order, with its pictures, beside the proofs; it opens offline in any browser."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template import Context
from django.utils.safestring import mark_safe

from retaguarda.language import language, say
from retaguarda.report.actions import action_text
from retaguarda.report.content import ItemLine, MatchLine, RunReport
from retaguarda.report.labels import Tone, label
from retaguarda.report.page import TEMPLATES, engine
from retaguarda.report.retell import retell
from retaguarda.report.show import shown, size
from retaguarda.report.versions import versions_text
from retaguarda.report.vocabulary import FIELDS, OUTCOMES, PROCESSES, RUN_STATES

LONGEST_DETAIL = 400
TONES = {
    "act.done": Tone.GOOD,
    "run.successful": Tone.GOOD,
    "run.partial": Tone.WARN,
    "run.faulted": Tone.BAD,
    "act.refused": Tone.WARN,
    "act.uncertain": Tone.BAD,
    "act.conflict": Tone.BAD,
    "item.uncertain": Tone.BAD,
    "item.failed_application": Tone.BAD,
    "item.failed_business": Tone.WARN,
    "evidence.quarantined": Tone.BAD,
    "clock.jump": Tone.BAD,
}
DETAILS = {
    "attempt": "attempt",
    "digest": "Digest",
    "picture": "Picture",
    "protocol": "Protocol",
    "outcome": "Outcome",
    "reason": "Reason",
    "code": "Code",
    "remedy": "What to do",
    "text": "text",
    "executor": "carried out by",
}
"""Words for members of events that are no fields of the business."""
_HASH = re.compile("[0-9a-f]{64}")
ENDINGS = {b"RIFF": "webp", b"\x89PNG": "png", b"PK\x03\x04": "zip", b"%PDF": "pdf", b"<!do": "html", b"<?xm": "xml"}


@dataclass(frozen=True, slots=True)
class Question:
    """An approval or a challenge, and who answered it."""

    asked_at: dt.datetime
    kind: str
    subject: str
    launched_by: str
    answered_by: str
    answered_at: dt.datetime | None
    state: str
    reason: str
    digest: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A piece of evidence: where it lies in the dossier; nothing when retention removed it, or when it was `withheld` for personal data."""

    at: dt.datetime
    kind: str
    label: str
    sha256: str
    size: int
    file: str
    beginning: bytes = b""
    withheld: bool = False

    @property
    def name(self) -> str:
        """A name to save it under: its label where that is a file's, else by its content."""
        plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in self.label)[:80].strip(". ") or self.sha256[:12]
        ending = ENDINGS.get(self.beginning[:4], "")
        return plain if "." in plain[-6:] or not ending else f"{plain}.{ending}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the dossier is proved by."""

    size: int
    root: str
    key: str
    witnesses: int
    proved: frozenset[int]
    """Numbers of the events that stand whole in the excerpt; any other is in it by its hash alone."""


def page(report: RunReport, events: Sequence[Mapping[str, Any]], questions: Sequence[Question], kept: Sequence[Kept], proof: Proof) -> str:
    """The page as HTML; every text of a portal is only a text in it."""
    style = (TEMPLATES / "log.css").read_text(encoding="utf-8") + (TEMPLATES / "dossier.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    files = {one.sha256: one for one in kept}
    context = {
        "language": language(),
        "policy": mark_safe(f"'sha256-{digest}'"),  # noqa: S308  # our own digest
        "style": mark_safe(style),  # noqa: S308  # our own file
        "company": report.company,
        "run": report.run_id,
        "process": label(PROCESSES, report.process).text,
        "state": label(RUN_STATES, report.state),
        "subline": " · ".join(filter(None, (report.run_id, shown(report.started), shown(report.ended), report.actor))),
        "facts": [*_facts(report, proof), *_versions(events)],
        "words": _words(),
        "approvals": [_question(one) for one in questions],
        "approval_heads": _say("Asked", "Kind", "Subject", "Launched by", "Answered by", "Answered", "State", "Reason", "Digest"),
        "items": [_item(one) for one in report.items],
        "item_heads": _say("Reference", "Title", "Outcome", "Protocol", "Reason", "Fields"),
        "matches": [[shown(cell) if isinstance(cell, dt.date) else str(cell) for cell in _match(one)] for one in report.matches],
        "match_heads": _say("Account", "Date", "Entry", "Amount (R$)", "Receivable"),
        "events": [_event(one, files) | {"proved": one["seq"] in proof.proved} for one in events],
        "evidence": [_evidence(one) for one in kept],
        "evidence_heads": _say("When", "Kind", "File", "Size", "SHA-256"),
    }
    return str(engine().get_template("dossier.html").render(Context(context, autoescape=True, use_l10n=False, use_tz=False)))


def _say(*texts: str) -> list[str]:
    return [say(text) for text in texts]


def _facts(report: RunReport, proof: Proof) -> Iterator[dict[str, Any]]:
    yield {"name": say("Version"), "text": report.version}
    yield {"name": say("Launched by"), "text": report.actor}
    yield {"name": say("Size of the log"), "text": say("{count} events", count=proof.size)}
    yield {"name": say("Witnessed checkpoints"), "text": str(proof.witnesses)}
    yield {"name": say("Parameters"), "text": ", ".join(f"{key} = {value}" for key, value in report.params.items()), "whole": True}
    yield {"name": say("Root"), "text": proof.root, "whole": True, "mono": True}
    yield {"name": say("Key of the log"), "text": proof.key, "whole": True, "mono": True}


def _versions(events: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The versions that the run's events happened under, each with the event that it was new in."""
    seen: set[str] = set()
    for event in events:
        text = versions_text(event)
        if text and text not in seen:
            seen.add(text)
            yield {"name": say("Versions from event {number} on", number=event["seq"]), "text": text, "whole": True, "mono": True}


def _words() -> dict[str, str]:
    return {
        "dossier": say("Audit dossier"),
        "skip": say("Skip to the content"),
        "sections": say("Sections"),
        "proof": say("What proves it"),
        "how": say("To verify all of it without the program that made it, with nothing but Python, type in this folder:"),
        "more": say("Other ways, with public tools:"),
        "approvals": say("Approvals"),
        "items": say("Items"),
        "matches": say("Matches"),
        "timeline": say("Timeline"),
        "evidence": say("Evidence"),
        "report": say("The run's report"),
        "nothing": say("Nothing to show"),
        "masked": say("masked: in the proof by its hash alone"),
        "its_proof": say("Proof of this event"),
    }


def _question(one: Question) -> dict[str, str]:
    kinds = {"approval": say("Approval"), "challenge": say("Question of the portal")}
    states = {"OPEN": say("Open"), "ANSWERED": say("Approved"), "REFUSED": say("Refused"), "EXPIRED": say("Expired")}
    return {
        "asked": shown(one.asked_at),
        "kind": kinds.get(one.kind, one.kind),
        "subject": one.subject,
        "launched": one.launched_by,
        "by": one.answered_by,
        "answered": shown(one.answered_at) if one.answered_at else "",
        "state": states.get(one.state, one.state) if one.kind == "approval" or one.state != "ANSWERED" else say("Answered"),
        "reason": one.reason,
        "digest": one.digest,
    }


def _item(one: ItemLine) -> dict[str, Any]:
    fields = " · ".join(_details(one.fields))
    return {
        "reference": one.reference,
        "title": "" if one.title == one.reference else one.title,
        "outcome": label(OUTCOMES, one.outcome or one.state),
        "protocol": one.protocol,
        "reason": retell(one.reason),
        "fields": fields,
    }


def _match(one: MatchLine) -> list[Any]:
    return [one.account, one.date, one.text, shown(one.credit, "money"), one.receivable]


def _event(event: Mapping[str, Any], files: Mapping[str, Kept]) -> dict[str, Any]:
    details = " · ".join(_details(event.get("data", {})))
    file = files.get(str(event["data"].get("sha256", ""))) if event["action"] == "evidence.kept" else None
    is_picture = file is not None and file.kind == "picture"
    return {
        "seq": event["seq"],
        "at": shown(dt.datetime.fromisoformat(event["ts"])),
        "what": action_text(event["action"]),
        "tone": str(TONES.get(event["action"], "")),
        "item": event.get("item", ""),
        "target": retell(event.get("target", "")),
        "actor": event.get("actor", ""),
        "details": "" if file else details[:LONGEST_DETAIL] + ("…" if len(details) > LONGEST_DETAIL else ""),
        "picture": file.file if file and is_picture else "",
        "file": file.file if file and not is_picture else "",
        "name": file.name if file else "",
    }


def _details(value: Any, name: str = "") -> Iterator[str]:
    """What an event tells, as `name: value`; hashes are shortened, for the raw line has them whole."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _details(inner, say(FIELDS[key] if key in FIELDS else DETAILS.get(str(key), str(key))))
    elif isinstance(value, list):
        yield from _details(", ".join(map(str, value)), name)
    elif value not in {"", None}:
        text = str(value)
        text = f"{text[:12]}…" if _HASH.fullmatch(text) else retell(text)
        yield f"{name}: {text}" if name else text


def _evidence(one: Kept) -> dict[str, str]:
    kinds = {"picture": say("Picture"), "download": say("Download"), "input": say("Input"), "output": say("Output")}
    return {
        "at": shown(one.at),
        "kind": kinds.get(one.kind, one.kind),
        "label": retell(one.label),
        "file": one.file,
        "name": one.name,
        "size": size(one.size),
        "sha256": one.sha256,
        "gone": say("withheld: it may hold personal data") if one.withheld else say("removed by retention"),
    }
