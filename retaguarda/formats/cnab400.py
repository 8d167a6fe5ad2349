"""CNAB 400, retorno de cobrança: titles, one record in memory at a time, by the layouts of cnab400_layout.

Real files strip trailing blanks, carry a BOM or 0x1A, blank lines, a 401st column, or no line ends at all; that is mended.
A record that cannot be understood is quarantined. A file that lost its end, whose records are not numbered one after the other or
whose trailer states other counts and sums than it has, is not whole and is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from pathlib import Path

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import cnab400_layout
from retaguarda.formats.cnab400_layout import COMMON, NOWHERE, SETTLING, WIDTH, Layout
from retaguarda.formats.parts import BeginReturn, EndReturn, ReturnPart
from retaguarda.formats.source import Line, Source
from retaguarda.formats.text import cents, charge, day_dmy, kept
from retaguarda.model.statements import Quarantined, Title, title_of

_HEADER = re.compile(r"02RETORNO01.{65}[0-9]{3}", re.DOTALL)
_BANK, _NUMBER = slice(76, 79), slice(394, WIDTH)
_NUMBERS = 10**6
"""Records are numbered with six digits; a longer file begins again."""
_BLANK = " \t\r\n\0\x1a\ufeff"
_ZERO = Decimal("0.00")
_FIELDS = (
    *("occurrence", "our_number", "document", "due", "face", "fee", "occurrence_day", "credit_day", "payer", "payer_name"),
    *("interest", "other_charges", "discount", "rebate", "value", "net", "net_side"),
)


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is a CNAB 400 retorno de cobrança."""
    first = _first_line(head)
    return bool(_HEADER.match(first)) and (len(first) <= WIDTH or _endless(first))


def parts(source: Source, layouts: Path | None = None) -> Iterator[ReturnPart]:
    """The titles of a download, which may hold several files; the first record is read only when the first part is asked for.

    Args:
        source: the download.
        layouts: a folder with layout files of one's own.

    Raises:
        IncompleteDownload: it is no CNAB 400 retorno or not whole; nothing that came before counts then.
        ConfigurationError: a layout file is wrong.
    """
    known = cnab400_layout.layouts(layouts)
    file: _File | None = None
    for line, text in _records(source):
        if file is None or (file.closed and _HEADER.match(text)):
            yield from [EndReturn()] if file else []
            file = _File(text, known)
        else:
            yield from file.read(line, text)
    if file is None:
        raise _foreign()
    yield from file.finished()


def _foreign() -> IncompleteDownload:
    return IncompleteDownload("The file is not a CNAB 400 retorno de cobrança.", remedy="Check what the portal gave.")


def _broken(why: str) -> IncompleteDownload:
    return IncompleteDownload(f"The CNAB 400 file is not whole: {why}.", remedy="Download it again.")


def _first_line(head: bytes) -> str:
    text = "".join(Source.of(head).text()).lstrip(_BLANK)
    return re.split(r"[\r\n]", text, maxsplit=1)[0].rstrip(_BLANK)


def _endless(first: str) -> bool:
    """Whether a line is a whole file without line ends: behind the number of its header the next record begins."""
    return len(first) >= 2 * WIDTH and bool(re.match(r"[0-9]{7}", first[_NUMBER.start :]))


def _records(source: Source) -> Iterator[Line]:
    """The lines that are not blank, without the blanks at their end."""
    first = _first_line(source.head)
    for number, line in _pieces(source) if _endless(first) else source.lines():
        if text := line.rstrip(_BLANK):
            yield number, text


def _pieces(source: Source) -> Iterator[Line]:
    """Every 400 characters of a file without line ends."""
    number, rest = 1, ""
    for piece in source.text():
        rest = (rest + piece).lstrip(_BLANK) if number == 1 else rest + piece
        whole = len(rest) // WIDTH * WIDTH
        for at in range(0, whole, WIDTH):
            yield number, rest[at : at + WIDTH]
            number += 1
        rest = rest[whole:]
    yield number, rest


class _File:
    """One file from its header to its trailer, and what was counted on the way."""

    def __init__(self, header: str, known: Mapping[str, Layout]) -> None:
        if not _HEADER.match(header):
            raise _foreign()
        self.closed = False
        self._header, self._begun = header, False
        self._bank = header[_BANK]
        self._layout = known.get(self._bank, known[COMMON])
        self._cut = itemgetter(*(getattr(self._layout.detail, name) for name in _FIELDS))
        number = _number(header[_NUMBER])
        self._number = 1 if number is None else number
        self._unread = 0  # lines since the last number: each may have had one of its own
        self._records = self._details = self._odd = 0
        self._face = _ZERO
        self._seen: Counter[str] = Counter()

    def read(self, line: int, text: str) -> Sequence[ReturnPart]:
        """What the next line tells."""
        begun = () if self._begun else (self._begin(text),)
        self._records += 1
        try:
            title = self._read(line, text)
        except ValueError as error:
            self._odd += 1
            return (*begun, Quarantined(line, str(error), text[: 4 * WIDTH]))
        return (*begun, title) if title else begun

    def finished(self) -> Iterator[ReturnPart]:
        """The file's end, once its last line was read."""
        if not self.closed:
            raise _broken("its last line is not a file trailer")
        yield EndReturn()

    def _begin(self, first: str) -> BeginReturn:
        """Some banks tell the account in the titles' records only."""
        self._begun = True
        header, detail = self._layout.header, self._layout.detail
        account = _account(first, detail.account, detail.account_digit) if first[0] == self._layout.details else ""
        sequence = _number(self._header[header.sequence]) or 0
        return BeginReturn(self._bank, sequence, account or _account(self._header, header.account, header.account_digit))

    def _read(self, line: int, text: str) -> Title | None:
        if self.closed:
            raise ValueError("the record stands behind the file's trailer")
        number = _number(text[_NUMBER])
        if len(text) != WIDTH or number is None:
            self._unread += 1
            raise ValueError("the line is not a CNAB 400 record")
        self._follow(line, number)
        kind = text[0]
        if kind == self._layout.details:
            return self._title(line, text)
        if kind == "9":
            self._close(line, text)
        elif kind == "0":
            raise _broken(f"a second file header stands at line {line} before the first file's trailer")
        elif kind not in self._layout.read_over:
            raise ValueError(f"a record of type {kind} is not read")
        return None

    def _follow(self, line: int, number: int) -> None:
        """Each record has the number after the one before it; unread lines between them may have had theirs."""
        if (number - self._number - 1) % _NUMBERS > self._unread:
            raise _broken(f"line {line} has the number {number} after {self._number}: a line was lost or came twice")
        self._number, self._unread = number, 0

    def _title(self, line: int, text: str) -> Title:
        self._details += 1
        fields = self._cut(text)
        if (own := fields[0]) in self._layout.occurrences:
            self._seen[own] += 1
        title = _title(self._layout, fields, line)
        self._face += title.face_value
        return title

    def _close(self, line: int, text: str) -> None:
        self.closed = True
        trailer, inside = self._layout.trailer, self._records - 1
        self._judge(line, text[trailer.details], "records", self._details, inside)
        for count in trailer.counts:
            surely, perhaps = (sum(self._seen[code] for code in codes) for codes in (count.occurrences, count.perhaps))
            self._judge(line, text[count.at], f"× {'/'.join(sorted(count.occurrences))}", surely, surely + perhaps + self._odd)
        if not self._odd:
            self._judge_face(line, cents(text[trailer.face]))

    def _judge(self, line: int, told: str, what: str, least: int, most: int) -> None:
        """Compare a stated count with ours; zeros and blanks state nothing."""
        stated = _number(told)
        if stated and not least <= stated <= most:
            raise _broken(f"the trailer of line {line} states {stated} {what}, the file has {least}")

    def _judge_face(self, line: int, stated: Decimal) -> None:
        if stated not in {_ZERO, self._face}:
            raise IncompleteDownload(
                f"The trailer of line {line} states face values of {stated}, the lines add up to {self._face}.", remedy="Download it again."
            )


def _title(layout: Layout, fields: tuple[str, ...], line: int) -> Title:
    """The title of the fields _FIELDS."""
    own, our_number, document, due, face, fee, occurred, credited, payer, payer_name, *charges = fields
    interest, other_charges, discount, rebate, value, net, net_side = charges
    movement = layout.movement(own)
    face_value, fee_value = cents(face), charge(fee)
    added, taken = charge(interest) + charge(other_charges), charge(discount) + charge(rebate)
    paid, credit = _paid_and_net(layout, cents(value), movement in SETTLING, face_value + added - taken, added, fee_value)
    if layout.detail.net != NOWHERE and not (layout.value_is == "credited" and movement not in SETTLING):
        credit = -cents(net) if layout.debit and net_side == layout.debit else cents(net)
    occurrence_day, credit_day = _day(occurred), _day(credited)
    if paid and not (occurrence_day or credit_day):
        raise ValueError("a paid title without a date")
    return title_of(
        (
            movement,
            " ".join(our_number.split()),
            " ".join(document.split()),
            _day(due),
            face_value,
            paid,
            added,
            taken,
            fee_value,
            credit,
            occurrence_day,
            credit_day,
            _party(payer),
            _party(payer_name),
            line,
            (),
            "",
        )
    )


def _paid_and_net(layout: Layout, value: Decimal, settles: bool, owed: Decimal, added: Decimal, fee: Decimal) -> tuple[Decimal, Decimal]:
    """What the payer paid and what was credited of it, by what the bank's value means (see layouts/cnab400/febraban.toml)."""
    if layout.value_is == "credited" and not settles:
        return _ZERO, _ZERO
    lacking = {"paid": _ZERO, "credited": fee, "principal": added}[layout.value_is]
    paid = value if not value or value == owed else value + lacking
    return paid, value if layout.value_is == "credited" else paid


@kept
def _party(text: str) -> str:
    return " ".join(text.split())


def _said(text: str, at: slice) -> str:
    return " ".join(text[at].split())


def _account(text: str, at: slice, digit: slice) -> str:
    """An account without leading zeros, its check digit after a dash."""
    return "-".join(part for part in (_said(text, at).lstrip("0"), _said(text, digit)) if part)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


@kept
def _day(text: str) -> dt.date | None:
    """DDMMAA of this century, or DDMMAAAA; zeros and blanks are None."""
    digits = text.strip()
    return day_dmy(f"{digits[:4]}20{digits[4:]}" if len(digits) == 6 and digits.strip("0") else digits)
