"""The boletos that a bank holds: remessas as they came, titles as they were registered, and what each day's retorno says of them.

A remessa is worked on the next business day: its retorno (from 7h) confirms (02) or rejects (03) every title. A confirmed title is
paid on its due date, or on the next business day, unless its nosso número ends in 0: such payers never pay. The money, less the fee,
is credited one business day later, when the retorno tells it (06).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from sqlite3 import Connection, Row
from typing import Any

from sandbox import banking
from sandbox.banking import Problem
from sandbox.business_days import DAY, is_business_day, next_business_day
from sandbox.collection import remessa
from sandbox.collection.remessa import Remessa
from sandbox.collection.retorno import CONFIRMED, LIQUIDATED, REJECTED, Movement, ReturnFile
from sandbox.companies import CUSTOMERS, Company
from sandbox.database import Database
from sandbox.ledger import Account
from sandbox.month import BOLETO_FEE, BankEntry, plain_text

SCHEMA = f"""{banking.SCHEMA}
create table if not exists remessas (id integer primary key, created_at text not null, user text not null, sequence integer not null,
  name text not null, sha256 text not null, titles integer not null, total text not null, protocol text not null, works_on text not null);
create table if not exists titles (id integer primary key, remessa integer not null, our_number text not null, document text not null,
  payer text not null, payer_name text not null, due text not null, face text not null, reference text not null, reasons text not null);
"""
READY = dt.time(7)
ALREADY_THERE = "63"
SEEDED = "carga inicial"
"""The user of remessas that the bank held before the sandbox opened."""
GONE = "O arquivo conferido não está mais disponível. Envie-o novamente."


@dataclass(frozen=True)
class Checked:
    """A file that the bank has read and not taken in yet; `token` is its name on the screens."""

    token: str
    user: str
    name: str
    data: bytes
    read: Remessa

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Portfolio:
    """The carteira of one account.

    `first_return` is the NSA of its first retorno, `last_remessa` that of the company's last remessa before those it holds, `past` what
    retornos told before, and `credit` how the statement calls a day's money. A remessa waits in the queue before the bank looks at it.
    """

    database: Database
    account: Account
    first_return: int
    last_remessa: int = 0
    queue: dt.timedelta = dt.timedelta()
    past: Sequence[tuple[Movement, dt.date]] = ()
    credit: str = "LIQUIDACAO DE BOLETOS"
    _checked: dict[str, Checked] = field(default_factory=dict)  # a restart forgets them, as it forgets half-filled forms

    def check(self, name: str, data: bytes, user: str, now: dt.datetime) -> Checked:
        """Read a file that was uploaded, and keep it until it is handed in; raises Problem in the bank's words."""
        read = remessa.read(data, self.account, next_business_day(now.date()))
        checked = Checked(secrets.token_urlsafe(12), user, name, data, read)
        self._checked[checked.token] = checked
        return checked

    def checked(self, token: str, user: str) -> Checked:
        """The file that this user had checked; raises Problem when there is none."""
        found = self._checked.get(token)
        if found is None or found.user != user:
            raise Problem(GONE)
        return found

    def must_be_new(self, read: Remessa) -> None:
        """Raises Problem for a number that was used before; the numbers run upwards, a gap does not matter."""
        last = int(str(self.database.value("select coalesce(max(sequence), ?) from remessas", self.last_remessa)))
        if read.sequence <= last:
            raise Problem(f"Remessa recusada: NSA {read.sequence:06d} já recebido; o último é {last:06d}.")

    def receive(self, checked: Checked, now: dt.datetime) -> str:
        """Take a remessa in, all of it or nothing; returns its protocol number. The same nosso número twice: the later one is rejected."""
        read = checked.read
        with self.database.transaction() as connection:
            held = {row["our_number"] for row in connection.execute("select our_number from titles where reasons = ''")}
            [number] = connection.execute("select coalesce(max(id), 0) + 1 from remessas").fetchone()
            protocol = f"{now:%Y%m%d}{number:03d}{read.sequence:06d}"
            facts = (checked.name, checked.digest, len(read.titles), f"{read.total:.2f}", protocol)
            kept = _keep(connection, now, checked.user, read.sequence, *facts)
            for title in read.titles:
                reasons = (*title.reasons, *([ALREADY_THERE] if title.our_number in held else []))
                held |= set() if reasons else {title.our_number}
                due = title.due.isoformat() if title.due else ""
                who = (title.payer, title.payer_name, due, f"{title.face:.2f}", title.reference)
                _register(connection, kept, title.our_number, title.document, *who, "".join(reasons)[:10])
        return protocol

    def received(self, until: dt.datetime, start: dt.date = dt.date.min) -> list[Row]:
        """The remessas that came since `start` and until a moment, newest first."""
        sql = "select * from remessas where created_at >= ? and created_at <= ? order by id desc"
        return self.database.rows(sql, start.isoformat(), until.isoformat())

    def state(self, row: Row, now: dt.datetime) -> str:
        """What the list says of a remessa."""
        if now - dt.datetime.fromisoformat(row["created_at"]) < self.queue:
            return "Na fila"
        return "Processada" if row["works_on"] <= now.date().isoformat() else "Em processamento"

    def returns(self, start: dt.date, end: dt.date, now: dt.datetime) -> list[ReturnFile]:
        """The retornos of the period that are out by `now`; a day without movement has none, and the numbers leave none out."""
        return [file for file in self._files([*self.past, *self._told()], now) if start <= file.day <= end]

    def lumps(self, now: dt.datetime) -> list[BankEntry]:
        """What these boletos brought to the account: one lump for each day, as the retorno of that day adds it up."""
        account, files = self.account.key, self._files(self._told(), now)
        texts = [(file, self.credit.format(day=file.day)) for file in files if file.credited]
        return [BankEntry(account, file.day, file.credited, text, f"{file.day:%d%m}", "202") for file, text in texts]

    def _files(self, told: Iterable[tuple[Movement, dt.date]], now: dt.datetime) -> list[ReturnFile]:
        ready = now.date() if now.time() >= READY else now.date() - DAY
        days: dict[dt.date, list[Movement]] = {}
        for movement, day in sorted(told, key=lambda pair: pair[1]):
            if day <= ready:
                days.setdefault(day, []).append(movement)
        return [ReturnFile(day, self.first_return + number, tuple(movements)) for number, (day, movements) in enumerate(days.items())]

    def _told(self) -> Iterator[tuple[Movement, dt.date]]:
        """Everything that will ever be told of the titles, with the day whose retorno tells it."""
        sql = "select titles.*, works_on from titles join remessas on remessas.id = titles.remessa order by titles.id"
        for row in self.database.rows(sql):
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


def seed(database: Database, came: str, sequence: int, first: int, dues: Sequence[dt.date], rejected: Collection[int] = ()) -> None:
    """A remessa of the company's past: a title for each due date, their nossos números from `first` on, some rejected for their CEP."""
    at, faces = dt.datetime.fromisoformat(came), [Decimal(1500 + 137 * number) for number in range(len(dues))]
    facts = ("REMESSA.REM", hashlib.sha256(came.encode()).hexdigest(), len(dues), f"{sum(faces):.2f}", f"{at:%Y%m%d}000{sequence:06d}")
    with database.transaction() as connection:
        kept = _keep(connection, at, SEEDED, sequence, *facts)
        for number, (due, face) in enumerate(zip(dues, faces, strict=True)):
            company, name = CUSTOMERS[number % len(CUSTOMERS)], f"OLD-{first + number}"
            payer = (company.cnpj, plain_text(company.name), due.isoformat(), f"{face:.2f}", "")
            _register(connection, kept, f"{first + number}", name, *payer, "48" if number in rejected else "")


def _keep(connection: Connection, now: dt.datetime, *facts: object) -> int:
    """A row of `remessas`: user, sequence, name, sha256, titles, total, protocol; it is worked on the next business day."""
    columns = "created_at, user, sequence, name, sha256, titles, total, protocol, works_on"
    values = (now.isoformat(), *facts, next_business_day(now.date()).isoformat())
    made = connection.execute(f"insert into remessas ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return int(made.lastrowid or 0)


def _register(connection: Connection, remessa: int, *facts: str) -> None:
    columns = "remessa, our_number, document, payer, payer_name, due, face, reference, reasons"
    connection.execute(f"insert into titles ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", (remessa, *facts))


def agreement(account: Account, first_sequence: int, first_number: int) -> dict[str, object]:
    """What the company writes into its remessas (`[portals.NAME.boletos]`), and the first numbers that are free."""
    return {
        "bank": f"{account.bank:03d}", "name": account.holder.name, "cnpj": account.holder.cnpj, "branch": account.branch,
        "branch_digit": account.branch_digit, "account": account.number, "account_digit": account.digit,
        "agreement": account.agreement, "wallet": "1", "first_sequence": first_sequence, "first_number": first_number,
    }  # fmt: skip


def truth(database: Database) -> dict[str, Any]:
    """What a bank has on record, remessas and titles among it."""
    held = {table: [dict(row) for row in database.rows(f"select * from {table} order by id")] for table in ("remessas", "titles")}
    return banking.truth(database) | held
