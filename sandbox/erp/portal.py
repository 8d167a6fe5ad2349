"""Starts the ERP as a child process on a copy of the seeded database, and tells what it holds.

The robot's user is `robo`; its password is new in every sandbox. The child ends when this process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.erp.install import Erp, configuration, environment_variables, install
from sandbox.portal import Running, Sandbox

USER = "robo"
PATIENCE = 60.0
"""Seconds that the server may take until it answers."""


def start(sandbox: Sandbox) -> Running:
    """Serve the ERP at http://localhost:<port>/#erp until `stop()`; the first start on a machine prepares it."""
    erp = install(sandbox.month)
    home = sandbox.state / "erp"
    _place_database(erp.database, home, sandbox.state / "erp.sqlite")
    secret = sandbox.secrets.setdefault(f"tryton/{USER}", {"user": USER, "password": sandbox.password()})
    _set_password(erp, home / "erp.sqlite", secret["password"])
    sandbox.name = "tryton"  # the product knows portals by their robot's folder
    sandbox.config["account"] = "erp"  # the name of the database, which stands in the client's address
    server = _launch(erp, home, sandbox.port)
    url = f"http://localhost:{sandbox.port}"  # by name: its cookie is marked Secure, which only `localhost` may be without TLS
    _wait(server, url, home / "server.log")
    return Running(url, lambda: _stop(server), lambda: truth(sandbox.state))


def truth(state: Path) -> dict[str, Any]:
    """Invoices with their open amounts, statements with their lines, and contracts, read from the ERP's own tables."""
    with contextlib.closing(sqlite3.connect(f"file:{state / 'erp' / 'erp.sqlite'}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return {"invoices": _invoices(connection), "statements": _statements(connection), "contracts": _contracts(connection)}


def _place_database(seeded: Path, home: Path, beside: Path) -> None:
    """Copy the seeded database where there is none yet; `beside` points at it for who looks for <portal>.sqlite."""
    target = home / "erp.sqlite"
    if target.exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    for stale in home.glob("erp.sqlite-*"):
        stale.unlink()  # a write-ahead log of another database would be replayed over this one
    shutil.copyfile(seeded, target.with_suffix(".part"))
    target.with_suffix(".part").replace(target)
    beside.unlink(missing_ok=True)
    beside.symlink_to(target.relative_to(beside.parent))


def _set_password(erp: Erp, database: Path, password: str) -> None:
    command = [str(erp.python), "-m", "password"]
    hashed = subprocess.run(command, env=environment_variables(), input=password, capture_output=True, text=True, check=True).stdout.strip()
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update res_user set password_hash = ? where login = ?", (hashed, USER))


def _launch(erp: Erp, home: Path, port: int) -> subprocess.Popen[bytes]:
    served = f"[web]\nlisten = localhost:{port}\nroot = {erp.client}\n[session]\ntimeout = 3600\n"
    (home / "trytond.conf").write_text(configuration(home, served))
    with (home / "server.log").open("ab") as log:
        return subprocess.Popen(
            [str(erp.python), "-m", "serve", "-c", str(home / "trytond.conf"), "-d", "erp"],
            env=environment_variables(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _answers(url):
        if server.poll() is not None or time.monotonic() > deadline:
            _stop(server)
            raise FileNotFoundError(f"the ERP does not start; the end of {log.name}: {log.read_text('utf-8', 'replace')[-1500:]}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


_OPEN = """
select i.id, i.number, i.state, i.reference, i.invoice_date, i.total_amount_cache as total, p.name as party,
  (select group_concat(l.debit || '|' || l.credit) from account_move_line l where l.reconciliation is null and l.account = i.account
     and (l.move = i.move or l.id in (select line from "account_invoice-account_move_line" where invoice = i.id))) as parts
from account_invoice i join party_party p on p.id = i.party where i.type = 'out' order by i.number
"""


def _invoices(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Open amounts as Tryton counts them: what is not reconciled of the invoice's own and its payments' receivable lines."""
    return [
        {
            "number": row["number"],
            "state": row["state"],
            "party": row["party"],
            "reference": row["reference"] or "",
            "total": _money(row["total"]),
            "open": _money(sum((_balance(part) for part in (row["parts"] or "").split(",") if part), Decimal()))
            if row["state"] == "posted"
            else "0.00",
        }
        for row in connection.execute(_OPEN)
    ]


def _balance(part: str) -> Decimal:
    debit, credit = part.split("|")
    return Decimal(debit) - Decimal(credit)


def _money(value: object) -> str:
    """Tryton keeps decimals as text in blobs."""
    return f"{Decimal(value.decode() if isinstance(value, bytes) else str(value)):.2f}"


def _statements(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    found = connection.execute(
        "select s.id, s.name, s.state, s.date, s.total_amount, j.name as journal from account_statement s"
        " join account_statement_journal j on j.id = s.journal order by s.id"
    ).fetchall()
    return [
        {
            "reference": row["name"],
            "state": row["state"],
            "date": row["date"],
            "journal": row["journal"],
            "total": _money(row["total_amount"] or 0),
            "lines": _lines(connection, row["id"]),
        }
        for row in found
    ]


def _lines(connection: sqlite3.Connection, statement: int) -> list[dict[str, str]]:
    found = connection.execute(
        "select l.date, l.amount, coalesce(i.number, '') as invoice from account_statement_line l"
        " left join account_invoice i on l.related_to = 'account.invoice,' || i.id where l.statement = ? order by l.id",
        (statement,),
    )
    return [{"date": row["date"], "invoice": row["invoice"], "amount": _money(row["amount"])} for row in found]


def _contracts(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    found = connection.execute(
        "select number, direction, seller_profile, buyer_profile, cast(quantity as text) as mwh from energy_contract order by number"
    )
    return [dict(row) for row in found]
