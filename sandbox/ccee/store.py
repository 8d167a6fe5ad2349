"""CCEE's own tables: profiles, contracts, deadlines, users; what was registered is told by these alone."""

from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.ccee.words import read_month
from sandbox.clock import SAO_PAULO
from sandbox.database import Database
from sandbox.month import Month

SCHEMA = """
create table if not exists profiles (
    code integer primary key, sigla text not null, agent integer not null, company text not null,
    active integer not null, ours integer not null
);
create table if not exists contracts (
    code integer primary key, reference text not null, seller integer not null, buyer integer not null, submarket text not null,
    month text not null, mw text not null, modulation text not null, state text not null, protocol text not null,
    validation text not null default '', created_at text not null, created_by text not null
);
create table if not exists drafts (token text primary key, user text not null, data text not null);
create table if not exists deadlines (month text not null, event text not null, at text not null, primary key (month, event));
create table if not exists sign_ins (id integer primary key, at text not null, user text not null, outcome text not null);
create table if not exists users (user text primary key, failures integer not null default 0, locked integer not null default 0);
create table if not exists codes (id integer primary key, sid text not null, code text not null, expires_at text not null);
create table if not exists exports (token text primary key, sid text not null, month text not null, used integer not null default 0);
create table if not exists protocols (number integer primary key);
"""
FIRST_PROTOCOL = 11_470_318
REGISTER, VALIDATE = "registro", "validação"

_CONTRACTS = """
select c.*, s.sigla seller_sigla, s.ours selling, b.sigla buyer_sigla, b.ours buying from contracts c
join profiles s on s.code = c.seller join profiles b on b.code = c.buyer
where (s.ours or b.ours)"""


@dataclass(frozen=True)
class Filters:
    """What the list is asked for; empty text means everything."""

    month: str = ""
    reference: str = ""
    seller: str = ""
    buyer: str = ""
    role: str = ""  # "" | VENDEDOR | COMPRADOR
    state: str = ""

    def where(self) -> tuple[str, list[object]]:
        clauses, values = "", list[object]()
        for column, value in (("c.month", read_month(self.month)), ("c.state", self.state)):
            if value:
                clauses, values = f"{clauses} and {column} = ?", [*values, value]
        if self.reference:
            clauses, values = f"{clauses} and instr(upper(c.reference), upper(?))", [*values, self.reference.strip()]
        for column, value in (("c.seller", self.seller), ("c.buyer", self.buyer)):
            if value:
                clauses, values = f"{clauses} and {column} = ?", [*values, value.strip()]
        return clauses + {"VENDEDOR": " and s.ours", "COMPRADOR": " and b.ours"}.get(self.role, ""), values


def seed(database: Database, month: Month) -> None:
    """Fill an empty ground truth with the month's profiles, contracts and deadlines."""
    opened = dt.datetime(2026, 11, 3, 10, 12, tzinfo=SAO_PAULO)
    with database.transaction() as c:
        for company, profile in month.profiles():
            values = (profile.code, profile.sigla, company.agent, company.name, profile.active, company is month.us)
            c.execute("insert into profiles values (?, ?, ?, ?, ?, ?)", values)
        for index, held in enumerate(month.ccee):
            at, protocol = opened + dt.timedelta(minutes=41 * index), next_protocol(c)
            validation = next_protocol(c) if held.state == "VALIDADO" else ""
            c.execute(
                "insert into contracts values (?, ?, ?, ?, ?, '2026-10', ?, ?, ?, ?, ?, ?, 'seed')",
                (held.code, held.reference, held.seller, held.buyer, held.submarket, f"{held.mw_average:.6f}", held.modulation,
                 held.state, protocol, validation, at.isoformat()),
            )  # fmt: skip
        for event, day in ((REGISTER, 11), (VALIDATE, 12)):
            c.execute(
                "insert into deadlines values ('2026-10', ?, ?)", (event, dt.datetime(2026, 11, day, 18, tzinfo=SAO_PAULO).isoformat())
            )


def next_protocol(connection: sqlite3.Connection) -> str:
    """The next protocol number, e.g. `202611470319`; undone with its transaction."""
    connection.execute("insert into protocols select coalesce(max(number), ?) + 1 from protocols", (FIRST_PROTOCOL,))
    return f"2026{connection.execute('select max(number) from protocols').fetchone()[0]}"


def contracts(database: Database, filters: Filters, until: dt.datetime) -> list[sqlite3.Row]:
    """The agent's contracts that pass the filters and were created up to `until`, newest first."""
    clauses, values = filters.where()
    return database.rows(f"{_CONTRACTS}{clauses} and c.created_at <= ? order by c.code desc", *values, until.isoformat())


def contract(database: Database, code: int) -> sqlite3.Row | None:
    """One of the agent's contracts."""
    return database.row(f"{_CONTRACTS} and c.code = ?", code)


def same_key(database: Database, seller: int, buyer: int, submarket: str, month: str) -> sqlite3.Row | None:
    """A contract between the same profiles for the same submarket and month."""
    sql = f"{_CONTRACTS} and c.seller = ? and c.buyer = ? and c.submarket = ? and c.month = ?"
    return database.row(sql, seller, buyer, submarket, month)


def profile(database: Database, code: str) -> sqlite3.Row | None:
    """The profile with this typed code, whoever it belongs to."""
    return database.row("select * from profiles where code = ?", int(code)) if code.isdigit() else None


def own_profiles(database: Database) -> list[sqlite3.Row]:
    """The agent's own profiles."""
    return database.rows("select * from profiles where ours order by code")


def deadline(database: Database, month: str, event: str) -> dt.datetime | None:
    """Until when `event` is possible for a month; None when the month is not open."""
    at = database.value("select at from deadlines where month = ? and event = ?", month, event)
    return dt.datetime.fromisoformat(str(at)) if at else None


def register(connection: sqlite3.Connection, data: dict[str, str], user: str, at: dt.datetime) -> tuple[int, str]:
    """Insert a contract as its seller entered it: its code and protocol. The same form sent twice makes two contracts."""
    code = int(connection.execute("select max(code) + 1 from contracts").fetchone()[0])
    protocol = next_protocol(connection)
    connection.execute(
        "insert into contracts values (?, ?, ?, ?, ?, ?, ?, ?, 'NAO_VALIDADO', ?, '', ?, ?)",
        (code, data["reference"], int(data["seller"]), int(data["buyer"]), data["submarket"], data["month"],
         f"{Decimal(data['mw']):.6f}", data["modulation"], protocol, at.isoformat(), user),
    )  # fmt: skip
    return code, protocol


def validate(connection: sqlite3.Connection, code: int) -> str:
    """Set a contract's montante to validated: the protocol of the validation."""
    protocol = next_protocol(connection)
    connection.execute("update contracts set state = 'VALIDADO', validation = ? where code = ?", (protocol, code))
    return protocol


def truth(database: Database) -> dict[str, Any]:
    """Everything a test or an auditor may ask of this portal."""
    outcomes = database.rows("select outcome, count(*) n from sign_ins group by outcome")
    return {
        "contracts": [dict(row) for row in database.rows("select * from contracts order by code")],
        "registered": int(str(database.value("select count(*) from contracts where created_by <> 'seed'"))),
        "validated": [row["code"] for row in database.rows("select code from contracts where state = 'VALIDADO' order by code")],
        "sign_ins": {row["outcome"]: row["n"] for row in outcomes},
        "locked": [row["user"] for row in database.rows("select user from users where locked")],
        "codes_sent": database.value("select count(*) from codes"),
        "exports_used": database.value("select coalesce(sum(used), 0) from exports"),
    }
