"""The boleto return files (retornos) of an installation: each is kept once, and a number that was left out is told.

A return file that is missing hides payments: nothing else shows that it should have come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, Q

from retaguarda.accounts import book
from retaguarda.accounts.book import BOOK, Origin
from retaguarda.audit import events
from retaguarda.model.statements import ReturnFile
from retaguarda.reconcile.sequences import Contradiction, Finding, Gap, Received, Repeat, judge
from retaguarda.store.advisory import one_at_a_time
from retaguarda.store.models import BoletoReturn


@dataclass(frozen=True, slots=True)
class TakenReturn:
    """What taking a return file in showed: what is wrong with it, and what its number says of the files around it."""

    account: str
    name: str
    sequence: int
    reasons: tuple[str, ...] = ()


def take_in(files: Iterable[tuple[ReturnFile, Origin]]) -> list[TakenReturn]:
    """Keep return files; doing so twice changes nothing. What their numbers say is judged when all of them are kept."""
    with transaction.atomic():
        one_at_a_time(BOOK)
        rows = [_kept(told, origin) for told, origin in files]
        found = {account: _findings(account) for account in {row.account for row in rows}}
        return [_taken(row, found[row.account]) for row in rows]


def _kept(told: ReturnFile, origin: Origin) -> BoletoReturn:
    account = _account_of(told, origin.asked)
    facts = {
        "bank": told.bank,
        "name": f"{origin.today}.{account.replace('/', '-')}.{origin.name}"[:200],
        "format": origin.format,
        "titles": len(told.titles),
        "credited": sum((title.net_value for title in told.titles if title.settles), Decimal()),
        "unread": len(told.quarantine),
        "at": origin.at,
        "run": origin.run,
    }
    row, is_new = BoletoReturn.objects.get_or_create(account=account, sha256=origin.sha256, sequence=told.file_sequence, defaults=facts)
    if is_new:
        kept = {"file": row.name, "sha256": row.sha256, "sequence": row.sequence, "titles": row.titles, "unread": row.unread}
        events.record("return.taken-in", run=origin.run.pk if origin.run else "", target=account, data=kept)
    return row


def _taken(row: BoletoReturn, found: Iterable[Finding]) -> TakenReturn:
    reasons = (*_unread(row), *(in_words(finding) for finding in found if _touches(finding, row)))
    return TakenReturn(row.account, row.name, row.sequence, reasons)


def findings() -> dict[str, list[str]]:
    """What the numbers of all return files say, by account; accounts without a finding are left out."""
    told = {account: [*_all_unread(account), *(in_words(finding) for finding in _findings(account))] for account in _odd_accounts()}
    return {account: words for account, words in told.items() if words}


def in_words(finding: Finding) -> str:
    """A finding as people are told it."""
    if isinstance(finding, Gap):
        one = finding.first == finding.last
        return f"return file {finding.first} did not come" if one else f"return files {finding.first} to {finding.last} did not come"
    names = ", ".join(finding.names)
    if isinstance(finding, Contradiction):
        return f"return files of different content have the number {finding.sequence}: {names}"
    return f"return file {finding.sequence} came more than once: {names}"


def _account_of(told: ReturnFile, asked: str) -> str:
    """The account's name in the book; a file that tells none is of the account that was asked for."""
    number = told.account or asked.rpartition("/")[2].strip()
    return book.known_as(f"{told.bank}/{number}", [*book.accounts(), *_accounts()])


def _accounts() -> list[str]:
    return sorted(BoletoReturn.objects.values_list("account", flat=True).distinct())


def _odd_accounts() -> list[str]:
    """Accounts whose files were not all read, or whose numbers are not a row in which each stands once: the others need no look."""
    numbered = Q(sequence__gt=0)
    counted = (
        BoletoReturn.objects.order_by()
        .values("account", "bank")
        .annotate(
            unreadable=Count("pk", filter=Q(unread__gt=0)),
            files=Count("pk", filter=numbered),
            numbers=Count("sequence", filter=numbered, distinct=True),
            first=Min("sequence", filter=numbered),
            last=Max("sequence"),
        )
    )
    return sorted({row["account"] for row in counted if row["unreadable"] or not _in_a_row(row)})


def _in_a_row(row: Mapping[str, Any]) -> bool:
    expected = row["last"] - row["first"] + 1 if row["files"] else 0
    return bool(row["files"] == row["numbers"] == expected)


def _findings(account: str) -> list[Finding]:
    rows = BoletoReturn.objects.filter(account=account).order_by("sequence", "at", "id")
    found = judge(Received(row.bank, account, row.sequence, row.sha256, row.name) for row in rows)
    return [finding for finding in found if not isinstance(finding, Repeat)]  # a download that overlaps repeats files


def _touches(finding: Finding, row: BoletoReturn) -> bool:
    """Whether the finding is about this file, or is a gap right before it."""
    if isinstance(finding, Gap):
        return row.sequence == finding.last + 1
    return finding.sequence == row.sequence


def _unread(row: BoletoReturn) -> Iterator[str]:
    if row.unread:
        yield f"{row.unread} lines could not be read"


def _all_unread(account: str) -> Iterable[str]:
    for row in BoletoReturn.objects.filter(account=account, unread__gt=0).order_by("sequence", "id"):
        yield f"{row.name}: {row.unread} lines could not be read"
