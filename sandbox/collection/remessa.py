"""A remessa de cobrança (CNAB 240, P/Q and R) is read to the last column, as the banks' validators do.

What is wrong with the file as a whole refuses it; what is wrong with one title rejects that title with FEBRABAN's reasons (C047).
Written from the layout alone: it shares nothing with any program that makes such files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from sandbox.banking import Problem
from sandbox.companies import cnpj
from sandbox.ledger import Account

MOST_BYTES = 8_000_000
STATES = "AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO"
SPECIES = frozenset({"02", "04", "99"})


@dataclass(frozen=True)
class Title:
    """A title as the file tells it; `reasons` are the codes for which it is rejected whatever else the bank holds."""

    line: int
    our_number: str
    document: str
    payer: str
    payer_name: str
    due: dt.date | None
    face: Decimal
    reference: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Remessa:
    """A file that holds together."""

    sequence: int
    titles: tuple[Title, ...]
    total: Decimal


def read(data: bytes, account: Account, processing_day: dt.date) -> Remessa:
    """The remessa in `data`; raises Problem that names line, columns and what the bank wants there.

    What the bank makes of its sequence number is not judged here.
    """
    lines = _lines(data)
    sequence = _header(lines[0], account)
    _lot_header(lines[1], account, sequence)
    titles = tuple(_titles(lines, account, processing_day))
    total = sum((title.face for title in titles), Decimal("0.00"))
    _trailers(lines, len(titles), total)
    return Remessa(sequence, titles, total)


class _Line:
    """One line of the file by its number; `must` refuses the file."""

    def __init__(self, number: int, text: str) -> None:
        self.number, self.text = number, text

    def at(self, start: int, end: int) -> str:
        return self.text[start - 1 : end]

    def must(self, start: int, end: int, wanted: str, what: str) -> None:
        if self.at(start, end) != wanted:
            self.refuse(start, end, f"{what}: esperado {wanted!r}, informado {self.at(start, end)!r}")

    def digits(self, start: int, end: int, what: str) -> int:
        given = self.at(start, end)
        if not (given.isascii() and given.isdigit()):
            self.refuse(start, end, f"{what} não numérico: {given!r}")
        return int(given)

    def day(self, start: int, what: str) -> dt.date | None:
        """The day in DDMMAAAA; None for zeros or for a day that no calendar has."""
        given = f"{self.digits(start, start + 7, what):08d}"
        try:
            return dt.date(int(given[4:]), int(given[2:4]), int(given[:2]))
        except ValueError:
            return None

    def refuse(self, start: int, end: int, why: str) -> None:
        raise Problem(f"Remessa recusada: linha {self.number}, posições {start} a {end}: {why}.")


def _lines(data: bytes) -> list[_Line]:
    if not data or len(data) > MOST_BYTES:
        raise Problem("Remessa recusada: arquivo vazio ou maior que 8 MB.")
    if not data.endswith(b"\r\n") or b"\x1a" in data:
        raise Problem("Remessa recusada: cada registro termina com CR LF, e nada vem depois do último.")
    lines = [_Line(number, text) for number, text in enumerate(data.decode("latin-1")[:-2].split("\r\n"), 1)]
    for line in lines:
        if len(line.text) != 240:
            raise Problem(f"Remessa recusada: linha {line.number} com {len(line.text)} posições; o registro tem 240.")
    if len(lines) < 6:
        raise Problem("Remessa recusada: faltam registros; o menor arquivo tem seis.")
    return lines


def _header(line: _Line, account: Account) -> int:
    line.must(1, 8, f"{account.bank:03d}00000", "banco, lote e registro")
    line.must(18, 18, "2", "tipo de inscrição")
    line.must(19, 32, account.holder.cnpj, "CNPJ da empresa")
    line.must(33, 52, account.agreement.ljust(20), "convênio")
    _account(line, account, 53)
    line.must(143, 143, "1", "código de remessa")
    if line.day(144, "data de geração") is None:
        line.refuse(144, 151, "data de geração inválida")
    line.digits(152, 157, "hora de geração")
    line.must(164, 166, "103", "versão do leiaute do arquivo")
    return line.digits(158, 163, "NSA")


def _account(line: _Line, account: Account, start: int) -> None:
    line.must(start, start + 5, f"{account.branch.zfill(5)}{account.branch_digit:1}", "agência")
    line.must(start + 6, start + 18, f"{account.number.zfill(12)}{account.digit}", "conta")


def _lot_header(line: _Line, account: Account, sequence: int) -> None:
    line.must(1, 8, f"{account.bank:03d}00011", "banco, lote e registro")
    line.must(9, 11, "R01", "operação e serviço")
    line.must(14, 16, "060", "versão do leiaute do lote")
    line.must(18, 33, f"2{account.holder.cnpj.rjust(15, '0')}", "inscrição da empresa")
    line.must(34, 53, account.agreement.ljust(20), "convênio")
    _account(line, account, 54)
    line.must(184, 191, f"{sequence:08d}", "número da remessa")


def _titles(lines: Sequence[_Line], account: Account, processing_day: dt.date) -> Iterator[Title]:
    """P and Q of each title, R where there is one; the ordinals run on."""
    ordinals, at = count(1), 2
    while at < len(lines) - 2:
        p = _segment(lines[at], account, "P", next(ordinals))
        if at + 1 >= len(lines) - 2:
            raise Problem(f"Remessa recusada: linha {at + 1}: falta o segmento Q do título.")
        q = _segment(lines[at + 1], account, "Q", next(ordinals))
        at += 2
        if at < len(lines) - 2 and lines[at].at(14, 14) == "R":
            _segment(lines[at], account, "R", next(ordinals))
            at += 1
        _account(p, account, 18)
        yield _title(p, q, processing_day)


def _segment(line: _Line, account: Account, name: str, ordinal: int) -> _Line:
    line.must(1, 8, f"{account.bank:03d}00013", "banco, lote e registro")
    line.must(9, 13, f"{ordinal:05d}", "número sequencial do registro no lote")
    line.must(14, 14, name, "segmento")
    return line


def _title(p: _Line, q: _Line, processing_day: dt.date) -> Title:
    due, face = p.day(78, "vencimento"), Decimal(p.digits(86, 100, "valor nominal")) / 100
    issued, payer = p.day(110, "data de emissão"), q.at(19, 33).lstrip("0").rjust(14 if q.at(18, 18) == "2" else 11, "0")
    number = p.at(38, 57).strip()
    broken = (
        ("05", p.at(16, 17) != "01" or q.at(16, 17) != p.at(16, 17)),
        ("08", not (number.isascii() and number.isdigit() and int(number))),
        ("10", p.at(58, 58) != "1"),
        ("16", due is None or due < processing_day),
        ("20", face <= 0),
        ("21", p.at(107, 108) not in SPECIES),
        ("24", issued is None or (due is not None and issued > due)),
        ("46", not _is_payer(q.at(18, 18), payer)),
        ("45", not q.at(34, 73).strip()),
        ("47", not q.at(74, 113).strip()),
        ("48", not q.digits(129, 136, "CEP")),
        ("52", q.at(152, 153) not in STATES.split()),
    )
    reasons = tuple(code for code, wrong in broken if wrong)
    name, reference = q.at(34, 73).strip(), p.at(196, 220).strip()
    return Title(p.number, number, p.at(63, 77).strip(), payer, name, due, face, reference, reasons)


def _is_payer(kind: str, document: str) -> bool:
    if kind == "2":
        return len(document) == 14 and document.isalnum() and cnpj(document[:12]) == document
    if kind != "1" or len(document) != 11 or not document.isdigit() or len(set(document)) == 1:
        return False
    for length in (9, 10):
        rest = sum(int(digit) * weight for digit, weight in zip(document, range(length + 1, 1, -1), strict=False)) * 10 % 11 % 10
        if rest != int(document[length]):
            return False
    return True


def _trailers(lines: Sequence[_Line], titles: int, total: Decimal) -> None:
    lot, file = lines[-2], lines[-1]
    lot.must(4, 8, "00015", "lote e registro")
    lot.must(18, 23, f"{len(lines) - 2:06d}", "quantidade de registros do lote")
    lot.must(24, 29, f"{titles:06d}", "quantidade de títulos")
    lot.must(30, 46, f"{int(total * 100):017d}", "valor total dos títulos")
    file.must(4, 8, "99999", "lote e registro")
    file.must(18, 23, "000001", "quantidade de lotes")
    file.must(24, 29, f"{len(lines):06d}", "quantidade de registros")
