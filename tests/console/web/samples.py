"""Something of everything in the store, so that each address of the console has something to show."""

from __future__ import annotations

from dataclasses import dataclass

from retaguarda.audit import events
from retaguarda.jobs.requests import APPROVAL, CHALLENGE
from retaguarda.store.models import ItemState, Request, RunRecord, RunState, Ticket
from retaguarda.tickets.tickets import FORM
from tests.console.web.server import Console

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
"""What a portal, or whoever names a file, might try."""
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


@dataclass
class Samples:
    """What is in the store."""

    run: RunRecord
    approval: Request
    challenge: Request
    evidence: str
    ticket: Ticket

    def values(self) -> dict[str, object]:
        """A value for each place of an address."""
        return {
            "run_id": self.run.pk,
            "number": self.approval.pk,
            "sha256": self.evidence,
            "process": "close_month",
            "template": "contracts",
            "calendar": "anbima",
            "trigger": "daily-statements",
            "ticket": self.ticket.pk,
            "token": 1,
            "line": "e1",
            "key": "ab" * 32,
            "month": "2026-10",
            "name": "nobody",
            "credential": "ccee/robo",
        }


def fill(console: Console) -> Samples:
    """A run with items, evidence and questions, launched by somebody else."""
    with events.acting("somebody"):
        run = console.runs.create("register_contracts", {"month": "2026-10"}, queue="default")
        console.runs.begin(run)
        for number, state in enumerate((ItemState.SUCCESSFUL, ItemState.UNCERTAIN, ItemState.FAILED_BUSINESS), 1):
            item = console.runs.item(run, f"BOL-{number}", HOSTILE, {"buyer": HOSTILE, "mw_average": "1.5"})
            console.runs.mark(item, state, reason=HOSTILE, outcome="done" if state == ItemState.SUCCESSFUL else "refused")
        sha256 = console.evidence.keep(run, "picture", f"{HOSTILE} BOL-2", PIXEL)
        console.evidence.keep(run, "download", "../../etc/passwd\r\nX-Evil: 1", b"a;b\n1;2\n")
        facts = {"items": 3, "mwh": "1116.000", "reason": HOSTILE}
        approval = console.requests.ask(run, APPROVAL, "register 2026-10", digest="ab" * 32, facts=facts)
        challenge = console.requests.ask(run, CHALLENGE, "ccee/robo", facts={"question": HOSTILE})
        console.runs.suspend(run, {"code": "approval-required", "text": HOSTILE})
        ticket = console.tickets.ask(FORM, "somebody", HOSTILE, HOSTILE, area=HOSTILE[:80], about=f"break/{'ab' * 32}")
    assert RunState(run.state) is RunState.SUSPENDED
    return Samples(run, approval, challenge, sha256, ticket)
