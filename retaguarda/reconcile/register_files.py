"""The two registers as files: `erp_contracts.csv` and `ccee_contracts.csv`, canonical columns, decimal point; xlsx as well."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator

from retaguarda.formats.rows import Kind, read, refusal
from retaguarda.model.contracts import submarket
from retaguarda.model.intake import Intake
from retaguarda.model.reconciliation import ContractOutcome
from retaguarda.model.values import MW, MWH, Month, mw_average, plain
from retaguarda.reconcile.registers import CceeContract, ErpContract, RegisterComparison

STATUS = {
    ContractOutcome.OK: "ok",
    ContractOutcome.NOT_VALIDATED: "not_validated",
    ContractOutcome.ERP_LARGER: "volume",
    ContractOutcome.CCEE_LARGER: "volume",
    ContractOutcome.MISSING_AT_CCEE: "missing",
    ContractOutcome.MISSING_IN_ERP: "not_in_erp",
    ContractOutcome.WRONG_SUBMARKET: "submarket",
    ContractOutcome.WRONG_PROFILE: "profile",
    ContractOutcome.WRONG_ENERGY: "energy",
    ContractOutcome.REGISTERED_TWICE: "duplicate",
    ContractOutcome.CUT_AT_GUARANTEE: "cut",
    ContractOutcome.HELD_BACK: "held_back",
}
"""The short words of `contracts.csv`."""
COLUMNS = (
    "erp_id", "ccee_id", "month", "status", "outcome", "code", "counterparty", "erp_mwh", "ccee_mwh", "difference_mwh", "erp_mw", "ccee_mw",
    "validated", "how", "note",
)  # fmt: skip


def _parsed(parse: object, reason: str, remedy: str) -> PlainValidator:
    def validate(text: object) -> object:
        try:
            return parse(str(text).strip())  # type: ignore[operator]
        except (ValueError, InvalidOperation):
            raise refusal(reason, remedy) from None

    return PlainValidator(validate)


def _volume(text: str) -> Decimal:
    value = Decimal(text.replace(",", ".") if "." not in text else text)  # cells of a workbook come with a comma
    if not value.is_finite() or value < 0 or value > Decimal(10) ** 9:
        raise ValueError(text)
    return value


def _required(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _side(text: str) -> str:
    word = plain(text)
    found = {"SELL": "SELL", "VENDA": "SELL", "V": "SELL", "BUY": "BUY", "COMPRA": "BUY", "C": "BUY"}.get(word)
    return _required(found or "")


_Id = Annotated[str, _parsed(_required, "The number is missing.", "Number the row.")]
_Side = Annotated[Literal["SELL", "BUY"], _parsed(_side, "The side is neither SELL nor BUY.", "Write SELL or BUY.")]
_Submarket = Annotated[str, _parsed(submarket, "The submarket is unknown.", "Use SUDESTE, SUL, NORDESTE or NORTE.")]
_Energy = Annotated[str, _parsed(lambda text: _required(plain(text)), "The energy type is missing.", "Fill the energy type.")]
_Month = Annotated[Month, _parsed(Month.parse, "The month of supply cannot be read.", "Write it as AAAA-MM.")]
_Volume = Annotated[Decimal, _parsed(_volume, "The volume cannot be read.", "Write it with a decimal point, as in 2089.896.")]
_MaybeVolume = Annotated[
    Decimal | None,
    _parsed(lambda text: _volume(text) if text else None, "The volume cannot be read.", "Write it with a decimal point or leave it empty."),
]
_Text = Annotated[str, BeforeValidator(lambda text: str(text).strip())]


class _ErpRow(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    number: _Id
    contract: _Text
    code: _Text = ""
    side: _Side
    counterparty: _Text
    doc: Annotated[str, _parsed(_required, "The CNPJ is missing.", "Fill the counterparty's CNPJ.")]
    submarket: _Submarket
    energy: _Energy
    month: _Month
    mwh: _Volume

    def made(self) -> ErpContract:
        root, mwh = plain(self.doc).replace(".", "")[:8], self.mwh.quantize(MWH)
        contract = self.contract or self.number
        return ErpContract(
            self.number, contract, self.code, self.side, self.counterparty, root, self.submarket, self.energy, self.month, mwh
        )  # fmt: skip


class _CceeRow(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    number: _Id
    code: _Id
    side: _Side
    counterparty: _Text
    root: _Id
    submarket: _Submarket
    energy: _Energy
    month: _Month
    mwh: _Volume
    mw: _MaybeVolume = None
    effective_mwh: _MaybeVolume = None
    state: Annotated[str, _parsed(lambda text: _required(plain(text)), "The status is missing.", "Write VALIDADO or PENDENTE.")]

    def made(self) -> CceeContract:
        mw = mw_average(self.mwh, self.month) if self.mw is None else self.mw.quantize(MW)
        effective = None if self.effective_mwh is None else mw_average(self.effective_mwh, self.month)
        root = plain(self.root).replace(".", "")[:8]
        return CceeContract(
            self.number, self.code, self.side, self.counterparty, root, self.submarket, self.energy, self.month, self.mwh.quantize(MWH), mw,
            self.state == "VALIDADO", effective,
        )  # fmt: skip


_ERP: Kind[ErpContract] = Kind(
    columns={
        "number": ("erp_id",), "contract": ("contract",), "code": ("ccee_code",), "side": ("side",), "counterparty": ("counterparty",),
        "doc": ("counterparty_doc",), "submarket": ("submarket",), "energy": ("source_type",), "month": ("month",), "mwh": ("mwh",),
    },
    optional=frozenset({"code", "contract"}),
    numbers=frozenset(),
    model=_ErpRow,
    make=_ErpRow.made,
)  # fmt: skip
_CCEE: Kind[CceeContract] = Kind(
    columns={
        "number": ("ccee_id",), "code": ("ccee_code",), "side": ("side",), "counterparty": ("counterparty_short", "counterparty"),
        "root": ("counterparty_root",), "submarket": ("submarket",), "energy": ("source_type",), "month": ("month",), "mwh": ("mwh",),
        "mw": ("mwm",), "effective_mwh": ("effective_mwh",), "state": ("status",),
    },
    optional=frozenset({"mw", "effective_mwh"}),
    numbers=frozenset(),
    model=_CceeRow,
    make=_CceeRow.made,
)  # fmt: skip


def read_erp(path: Path) -> Intake[ErpContract]:
    """The ERP's contracts; raises InvalidItem when a mandatory column is missing."""
    return read(path, path.name, _ERP)


def read_ccee(path: Path) -> Intake[CceeContract]:
    """CCEE's register; raises InvalidItem when a mandatory column is missing."""
    return read(path, path.name, _CCEE)


def write(path: Path, compared: Iterable[RegisterComparison]) -> None:
    """`contracts.csv`: a row for each ERP contract of a comparison, or for the CCEE contract alone."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for c in compared:
            for erp_id in c.erp_ids or ("",):
                table.writerow(
                    (
                        erp_id, c.ccee_id, c.month, STATUS[c.outcome], c.outcome.value, c.code, c.counterparty, c.erp_mwh, c.ccee_mwh,
                        c.mwh_difference, c.erp_mw, c.ccee_mw, "yes" if c.validated else "no", c.how, c.note,
                    )
                )  # fmt: skip
