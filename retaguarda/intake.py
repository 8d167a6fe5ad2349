"""What people and the ERP hand in: rows of a sheet become typed items, and rejections that say what to do about them.

Every row ends as an item or as a rejection. A missing column is one clear error for the whole file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationInfo, model_validator
from stdnum.br import cpf

from retaguarda.formats.rows import Kind, read, refusal
from retaguarda.model.charges import Charge, Customer, Late, Payer, Rate, Species
from retaguarda.model.contracts import Boleta, ContractKey, Direction, modulation, submarket
from retaguarda.model.intake import Intake, Problem, Rejection
from retaguarda.model.receivables import Receivable
from retaguarda.model.values import Cnpj, Month, date_br, plain

__all__ = ["Intake", "Problem", "Rejection", "read_boletas", "read_charges", "read_payers", "read_receivables"]

REFERENCE_LENGTH = 30
"""CCEE's `referencia`, which carries the boleta number, has 30 characters (CliqCCEE XML v5.0)."""


def read_boletas(path: Path, source_name: str = "") -> Intake[Boleta]:
    """The contracts of a month from an xlsx or csv file; raises InvalidItem when a mandatory column is missing."""
    return read(path, source_name or path.name, _BOLETAS)


def read_receivables(path: Path, source_name: str = "") -> Intake[Receivable]:
    """The customer invoices from an xlsx or csv file; raises InvalidItem when a mandatory column is missing."""
    return read(path, source_name or path.name, _RECEIVABLES)


def read_charges(path: Path, source_name: str = "") -> Intake[Charge]:
    """The titles to charge, not numbered yet, from an xlsx or csv file; raises InvalidItem when a mandatory column is missing."""
    return read(path, source_name or path.name, _CHARGES)


def read_payers(path: Path, source_name: str = "") -> Intake[Customer]:
    """Where customers live and whether they pay by boleto, from an xlsx or csv file: what the ERP's invoices do not tell."""
    return read(path, source_name or path.name, _PAYERS)


def _parsed(parse: Callable[[str], object], missing: str, wrong: str, remedy: str) -> PlainValidator:
    return PlainValidator(_checked(parse, missing, wrong, remedy))


def _checked(parse: Callable[[str], object], missing: str, wrong: str, remedy: str) -> Callable[[str], object]:
    """A parser that tells an empty cell from a wrong one."""

    def validate(text: str) -> object:
        if not text.strip():
            raise refusal(missing, remedy)
        try:
            return parse(text)
        except ValueError:
            raise refusal(wrong, remedy) from None

    return validate


def _amount(least: Decimal, places: int, reason: str, remedy: str) -> PlainValidator:
    def validate(value: object) -> Decimal:
        if not isinstance(value, Decimal):
            raise refusal("The number is missing or cannot be read without doubt.", "Write it with a decimal comma, as in 1.234,56.")
        if value < least or value > Decimal(10) ** 12 or value != round(value, places):
            raise refusal(reason, remedy)
        return round(value, places)

    return PlainValidator(validate)


def _reference(text: str) -> str:
    if len(text) > REFERENCE_LENGTH:
        raise ValueError(text)
    return text


def _direction(text: str) -> Direction:
    names = {"VENDA": Direction.SALE, "SALE": Direction.SALE, "V": Direction.SALE}
    names |= {"COMPRA": Direction.PURCHASE, "PURCHASE": Direction.PURCHASE, "C": Direction.PURCHASE}
    found = names.get(plain(text))
    if found is None:
        raise ValueError(text)
    return found


def _profile(text: str) -> int:
    """CCEE's profile codes: one to ten digits, above zero."""
    if not re.fullmatch(r"0*[1-9][0-9]{0,9}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _cnpj(text: str) -> Cnpj:
    return Cnpj.parse(re.sub(r"(?i)^\s*BR(?=[\s0-9A-Z])", "", text))  # Tryton puts the country before tax identifiers


def _key(values: Mapping[str, str]) -> ContractKey | None:
    try:
        profiles = _profile(values["seller_profile"]), _profile(values["buyer_profile"])
        return *profiles, submarket(values["submarket"]), Month.parse(values["month"])
    except ValueError:
        return None


def _profile_of(side: str) -> PlainValidator:
    missing, wrong = f"The {side}'s CCEE profile code is missing.", f"The {side}'s CCEE profile code is not a number."
    return _parsed(_profile, missing, wrong, "Complete the register of the counterparty in the ERP with its CCEE profile code.")


_PARTY = _parsed(str, "The name is missing.", "The name is missing.", "Complete the party's register in the ERP.")
_CNPJ = _parsed(_cnpj, "The CNPJ is missing.", "The CNPJ is not valid.", "Correct the CNPJ in the party's register in the ERP.")
_day = _checked(date_br, "The date is missing.", "The date cannot be read.", "Write it as DD/MM/AAAA.")

_DUE = PlainValidator(lambda text: _day(text) if text.strip() else None)  # the ERP tells no due date of an invoice already paid


class _BoletaRow(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    number: Annotated[
        str,
        _parsed(
            _reference,
            "The number is missing.",
            "The number is longer than the 30 characters of CCEE's reference.",
            "Number the contract in the ERP.",
        ),
    ]
    direction: Annotated[
        Direction, _parsed(_direction, "The direction is missing.", "The direction is neither sale nor purchase.", "Use Venda or Compra.")
    ]
    counterparty: Annotated[str, _PARTY]
    counterparty_cnpj: Annotated[Cnpj, _CNPJ]
    seller_profile: Annotated[int, _profile_of("seller")]
    buyer_profile: Annotated[int, _profile_of("buyer")]
    submarket: Annotated[
        str, _parsed(submarket, "The submarket is missing.", "The submarket is unknown.", "Use SUDESTE, SUL, NORDESTE or NORTE.")
    ]
    energy: Annotated[str, _parsed(str, "The energy type is missing.", "The energy type is missing.", "Fill it in the ERP.")]
    month: Annotated[
        Month, _parsed(Month.parse, "The month of supply is missing.", "The month of supply cannot be read.", "Write it as MM/AAAA.")
    ]
    mwh: Annotated[
        Decimal,
        _amount(
            Decimal("0.001"), 3, "The volume must be above zero, in MWh with at most three decimals.", "Correct the volume in the ERP."
        ),
    ]
    modulation: Annotated[
        str,
        _parsed(modulation, "The modulation is missing.", "The modulation is unknown.", "Use Flat, Carga, Geração, MRE or Declarada."),
    ]
    invoices: str = ""

    @model_validator(mode="after")
    def _two_sides(self) -> _BoletaRow:
        if self.seller_profile == self.buyer_profile:
            raise refusal("Seller and buyer are the same CCEE profile.", "Correct the profiles in the ERP.", field="buyer_profile")
        return self

    def boleta(self) -> Boleta:
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "invoices"}
        return Boleta(**fields, invoices=tuple(re.findall(r"[^\s,;]+", self.invoices)))


_MONEY = _amount(Decimal(0), 2, "The amount must not be negative, with at most two decimals.", "Correct the invoice in the ERP.")


class _ReceivableRow(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    number: Annotated[str, _parsed(str, "The number is missing.", "The number is missing.", "Post the invoice in the ERP.")]
    partner: Annotated[str, _PARTY]
    cnpj: Annotated[Cnpj, _CNPJ]
    boleta: str = ""
    issue_date: Annotated[dt.date, PlainValidator(_day)]
    due_date: Annotated[dt.date | None, _DUE]
    amount: Annotated[Decimal, _MONEY]
    open_amount: Annotated[Decimal, _MONEY]
    description: str = ""

    @model_validator(mode="after")
    def _open_at_most(self) -> _ReceivableRow:
        if self.open_amount > self.amount:
            raise refusal("More is open than was invoiced.", "Correct the invoice in the ERP.", field="open_amount")
        if self.due_date is None and self.open_amount:
            raise refusal("The date is missing.", "Fill the due date in the ERP.", field="due_date")
        return self

    def receivable(self) -> Receivable:
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return Receivable(**fields | {"due_date": self.due_date or self.issue_date})


def _spelled(**columns: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(headers.split("|")) for name, headers in columns.items()}


_BOLETAS: Kind[Boleta] = Kind(
    columns=_spelled(
        number="Número|Boleta|Número da boleta|Contrato|Codigo_WBC|Number",
        direction="Direção|Direção (cadeia de caracteres)|Movimentação|Movimentacao|Tipo de operação|Direction",
        counterparty="Contraparte|Razão social|Contraparte_razao_social|Counterparty",
        counterparty_cnpj="CNPJ|CNPJ da contraparte|Contraparte_CNPJ",
        seller_profile="Perfil vendedor|Código do perfil vendedor|Seller Profile",
        buyer_profile="Perfil comprador|Código do perfil comprador|Buyer Profile",
        submarket="Submercado|Submercado de entrega|Submarket",
        energy="Tipo de energia|Energia|Fonte|Fonte_Contrato|Energy Type",
        month="Mês|Mês de suprimento|Competência|Month",
        mwh="MWh|Quantidade|Quantidade (MWh)|QuantAtualizada|Volume",
        modulation="Modulação|Tipo de modulação|Tipo_de_modulacao|Modulation",
        invoices="Faturas|Notas fiscais|Invoices",
    ),
    optional=frozenset({"invoices"}),
    numbers=frozenset({"mwh"}),
    model=_BoletaRow,
    make=lambda row: row.boleta(),
    key=_key,
)
_RECEIVABLES: Kind[Receivable] = Kind(
    columns=_spelled(
        number="Número|Fatura|Número da fatura|NF|Nota fiscal|Number",
        partner="Cliente|Terceiro|Parte|Pessoa|Parceiro|Party",
        cnpj="CNPJ|Identificador de Tributos da Pessoa/Código|Identificador fiscal|CPF/CNPJ|Party Tax Identifier",
        boleta="Referência|Boleta|Contrato de energia|Contrato|Reference",
        issue_date="Data da fatura|Emissão|Data de emissão|Invoice Date",
        due_date="Vencimento|Linhas a Pagar/Data de Vencimento|Data de vencimento|Due Date",
        amount="Total|Valor|Valor total|Valor da fatura|Total Amount",
        open_amount="Valor a pagar|Montante a Pagar|Valor em aberto|Saldo|Em aberto|Amount to Pay",
        description="Descrição|Histórico|Description",
    ),
    optional=frozenset({"boleta", "description"}),
    numbers=frozenset({"amount", "open_amount"}),
    model=_ReceivableRow,
    make=lambda row: row.receivable(),
)


DOCUMENT_LENGTH = 15
"""Characters of the seu número in every layout of CNAB 240 (Caixa: 11)."""


def _payer(text: str) -> str:
    """A CNPJ, or a CPF of eleven digits, without punctuation."""
    compact = re.sub(r"[\s./-]", "", text)
    return compact if len(compact) == 11 and cpf.is_valid(compact) else _cnpj(text)


def _short(text: str) -> str:
    if len(text.strip()) > DOCUMENT_LENGTH:
        raise ValueError(text)
    return text.strip()


def _postcode(text: str) -> str:
    compact = re.sub(r"[\s.-]", "", text)
    if not re.fullmatch(r"[0-9]{8}", compact, re.ASCII) or not int(compact):
        raise ValueError(text)
    return compact


def _for_a_boleto(parse: Callable[[str], object], missing: str, wrong: str) -> PlainValidator:
    """What only a boleto has to say."""
    checked = _checked(parse, missing, wrong, "Complete the party's register in the ERP.")

    def validate(text: str, row: ValidationInfo) -> object:
        return checked(text) if row.data.get("by_boleto", True) else ""

    return PlainValidator(validate)


_ADDRESS = _for_a_boleto(str, "The address is missing.", "The address is missing.")
_ANSWERS = {"": True, "S": True, "SIM": True, "Y": True, "YES": True, "N": False, "NAO": False, "NO": False}


def _by_boleto(text: str) -> bool:
    answer = _ANSWERS.get(plain(text).upper())
    if answer is None:
        raise refusal("Whether the customer pays by boleto is S or N.", "Write S or N; an empty field is S.")
    return answer


def _rate(value: object) -> Decimal:
    """A rate in percent; an empty cell is none."""
    if value in (None, ""):
        return Decimal(0)
    if not isinstance(value, Decimal) or not 0 <= value <= 100 or value != round(value, 2):
        raise refusal("The rate must be 0 to 100, with at most two decimals.", "Correct the rate in the sheet.")
    return value


_RATE = PlainValidator(_rate)


class _PayerRow(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    number: Annotated[
        str, _parsed(_payer, "The CNPJ is missing.", "The CNPJ or CPF is not valid.", "Correct it in the party's register in the ERP.")
    ]
    payer: Annotated[str, _PARTY]
    by_boleto: Annotated[bool, PlainValidator(_by_boleto)] = True
    address: Annotated[str, _ADDRESS]
    district: str = ""
    postcode: Annotated[str, _for_a_boleto(_postcode, "The CEP is missing.", "The CEP must have eight digits.")]
    city: Annotated[str, _ADDRESS]
    state: Annotated[str, _ADDRESS]

    def read(self) -> Payer:
        return Payer(self.number, self.payer, self.address, self.district, self.postcode, self.city, self.state.upper())


class _ChargeRow(_PayerRow):
    number: Annotated[
        str,
        _parsed(
            _short, "The number is missing.", "The number is longer than the 15 characters of a boleto.", "Number the invoice in the ERP."
        ),
    ]
    payer_document: Annotated[
        str, _parsed(_payer, "The CNPJ is missing.", "The CNPJ or CPF is not valid.", "Correct it in the party's register in the ERP.")
    ]
    issue_date: Annotated[dt.date, PlainValidator(_day)]
    due_date: Annotated[dt.date, PlainValidator(_day)]
    amount: Annotated[
        Decimal, _amount(Decimal("0.01"), 2, "The amount must be above zero, with at most two decimals.", "Correct the invoice in the ERP.")
    ]
    fine: Annotated[Decimal, _RATE] = Decimal(0)
    interest: Annotated[Decimal, _RATE] = Decimal(0)

    @model_validator(mode="after")
    def _in_order(self) -> _ChargeRow:
        if self.due_date < self.issue_date:
            raise refusal("The due date lies before the date of issue.", "Correct the dates in the ERP.", field="due_date")
        return self

    def charge(self) -> Charge:
        payer = replace(self.read(), document=self.payer_document)
        fine, interest = (Late(Rate.PERCENT, rate) if rate else None for rate in (self.fine, self.interest))
        dates = (self.issue_date, self.due_date)
        return Charge("", self.number, *dates, self.amount, payer, species=Species.SERVICE, fine=fine, interest=interest)


_PLACE = {
    "payer": "Pagador|Cliente|Terceiro|Parceiro|Razão social|Party",
    "address": "Endereço|Logradouro|Rua|Street",
    "district": "Bairro|District",
    "postcode": "CEP|Código postal|Postal Code",
    "city": "Cidade|Município|City",
    "state": "UF|Estado|State",
}
_DOCUMENT = "CNPJ|CPF/CNPJ|CNPJ/CPF|CNPJ do pagador|Party Tax Identifier"
_PAYERS: Kind[Customer] = Kind(
    columns=_spelled(number=_DOCUMENT, **_PLACE, by_boleto="Boleto|Cobrar por boleto|Paga por boleto|By Boleto"),
    optional=frozenset({"district", "by_boleto"}),
    numbers=frozenset(),
    model=_PayerRow,
    make=lambda row: Customer(row.read(), row.by_boleto),
)
_CHARGES: Kind[Charge] = Kind(
    columns=_spelled(
        number="Número|Documento|Fatura|NF|Nota fiscal|Seu número|Number",
        payer_document=_DOCUMENT,
        **_PLACE,
        issue_date="Emissão|Data de emissão|Data da fatura|Invoice Date",
        due_date="Vencimento|Data de vencimento|Due Date",
        amount="Valor|Total|Valor total|Valor da fatura|Amount",
        fine="Multa (%)|Multa|Fine",
        interest="Juros ao mês (%)|Juros (%)|Juros|Interest",
    ),
    optional=frozenset({"district", "fine", "interest"}),
    numbers=frozenset({"amount", "fine", "interest"}),
    model=_ChargeRow,
    make=lambda row: row.charge(),
)
