"""Banco Ipê's statement file: CAMT.053 (ISO 20022) in the dialect of a bank that introduced it for its corporate customers.

The bank's clearing code and the account's number stand where other banks put an IBAN; the opening balance is OPBD, the closing one
CLBD, or ITBD (interim) while the period reaches today.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from xml.sax.saxutils import escape

from sandbox.ledger import Extract, Posted

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def camt053(extract: Extract, number: int, now: dt.datetime) -> bytes:
    """The period's movements as UTF-8 XML, one element a line where it is short."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<Document xmlns="{NAMESPACE}">', "<BkToCstmrStmt>"]
    lines += [f"<GrpHdr><MsgId>IPE{number:08d}</MsgId><CreDtTm>{now.isoformat(timespec='seconds')}</CreDtTm></GrpHdr>", "<Stmt>"]
    lines += [f"<Id>{number}</Id><FrToDt><FrDtTm>{extract.start}T00:00:00</FrDtTm><ToDtTm>{extract.end}T23:59:59</ToDtTm></FrToDt>"]
    lines += [*_account(extract), _balance("OPBD", extract.opening, extract.start)]
    lines += [_balance("ITBD" if extract.provisional else "CLBD", extract.closing, extract.end)]
    if extract.provisional:
        lines += [_balance("CLBD", extract.closing, extract.end)]
    lines += [entry for posted in extract.posted for entry in _entry(posted)]
    return "\n".join([*lines, "</Stmt>", "</BkToCstmrStmt>", "</Document>", ""]).encode()


def _account(extract: Extract) -> Iterator[str]:
    account = extract.account
    yield f"<Acct><Id><Othr><Id>{account.branch} {account.number}-{account.digit}</Id></Othr></Id><Ccy>BRL</Ccy>"
    yield f"<Ownr><Nm>{escape(account.holder.name)}</Nm></Ownr>"
    yield f"<Svcr><FinInstnId><ClrSysMmbId><MmbId>{account.bank}</MmbId></ClrSysMmbId></FinInstnId></Svcr></Acct>"


def _balance(kind: str, amount: Decimal, day: dt.date) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_money(amount)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def _money(amount: Decimal) -> str:
    return f'<Amt Ccy="BRL">{abs(amount):.2f}</Amt><CdtDbtInd>{"DBIT" if amount < 0 else "CRDT"}</CdtDbtInd>'


def _entry(posted: Posted) -> Iterator[str]:
    entry = posted.entry
    yield f"<Ntry>{_money(entry.amount)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{entry.date}</Dt></BookgDt>"
    yield f"<AcctSvcrRef>{entry.date:%Y%m%d}{posted.sequence:04d}</AcctSvcrRef>"
    yield f"<NtryDtls><TxDtls><Refs><EndToEndId>{escape(entry.document) or 'NOTPROVIDED'}</EndToEndId></Refs></TxDtls></NtryDtls>"
    yield f"<AddtlNtryInf>{escape(entry.text)}</AddtlNtryInf></Ntry>"
