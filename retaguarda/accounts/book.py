"""The book of an installation's bank accounts: takes statements in, each movement once, and says what is proved.

A statement that does not prove itself is INCOMPLETE: its reasons are kept and shown, its movements are not taken in.
Provisional days are taken in, and give way to the next download that has them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from retaguarda.audit import events
from retaguarda.model.statements import Entry, Statement, entry_ids, same_account
from retaguarda.model.values import Period
from retaguarda.reconcile.coverage import DAY, Covered, Known, balance_before, known_days
from retaguarda.reconcile.proof import prove
from retaguarda.store.advisory import one_at_a_time
from retaguarda.store.models import RunRecord, StatementEntry, StatementFile

BOOK = "accounts"
"""Who takes something in waits for who does already: what is new depends on what is known."""
IsBusinessDay = Callable[[dt.date], bool]
CONTINUED = dt.timedelta(days=31)
"""A statement continues one that ended at most so long ago: no calendar has that many days in a row without a business day."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement comes from: the file's digest, name and format, when it came, the account that was asked for, and the run.

    `today` is the business date of that moment: what a bank says of it may still change.
    """

    sha256: str
    name: str
    format: str
    at: dt.datetime
    today: dt.date
    asked: str = ""
    run: RunRecord | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking a statement in did: movements that are new, those that were known, provisional ones that gave way."""

    account: str
    name: str
    reasons: tuple[str, ...] = ()
    added: int = 0
    known: int = 0
    replaced: int = 0


def accounts() -> list[str]:
    """Every account that a statement is known of."""
    return sorted(StatementFile.objects.values_list("account", flat=True).distinct())


def take_in(statement: Statement, origin: Origin, is_business_day: IsBusinessDay, opening: Decimal | None = None) -> Taken:
    """Take a statement in, whole or not at all; doing so twice changes nothing.

    Args:
        statement: as read.
        origin: where it comes from.
        is_business_day: the bank calendar.
        opening: the balance before its first day as a person states it, for when neither the file nor the book tells it.
    """
    with transaction.atomic():
        one_at_a_time(BOOK)
        account = _account_of(statement)
        name = f"{origin.today}.{account.replace('/', '-')}.{origin.name}"[:200]
        if StatementFile.objects.filter(account=account, sha256=origin.sha256, proved=True).exists():
            return Taken(account, name, known=len(_movements(statement)))
        told = _told_for_good(account, statement.start, statement.end)
        before = _balance_before(account, statement.start, is_business_day) if statement.start else None
        before = opening if before is None else before
        reasons = tuple(_unproved(statement, origin.asked, before, is_business_day)) or tuple(_contradictions(statement, told))
        start_balance = before if statement.opening_balance is None else statement.opening_balance
        row = _kept(account, name, statement, origin, start_balance, reasons)
        taken = Taken(account, name, reasons) if reasons else _entered(row, statement, told)
        facts = {"file": name, "sha256": origin.sha256, "reasons": list(reasons), "added": taken.added, "replaced": taken.replaced}
        events.record("statement.taken-in", run=origin.run.pk if origin.run else "", target=account, data=facts)
        return taken


def proved(sha256: str) -> bool:
    """Whether the file of this digest was taken in and proved."""
    return StatementFile.objects.filter(sha256=sha256, proved=True).exists()


def named(account: str) -> str:
    """The book's name of an account, however it is spelled; the spelling itself when the book does not have it."""
    return next((name for name in accounts() if same_account(name, account)), account)


def known(account: str, period: Period, is_business_day: IsBusinessDay) -> dict[dt.date, Known]:
    """The state of every day of the period."""
    return known_of([account], period, is_business_day)[account]


def known_of(names: Collection[str], period: Period, is_business_day: IsBusinessDay) -> dict[str, dict[dt.date, Known]]:
    """The state of every day of the period, of many accounts."""
    files = _files(names, period.start, period.end)
    sums = _sums(files, period.end)
    return {name: known_days(files[name], sums[name], period, is_business_day) for name in names}


def _balance_before(account: str, day: dt.date, is_business_day: IsBusinessDay) -> Decimal | None:
    files = _files([account], day, day)
    return balance_before(files[account], _sums(files, day)[account], day, is_business_day)


def _unproved(statement: Statement, asked: str, before: Decimal | None, is_business_day: IsBusinessDay) -> Sequence[str]:
    """Why the file does not prove itself; whether it continues its neighbours is told by `known`, whatever came first."""
    if statement.start is None or statement.end is None or statement.end < statement.start:
        return ["the file states no period"]
    final = replace(statement, partial=False)  # its provisional days are marked as such, and prove themselves all the same
    opening = before if statement.opening_balance is None else None
    number = asked.rpartition("/")[2].strip()  # the branch is spelled in many ways
    return prove(final, Period(statement.start, statement.end), number, opening, is_business_day=is_business_day).reasons


def _contradictions(statement: Statement, told: _Told) -> Iterator[str]:
    """Days that a proved file has for good, with other amounts than this one: one of the two lies."""
    ours: dict[dt.date, list[Decimal]] = {}
    for entry in _movements(statement):
        ours.setdefault(entry.date, []).append(entry.amount)
    for day, (name, theirs) in sorted(told.items()):
        here = ours.get(day, [])
        if sorted(here) != sorted(theirs):
            sums = sum(here, Decimal()), sum(theirs, Decimal())
            yield f"{day} has {len(here)} movements of {sums[0]} here, {len(theirs)} of {sums[1]} in {name}"


def _account_of(statement: Statement) -> str:
    """The account's name in the book: files spell it in several ways."""
    return known_as(statement.account_key, accounts())


def known_as(account: str, names: Iterable[str]) -> str:
    """The one of the names that is this account of the same bank; the spelling itself when none is."""
    bank = account.partition("/")[0]
    same_bank = (name for name in names if name.partition("/")[0] == bank)
    return next((name for name in same_bank if same_account(name, account)), account)[:80]


def _files(names: Collection[str], first: dt.date, last: dt.date) -> dict[str, list[Covered]]:
    """By account: the files that say something of these days, and those before them that they may continue."""
    found: dict[str, list[Covered]] = {name: [] for name in names}
    rows = StatementFile.objects.filter(account__in=names, start__lte=last, end__gte=first - CONTINUED).order_by("start", "end", "id")
    for row in rows:
        if row.start and row.end:
            told = Covered(row.name, row.start, row.end, row.opening, row.closing, tuple(row.reasons), row.provisional_from)
            found[row.account].append(told)
    return found


def _sums(files: Mapping[str, Sequence[Covered]], last: dt.date) -> dict[str, dict[dt.date, Decimal]]:
    """By account: the sums by day of the movements that these files are judged by, up to a day."""
    found: dict[str, dict[dt.date, Decimal]] = {name: {} for name in files}
    first = min((file.start for some in files.values() for file in some if file.proves), default=None)
    if first is not None:
        rows = StatementEntry.objects.filter(account__in=list(files), date__range=(first, last))
        for account, day, total in rows.order_by().values_list("account", "date").annotate(total=Sum("amount")):
            found[account][day] = total
    return found


_Told = dict[dt.date, tuple[str, list[Decimal]]]
"""Day to the name of the file that has it for good, and the amounts that the book has of it."""


def _told_for_good(account: str, start: dt.date | None, end: dt.date | None) -> _Told:
    """The days between the two that a proved file has and that may no longer change."""
    told: _Told = {}
    if start is None or end is None:
        return told
    for file in _files([account], start, end)[account]:
        if not file.proves:
            continue
        first, last = max(start, file.start), min(end, file.end if file.provisional_from is None else file.provisional_from - DAY)
        for number in range((last - first).days + 1):
            told.setdefault(first + number * DAY, (file.name, []))
    days = (min(told), max(told)) if told else ()
    for day, amount in StatementEntry.objects.filter(account=account, date__range=days).values_list("date", "amount") if days else ():
        if day in told:
            told[day][1].append(amount)
    return told


def _kept(account: str, name: str, statement: Statement, origin: Origin, opening: Decimal | None, reasons: Sequence[str]) -> StatementFile:
    facts = {
        "name": name,
        "format": origin.format,
        "start": statement.start,
        "end": statement.end,
        "opening": opening,
        "closing": statement.closing_balance,
        "provisional_from": _provisional_from(statement, origin.today),
        "proved": not reasons,
        "reasons": list(reasons),
        "source": origin.asked[:200],
        "at": origin.at,
        "run": origin.run,
    }
    return StatementFile.objects.update_or_create(account=account, sha256=origin.sha256, defaults=facts)[0]


def _provisional_from(statement: Statement, today: dt.date) -> dt.date | None:
    """The first day that may still change: the day of the download, and the last day of what the bank calls partial."""
    if statement.end is None:
        return None
    first = min(statement.end, today) if statement.partial else today
    return first if first <= statement.end else None


def _movements(statement: Statement) -> list[Entry]:
    return [entry for entry in statement.entries if not entry.checkpoint]


def _entered(file: StatementFile, statement: Statement, told: Collection[dt.date]) -> Taken:
    """Enter the movements of days that the book does not have for good; what was provisional gives way."""
    everything = _movements(statement)
    movements = [entry for entry in everything if entry.date not in told]
    named = dict(zip(entry_ids(file.account, tuple(movements)), movements, strict=True))
    replaced = _given_way(file, named)
    period = StatementEntry.objects.filter(account=file.account, date__range=(file.start, file.end))
    held = named.keys() & set(period.values_list("entry", flat=True))
    StatementEntry.objects.bulk_create(_row(file, name, entry) for name, entry in named.items() if name not in held)
    added = len(named) - len(held)
    return Taken(file.account, file.name, added=added, known=len(everything) - added, replaced=replaced)


def _given_way(file: StatementFile, named: Collection[str]) -> int:
    """Movements of days that were provisional in an earlier download, and that this one no longer has, leave the book."""
    gone = 0
    for earlier in StatementFile.objects.filter(account=file.account, proved=True, at__lt=file.at).exclude(provisional_from=None):
        if file.start and file.end and earlier.provisional_from and earlier.end:
            days = (max(file.start, earlier.provisional_from), min(file.end, earlier.end))
            rows = earlier.entries.filter(date__range=days).values_list("pk", "entry")
            gone += StatementEntry.objects.filter(pk__in=[pk for pk, entry in rows if entry not in named]).delete()[0]
    return gone


def _row(file: StatementFile, name: str, entry: Entry) -> StatementEntry:
    return StatementEntry(
        account=file.account,
        entry=name,
        date=entry.date,
        amount=entry.amount,
        description=entry.description,
        document=entry.document[:80],
        fitid=entry.fitid[:255],
        type=entry.type[:40],
        counterparty_document=entry.counterparty_document[:20],
        counterparty_name=entry.counterparty_name[:200],
        file=file,
        line=entry.line,
    )
