"""Banco Jatobá's statement files: OFX 1.02 SGML in the dialect large Brazilian banks write, and a spreadsheet CSV.

Kept as such banks do it: the header says USASCII while the bytes are cp1252, leaf tags are not closed, every movement is
at 10:00 "EST", FITID is date and number within the day, and the previous balance stands among the movements.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sandbox.ledger import Extract, Posted, brl

HEADER = (
    "OFXHEADER:100", "DATA:OFXSGML", "VERSION:102", "SECURITY:NONE", "ENCODING:USASCII",
    "CHARSET:1252", "COMPRESSION:NONE", "OLDFILEUID:NONE", "NEWFILEUID:NONE", "",
)  # fmt: skip
STATUS = ("<STATUS>", "<CODE>0", "<SEVERITY>INFO", "</STATUS>")


def ofx(extract: Extract, now: dt.datetime) -> bytes:
    """The statement as OFX 1.02, cp1252, one tag a line."""
    lines = [*HEADER, "<OFX>", *_sign_on(extract, now), *_statement(extract), "</OFX>"]
    return "".join(f"{line}\r\n" for line in lines).encode("cp1252")


def csv(extract: Extract) -> bytes:
    """The statement as the spreadsheet export: cp1252, semicolons, Brazilian numbers."""
    head = [f"Banco Jatobá;Agência/Conta {extract.account.label};;", "Data;Lançamento;Valor (R$);Saldo (R$)"]
    rows = [f"{p.entry.date:%d/%m/%Y};{p.entry.text};{brl(p.entry.amount)};{brl(p.balance)}" for p in extract.posted]
    return "".join(f"{line}\r\n" for line in (*head, *rows)).encode("cp1252")


def _stamp(day: dt.date) -> str:
    return f"{day:%Y%m%d}100000[-03:EST]"


def _sign_on(extract: Extract, now: dt.datetime) -> Iterator[str]:
    yield from ("<SIGNONMSGSRSV1>", "<SONRS>", *STATUS, f"<DTSERVER>{now:%Y%m%d%H%M%S}[-03:EST]", "<LANGUAGE>POR")
    yield from ("<FI>", f"<ORG>{extract.account.bank_name}", f"<FID>{extract.account.bank:04d}", "</FI>", "</SONRS>", "</SIGNONMSGSRSV1>")


def _statement(extract: Extract) -> Iterator[str]:
    account = extract.account
    yield from ("<BANKMSGSRSV1>", "<STMTTRNRS>", "<TRNUID>1001", *STATUS, "<STMTRS>", "<CURDEF>BRL", "<BANKACCTFROM>")
    yield from (f"<BANKID>{account.bank:04d}", f"<ACCTID>{account.branch} {account.number}-{account.digit}", "<ACCTTYPE>CHECKING")
    yield from ("</BANKACCTFROM>", "<BANKTRANLIST>", f"<DTSTART>{_stamp(extract.start)}", f"<DTEND>{_stamp(extract.end)}")
    yield from _previous_balance(extract)
    for posted in extract.posted:
        yield from _movement(posted)
    yield from ("</BANKTRANLIST>", "<LEDGERBAL>", f"<BALAMT>{extract.closing:.2f}", f"<DTASOF>{_stamp(extract.end)}", "</LEDGERBAL>")
    yield from ("</STMTRS>", "</STMTTRNRS>", "</BANKMSGSRSV1>")


def _previous_balance(extract: Extract) -> Iterator[str]:
    """A balance dressed as a movement: readers must not add it up."""
    fitid = f"{extract.start:%Y%m%d}000"
    yield from ("<STMTTRN>", "<TRNTYPE>OTHER", f"<DTPOSTED>{_stamp(extract.start)}", f"<TRNAMT>{extract.opening:.2f}")
    yield from (f"<FITID>{fitid}", f"<CHECKNUM>{fitid}", "<MEMO>SALDO ANTERIOR", "</STMTTRN>")


def _movement(posted: Posted) -> Iterator[str]:
    entry, fitid = posted.entry, f"{posted.entry.date:%Y%m%d}{posted.sequence:03d}"
    yield from ("<STMTTRN>", f"<TRNTYPE>{'CREDIT' if entry.amount > 0 else 'DEBIT'}", f"<DTPOSTED>{_stamp(entry.date)}")
    yield from (f"<TRNAMT>{entry.amount:.2f}", f"<FITID>{fitid}", f"<CHECKNUM>{fitid}", f"<MEMO>{entry.text}", "</STMTTRN>")
