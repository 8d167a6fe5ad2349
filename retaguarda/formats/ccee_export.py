"""The contract export of the CCEE (CliqCCEE): a ZIP of tab-separated latin-1 files, a title above each header row.

Source: files of a trader's monthly routine (domain notes 1.9). Columns are found by name; the ones that only some exports
have (profile codes, reference, month) can be given by the caller instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import archive
from retaguarda.formats.text import MAX_BYTES, decode
from retaguarda.model.contracts import ContractState, HeldContract, modulation, submarket
from retaguarda.model.statements import Quarantined
from retaguarda.model.values import MW, Month, decimal_br, plain

_IGNORED = "parcela"
"""Files of contract parcels repeat the contracts; they are left aside by name."""
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": ("CODIGO_CONTRATO", "CONTRATO", "NUMERO_CONTRATO"),
    "reference": ("REFERENCIA", "REFERENCIA_CONTRATO"),
    "seller": ("SIGLA_PERFIL_VENDEDOR",),
    "buyer": ("SIGLA_PERFIL_COMPRADOR",),
    "seller_profile": ("CODIGO_PERFIL_VENDEDOR", "PERFIL_VENDEDOR", "COD_PERFIL_VENDEDOR"),
    "buyer_profile": ("CODIGO_PERFIL_COMPRADOR", "PERFIL_COMPRADOR", "COD_PERFIL_COMPRADOR"),
    "submarket": ("SUBMERCADO_ENTREGA", "SUBMERCADO"),
    "month": ("MES_REFERENCIA", "MES", "MES_SUPRIMENTO", "DATA_REFERENCIA"),
    "mw_average": ("MWMEDIO", "MW_MEDIO", "MONTANTE_MEDIO", "MONTANTE_MWMEDIO"),
    "modulation": ("TIPO_MODULACAO", "MODULACAO"),
    "state": ("SITUACAO_CONTRATO", "SITUACAO_MONTANTE", "SITUACAO"),
}
_MANDATORY = ("code", "seller", "buyer", "submarket", "mw_average", "state")
_STATES: Mapping[str, ContractState] = {
    "RASCUNHO": ContractState.DRAFT,
    "REGISTRADO": ContractState.UNVALIDATED,
    "CONCLUIDO": ContractState.UNVALIDATED,
    "REGISTRADO/CONCLUIDO": ContractState.UNVALIDATED,
    "NAO VALIDADO": ContractState.UNVALIDATED,
    "INSERIDO NAO VALIDADO": ContractState.UNVALIDATED,
    "AJUSTADO NAO VALIDADO": ContractState.UNVALIDATED,
    "PENDENTE DE VALIDACAO": ContractState.UNVALIDATED,
    "VALIDADO": ContractState.VALIDATED,
    "CANCELADO": ContractState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class CceeExport:
    """The contracts of an export, the lines that could not be read (numbered within their file) and the files it held."""

    contracts: tuple[HeldContract, ...]
    quarantine: tuple[Quarantined, ...]
    files: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    month: Month | None
    profiles: Mapping[str, int]
    contracts: list[HeldContract] = field(default_factory=list)
    quarantine: list[Quarantined] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    seen: set[tuple[str, Month]] = field(default_factory=set)


def read(data: bytes, month: Month | None = None, profiles: Mapping[str, int] | None = None) -> CceeExport:
    """The contracts of an export.

    Args:
        data: the ZIP file.
        month: the month of supply asked for, for exports without a month column.
        profiles: profile codes by sigla (spelled by `plain`), for exports without code columns.

    Raises:
        IncompleteDownload: not a ZIP, damaged, absurdly large, without a contract file or without a mandatory column.
    """
    reading = _Reading(month, {plain(name): code for name, code in (profiles or {}).items()})
    with archive.opened(data, "The CCEE export", archive.Bounds(total=MAX_BYTES)) as book:
        for name, content in archive.members(book, lambda name: name.endswith((".csv", ".txt")) and _IGNORED not in name):
            reading.files.append(name)
            _read_file(name, decode(content), reading)
    if not reading.files:
        raise IncompleteDownload("The CCEE export holds no contract file.", remedy="Ask the portal for the export again.")
    return CceeExport(tuple(reading.contracts), tuple(reading.quarantine), tuple(reading.files))


def _read_file(name: str, text: str, reading: _Reading) -> None:
    rows = [(number, line.split("\t")) for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1) if line.strip()]
    start = next((i for i, (_, cells) in enumerate(rows[:10]) if _header(cells).keys() >= set(_MANDATORY)), None)
    if start is None:
        found = ", ".join(rows[min(1, len(rows) - 1)][1])[:500] if rows else "nothing"
        raise IncompleteDownload(
            f"{name} of the CCEE export lacks a mandatory column.",
            remedy="Compare its header with the columns of retaguarda.formats.ccee_export.",
            columns=found,
        )
    header = _header(rows[start][1])
    for number, cells in rows[start + 1 :]:
        try:
            contract = _contract(dict(_named(header, cells)), reading)
            if (contract.code, contract.month) in reading.seen:
                raise ValueError(f"the contract {contract.code} stands in the export twice")
            reading.seen.add((contract.code, contract.month))
            reading.contracts.append(contract)
        except ValueError as error:
            reading.quarantine.append(Quarantined(number, f"{name}: {error}", "\t".join(cells)[:2000]))


def _header(cells: list[str]) -> dict[str, int]:
    places = {plain(cell).strip('"').replace(" ", "_"): place for place, cell in reversed(list(enumerate(cells)))}
    found = {name: next((places[s] for s in spellings if s in places), None) for name, spellings in _COLUMNS.items()}
    return {name: place for name, place in found.items() if place is not None}


def _named(header: Mapping[str, int], cells: list[str]) -> Iterator[tuple[str, str]]:
    if len(cells) <= max(header[name] for name in _MANDATORY):
        raise ValueError("the line has fewer columns than the header")
    for name, place in header.items():
        yield name, " ".join(cells[place].strip('"').split()) if place < len(cells) else ""


def _contract(row: Mapping[str, str], reading: _Reading) -> HeldContract:
    if not row["code"]:
        raise ValueError("the contract has no code")
    state = _STATES.get(plain(row["state"].replace("_", " ")))
    if state is None:
        raise ValueError(f"unknown state: {row['state']!r}")
    month = Month.parse(row["month"]) if row.get("month") else reading.month
    if month is None:
        raise ValueError("the line tells no month and none was asked for")
    return HeldContract(
        code=row["code"],
        reference=row.get("reference", ""),
        seller_profile=_profile(row.get("seller_profile", ""), row["seller"], reading.profiles),
        buyer_profile=_profile(row.get("buyer_profile", ""), row["buyer"], reading.profiles),
        seller=row["seller"],
        buyer=row["buyer"],
        submarket=submarket(row["submarket"]),
        month=month,
        mw_average=decimal_br(row["mw_average"]).quantize(MW),
        modulation=modulation(row["modulation"]) if row.get("modulation") else "",
        state=state,
    )


def _profile(code: str, sigla: str, profiles: Mapping[str, int]) -> int:
    if code.isascii() and code.isdigit():
        return int(code)
    known = profiles.get(plain(sigla))
    if known is None:
        raise ValueError(f"no code for the profile {sigla!r}")
    return known
