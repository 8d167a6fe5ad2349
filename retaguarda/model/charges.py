"""What is charged by boleto: who receives, who owes, and the instructions of a remessa to the bank."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field
from decimal import Decimal

from retaguarda.model.values import Cnpj

NOTHING = Decimal("0.00")


class Instruction(enum.StrEnum):
    """What a remessa asks the bank for (FEBRABAN C004)."""

    ENTRY = "01"  # entrada de título
    CANCEL = "02"  # pedido de baixa
    NEW_DUE = "06"  # alteração de vencimento


class Species(enum.StrEnum):
    """The paper behind a boleto; each bank has its code."""

    GOODS = "goods"  # duplicata mercantil
    SERVICE = "service"  # duplicata de serviço
    OTHER = "other"


class Rate(enum.StrEnum):
    """How a charge or a discount is told."""

    AMOUNT = "amount"  # in reais; interest: per day
    PERCENT = "percent"  # of the face value; interest: per month


@dataclass(frozen=True, slots=True)
class Late:
    """Interest from the day after the due date, or a fine due on that day."""

    rate: Rate
    value: Decimal


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount for those who pay until a day."""

    until: dt.date
    rate: Rate
    value: Decimal


@dataclass(frozen=True, slots=True)
class Protest:
    """Protest so many days after the due date, counted in business days or in all days."""

    days: int
    business: bool = False


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """The company that receives, as its bank knows it.

    `branch` has four digits or more, `account` no leading zeros (both are brought to that form); the check digits stand apart,
    empty where the bank has none. `agreement`: what the bank calls convênio, código do beneficiário or código do cliente.
    Without leading zeros where the bank's field holds digits only. `wallet`: the carteira in two digits or more (FEBRABAN's one;
    Caixa has none); `variation`: Banco do Brasil's variação da carteira, three digits; `transmission`: Santander's código de
    transmissão, where it is not branch, four zeros and the beneficiary's code.
    """

    bank: str
    name: str
    cnpj: Cnpj
    branch: str
    branch_digit: str = ""
    account: str = ""
    account_digit: str = ""
    agreement: str = ""
    wallet: str = ""
    variation: str = ""
    transmission: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "branch", self.branch.lstrip("0").zfill(4))
        object.__setattr__(self, "account", self.account.lstrip("0"))


@dataclass(frozen=True, slots=True)
class Payer:
    """The company or person that owes: CNPJ (14 characters, letters allowed) or CPF (11 digits), CEP of eight digits."""

    document: str
    name: str
    address: str
    district: str
    postcode: str
    city: str
    state: str


@dataclass(frozen=True, slots=True)
class Customer:
    """Where a customer lives, and whether it pays by boleto; one that pays otherwise needs no address."""

    place: Payer
    by_boleto: bool = True


@dataclass(frozen=True, slots=True)
class Charge:
    """One title of a remessa.

    `our_number` is the bank's nosso número in its full width without check digit (`our_numbers.our_number`); `document` is our
    own number (seu número, the invoice); `reference` comes back as it was sent (uso da empresa, 25 characters).
    """

    our_number: str
    document: str
    issue_date: dt.date
    due_date: dt.date
    face_value: Decimal
    payer: Payer
    instruction: Instruction = Instruction.ENTRY
    species: Species = Species.GOODS
    accepted: bool = False
    reference: str = ""
    interest: Late | None = None
    fine: Late | None = None
    discounts: tuple[Discount, ...] = ()
    rebate: Decimal = NOTHING
    protest: Protest | None = None
    cancel_after: int | None = None  # days after the due date; None: the bank never writes it off by itself


@dataclass(frozen=True, slots=True)
class Remittance:
    """A remessa de cobrança: its sequence number (NSA), when it was made, and its charges in order."""

    beneficiary: Beneficiary
    sequence: int
    created: dt.datetime
    charges: tuple[Charge, ...]

    @property
    def total(self) -> Decimal:
        return sum((charge.face_value for charge in self.charges), NOTHING)


@dataclass(frozen=True, slots=True)
class RemittanceFile:
    """A remessa as a file to hand in: what the bank must read in it, and its bytes.

    The bank's key is account and sequence number (NSA); the first 16 digits of the SHA-256 tell another file of the same number.
    """

    account: str
    sequence: int
    titles: int
    total: Decimal
    sha256: str
    name: str
    content: bytes = field(repr=False)

    @property
    def reference(self) -> str:
        return f"{self.account} NSA {self.sequence:06d}"

    def fields(self) -> dict[str, str]:
        return {
            "account": self.account,
            "sequence": f"{self.sequence:06d}",
            "titles": f"{self.titles}",
            "total": f"{self.total:.2f}",
            "file": self.sha256[:16],
        }
