"""The boletos that we issue: which numbers were given, which documents wait for their bank, and what the bank said to each.

A number is given once: what a remessa was made with stays with it, so that a run that is resumed hands in the very same file. A
document is issued again only after its title was rejected, or when its remessa was provably never handed in.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from retaguarda.audit import events
from retaguarda.errors import ConfigurationError, Conflict, InfrastructureError, InvalidItem
from retaguarda.formats.cnab240_remessa import write
from retaguarda.jobs.journal import UNRESOLVED
from retaguarda.jobs.runs import ENDED
from retaguarda.model import charges
from retaguarda.model.charges import Beneficiary, Charge, RemittanceFile
from retaguarda.model.our_numbers import our_number
from retaguarda.model.values import Cnpj
from retaguarda.reconcile.boletos import Answers
from retaguarda.settings import BoletoSettings, Settings
from retaguarda.store.models import Intent, IntentState, IssuedTitle, Remittance, RemittanceState, RunRecord, TitleState

ACT = "issue"
"""The act of handing a remessa in."""
PERHAPS_THERE = frozenset({*UNRESOLVED, IntentState.DONE, IntentState.CONFLICT})
"""States of the last press after which the bank may hold a remessa."""
STANDING = (TitleState.WAITING, TitleState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Office:
    """An account at a bank that we issue boletos from: the portal, the account as the bank writes it, and the rules agreed on."""

    portal: str
    account: str
    rules: BoletoSettings

    @classmethod
    def of(cls, settings: Settings, credential: str) -> Office:
        """The office behind a credential; ConfigurationError when its portal has no [portals.NAME.boletos]."""
        portal = credential.partition("/")[0]
        held = settings.portals.get(portal)
        if held is None or held.boletos is None or not held.account:
            raise ConfigurationError(f"portals.{portal}.boletos is not set", remedy="write down what the bank's convênio says")
        return cls(portal, held.account, held.boletos)

    @property
    def beneficiary(self) -> Beneficiary:
        """The company as the bank knows it."""
        told = self.rules.model_dump(exclude={"first_sequence", "first_number", "answer_days"})
        try:
            return Beneficiary(**told | {"cnpj": Cnpj.parse(self.rules.cnpj)})
        except ValueError as error:
            raise ConfigurationError(f"portals.{self.portal}.boletos.cnpj: {error}", remedy="correct it in config/portals.toml") from error

    def remittances(self) -> QuerySet[Remittance]:
        """The rows of this account's remessas."""
        return Remittance.objects.filter(portal=self.portal, account=self.account)


@dataclass(frozen=True, slots=True)
class Made:
    """A remessa that can be handed in, the ordinal of its first title, and the charges that it could not take, with the reasons."""

    remittance: charges.Remittance
    first: int
    refused: tuple[tuple[Charge, InvalidItem | Conflict], ...] = ()

    def file(self, office: Office) -> RemittanceFile | None:
        """The remessa as a file; None when no charge is left."""
        made = self.remittance
        if not made.charges:
            return None
        data = write(made)
        name, digest = f"CB{made.sequence:06d}.REM", hashlib.sha256(data).hexdigest()
        return RemittanceFile(office.account, made.sequence, len(made.charges), made.total, digest, name, data)


def remittance_of(run: RunRecord, office: Office) -> Remittance | None:
    """The remessa that an earlier attempt of this run made."""
    return office.remittances().filter(run=run.pk).exclude(state=RemittanceState.VOID).order_by("id").first()


def file_of(held: Remittance, content: bytes) -> RemittanceFile:
    """The file of a remessa that was made before."""
    return RemittanceFile(held.account, held.sequence, held.titles.count(), held.total, held.sha256, held.name, content)


def make(office: Office, wanted: Sequence[Charge], created: dt.datetime) -> Made:
    """Number what may be issued; nothing is kept yet. Charges that stand already or do not fit come back with the reason."""
    refused: list[tuple[Charge, InvalidItem | Conflict]] = []
    fresh: dict[str, Charge] = {}
    for charge in wanted:
        if charge.document in fresh:
            refused.append((charge, InvalidItem("the number stands twice in the sheet", remedy="mend the sheet")))
        elif charge.due_date < created.date():
            refused.append((charge, InvalidItem("the due date has passed", remedy="banks register no overdue title: agree on a new date")))
        elif why := _standing(office, charge.document):
            refused.append((charge, why))
        else:
            fresh[charge.document] = charge
    misfits = _misfits(office, _numbered(office, list(fresh.values()), created).remittance)
    refused += [(fresh[document], why) for document, why in misfits.items()]
    numbered = _numbered(office, [one for one in fresh.values() if one.document not in misfits], created)
    return replace(numbered, refused=tuple(refused))


def _misfits(office: Office, remittance: charges.Remittance) -> dict[str, InvalidItem]:
    """Why charges do not fit the bank's layout, by document; ConfigurationError when the company itself does not."""
    try:
        if remittance.charges:
            write(remittance)
    except InvalidItem as error:
        flaws = error.facts.get("flaws")
        if not isinstance(flaws, tuple):
            raise
        for flaw in flaws:
            if not flaw.title:
                raise ConfigurationError(f"portals.{office.portal}.boletos: {flaw}", remedy=flaw.remedy) from error
        return {flaw.title: InvalidItem(f"{flaw.field}: {flaw.reason}", remedy=flaw.remedy) for flaw in reversed(flaws)}
    return {}


def keep(run: RunRecord, office: Office, made: Made, now: dt.datetime) -> None:
    """Give the numbers away for good; InfrastructureError when another run was given them in the same moment."""
    file = made.file(office)
    if file is None:
        return
    try:
        with transaction.atomic():
            told = {"sha256": file.sha256, "name": file.name, "total": file.total, "made_at": now, "run": run.pk}
            kept = Remittance.objects.create(portal=office.portal, account=office.account, sequence=file.sequence, **told)
            IssuedTitle.objects.bulk_create(_title(kept, made.first + n, one) for n, one in enumerate(made.remittance.charges))
            facts = {"account": office.account, "titles": file.titles, "total": f"{file.total:.2f}", "sha256": file.sha256}
            events.record("remittance.made", run=run.pk, item=file.reference, data=facts)
    except IntegrityError as error:
        raise InfrastructureError("another run issues boletos of this account", remedy="run it again when the other has ended") from error


def _title(kept: Remittance, ordinal: int, charge: Charge) -> IssuedTitle:
    return IssuedTitle(
        remittance=kept,
        account=kept.account,
        ordinal=ordinal,
        our_number=charge.our_number,
        document=charge.document,
        payer=charge.payer.name[:200],
        due=charge.due_date,
        face=charge.face_value,
    )


def sent(run: RunRecord, office: Office, file: RemittanceFile, protocol: str, day: dt.date) -> None:
    """The bank holds the remessa; saying so twice changes nothing."""
    with transaction.atomic():
        changed = office.remittances().filter(sequence=file.sequence, state=RemittanceState.MADE)
        if changed.update(state=RemittanceState.SENT, protocol=protocol, sent_on=day):
            events.record("remittance.sent", run=run.pk, item=file.reference, data={"protocol": protocol})


def unanswered(office: Office) -> list[Remittance]:
    """Remessas that the bank holds and that have titles without an answer, oldest first."""
    waiting = office.remittances().filter(state=RemittanceState.SENT, titles__state=TitleState.WAITING)
    return list(waiting.distinct().order_by("sequence"))


def answered(run: RunRecord, held: Remittance, answers: Answers, day: dt.date) -> Answers:
    """Write down what the bank said; returns the part of it that is news."""
    waiting = set(held.titles.filter(state=TitleState.WAITING).values_list("our_number", flat=True))
    confirmed = tuple(one for one in answers.confirmed if one.charge.our_number in waiting)
    rejected = tuple(one for one in answers.rejected if one.charge.our_number in waiting)
    with transaction.atomic():
        for one in confirmed:
            held.titles.filter(our_number=one.charge.our_number).update(state=TitleState.CONFIRMED, answered_on=day)
        for no in rejected:
            held.titles.filter(our_number=no.charge.our_number).update(state=TitleState.REJECTED, reasons=list(no.reasons), answered_on=day)
        if confirmed or rejected:
            facts = {"confirmed": len(confirmed), "rejected": len(rejected), "silent": len(answers.silent)}
            events.record("remittance.answered", run=run.pk, item=f"{held.account} NSA {held.sequence:06d}", data=facts)
    return replace(answers, confirmed=confirmed, rejected=rejected)


def strangers(office: Office, numbers: Iterable[str]) -> set[str]:
    """Nossos números that no remessa of ours holds."""
    asked = set(numbers)
    return asked - set(IssuedTitle.objects.filter(account=office.account, our_number__in=asked).values_list("our_number", flat=True))


def _numbered(office: Office, wanted: Sequence[Charge], created: dt.datetime) -> Made:
    """The charges with the next numbers, in a remessa with the next sequence number."""
    rules, owner = office.rules, office.beneficiary
    last = office.remittances().aggregate(Max("sequence"))["sequence__max"] or 0
    given = IssuedTitle.objects.filter(account=office.account).aggregate(Max("ordinal"))["ordinal__max"] or 0
    first = max(rules.first_number, given + 1)
    try:
        numbered = tuple(replace(one, our_number=our_number(owner, first + n)) for n, one in enumerate(wanted))
    except ValueError as error:
        raise ConfigurationError(f"portals.{office.portal}.boletos.first_number: {error}", remedy="ask the bank for new numbers") from error
    return Made(charges.Remittance(owner, max(rules.first_sequence, last + 1), created, numbered), first)


def _standing(office: Office, document: str) -> Conflict | None:
    """Why a document must not be issued now; a remessa that was provably never handed in is given up, and its documents are free."""
    title = IssuedTitle.objects.filter(account=office.account, document=document, state__in=STANDING).select_related("remittance").first()
    if title is None:
        return None
    held, where = title.remittance, f"remessa {title.remittance.sequence:06d} of run {title.remittance.run}"
    if held.state == RemittanceState.SENT:
        return Conflict(f"issued before, in {where}", remedy="cancel it at the bank before it is issued anew")
    run = RunRecord.objects.filter(pk=held.run).first()
    if run is not None and run.state not in ENDED:
        return Conflict(f"waits in {where}", remedy="let that run end")
    presses = Intent.objects.filter(portal=held.portal, act=ACT, reference=f"{held.account} NSA {held.sequence:06d}")
    if (last := presses.order_by("-attempt").first()) and last.state in PERHAPS_THERE:
        return Conflict(f"handed in by {where}, and not proven yet", remedy=f"retaguarda run resume {held.run}")
    with transaction.atomic():
        Remittance.objects.filter(pk=held.pk).update(state=RemittanceState.VOID)
        held.titles.update(state=TitleState.VOID)
        events.record("remittance.void", run=held.run, item=f"{held.account} NSA {held.sequence:06d}")
    return None
