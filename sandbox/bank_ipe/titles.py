"""The boletos that Banco Ipê holds: remessas as they came, titles as they were registered, and what each day's retorno says of them.

A remessa is worked on the next business day: its retorno (from 7h) confirms (02) or rejects (03) every title. A confirmed title is
paid on its due date, or on the next business day, unless its nosso número ends in 0: such payers never pay. The money, less the fee,
is credited one business day later, when the retorno tells it (06).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from decimal import Decimal
from sqlite3 import Connection, Row
from typing import Any

from sandbox.bank_ipe.remessa import Remessa
from sandbox.business_days import DAY, is_business_day, next_business_day
from sandbox.collection import CONFIRMED, LIQUIDATED, REJECTED, Movement, ReturnFile
from sandbox.companies import CUSTOMERS, Company
from sandbox.database import Database
from sandbox.month import BOLETO_FEE, BankEntry, plain_text

SCHEMA = """
create table if not exists remessas (id integer primary key, created_at text not null, user text not null, sequence integer not null,
  name text not null, sha256 text not null, titles integer not null, total text not null, protocol text not null, works_on text not null);
create table if not exists titles (id integer primary key, remessa integer not null, our_number text not null, document text not null,
  payer text not null, payer_name text not null, due text not null, face text not null, reference text not null, reasons text not null);
"""
FIRST_NSA = 2051
READY = dt.time(7)
ALREADY_THERE = "63"
SEED_SEQUENCE = 41
"""The company's last remessa before the sandbox opens; its titles come due in the days of the month."""


def seed(database: Database) -> None:
    """One remessa of the company's past: twelve titles, one of them rejected."""
    came, faces = dt.datetime.fromisoformat("2026-10-30T10:12:00-03:00"), [Decimal(1500 + 137 * number) for number in range(12)]
    digest, total = hashlib.sha256(b"seed").hexdigest(), f"{sum(faces):.2f}"
    with database.transaction() as connection:
        kept = _keep(connection, came, "robo.cobranca", SEED_SEQUENCE, "REMESSA.REM", digest, 12, total, "20261030000041")
        for number, face in enumerate(faces):
            company, due = CUSTOMERS[number % len(CUSTOMERS)], dt.date(2026, 11, 4 + number % 6)
            payer = (company.cnpj, plain_text(company.name), due.isoformat(), f"{face:.2f}", "")
            _register(connection, kept, f"{4001 + number}", f"OLD-{number + 1:03d}", *payer, "48" if number == 4 else "")


def last_sequence(database: Database) -> int:
    """The NSA of the last remessa, 0 when there is none."""
    return int(str(database.value("select coalesce(max(sequence), 0) from remessas")))


def receive(database: Database, remessa: Remessa, data: bytes, name: str, user: str, now: dt.datetime) -> str:
    """Take a remessa in, all of it or nothing; returns its protocol number. The same nosso número twice: the later one is rejected."""
    protocol, digest, count = f"{now:%Y%m%d}{remessa.sequence:06d}", hashlib.sha256(data).hexdigest(), len(remessa.titles)
    with database.transaction() as connection:
        held = {row["our_number"] for row in connection.execute("select our_number from titles where reasons = ''")}
        kept = _keep(connection, now, user, remessa.sequence, name, digest, count, f"{remessa.total:.2f}", protocol)
        for title in remessa.titles:
            reasons = (*title.reasons, *([ALREADY_THERE] if title.our_number in held else []))
            held |= set() if reasons else {title.our_number}
            due, face = title.due.isoformat() if title.due else "", f"{title.face:.2f}"
            facts = (title.our_number, title.document, title.payer, title.payer_name, due, face, title.reference)
            _register(connection, kept, *facts, "".join(reasons)[:10])
    return protocol


def _keep(connection: Connection, now: dt.datetime, *facts: object) -> int:
    """A row of `remessas`: user, sequence, name, sha256, titles, total, protocol; it is worked on the next business day."""
    columns = "created_at, user, sequence, name, sha256, titles, total, protocol, works_on"
    values = (now.isoformat(), *facts, next_business_day(now.date()).isoformat())
    made = connection.execute(f"insert into remessas ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return int(made.lastrowid or 0)


def _register(connection: Connection, remessa: int, *facts: str) -> None:
    columns = "remessa, our_number, document, payer, payer_name, due, face, reference, reasons"
    connection.execute(f"insert into titles ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", (remessa, *facts))


def received(database: Database, until: dt.datetime) -> list[Row]:
    """The remessas that the list shows, newest first."""
    return database.rows("select * from remessas where created_at <= ? order by id desc", until.isoformat())


def returns(database: Database, start: dt.date, end: dt.date, now: dt.datetime) -> list[ReturnFile]:
    """The retornos of the period that are out by `now`; a day without movement has none, and the numbers leave none out."""
    ready = now.date() if now.time() >= READY else now.date() - DAY
    days: dict[dt.date, list[Movement]] = {}
    for movement, day in sorted(_movements(database), key=lambda pair: pair[1]):
        if day <= ready:
            days.setdefault(day, []).append(movement)
    files = [ReturnFile(day, FIRST_NSA + number, tuple(movements)) for number, (day, movements) in enumerate(days.items())]
    return [file for file in files if start <= file.day <= end]


def lumps(database: Database, now: dt.datetime) -> list[BankEntry]:
    """What boletos brought to the account: one lump for each day, as the retorno of that day adds it up."""
    files = returns(database, dt.date.min, now.date(), now)
    return [BankEntry("C", file.day, file.credited, "LIQUIDACAO DE BOLETOS", f"{file.sequence}", "202") for file in files if file.credited]


def _movements(database: Database) -> Iterator[tuple[Movement, dt.date]]:
    """Everything that will ever be told of the titles, with the day whose retorno tells it."""
    for row in database.rows("select titles.*, works_on from titles join remessas on remessas.id = titles.remessa order by titles.id"):
        worked, due = dt.date.fromisoformat(row["works_on"]), dt.date.fromisoformat(row["due"] or "2026-01-01")
        payer, face = Company(row["payer_name"], row["payer"], 0, (), ""), Decimal(row["face"])
        told: dict[str, Any] = {"reference": row["reference"] or row["document"], "reasons": row["reasons"]}
        facts = (row["our_number"], row["document"], payer, due, face)
        yield Movement(REJECTED if row["reasons"] else CONFIRMED, *facts, occurred=worked, credited=None, **told), worked
        if row["reasons"] or row["our_number"].endswith("0"):
            continue
        paid = due if is_business_day(due) else next_business_day(due)
        credited = next_business_day(max(paid, worked))
        yield Movement(LIQUIDATED, *facts, max(paid, worked), credited, face, BOLETO_FEE, reference=told["reference"]), credited


def truth(database: Database) -> dict[str, Any]:
    """Remessas and titles as the bank holds them."""
    return {table: [dict(row) for row in database.rows(f"select * from {table} order by id")] for table in ("remessas", "titles")}
