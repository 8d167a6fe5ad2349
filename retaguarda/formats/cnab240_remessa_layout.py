"""CNAB 240 remessa de cobrança as data: positions 1-based and inclusive as FEBRABAN prints them, and the banks that deviate.

Sources: FEBRABAN "Layout padrão CNAB 240", cobrança (segments P, Q, R), and the manuals of Itaú, Bradesco, Banco do Brasil,
Santander and Caixa (SIGCB). What no field covers is blank. What each bank really wants is settled in its homologation.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

from retaguarda.model.charges import Rate, Species


class Picture(enum.Enum):
    """How a value is written into its columns."""

    NUMBER = "9"  # right-aligned behind zeros; a CNPJ with letters as well
    TEXT = "X"  # left-aligned; must fit
    FREE = "names and addresses"  # left-aligned, upper-case ASCII, cut to the width
    DAY = "DDMMAAAA"  # zeros for none
    MONEY = "9V99"  # two implied decimals


@dataclass(frozen=True, slots=True)
class Place:
    """The columns of one field; `value` stands where the writer has none of that name."""

    start: int
    end: int
    picture: Picture
    value: str | None = None

    @property
    def width(self) -> int:
        return self.end - self.start + 1

    @property
    def columns(self) -> slice:
        return slice(self.start - 1, self.end)


Record = Mapping[str, Place]


def number(start: int, end: int, value: str | None = None) -> Place:
    """Digits; a given value is a constant."""
    return Place(start, end, Picture.NUMBER, value)


def text(start: int, end: int, value: str | None = None) -> Place:
    """Text that must fit; a given value is a constant."""
    return Place(start, end, Picture.TEXT, value)


def zeros(start: int, end: int) -> Place:
    """Columns that hold nothing but zeros."""
    return Place(start, end, Picture.NUMBER, "0")


def free(start: int, end: int) -> Place:
    """Free text, cut to its width."""
    return Place(start, end, Picture.FREE)


def day(start: int, end: int) -> Place:
    """A day."""
    return Place(start, end, Picture.DAY)


def money(start: int, end: int) -> Place:
    """An amount or a percentage, two decimals."""
    return Place(start, end, Picture.MONEY)


def record(kind: str, lot: str, **places: Place) -> Record:
    """A record: bank, lot and type in the columns that every record has, then its own fields."""
    return {"bank": number(1, 3), "lot": number(4, 7, lot), "type": number(8, 8, kind), **places}


def changed(base: Record, *without: str, **places: Place) -> Record:
    """A bank's record: the base less some fields, others moved or added."""
    return {**{name: place for name, place in base.items() if name not in without}, **places}


@dataclass(frozen=True, slots=True)
class Layout:
    """The records of a bank and its codes.

    `protest`: none, all days, business days ("" where not offered); `cancel`: never, after some days; `wallets`: the code in
    column 58 of each carteira, none where it is the carteira itself; `interest` and `discount`: the rates that the bank takes.
    """

    file_header: Record
    lot_header: Record
    p: Record
    q: Record
    r: Record
    lot_trailer: Record
    file_trailer: Record
    species: Mapping[Species, str]
    bank_name: str = ""
    protest: tuple[str, str, str] = ("3", "1", "2")
    cancel: tuple[str, str] = ("2", "1")
    wallets: Mapping[str, str] | None = None
    interest: frozenset[Rate] = frozenset(Rate)
    discount: frozenset[Rate] = frozenset(Rate)


_DETAIL = {"ordinal": number(9, 13), "movement": number(16, 17)}

FEBRABAN = Layout(
    file_header=record(
        "0", "0000", cnpj_type=number(18, 18, "2"), cnpj=number(19, 32), agreement=text(33, 52),
        branch=number(53, 57), branch_digit=text(58, 58), account=number(59, 70), account_digit=text(71, 71),
        name=free(73, 102), bank_name=text(103, 132), direction=number(143, 143, "1"), day=day(144, 151), time=number(152, 157),
        sequence=number(158, 163), version=number(164, 166, "103"), density=zeros(167, 171),
    ),
    lot_header=record(
        "1", "0001", operation=text(9, 9, "R"), service=number(10, 11, "01"), version=number(14, 16, "060"),
        cnpj_type=number(18, 18, "2"), cnpj=number(19, 33), agreement=text(34, 53),
        branch=number(54, 58), branch_digit=text(59, 59), account=number(60, 71), account_digit=text(72, 72),
        name=free(74, 103), sequence=number(184, 191), day=day(192, 199), credit_day=zeros(200, 207),
    ),
    p=record(
        "3", "0001", **_DETAIL, segment=text(14, 14, "P"),
        branch=number(18, 22), branch_digit=text(23, 23), account=number(24, 35), account_digit=text(36, 36),
        our_number=text(38, 57), wallet_code=number(58, 58), registered=number(59, 59, "1"), paper=number(60, 60, "1"),
        issuer=number(61, 61, "2"), delivery=number(62, 62, "2"), document=text(63, 77), due=day(78, 85), face=money(86, 100),
        collecting_branch=zeros(101, 106), species=number(107, 108), accepted=text(109, 109), issued=day(110, 117),
        interest_code=number(118, 118), interest_day=day(119, 126), interest=money(127, 141),
        discount_code=number(142, 142), discount_day=day(143, 150), discount=money(151, 165),
        iof=zeros(166, 180), rebate=money(181, 195), reference=text(196, 220),
        protest_code=number(221, 221), protest_days=number(222, 223), cancel_code=number(224, 224), cancel_days=number(225, 227),
        currency=number(228, 229, "09"), contract=zeros(230, 239),
    ),
    q=record(
        "3", "0001", **_DETAIL, segment=text(14, 14, "Q"), payer_type=number(18, 18), payer=number(19, 33),
        payer_name=free(34, 73), address=free(74, 113), district=free(114, 128), postcode=number(129, 136), city=free(137, 151),
        state=text(152, 153), guarantor=zeros(154, 169), correspondent=zeros(210, 212),
    ),
    r=record(
        "3", "0001", **_DETAIL, segment=text(14, 14, "R"), discount_code=number(18, 18), discount_day=day(19, 26),
        discount=money(27, 41), third_discount=zeros(42, 65), fine_code=number(66, 66), fine_day=day(67, 74), fine=money(75, 89),
        debit=zeros(200, 215), debit_account=zeros(217, 228), debit_notice=zeros(231, 231),
    ),
    lot_trailer=record("5", "0001", records=number(18, 23), charges=number(24, 29), total=money(30, 46), other_wallets=zeros(47, 115)),
    file_trailer=record("9", "9999", lots=number(18, 23, "1"), records=number(24, 29), accounts=zeros(30, 35)),
    species={Species.GOODS: "02", Species.SERVICE: "04", Species.OTHER: "99"},
)  # fmt: skip
"""Version 10.3: what banks without a manual of their own here are given."""

ITAU = replace(
    FEBRABAN,
    bank_name="BANCO ITAU SA",
    file_header=changed(
        FEBRABAN.file_header, "agreement", "branch_digit", before_branch=zeros(53, 53), branch=number(54, 57),
        before_account=zeros(59, 65), account=number(66, 70), account_digit=number(72, 72), version=number(164, 166, "040"),
        retained=zeros(226, 228),
    ),
    lot_header=changed(
        FEBRABAN.lot_header, "agreement", "branch_digit", form=zeros(12, 13), before_branch=zeros(54, 54), branch=number(55, 58),
        before_account=zeros(60, 66), account=number(67, 71), account_digit=number(73, 73), version=number(14, 16, "030"),
    ),
    p=changed(
        FEBRABAN.p, "branch_digit", "wallet_code", "registered", "paper", "issuer", "delivery", "currency", "contract",
        before_branch=zeros(18, 18), branch=number(19, 22), before_account=zeros(24, 30), account=number(31, 35),
        account_digit=number(37, 37), wallet=number(38, 40), our_number=number(41, 48), our_digit=text(49, 49), no_forms=zeros(58, 62),
        document=text(63, 72), interest_code=zeros(118, 118), discount_code=zeros(142, 142),
        cancel_days=number(225, 226), rest=zeros(227, 239),
    ),
    q=changed(FEBRABAN.q, payer_name=free(34, 63)),
    r=changed(FEBRABAN.r, discount_code=zeros(18, 18)),
    lot_trailer=changed(FEBRABAN.lot_trailer, other_wallets=zeros(47, 123)),
    species={Species.GOODS: "01", Species.SERVICE: "08", Species.OTHER: "99"},
    protest=("0", "1", "2"),
    cancel=("0", "1"),
    interest=frozenset({Rate.AMOUNT}),
    discount=frozenset({Rate.AMOUNT}),
)  # fmt: skip

BRADESCO = replace(
    FEBRABAN,
    bank_name="BRADESCO",
    file_header=changed(
        FEBRABAN.file_header, agreement=number(33, 52), version=number(164, 166, "084"), density=number(167, 171, "01600"),
    ),
    lot_header=changed(FEBRABAN.lot_header, agreement=number(34, 53), version=number(14, 16, "042")),
    p=changed(
        FEBRABAN.p, "wallet_code", before_wallet=zeros(38, 38), wallet=number(39, 40), gap=zeros(41, 45),
        our_number=number(46, 56), our_digit=text(57, 57),
        simple=number(58, 58, "1"),
    ),
)  # fmt: skip

BRASIL = replace(
    FEBRABAN,
    bank_name="BANCO DO BRASIL S.A.",
    file_header=changed(
        FEBRABAN.file_header, agreement=number(33, 41), product=number(42, 45, "0014"), wallet=number(46, 47),
        variation=number(48, 50), version=number(164, 166, "084"), density=number(167, 171, "01600"),
    ),
    lot_header=changed(
        FEBRABAN.lot_header, agreement=number(34, 42), product=number(43, 46, "0014"), wallet=number(47, 48),
        variation=number(49, 51), version=number(14, 16, "042"),
    ),
    p=changed(FEBRABAN.p, "registered", "paper", "issuer", "delivery"),
    lot_trailer=changed(FEBRABAN.lot_trailer, "charges", "total", "other_wallets"),
    species={Species.GOODS: "02", Species.SERVICE: "04", Species.OTHER: "17"},  # recibo: 99 is none of the bank's codes
    cancel=("0", "1"),
    wallets={"11": "1", "12": "1", "17": "7"},
)  # fmt: skip

SANTANDER = replace(
    FEBRABAN,
    bank_name="BANCO SANTANDER",
    file_header=changed(
        FEBRABAN.file_header, "agreement", "branch", "branch_digit", "account", "account_digit", "time", "density",
        cnpj_type=number(17, 17, "2"), cnpj=number(18, 32), transmission=number(33, 47), version=number(164, 166, "040"),
    ),
    lot_header=changed(
        FEBRABAN.lot_header, "agreement", "branch", "branch_digit", "account", "account_digit", "credit_day",
        transmission=number(54, 68), version=number(14, 16, "030"),
    ),
    p=changed(
        FEBRABAN.p, "issuer", "delivery", "contract", branch=number(18, 21), branch_digit=text(22, 22), account=number(23, 31),
        account_digit=number(32, 32), collecting_account=number(33, 41), collecting_digit=number(42, 42),
        our_number=number(45, 56), our_digit=number(57, 57), paper=number(60, 60, "2"), collecting_branch=zeros(101, 105),
        gap=zeros(225, 225), cancel_days=number(226, 227), currency=zeros(228, 229),
    ),
    q=changed(FEBRABAN.q, correspondent=zeros(210, 221)),
    r=changed(FEBRABAN.r, "third_discount", "debit", "debit_account", "debit_notice"),
    lot_trailer=changed(FEBRABAN.lot_trailer, "charges", "total", "other_wallets"),
    file_trailer=changed(FEBRABAN.file_trailer, "accounts"),
    protest=("0", "1", "2"),
    wallets={"101": "5", "104": "1"},
)  # fmt: skip

CAIXA = replace(
    FEBRABAN,
    bank_name="CAIXA ECONOMICA FEDERAL",
    file_header=changed(
        FEBRABAN.file_header, "account", "account_digit", unused=zeros(33, 52), agreement=number(59, 65), model=zeros(66, 72),
        version=number(164, 166, "101"), environment=text(192, 211, "REMESSA-PRODUCAO"),
    ),
    lot_header=changed(
        FEBRABAN.lot_header, "account", "account_digit", form=zeros(12, 13), agreement=number(34, 40), unused=zeros(41, 53),
        short_agreement=number(60, 65), model=zeros(66, 73),
    ),
    p=changed(
        FEBRABAN.p, "account", "account_digit", "wallet_code", agreement=number(24, 30), unused=zeros(31, 40),
        our_number=number(41, 57), simple=number(58, 58, "1"), paper=number(60, 60, "2"), delivery=zeros(62, 62), document=text(63, 73),
    ),
    r=changed(FEBRABAN.r, "debit", "debit_account", "debit_notice"),
    lot_trailer=changed(FEBRABAN.lot_trailer, other_wallets=zeros(47, 92)),
    file_trailer=changed(FEBRABAN.file_trailer, "accounts"),
    protest=("3", "1", ""),
)  # fmt: skip

LAYOUTS: Mapping[str, Layout] = {"001": BRASIL, "033": SANTANDER, "104": CAIXA, "237": BRADESCO, "341": ITAU}
"""The banks that deviate from FEBRABAN."""


def layout_of(bank: str) -> Layout:
    """The layout of a bank, FEBRABAN's where it has none of its own."""
    return LAYOUTS.get(bank, FEBRABAN)
