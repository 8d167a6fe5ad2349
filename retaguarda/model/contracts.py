"""Energy contracts: boletas of the ERP and what CCEE holds for them."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.model.values import Cnpj, Month, megawatt_hours, plain

ContractKey = tuple[int, int, str, Month]
"""What CCEE tells contracts apart by: seller's profile, buyer's profile, submarket, month."""

_SUBMARKETS = {
    "SUDESTE": ("1", "SE", "SECO", "SUDESTE", "SUDESTECENTROOESTE"),
    "SUL": ("2", "S", "SUL"),
    "NORDESTE": ("3", "NE", "NORDESTE"),
    "NORTE": ("4", "N", "NORTE"),
}
_MODULATIONS = {
    "Flat": ("F", "FLAT", "FFLAT"),
    "Carga": ("C", "CARGA", "CCARGA"),
    "Geração": ("G", "GERACAO", "GGERACAO"),
    "MRE": ("M", "MRE", "MMRE"),
    "Declarada": ("D", "DECLARADA", "DECLARADO", "DDECLARADA"),
}


def _named(names: dict[str, tuple[str, ...]], text: str) -> str:
    bare = re.sub(r"[^0-9A-Z]", "", plain(text))
    for name, spellings in names.items():
        if bare in spellings:
            return name
    raise ValueError(f"not one of {', '.join(names)}: {text!r}")


def submarket(text: str) -> str:
    """CCEE's name of a submarket however the ERP spells it (`SE/CO`, `1`, `Sul`); raises ValueError for anything else."""
    return _named(_SUBMARKETS, text)


def modulation(text: str) -> str:
    """CCEE's name of a modulation (`F - Flat` is `Flat`); raises ValueError for anything else."""
    return _named(_MODULATIONS, text)


class Direction(enum.StrEnum):
    """Whether we sell or buy."""

    SALE = "sale"
    PURCHASE = "purchase"


class ContractState(enum.StrEnum):
    """State of a contract's montante at CCEE (ids 10783 and 10786 are the two unvalidated ones)."""

    DRAFT = "draft"
    UNVALIDATED = "unvalidated"
    VALIDATED = "validated"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Boleta:
    """A contract as the trading desk agreed it and the ERP holds it, for one month of supply."""

    number: str
    direction: Direction
    counterparty: str
    counterparty_cnpj: Cnpj
    seller_profile: int
    buyer_profile: int
    submarket: str
    energy: str
    month: Month
    mwh: Decimal
    modulation: str
    invoices: tuple[str, ...] = ()

    @property
    def key(self) -> ContractKey:
        """What CCEE tells contracts apart by: several boletas may add up to one contract there."""
        return (self.seller_profile, self.buyer_profile, self.submarket, self.month)


@dataclass(frozen=True, slots=True)
class Registration:
    """A contract to be registered (or validated) at CCEE: the boletas of one key, added up."""

    reference: str
    seller_profile: int
    buyer_profile: int
    submarket: str
    month: Month
    mw_average: Decimal
    modulation: str
    boletas: tuple[str, ...] = ()

    @property
    def key(self) -> ContractKey:
        return (self.seller_profile, self.buyer_profile, self.submarket, self.month)

    def fields(self) -> dict[str, str]:
        """The values that must be seen on the form and found at CCEE, in canonical text."""
        return {
            "reference": self.reference,
            "seller_profile": str(self.seller_profile),
            "buyer_profile": str(self.buyer_profile),
            "submarket": self.submarket,
            "month": str(self.month),
            "mw_average": f"{self.mw_average:.6f}",
            "modulation": self.modulation,
        }


@dataclass(frozen=True, slots=True)
class Validation(Registration):
    """A contract that the seller registered and we, as the buyer, are to validate.

    `reference` is our boleta; the seller's own reference at CCEE is another and is not compared.
    """

    @classmethod
    def of(cls, registration: Registration) -> Validation:
        """The validation of what we bought."""
        r = registration
        return cls(r.reference, r.seller_profile, r.buyer_profile, r.submarket, r.month, r.mw_average, r.modulation, r.boletas)

    def fields(self) -> dict[str, str]:
        return {name: value for name, value in Registration.fields(self).items() if name != "reference"}


@dataclass(frozen=True, slots=True)
class HeldContract:
    """A contract as CCEE holds it, read from its screens or from its export."""

    code: str
    reference: str
    seller_profile: int
    buyer_profile: int
    seller: str
    buyer: str
    submarket: str
    month: Month
    mw_average: Decimal
    modulation: str
    state: ContractState

    @property
    def key(self) -> ContractKey:
        return (self.seller_profile, self.buyer_profile, self.submarket, self.month)

    @property
    def mwh(self) -> Decimal:
        return megawatt_hours(self.mw_average, self.month)
