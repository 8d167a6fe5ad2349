"""Rows of the accounts, of what was decided about them, of requests and of the log's index, for `python -m bench.console`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.metrics import _insert, _moment, numbers_to

LINES = 1000
"""Lines that the log really has; the index names each of them many times."""
MONTHS = 26
"""Months of which each account has a statement."""


def fill_books(runs: int) -> None:
    """A line of a statement, a decision and an open item for each third run; a break for each twentieth, a request for each fiftieth."""
    from retaguarda.store.models import (
        BreakRecord,
        DecisionEvent,
        LedgerItem,
        MatchAllocation,
        MatchDecision,
        StatementEntry,
        Ticket,
        TicketMessage,
    )

    account = "'001 1234 ' || (n % 12)"
    day = "DATE(" + _moment("-n * 180") + ")"
    amount = "((n % 100000) * 7919 % 1000000) / 100.0"
    state = "CASE WHEN n % 50 = 0 THEN 'PROPOSED' WHEN n % 99 = 0 THEN 'REJECTED' ELSE 'STANDS' END"
    many = numbers_to(max(runs // 3, 60))
    key = "'%s' || substr('00000000000' || n, -11, 11)" if _is_sqlite() else "'%s' || lpad(n::text, 11, '0')"
    _fill_statements()
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
    made = {"decision_id": "n", "action": "'made'", "by": "'engine'", "at": _moment("-n * 180"), "reason": "'auto'"}
    item = {
        "item": "'AR-' || n",
        "kind": "'AR'",
        "document": "'NF ' || n",
        "partner": "'12345678000195'",
        "partner_name": "'Cliente ' || n",
    }
    item |= {"due_date": day, "open_amount": "CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END * " + amount, "seen_at": _moment("0")}
    _insert(StatementEntry, entry, many)
    _balance_statements()
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
        "requester": "'compras@cliente.example'",
        "source": "'mail'",
        "asked_at": _moment("-n * 3600"),
        "owner": "'bench'",
    }
    ticket |= {"state": "CASE WHEN n % 100 = 0 THEN 'OPEN' ELSE 'ANSWERED' END", "due_at": _moment("-n * 3600 + 86400")}
    ticket |= {"answered_at": answered, "satisfaction": "1 + n % 5"}
    _insert(Ticket, ticket, numbers_to(max(runs // 50, 60)))
    _insert(
        TicketMessage,
        {"ticket_id": "n", "at": _moment("0"), "by": "'compras@cliente.example'", "text": "'Falta um extrato'"},
        numbers_to(max(runs // 50, 60)),
    )


def _fill_statements() -> None:
    """A statement of each account and month, and a return file of each account and day, of two years and a month."""
    from retaguarda.store.models import BoletoReturn, StatementFile

    account, first = "'001 1234 ' || (n % 12)", f"DATE({_moment('0')})"
    back = f"((n - 1) / 12 - {MONTHS - 1})"
    if _is_sqlite():
        start, end = (
            f"DATE({first}, 'start of month', ({back}{more}) || ' months'{last})" for more, last in ((" ", ""), (" + 1", ", '-1 day'"))
        )
    else:
        start = f"CAST(date_trunc('month', {first}) + {back} * INTERVAL '1 month' AS date)"
        end = f"CAST(date_trunc('month', {first}) + ({back} + 1) * INTERVAL '1 month' AS date) - 1"
    file = {"account": account, "sha256": "'f' || n", "name": "'a.ofx'", "format": "'ofx'", "proved": "n > 0", "at": _moment("0")}
    _insert(StatementFile, file | {"start": start, "end": end}, numbers_to(12 * MONTHS))
    back_file = {
        "account": account,
        "sha256": "'r' || n",
        "bank": "'001'",
        "sequence": "(n - 1) / 12 + 1",
        "name": "'r.ret'",
        "format": "'cnab240'",
    }
    back_file |= {"titles": "10", "credited": "1000", "at": _moment("((n - 1) / 12 - 730) * 86400")}
    _insert(BoletoReturn, back_file, numbers_to(12 * 730))


def _balance_statements() -> None:
    """Give each statement the balances that its movements lead to."""
    from django.db import connection

    own = "e.account = store_statementfile.account"
    told = f"SELECT COALESCE(SUM(amount), 0) FROM store_statemententry AS e WHERE {own} AND e.date {{}} store_statementfile.{{}}"
    with connection.cursor() as cursor:
        for balance, before in (("opening", ("<", "start")), ("closing", ("<=", '"end"'))):
            cursor.execute(f"UPDATE store_statementfile SET {balance} = ({told.format(*before)})")


def fill_acts(runs: int) -> None:
    """A press for each tenth run, and a payment booked in the ERP for each fifth."""
    from retaguarda.store.models import Booking, Intent

    of_run, act = "'run-' || (n * 10)", {"portal": "'ccee'", "act": "'register'", "reference": "'CTR-' || n", "attempt": "1"}
    act |= {"digest": "'" + "0" * 64 + "'", "picture": "'" + "0" * 64 + "'", "boot": "'b'", "monotonic": "0"}
    act |= {"run_id": of_run, "at": _moment(f"(n * 10 - {runs}) * 63"), "protocol": "'CCEE-' || n"}
    act |= {"state": "CASE WHEN n % 40 = 0 THEN 'REFUSED' ELSE 'DONE' END"}
    _insert(Intent, act, numbers_to(runs // 10))
    booked = {"source": "'e' || n", "receivable": "'NF ' || n", "date": "DATE(" + _moment("-n * 180") + ")", "amount": "100"}
    booked |= {"batch": "'EXT-' || (n / 50)", "run_id": "'run-' || (n * 5)"}
    _insert(Booking, booked, numbers_to(runs // 5))


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
    with connection.cursor() as cursor, _without_indexes("store_auditentry"):
        cursor.execute(f"INSERT INTO store_auditentry (seq, at, run, {columns}) SELECT {chosen} FROM {source}")


@contextmanager
def _without_indexes(table: str) -> Iterator[None]:
    """PostgreSQL makes the indexes of a table that was filled in a fraction of the time in which it keeps them up row by row."""
    from django.db import connection

    if _is_sqlite():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'", [table])
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, definition in found:
            cursor.execute(definition)


def _is_sqlite() -> bool:
    from django.db import connection

    return connection.vendor == "sqlite"
