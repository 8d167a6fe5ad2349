"""What must be right before a remessa is written: every field fits its columns, every title makes sense. All flaws at once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from stdnum.br import cpf

from retaguarda.errors import InvalidItem
from retaguarda.formats.cnab240_remessa_fields import (
    Value,
    Values,
    needs_r,
    of_beneficiary,
    of_file,
    of_p,
    of_q,
    of_r,
    printable,
    value_of,
    written,
)
from retaguarda.formats.cnab240_remessa_layout import Layout, Picture, Place, Record, layout_of
from retaguarda.model.charges import NOTHING, Beneficiary, Charge, Discount, Late, Rate, Remittance
from retaguarda.model.our_numbers import number_width
from retaguarda.model.values import CENT, Cnpj

STATES = "AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO"
MAY_BE_EMPTY = frozenset({"bank_name", "agreement", "branch_digit", "account_digit", "reference", "district"})
MAY_HAVE_LETTERS = frozenset({"cnpj", "payer"})
MOST_CHARGES = 30_000
"""Three records each: the ordinal in the lot has five digits."""
ERP_PARTY = "Complete the party's register in the ERP."
INVOICE = "Correct the invoice in the ERP."
ISSUER = "Correct the beneficiary's bank data in the configuration."
INSTRUCTIONS = "Correct the boleto's instructions."


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one field of a title (of the beneficiary where `title` is empty), and what to do about it."""

    title: str
    field: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.title, self.field, self.reason) if part)


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold for a field of a title at this bank."""

    field: str
    holds: Callable[[Charge, Beneficiary, Layout], bool]
    reason: str
    remedy: str


def judge(remittance: Remittance) -> None:
    """Raise InvalidItem that tells every flaw (`facts["flaws"]`), or return because there is none."""
    flaws = list(dict.fromkeys(_flaws(remittance)))
    if flaws:
        raise InvalidItem("; ".join(map(str, flaws)), remedy=" ".join(dict.fromkeys(flaw.remedy for flaw in flaws)), flaws=tuple(flaws))


def _flaws(remittance: Remittance) -> Iterator[Flaw]:
    owner, layout = remittance.beneficiary, layout_of(remittance.beneficiary.bank)
    yield from _of_file(layout, remittance)
    for charge in remittance.charges:
        yield from _of_charge(charge, owner, layout)


def _of_charge(charge: Charge, owner: Beneficiary, layout: Layout) -> Iterator[Flaw]:
    """Columns first; the rules compare amounts, so they wait until every amount is a number."""
    title, told = _title(charge), of_beneficiary(layout, owner)
    for record, values, remedy in _records(layout, owner, charge):
        yield from (flaw for flaw in _misfits(record, values, title, remedy) if flaw.field not in told)
    if all(amount.is_finite() for amount in _amounts(charge)):
        yield from (Flaw(title, rule.field, rule.reason, rule.remedy) for rule in RULES if not rule.holds(charge, owner, layout))


def _title(charge: Charge) -> str:
    return charge.document.strip() or charge.our_number or "?"


def _amounts(charge: Charge) -> tuple[Decimal, ...]:
    lates = (late.value for late in (charge.interest, charge.fine) if late)
    return charge.face_value, charge.rebate, *lates, *(discount.value for discount in charge.discounts)


def _records(layout: Layout, owner: Beneficiary, charge: Charge) -> Iterator[tuple[Record, Values, str]]:
    """The records of a title, and what to do when a field does not fit one."""
    yield layout.p, of_p(layout, owner, charge) | {"ordinal": 0}, INVOICE
    yield layout.q, of_q(owner, charge) | {"ordinal": 0}, ERP_PARTY
    if needs_r(charge):
        yield layout.r, of_r(owner, charge) | {"ordinal": 0}, INSTRUCTIONS


def _of_file(layout: Layout, remittance: Remittance) -> Iterator[Flaw]:
    owner, values = remittance.beneficiary, of_file(layout, remittance) | {"records": 0}
    mine = {name: place for name, place in layout.p.items() if name in of_beneficiary(layout, owner)}
    for record in (layout.file_header, layout.lot_header, mine, layout.lot_trailer):
        yield from _misfits(record, values, "", ISSUER)
    if not _is_cnpj(owner.cnpj):
        yield Flaw("", "cnpj", "the CNPJ is not valid", ISSUER)
    if len(owner.bank) != 3:
        yield Flaw("", "bank", "a bank's code has three digits", ISSUER)
    if not 1 <= len(remittance.charges) <= MOST_CHARGES:
        yield Flaw("", "charges", "a remessa holds 1 to 30000 titles", "Split the titles among several remessas.")
    if remittance.sequence < 1:
        yield Flaw("", "sequence", "the sequence number begins at 1", "Give the number after the last remessa's.")
    times = Counter((charge.our_number, charge.instruction) for charge in remittance.charges)
    for charge in remittance.charges:
        if times[charge.our_number, charge.instruction] > 1:
            yield Flaw(_title(charge), "our_number", "two titles of the remessa have this nosso número", "Number the titles anew.")


def _misfits(record: Record, values: Values, title: str, remedy: str) -> Iterator[Flaw]:
    for name, place in record.items():
        if reason := _misfit(name, place, value_of(name, place, values)):
            yield Flaw(title, name, reason, remedy)


def _misfit(name: str, place: Place, value: Value) -> str:
    """Why a value cannot stand in its columns, empty when it can."""
    if place.picture is Picture.MONEY:
        return "" if _is_money(value, place.width) else "the amount is negative, too large or has more than two decimals"
    if place.picture is Picture.DAY:
        return "" if not isinstance(value, dt.date) or 2000 <= value.year <= 2099 else "the year lies outside 2000 to 2099"
    said = "" if value is None else str(value)
    if not said.strip() or (place.picture is Picture.FREE and not printable(said)):
        return "" if name in MAY_BE_EMPTY and place.picture is not Picture.NUMBER else "the field is missing"
    if place.picture is Picture.NUMBER and name not in MAY_HAVE_LETTERS and not (said.isascii() and said.isdigit()):
        return "the field may hold digits only"
    if place.picture is Picture.TEXT and said != printable(said):
        return "the field may hold upper-case letters without accents, digits, signs and single blanks only"
    return "" if len(written(place, value)) == place.width else f"the field is longer than the layout's {place.width} columns"


def _is_money(value: Value, width: int) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and 0 <= value < Decimal(10) ** (width - 2) and value == value.quantize(CENT)


def _is_cnpj(document: str) -> bool:
    try:
        return Cnpj.parse(document) == document
    except ValueError:
        return False


def _is_payer(document: str) -> bool:
    """A CNPJ, or a CPF other than eleven times the same digit, both without punctuation."""
    if len(document) == 11:
        return document.isdigit() and len(set(document)) > 1 and bool(cpf.is_valid(document))
    return _is_cnpj(document)


def _is_our_number(owner: Beneficiary, number: str) -> bool:
    """All digits of the bank's width; Banco do Brasil's begins with the convênio."""
    width = number_width(owner)
    fits = number.isascii() and number.isdigit() and (len(number) == width if width else len(number) <= 20)
    return fits and (owner.bank != "001" or number.startswith(owner.agreement.zfill(7)))


def _late_holds(late: Late | None) -> bool:
    return late is None or (late.value > 0 and (late.rate is Rate.AMOUNT or late.value <= 100))


def _discount_holds(discount: Discount, charge: Charge) -> bool:
    most = charge.face_value if discount.rate is Rate.AMOUNT else Decimal(100)
    return 0 < discount.value < most and discount.until <= charge.due_date


RULES = (
    Rule("our_number", lambda it, owner, _: _is_our_number(owner, it.our_number), "the nosso número has not the bank's form",
         "Make it with the beneficiary's numbering."),
    Rule("face", lambda it, *_: it.face_value > 0, "the face value must be above zero", INVOICE),
    Rule("due", lambda it, *_: it.due_date >= it.issue_date, "the due date lies before the issue date", INVOICE),
    Rule("payer", lambda it, *_: _is_payer(it.payer.document), "the payer's CNPJ or CPF is not valid", ERP_PARTY),
    Rule("postcode", lambda it, *_: len(it.payer.postcode) == 8, "the CEP must have eight digits", ERP_PARTY),
    Rule("state", lambda it, *_: it.payer.state in STATES.split(), "the state is none of the 27", ERP_PARTY),
    Rule("interest", lambda it, *_: _late_holds(it.interest), "interest must be above zero, a rate at most 100", INSTRUCTIONS),
    Rule("interest", lambda it, _, layout: it.interest is None or it.interest.rate in layout.interest,
         "the bank takes interest in reais a day only", INSTRUCTIONS),
    Rule("fine", lambda it, *_: _late_holds(it.fine), "a fine must be above zero, a rate at most 100", INSTRUCTIONS),
    Rule("discounts", lambda it, *_: len(it.discounts) <= 2, "at most two discounts can be told", INSTRUCTIONS),
    Rule("discounts", lambda it, *_: all(_discount_holds(one, it) for one in it.discounts),
         "a discount must be above zero, less than the title and end by the due date", INSTRUCTIONS),
    Rule("discounts", lambda it, _, layout: all(one.rate in layout.discount for one in it.discounts),
         "the bank takes discounts in reais only", INSTRUCTIONS),
    Rule("rebate", lambda it, *_: NOTHING <= it.rebate < max(it.face_value, CENT), "the rebate is negative or not less than the title",
         INSTRUCTIONS),
    Rule("protest", lambda it, *_: it.protest is None or 1 <= it.protest.days <= 99, "a protest comes after 1 to 99 days", INSTRUCTIONS),
    Rule("protest", lambda it, _, layout: it.protest is None or not it.protest.business or bool(layout.protest[2]),
         "the bank counts a protest's days in all days only", INSTRUCTIONS),
    Rule("cancel_after", lambda it, *_: it.cancel_after is None or it.cancel_after >= 1, "a title is written off after one day or more",
         INSTRUCTIONS),
)  # fmt: skip
"""What the columns alone do not tell."""
