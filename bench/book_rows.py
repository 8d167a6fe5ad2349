"""Rows of the accounts, of what was decided about them, of requests and of the log's index, for `python -m bench.console`."""

from __future__ import annotations

from pathlib import Path

from bench.metrics import _insert, _moment, numbers_to

LINES = 1000
"""Lines that the log really has; the index names each of them many times."""


def fill_books(runs: int) -> None:
    """A line of a statement, a decision and an open item for each third run; a break for each twentieth, a request for each fiftieth."""
    from retaguarda.store.models import (
        BreakRecord,
        DecisionEvent,
        LedgerItem,
        MatchAllocation,
        MatchDecision,
        StatementEntry,
        StatementFile,
        Ticket,
        TicketMessage,
    )

    account = "'001 1234 ' || (n % 12)"
    day = "DATE(" + _moment("-n * 180") + ")"
    amount = "((n % 100000) * 7919 % 1000000) / 100.0"
    state = "CASE WHEN n % 50 = 0 THEN 'PROPOSED' WHEN n % 99 = 0 THEN 'REJECTED' ELSE 'STANDS' END"
    many = numbers_to(max(runs // 3, 60))
    key = "'%s' || substr('00000000000' || n, -11, 11)" if _is_sqlite() else "'%s' || lpad(n::text, 11, '0')"
    file = {"account": account, "sha256": "'f' || n", "name": "'a.ofx'", "format": "'ofx'", "proved": "n > 0", "at": _moment("0")}
    _insert(StatementFile, file, numbers_to(12))
    entry = {
        "account": account,
        "entry": "'e' || n",
        "date": day,
        "amount": amount,
        "description": "'TED RECEBIDA'",
        "file_id": "1",
        "line": "n",
    }
    decided = {
        "key": key % ("d" * 53),
        "account": account,
        "line": "'e' || n",
        "date": day,
        "amount": amount,
        "rule": "'number-and-amount'",
    }
    decided |= {"rules": "'" + "0" * 64 + "'", "confidence": "0.97", "state": state, "maker": "'engine'", "made_at": _moment("-n * 180")}
    part = {"decision_id": "n", "item": "'AR-' || n", "kind": "'AR'", "amount": amount}
    made = {"decision_id": "n", "action": "'made'", "by": "'engine'", "at": _moment("-n * 180"), "reason": "'AUTO'"}
    item = {
        "item": "'AR-' || n",
        "kind": "'AR'",
        "document": "'NF ' || n",
        "partner": "'12345678000195'",
        "partner_name": "'Cliente ' || n",
    }
    item |= {"due_date": day, "open_amount": "CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END * " + amount, "seen_at": _moment("0")}
    _insert(StatementEntry, entry, many)
    _insert(MatchDecision, decided, many)
    _insert(MatchAllocation, part, many)
    _insert(DecisionEvent, made, many)
    _insert(LedgerItem, item, many)
    closed = f"CASE WHEN n % 10 = 0 THEN NULL ELSE {_moment('-n * 1200')} END"
    broken = {"key": key % ("b" * 53), "kind": "CASE n % 3 WHEN 0 THEN 'unmatched-credit' WHEN 1 THEN 'overdue' ELSE 'proposal' END"}
    broken |= {"account": account, "line": "'e' || n", "date": day, "amount": amount, "owner": "'contas a receber'"}
    broken |= {"opened_at": _moment("-n * 1260"), "due_on": day, "closed_at": closed}
    _insert(BreakRecord, broken, numbers_to(max(runs // 20, 60)))
    answered = f"CASE WHEN n % 100 = 0 THEN NULL ELSE {_moment('-n * 3000')} END"
    ticket = {
        "subject": "'Extrato ' || n",
        "requester": "'ana@empresa'",
        "source": "'mail'",
        "asked_at": _moment("-n * 3600"),
        "owner": "'maria'",
    }
    ticket |= {"state": "CASE WHEN n % 100 = 0 THEN 'OPEN' ELSE 'ANSWERED' END", "due_at": _moment("-n * 3600 + 86400")}
    ticket |= {"answered_at": answered, "satisfaction": "1 + n % 5"}
    _insert(Ticket, ticket, numbers_to(max(runs // 50, 60)))
    _insert(
        TicketMessage, {"ticket_id": "n", "at": _moment("0"), "by": "'ana'", "text": "'Falta um extrato'"}, numbers_to(max(runs // 50, 60))
    )


def fill_index(events: int, audit: Path) -> None:
    """So many events in the index of the log; the log itself has LINES of them, and is sealed."""
    from django.db import connection, transaction

    from retaguarda.audit import events as audit_events
    from retaguarda.audit.index import AuditIndex
    from retaguarda.audit.log import AuditLog
    from retaguarda.store.models import AuditEntry

    actions = ("act.done", "act.intent", "evidence.kept", "item.successful", "run.queued", "person.signed_in")
    with transaction.atomic():
        for number in range(LINES):
            action = actions[number % len(actions)]
            audit_events.record(action, run=f"run-{number + 1}", item=f"BOL-{number}", target="ccee", data={"protocol": f"P{number}"})
    log = AuditLog(audit)
    log.seal()
    index = AuditIndex(log)
    index.catch_up()
    held = AuditEntry.objects.count()
    columns = 'actor, action, item, target, text, segment, "offset", length'
    more = max(events - held, 1)
    at, line = _moment(f"-({events} - n) * 6"), f"CASE WHEN n = {more} THEN {held} - 1 ELSE n % {held} END"
    chosen = f"{held} + n, {at}, 'run-' || (1 + n / 10), {columns}"
    source = f"{numbers_to(more)} JOIN store_auditentry AS known ON known.seq = {line}"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO store_auditentry (seq, at, run, {columns}) SELECT {chosen} FROM {source}")


def _is_sqlite() -> bool:
    from django.db import connection

    return connection.vendor == "sqlite"
