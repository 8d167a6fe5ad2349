"""Bank files of any length for measurements, written piece by piece: synthetic, a third of the movements debits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

SEGMENT = 240
RECORD = 400
WRAPPED = 100_000
"""Documents repeat after so many entries, so that each entry is as long as the other."""


def _cents(n: int) -> int:
    """Cents of the n-th movement, signed: every third one a debit."""
    return (n % 9999 * 100 + n % 100 + 1) * (-1 if n % 3 == 2 else 1)


def _total(count: int) -> int:
    return sum(map(_cents, range(count)))


def _text(n: int) -> str:
    return f"PIX ENVIADO FORNECEDORA {n % 977}" if n % 3 == 2 else f"TED RECEBIDA COMERCIALIZADORA {n % 977}"


def ofx(count: int) -> Iterator[str]:
    """Itaú's dialect."""
    return _ofx(count, _cents)


def ofx_credits(count: int) -> Iterator[str]:
    """Without a single debit: whether the bank writes signs can be told from the whole file only."""
    return _ofx(count, lambda n: abs(_cents(n)))


def _ofx(count: int, cents: Callable[[int], int]) -> Iterator[str]:
    yield "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
    yield "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261130100000"
    yield "<LANGUAGE>POR<FI><ORG>BANCO<FID>341</FI></SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO"
    yield "</STATUS><STMTRS><CURDEF>BRL<BANKACCTFROM><BANKID>341<ACCTID>1234567890<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>"
    yield "<DTSTART>20261101<DTEND>20261130\n"
    for n in range(count):
        amount = cents(n)
        yield f"<STMTTRN>\n<TRNTYPE>{'DEBIT' if amount < 0 else 'CREDIT'}\n<DTPOSTED>202611{n % 28 + 1:02}100000\n"
        yield f"<TRNAMT>{amount / 100:.2f}\n<FITID>{n:010}\n<CHECKNUM>{n % WRAPPED:06}\n<MEMO>{_text(n)}\n</STMTTRN>\n"
    yield "</BANKTRANLIST><LEDGERBAL><BALAMT>1.00<DTASOF>20261130</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"


def cnab240(count: int) -> Iterator[str]:
    """A FEBRABAN extrato; counts are left blank, since a lot of FEBRABAN's has 999,999 lines at most."""
    yield _columns({1: "34100000", 143: "20112026", 158: "000001"}, SEGMENT)
    yield _columns({1: "34100011E0440033", 53: "012340000000567890", 143: f"01112026{0:018}CFBRL"}, SEGMENT)
    for n in range(count):
        amount, day = _cents(n), f"{n % 28 + 1:02}112026"
        money = f"{day}{abs(amount):018}{'D' if amount < 0 else 'C'}2010000{_text(n)}"
        yield _columns({1: f"34100013{n % 99999 + 1:05}E", 143: money[:59], 202: f"{n % WRAPPED}"}, SEGMENT)
    total = _total(count)
    yield _columns({1: "34100015", 143: f"30112026{abs(total):018}{'D' if total < 0 else 'C'}F"}, SEGMENT)
    yield _columns({1: "34199999", 18: "000001"}, SEGMENT)


def cnab240_return(count: int) -> Iterator[str]:
    """Itaú's retorno de cobrança: a segment T and a segment U for each title paid."""
    yield _columns({1: "34100000", 59: "000000056789", 71: "0", 143: "220112026", 158: f"{417:06}"}, SEGMENT)
    yield _columns({1: "34100011T0100040"}, SEGMENT)
    for n in range(count):
        cents, number, day = _charged(n), n % 49999 * 2 + 1, n % 28 + 1
        yield _columns(
            {
                1: f"34100013{number:05}T 06", 38: "109", 41: f"{n % 10**8:08}", 59: f"{n % WRAPPED:010}", 74: f"{day:02}112026{cents:015}",
                97: "34101234", 106: f"NF {n}", 131: "092", 134: "011222333000181", 149: f"INDUSTRIA BETA {n % 977} SA",
                199: f"{210:015}{0:010}",
            },
            SEGMENT,
        )  # fmt: skip
        money = f"{150:015}{0:045}{cents + 150:015}{cents - 60:015}{0:030}"
        yield _columns({1: f"34100013{number + 1:05}U 06{money}{day:02}112026{day % 28 + 1:02}112026"}, SEGMENT)
    yield _columns({1: "34100015"}, SEGMENT)
    yield _columns({1: "34199999", 18: "000001"}, SEGMENT)


def cnab400_return(count: int) -> Iterator[str]:
    """Itaú's retorno de cobrança; records are numbered with six digits and begin again."""
    yield _columns({1: "02RETORNO01COBRANCA", 27: "12340056789", 77: "341BANCO ITAU SA", 95: "091126", 109: "00417", 395: "000001"}, RECORD)
    for n in range(count):
        cents, day = _charged(n), n % 28 + 1
        yield _columns(
            {
                1: "10211222333000181", 18: "12340056789", 38: f"NF {n}", 63: f"{n % 10**8:08}", 109: f"06{day:02}1126",
                117: f"NF-{n % WRAPPED}", 147: f"{day:02}1126", 153: f"{cents:013}", 176: f"{210:013}", 228: f"{0:026}",
                254: f"{cents - 210:013}{0:026}", 296: f"{day % 28 + 1:02}1126", 325: f"INDUSTRIA BETA {n % 977} SA",
                395: f"{(n + 2) % 10**6:06}",
            },
            RECORD,
        )  # fmt: skip
    yield _columns({1: "9201341", 395: f"{(count + 2) % 10**6:06}"}, RECORD)


def _charged(n: int) -> int:
    return abs(_cents(n)) + 10_000


def _columns(fields: Mapping[int, str], width: int) -> str:
    """A record with each text at its first column, counted from 1."""
    text = ""
    for first, field in fields.items():
        text = text.ljust(first - 1) + field
    return text.ljust(width) + "\r\n"


def mt940(count: int) -> Iterator[str]:
    """One page with a :86: an entry."""
    yield ":20:STMT\r\n:25:341/1234567890\r\n:28C:1/1\r\n:60F:C261101BRL0,00\r\n"
    for n in range(count):
        day, amount = f"{n % 28 + 1:02}", _cents(n)
        side, money = "D" if amount < 0 else "C", f"{abs(amount) // 100},{abs(amount) % 100:02}"
        yield f":61:2611{day}11{day}{side}{money}NTRF{n % WRAPPED}//{n:010}\r\n:86:{_text(n)}\r\n"
    total = _total(count)
    yield f":62F:{'D' if total < 0 else 'C'}261130BRL{abs(total) // 100},{abs(total) % 100:02}\r\n-\r\n"


def canonical(count: int) -> Iterator[str]:
    """Our own CSV."""
    yield "line_id,account_id,file_id,date,amount,hist_code,doc_number,fitid,description\n"
    for n in range(count):
        yield f"{n},341/1234/56789-0,F1,2026-11-{n % 28 + 1:02},{_cents(n) / 100:.2f},201,{n % WRAPPED},{n:010},{_text(n)}\n"


def camt053(count: int) -> Iterator[str]:
    """One Ntry with one TxDtls an entry, as ISO 20022 wants it."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
    yield "<GrpHdr><MsgId>1</MsgId><CreDtTm>2026-11-30T10:00:00</CreDtTm></GrpHdr><Stmt><Id>1</Id>"
    yield "<Acct><Id><IBAN>BR9160701190012340000567890C1</IBAN></Id><Ccy>BRL</Ccy></Acct>\n"
    for n in range(count):
        amount, day = _cents(n), f"2026-11-{n % 28 + 1:02}"
        side, party = ("DBIT", "Cdtr") if amount < 0 else ("CRDT", "Dbtr")
        yield f'<Ntry><Amt Ccy="BRL">{abs(amount) / 100:.2f}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        yield f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{n:010}</AcctSvcrRef>"
        yield f"<NtryDtls><TxDtls><Refs><EndToEndId>E{n:08}</EndToEndId></Refs><RltdPties><{party}><Nm>Empresa {n % 977}</Nm></{party}>"
        yield f"</RltdPties><RmtInf><Ustrd>{_text(n)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    yield "</Stmt></BkToCstmrStmt></Document>\n"


def camt053_plain(count: int) -> Iterator[str]:
    """One Ntry an entry, without details."""
    yield '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
    yield "<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>1</Id>"
    yield "<Acct><Id><IBAN>BR9160701190012340000567890C1</IBAN></Id><Ccy>BRL</Ccy></Acct>\n"
    for n in range(count):
        amount, day = _cents(n), f"2026-11-{n % 28 + 1:02}"
        yield f'<Ntry><Amt Ccy="BRL">{abs(amount) / 100:.2f}</Amt><CdtDbtInd>{"DBIT" if amount < 0 else "CRDT"}</CdtDbtInd>'
        yield f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{n:010}</AcctSvcrRef>"
        yield f"<AddtlNtryInf>{_text(n)}</AddtlNtryInf></Ntry>\n"
    yield "</Stmt></BkToCstmrStmt></Document>\n"


FILES: Mapping[str, tuple[str, Callable[[int], Iterator[str]]]] = {
    "OFX": (".ofx", ofx),
    "OFX, credits only": (".ofx", ofx_credits),
    "CNAB 240 extrato": (".ret", cnab240),
    "CNAB 240 retorno": (".ret", cnab240_return),
    "CNAB 400 retorno": (".ret", cnab400_return),
    "MT940": (".sta", mt940),
    "our CSV": (".csv", canonical),
    "CAMT.053": (".xml", camt053),
    "CAMT.053, no details": (".xml", camt053_plain),
}
"""Each format's extension, which some libraries ask for, and its file of so many entries."""
