"""CNAB 240, retorno de cobrança (service 01, segments T, U and Y): titles, part by part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.cnab240_file import COLLECTION, Record, records
from retaguarda.formats.cnab240_layout import FILE_HEADER, SEGMENT_T, SEGMENT_T_BY_BANK, SEGMENT_U, SEGMENT_Y, Columns, cutter
from retaguarda.formats.parts import BeginReturn, EndReturn, ReturnPart
from retaguarda.formats.source import Line, Source
from retaguarda.formats.text import cents, charge, day_dmy, kept
from retaguarda.model.statements import Quarantined, Title, title_of

NO_MONEY = frozenset("ABSYZ")
"""Segments that tell more about a title (messages, PIX keys) and never carry a payment of their own."""
PIX_RECORDS = frozenset({"03", "04"})
_T = ("movement", "our_number", "document", "due", "face", "payer_type", "payer", "payer_name", "fee", "reasons")
_CUT_T = {bank: cutter(layout, *_T) for bank, layout in SEGMENT_T_BY_BANK.items()}
_CUT_U = cutter(SEGMENT_U, "movement", "interest", "discount", "rebate", "paid", "net", "occurrence", "credit")
_AMOUNTS = ("paid", "face", "interest", "discount", "rebate", "fee", "net")
TXID = re.compile(r"[A-Za-z0-9]{1,35}")
"""As the Banco Central allows it."""


def return_parts(source: Source) -> Iterator[ReturnPart]:
    """The retornos of a download of any size; raises IncompleteDownload when it holds none or is not whole."""
    titles, found = _Titles(""), False
    for record in records(source):
        if isinstance(record, tuple):
            yield from titles.taken(record)
        elif isinstance(record, Quarantined):
            yield record
        elif record.kind == "0":
            titles = _Titles(record.text[:3])
            yield _begin(record)
        else:
            yield from titles.rest()
            titles.of_collection = record.service == COLLECTION
            found = found or titles.of_collection
            yield from [EndReturn()] if record.kind == "9" else []
    if not found:
        raise IncompleteDownload("The CNAB 240 file holds no retorno de cobrança (service 01).")


def _begin(header: Record) -> BeginReturn:
    sequence = header.text[FILE_HEADER["sequence"]]
    known = int(sequence) if sequence.isascii() and sequence.isdigit() else 0
    return BeginReturn(header.text[:3], known, header.number(FILE_HEADER, "account"))


class _Titles:
    """Each T of a file with the U right behind it and the Y that follow; a half without the other is quarantined."""

    def __init__(self, bank: str) -> None:
        self._layout = SEGMENT_T_BY_BANK.get(bank, SEGMENT_T)
        self._cut = _CUT_T.get(bank) or cutter(SEGMENT_T, *_T)
        self.of_collection = False  # the lot
        self._waiting: Line | None = None
        self._told: Title | None = None

    def taken(self, line: Line) -> Sequence[ReturnPart]:
        """What a detail of a lot settles."""
        text, waiting = line[1], self._waiting
        segment = text[13] if self.of_collection and text[7] == "3" else ""
        if segment == "U" and waiting:
            self._waiting = None
            try:
                self._told = _title(self._cut(waiting[1]), _CUT_U(text), waiting[0])
            except ValueError as error:
                return (self._unread(waiting, text, str(error)),)
        elif segment == "T":
            settled, self._waiting = self.rest(), line
            return settled
        elif segment == "Y" and self._told:
            self._told = _with_pix(self._told, text)
        elif segment not in NO_MONEY:
            reason = "a segment U without its segment T" if segment == "U" else f"segment {text[13]!r} is not read"
            return (*self.rest(), Quarantined(line[0], reason, text.rstrip()))
        return ()

    def rest(self) -> Sequence[ReturnPart]:
        """The title that no further record can tell more about, or a T that was left alone."""
        told, alone = self._told, self._waiting
        self._told = self._waiting = None
        if alone:
            return (Quarantined(alone[0], "a segment T without its segment U", alone[1].rstrip()),)
        return (told,) if told else ()

    def _unread(self, t: Line, u: str, reason: str) -> Quarantined:
        reason = _not_an_amount(Record(*t), self._layout) or _not_an_amount(Record(t[0], u), SEGMENT_U) or reason
        return Quarantined(t[0], reason, f"{t[1].rstrip()}\n{u.rstrip()}")


def _with_pix(title: Title, y: str) -> Title:
    """The title with the txid that a Y of the same movement tells; as it was when it tells none."""
    told = y[SEGMENT_Y["txid"]].strip()
    of_title = y[SEGMENT_Y["record"]] in PIX_RECORDS and y[SEGMENT_Y["movement"]] == title.movement
    return title._replace(txid=told) if of_title and TXID.fullmatch(told) else title


def _title(t: tuple[str, ...], u: tuple[str, ...], line: int) -> Title:
    """The title of the fields of a segment T and of its segment U."""
    movement, our_number, document, due, face, payer_type, payer, payer_name, fee, reasons = t
    same_movement, interest, discount, rebate, paid, net, occurrence, credit = u
    if movement != same_movement:
        raise ValueError("segments T and U tell of different movements")
    face_value, paid_value, net_value = _sums(face, paid, net)
    occurred, credited = day_dmy(occurrence), day_dmy(credit)
    if paid_value and not (occurred or credited):
        raise ValueError("a paid title without a date")
    return title_of(
        (
            movement.strip(),
            our_number if our_number.isdigit() else " ".join(our_number.split()),
            document if document.isdigit() else " ".join(document.split()),
            day_dmy(due),
            face_value,
            paid_value,
            charge(interest),
            charge(discount) + charge(rebate),
            charge(fee),
            net_value,
            occurred,
            credited,
            _party(payer)[-11 if payer_type == "1" else -14 :],
            _party(payer_name),
            line,
            _reasons(reasons),
            "",
        )
    )


def _sums(face: str, paid: str, net: str) -> tuple[Decimal, Decimal, Decimal]:
    """The amounts, judged all at once."""
    together = face + paid + net
    if together.isdigit() and together.isascii():
        return Decimal(face + "E-2"), Decimal(paid + "E-2"), Decimal(net + "E-2")
    return cents(face), cents(paid), cents(net)


@kept
def _party(text: str) -> str:
    return " ".join(text.split())


def _not_an_amount(record: Record, layout: Columns) -> str:
    """Which field of a record is not an amount, and why; "" when all are."""
    for name in _AMOUNTS:
        try:
            record.cents(layout, name) if name in layout else None
        except ValueError as error:
            return str(error)
    return ""


@kept
def _reasons(codes: str) -> tuple[str, ...]:
    """Two characters each; zeros and blanks are none."""
    pairs = (codes[at : at + 2].strip() for at in range(0, len(codes), 2))
    return tuple(pair for pair in pairs if pair.strip("0"))
