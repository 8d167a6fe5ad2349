"""What the bank made of our boletos: retornos against the remessas that they answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from retaguarda.calendars.calendar import is_business_day
from retaguarda.formats import read_return
from retaguarda.formats.cnab240_remessa import read_back
from retaguarda.jobs import boletos
from retaguarda.jobs.boletos import Office
from retaguarda.model.acts import Errand
from retaguarda.model.charges import Instruction
from retaguarda.model.statements import Title
from retaguarda.model.values import Period
from retaguarda.portal import Download
from retaguarda.portal.capabilities import DownloadsReturns
from retaguarda.reconcile.boletos import CONFIRMS, REJECTS, Answers, confirmations
from retaguarda.report.content import BreakLine, Findings
from retaguarda.report.findings import of_boletos, of_unknown_boletos
from retaguarda.run import Artifact, Run, task
from retaguarda.store.models import Remittance

ANSWERS = CONFIRMS[Instruction.ENTRY] | REJECTS[Instruction.ENTRY]


@dataclass(frozen=True)
class Confirmed:
    """How many titles were answered, and how many differences are left for people."""

    confirmed: int
    rejected: int
    waiting: int
    breaks: int
    findings: Artifact


@task
def confirm_boletos(run: Run, credential: str = "bank_ipe/robo") -> Confirmed:
    """Read the retornos since the oldest remessa without a full answer, and tell what was rejected, is late or is not ours."""
    run.stage("plan")
    office, today = Office.of(run.settings, credential), run.clock.today()
    open_ones = boletos.unanswered(office)
    titles = _titles(run, office, credential, open_ones, today) if open_ones else []
    run.stage("matching")
    answers = [(held, _answered(run, held, titles, today)) for held in open_ones]
    breaks = tuple(_breaks(office, answers, titles, today))
    return Confirmed(
        confirmed=sum(len(found.confirmed) for _, found in answers),
        rejected=sum(len(found.rejected) for _, found in answers),
        waiting=sum(len(found.silent) for _, found in answers),
        breaks=len(breaks),
        findings=run.hand_over("findings.json", Findings(breaks=breaks)),
    )


def _titles(run: Run, office: Office, credential: str, open_ones: Sequence[Remittance], today: dt.date) -> list[Title]:
    """Every title of every retorno since the oldest open remessa, in the order of the files."""
    oldest = min(held.sent_on or today for held in open_ones)
    since = max(oldest, today - dt.timedelta(days=run.manifest(credential).history_days - 1))
    run.stage("signing in")
    with run.robot(credential, DownloadsReturns) as bank:  # type: ignore[type-abstract]
        run.stage("boleto returns")
        return [title for download in bank.returns(office.account, Period(since, today)) for title in _read(run, download)]


def _read(run: Run, download: Download) -> list[Title]:
    found: list[Title] = []
    with run.item(Errand(f"retorno {download.sha256[:12]}", {"file": download.name})):
        found += read_return(download.read_bytes()).titles
    return found


def _answered(run: Run, held: Remittance, titles: Iterable[Title], today: dt.date) -> Answers:
    """What is news of a remessa: of what earlier runs wrote down, nothing is told again."""
    sent = read_back(run.bytes_of(Artifact(held.sha256, held.name)))
    return boletos.answered(run.record, held, confirmations(sent, titles), today)


def _breaks(office: Office, answers: Sequence[tuple[Remittance, Answers]], titles: Sequence[Title], today: dt.date) -> Iterator[BreakLine]:
    for held, found in answers:
        late = _business_days(held.sent_on or today, today) > office.rules.answer_days
        yield from of_boletos(found, f"{held.sequence:06d}", late=late)
    entered = [title for title in titles if title.movement in ANSWERS]
    unknown = boletos.strangers(office, (title.our_number.strip() for title in entered))
    yield from of_unknown_boletos(title for title in entered if title.our_number.strip() in unknown)


def _business_days(start: dt.date, end: dt.date) -> int:
    """Business days after `start`, up to and with `end`."""
    return sum(is_business_day(start + dt.timedelta(days=n)) for n in range(1, (end - start).days + 1))
