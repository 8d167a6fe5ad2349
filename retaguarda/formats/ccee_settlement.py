"""CCEE's list of a settlement of the short-term market (LFN004, LFN001 as a sheet): what each agent owes or is owed, and what was settled.

Source: files of a trader's monthly routine; the header stands at about row 31, the sheet's name is cut by Excel, siglas hold spaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from retaguarda.errors import InvalidItem
from retaguarda.formats import sheet
from retaguarda.formats.numbers import number
from retaguarda.model.statements import Quarantined
from retaguarda.model.values import cents, plain

_AGENT, _SIDE, _DUE, _SETTLED, _DEFAULT = NAMES = tuple(
    plain(name) for name in ("Agente", "Débito/Crédito", "Valor a Liquidar (R$)", "Valor Liquidado (R$)", "Inadimplência (R$)")
)


@dataclass(frozen=True, slots=True)
class Settled:
    """One agent's line: amounts are signed, what the agent pays is negative."""

    agent: str
    due: Decimal
    settled: Decimal
    default: Decimal
    line: int


@dataclass(frozen=True, slots=True)
class SettlementList:
    """The agents of a settlement, and the lines that could not be read."""

    agents: tuple[Settled, ...]
    quarantine: tuple[Quarantined, ...]


def read(path: Path) -> SettlementList:
    """The agents of a settlement; raises InvalidItem when the columns are not there, IncompleteDownload when the file is damaged."""
    table = sheet.table(path.read_bytes(), path.name, NAMES)
    places = {plain(cell): place for place, cell in reversed(list(enumerate(table.header.cells)))}
    lacking = [name for name in NAMES if name not in places]
    if lacking:
        raise InvalidItem(
            f"{path.name} lacks the columns {', '.join(lacking)}.", remedy="Export the report LFN004 again.", found=table.header.cells
        )
    agents: list[Settled] = []
    odd: list[Quarantined] = []
    for row in table.rows:
        cells = {name: row.cells[places[name]] if places[name] < len(row.cells) else "" for name in NAMES}
        if not cells[_AGENT] or not cells[_SIDE]:
            continue  # notes and totals under the table
        try:
            agents.append(_settled(cells, row.line, table.mark))
        except ValueError as error:
            odd.append(Quarantined(row.line, str(error), "\t".join(row.cells)[:2000]))
    return SettlementList(tuple(agents), tuple(odd))


def _settled(cells: dict[str, str], line: int, mark: str) -> Settled:
    side = plain(cells[_SIDE])[:1]
    if side not in {"D", "C"}:
        raise ValueError(f"neither debit nor credit: {cells[_SIDE]!r}")
    due, settled, default = (cents(abs(number(cells[name] or "0", mark or ","))) for name in (_DUE, _SETTLED, _DEFAULT))
    sign = -1 if side == "D" else 1
    return Settled(" ".join(plain(cells[_AGENT]).split()), sign * due, sign * settled, sign * default, line)
