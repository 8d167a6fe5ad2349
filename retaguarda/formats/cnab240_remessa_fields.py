"""The fields of a remessa by name: what each record of a beneficiary and a charge says, and how it is written into columns."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

from retaguarda.clock import SAO_PAULO
from retaguarda.formats.cnab240_layout import WIDTH
from retaguarda.formats.cnab240_remessa_layout import Layout, Picture, Place, Record
from retaguarda.model.charges import NOTHING, Beneficiary, Charge, Discount, Late, Protest, Rate, Remittance
from retaguarda.model.our_numbers import check_digit
from retaguarda.model.values import plain

Value = str | int | Decimal | dt.date | None
Values = Mapping[str, Value]

RATES = {Rate.AMOUNT: "1", Rate.PERCENT: "2"}
"""FEBRABAN C018, C021 and G073: reais (interest: a day), percent (interest: a month)."""
NO_INTEREST, NONE = "3", "0"
"""C018: no interest; C021 and G073: no discount, no fine."""
_DAY_AFTER = dt.timedelta(days=1)


def printable(words: str) -> str:
    """Free text as CNAB takes it: upper case, ASCII without accents, single blanks; what has no ASCII letter becomes a blank."""
    return " ".join(re.sub(r"[^ -~]", " ", plain(words)).split())


def written(place: Place, value: Value) -> str:
    """A value in its columns; longer than they are when it does not fit, which the rules refuse beforehand."""
    if place.picture is Picture.MONEY:
        return f"{int(Decimal(str(value)).scaleb(2)):0{place.width}d}"
    if place.picture is Picture.DAY:
        return f"{value:%d%m%Y}" if value else "0" * place.width
    said = "" if value is None else str(value)
    if place.picture is Picture.NUMBER:
        return said.rjust(place.width, "0")
    return (printable(said)[: place.width] if place.picture is Picture.FREE else said).ljust(place.width)


def line(record: Record, values: Values) -> str:
    """A record of exactly 240 characters."""
    columns = [" "] * WIDTH
    for name, place in record.items():
        columns[place.columns] = written(place, value_of(name, place, values))
    return "".join(columns)


def value_of(name: str, place: Place, values: Values) -> Value:
    """A constant of the layout, else the value of that name."""
    return values[name] if place.value is None else place.value


def of_file(layout: Layout, remittance: Remittance) -> dict[str, Value]:
    """What headers and trailers say; `records` is added by the one who counts them."""
    created = remittance.created.astimezone(SAO_PAULO)
    return {
        **of_beneficiary(layout, remittance.beneficiary),
        "day": created.date(),
        "time": f"{created:%H%M%S}",
        "sequence": remittance.sequence,
        "charges": len(remittance.charges),
        "total": remittance.total,
    }


def of_beneficiary(layout: Layout, owner: Beneficiary) -> dict[str, Value]:
    """What the records say of the beneficiary; Santander's código de transmissão is branch, four zeros and beneficiary's code."""
    return {
        "bank": owner.bank,
        "bank_name": layout.bank_name,
        "cnpj": owner.cnpj,
        "name": owner.name,
        "agreement": owner.agreement,
        "short_agreement": owner.agreement if len(owner.agreement) <= 6 else "0",  # Caixa: seven digits stand elsewhere alone
        "transmission": owner.transmission or f"{owner.branch}0000{owner.agreement.zfill(7)}",
        "branch": owner.branch,
        "branch_digit": owner.branch_digit,
        "account": owner.account,
        "account_digit": owner.account_digit,
        "collecting_account": owner.account,
        "collecting_digit": owner.account_digit,
        "wallet": owner.wallet,
        "wallet_code": owner.wallet if layout.wallets is None else layout.wallets.get(owner.wallet, ""),
        "variation": owner.variation,
    }


def of_p(layout: Layout, owner: Beneficiary, charge: Charge) -> dict[str, Value]:
    """Segment P: the title."""
    return {
        **of_beneficiary(layout, owner),
        "movement": charge.instruction.value,
        "our_number": charge.our_number,
        "our_digit": _digit(owner, charge.our_number),
        "document": charge.document,
        "due": charge.due_date,
        "face": charge.face_value,
        "species": layout.species[charge.species],
        "accepted": "A" if charge.accepted else "N",
        "issued": charge.issue_date,
        **_late("interest", charge.interest, charge.due_date, NO_INTEREST),
        **_discount(charge.discounts, 0),
        "rebate": charge.rebate,
        "reference": charge.reference,
        **_protest(layout, charge.protest),
        "cancel_code": layout.cancel[charge.cancel_after is not None],
        "cancel_days": charge.cancel_after or 0,
    }


def of_q(owner: Beneficiary, charge: Charge) -> dict[str, Value]:
    """Segment Q: who owes."""
    payer = charge.payer
    return {
        "bank": owner.bank,
        "movement": charge.instruction.value,
        "payer_type": "1" if len(payer.document) == 11 else "2",
        "payer": payer.document,
        "payer_name": payer.name,
        "address": payer.address,
        "district": payer.district,
        "postcode": payer.postcode,
        "city": payer.city,
        "state": payer.state,
    }


def of_r(owner: Beneficiary, charge: Charge) -> dict[str, Value]:
    """Segment R: the second discount and the fine."""
    return {
        "bank": owner.bank,
        "movement": charge.instruction.value,
        **_discount(charge.discounts, 1),
        **_late("fine", charge.fine, charge.due_date, NONE),
    }


def needs_r(charge: Charge) -> bool:
    """Whether a charge has something to say in segment R."""
    return charge.fine is not None or len(charge.discounts) > 1


def _digit(owner: Beneficiary, number: str) -> str:
    """The check digit; none where number or beneficiary are wrong, which the rules tell."""
    with suppress(ValueError):
        return check_digit(owner, number)
    return ""


def _late(name: str, late: Late | None, due: dt.date, none: str) -> dict[str, Value]:
    if late is None:
        return {f"{name}_code": none, f"{name}_day": None, name: NOTHING}
    return {f"{name}_code": RATES[late.rate], f"{name}_day": due + _DAY_AFTER, name: late.value}


def _discount(discounts: tuple[Discount, ...], at: int) -> dict[str, Value]:
    if len(discounts) <= at:
        return {"discount_code": NONE, "discount_day": None, "discount": NOTHING}
    return {"discount_code": RATES[discounts[at].rate], "discount_day": discounts[at].until, "discount": discounts[at].value}


def _protest(layout: Layout, protest: Protest | None) -> dict[str, Value]:
    if protest is None:
        return {"protest_code": layout.protest[0], "protest_days": 0}
    return {"protest_code": layout.protest[2 if protest.business else 1], "protest_days": protest.days}
