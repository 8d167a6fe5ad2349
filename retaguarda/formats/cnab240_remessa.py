"""CNAB 240 remessa de cobrança: titles written for a bank, and read back to the last column before anybody sends them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from retaguarda.clock import SAO_PAULO
from retaguarda.errors import InvalidItem
from retaguarda.formats.cnab240_layout import WIDTH
from retaguarda.formats.cnab240_remessa_fields import RATES, line, needs_r, of_file, of_p, of_q, of_r
from retaguarda.formats.cnab240_remessa_layout import Layout, Picture, Record, layout_of
from retaguarda.formats.cnab240_remessa_rules import judge
from retaguarda.formats.text import day_dmy
from retaguarda.model.charges import Beneficiary, Charge, Discount, Instruction, Late, Payer, Protest, Rate, Remittance
from retaguarda.model.values import Cnpj

END = "\r\n"
REMEDY = "Make the remessa anew; do not send this file."


def write(remittance: Remittance) -> bytes:
    """The file: one lot, for each title segments P and Q, and R where it has a fine or a second discount.

    Lines of 240 ASCII characters, each ended by CR LF. Names and addresses are cut to their columns; anything else that does not
    fit, is missing or makes no sense raises InvalidItem with every flaw of every title. Source: cnab240_remessa_layout.
    """
    judge(remittance)
    layout, whole = layout_of(remittance.beneficiary.bank), of_file(layout_of(remittance.beneficiary.bank), remittance)
    details = _details(remittance)
    lines = [
        line(layout.file_header, whole),
        line(layout.lot_header, whole),
        *details,
        line(layout.lot_trailer, whole | {"records": len(details) + 2}),
        line(layout.file_trailer, whole | {"records": len(details) + 4}),
    ]
    return "".join(one + END for one in lines).encode("ascii")


def _details(remittance: Remittance) -> list[str]:
    owner, layout, ordinals = remittance.beneficiary, layout_of(remittance.beneficiary.bank), count(1)
    details = []
    for charge in remittance.charges:
        details.append(line(layout.p, of_p(layout, owner, charge) | {"ordinal": next(ordinals)}))
        details.append(line(layout.q, of_q(owner, charge) | {"ordinal": next(ordinals)}))
        if needs_r(charge):
            details.append(line(layout.r, of_r(owner, charge) | {"ordinal": next(ordinals)}))
    return details


@dataclass(frozen=True, slots=True)
class Read:
    """One line and the record that it is."""

    record: Record
    line: str

    def __contains__(self, name: str) -> bool:
        return name in self.record

    def raw(self, name: str) -> str:
        return self.line[self.record[name].columns]

    def said(self, name: str) -> str:
        """A text without the blanks behind it, a number without the zeros before it; "" for a field that the bank has not."""
        if name not in self:
            return ""
        raw = self.raw(name)
        return raw.lstrip("0") if self.record[name].picture is Picture.NUMBER else raw.rstrip()

    def day(self, name: str) -> dt.date:
        """Raises ValueError when there is none."""
        if found := day_dmy(self.raw(name)):
            return found
        raise ValueError(f"the field {name} holds no day")

    def money(self, name: str) -> Decimal:
        return Decimal(int(self.raw(name))).scaleb(-2)


def read_back(data: bytes) -> Remittance:
    """The remittance that `write` made these bytes of; raises InvalidItem with line and column where they are not its bytes.

    Strict without rules of its own: what was read is written again, and must give the same bytes: counts, sums, check digits,
    constants, blanks.

    Names and addresses come as the columns hold them. What a bank's layout does not carry comes empty: Caixa's account, the
    carteira of Bradesco's and Itaú's headers comes from the titles, Santander has no time of day (midnight).
    """
    lines = _lines(data)
    try:
        read = _remittance(layout_of(data[:3].decode("ascii")), lines)
    except ValueError as error:
        raise InvalidItem(f"the remessa cannot be read: {error}", remedy=REMEDY) from error
    _compare(data, write(read))
    return read


def _lines(data: bytes) -> list[str]:
    if not data.isascii():
        raise InvalidItem("the remessa holds characters outside ASCII", remedy=REMEDY)
    *lines, rest = data.decode("ascii").split(END)
    wrong = next((number for number, one in enumerate(lines, 1) if len(one) != WIDTH), len(lines) + 1 if rest else 0)
    if wrong:
        raise InvalidItem(f"line {wrong} of the remessa has not 240 characters and CR LF", remedy=REMEDY)
    kinds = "".join(one[7] for one in lines)
    if len(kinds) < 6 or kinds != f"01{'3' * (len(kinds) - 4)}59":
        raise InvalidItem("the remessa is not one file header, one lot and one file trailer", remedy=REMEDY)
    return lines


def _compare(data: bytes, again: bytes) -> None:
    if data == again:
        return
    at = next((at for at, (one, other) in enumerate(zip(data, again, strict=False)) if one != other), min(len(data), len(again)))
    row, column = divmod(at, WIDTH + len(END))
    raise InvalidItem(f"line {row + 1}, column {column + 1} of the remessa is not what the layout asks for", remedy=REMEDY)


def _remittance(layout: Layout, lines: Sequence[str]) -> Remittance:
    header, lot = Read(layout.file_header, lines[0]), Read(layout.lot_header, lines[1])
    titles = _titles(layout, lines[2:-2])
    time = header.raw("time") if "time" in header else "000000"
    return Remittance(
        beneficiary=_beneficiary(layout, (header, lot, titles[0]["P"])),
        sequence=int(header.raw("sequence")),
        created=dt.datetime.combine(header.day("day"), dt.time(int(time[:2]), int(time[2:4]), int(time[4:])), SAO_PAULO),
        charges=tuple(_charge(layout, title) for title in titles),
    )


def _titles(layout: Layout, details: Sequence[str]) -> list[dict[str, Read]]:
    """The segments of each title, by letter; a P begins the next."""
    records = {"P": layout.p, "Q": layout.q, "R": layout.r}
    titles: list[dict[str, Read]] = []
    for detail in details:
        segment = detail[13]
        if segment == "P":
            titles.append({})
        if segment not in records or not titles or segment in titles[-1]:
            raise ValueError(f"segment {segment!r} stands where none may")
        titles[-1][segment] = Read(records[segment], detail)
    if not titles or any("Q" not in title for title in titles):
        raise ValueError("a title has no segment Q")
    return titles


def _beneficiary(layout: Layout, reads: Sequence[Read]) -> Beneficiary:
    def said(name: str) -> str:
        return next((read.said(name) for read in reads if name in read), "")

    transmission = next((read.raw("transmission") for read in reads if "transmission" in read), "")
    told = transmission.startswith(f"{said('branch').zfill(4)}0000")
    return Beneficiary(
        bank=reads[0].raw("bank"),
        name=said("name"),
        cnpj=Cnpj(reads[0].raw("cnpj")[-14:]),
        branch=said("branch"),
        branch_digit=_digit(reads, "branch_digit"),
        account=said("account"),
        account_digit=_digit(reads, "account_digit"),
        agreement=transmission[8:].lstrip("0") if told else said("agreement"),
        wallet=_wallet(layout, said("wallet"), said("wallet_code")),
        variation=next((read.raw("variation") for read in reads if "variation" in read), ""),
        transmission="" if told else transmission,
    )


def _digit(reads: Sequence[Read], name: str) -> str:
    """A check digit as it stands: 0 is one."""
    return next((read.raw(name).strip() for read in reads if name in read), "")


def _wallet(layout: Layout, told: str, code: str) -> str:
    """The carteira in the two digits or more of its name, from its column or from the code that stands for it."""
    if told:
        return told.zfill(2)
    return next((wallet for wallet, known in (layout.wallets or {}).items() if known == code), code)


def _charge(layout: Layout, title: dict[str, Read]) -> Charge:
    p, extra = title["P"], title.get("R")
    return Charge(
        our_number=p.raw("our_number").strip(),
        document=p.said("document"),
        issue_date=p.day("issued"),
        due_date=p.day("due"),
        face_value=p.money("face"),
        payer=_payer(title["Q"]),
        instruction=Instruction(p.raw("movement")),
        species=next((species for species, code in layout.species.items() if code == p.raw("species")), next(iter(layout.species))),
        accepted=p.raw("accepted") == "A",
        reference=p.said("reference"),
        interest=_late(p, "interest"),
        fine=_late(extra, "fine") if extra else None,
        discounts=tuple(found for read in (p, extra) if read and (found := _discount(read))),
        rebate=p.money("rebate"),
        protest=_protest(layout, p),
        cancel_after=int(p.raw("cancel_days")) if p.raw("cancel_code") == layout.cancel[1] else None,
    )


def _payer(q: Read) -> Payer:
    return Payer(
        document=q.raw("payer")[-11:] if q.raw("payer_type") == "1" else q.raw("payer")[-14:],
        name=q.said("payer_name"),
        address=q.said("address"),
        district=q.said("district"),
        postcode=q.raw("postcode"),
        city=q.said("city"),
        state=q.said("state"),
    )


def _rate(read: Read, name: str) -> Rate:
    """By its code; banks whose column is always zero take reais only."""
    return Rate.PERCENT if read.raw(f"{name}_code") == RATES[Rate.PERCENT] else Rate.AMOUNT


def _late(read: Read, name: str) -> Late | None:
    value = read.money(name)
    return Late(_rate(read, name), value) if value else None


def _discount(read: Read) -> Discount | None:
    value = read.money("discount")
    return Discount(read.day("discount_day"), _rate(read, "discount"), value) if value else None


def _protest(layout: Layout, p: Read) -> Protest | None:
    code = p.raw("protest_code")
    return None if code == layout.protest[0] else Protest(int(p.raw("protest_days")), business=code == layout.protest[2])
