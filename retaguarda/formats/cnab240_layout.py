"""CNAB 240 positions as data, 1-based and inclusive as FEBRABAN prints them (v8 to v10), with the banks that deviate.

Sources: FEBRABAN "Layout padrão CNAB 240" (extrato para conciliação bancária, cobrança) and the banks' own manuals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter

Columns = Mapping[str, slice]
WIDTH = 240


def columns(**spans: tuple[int, int]) -> Columns:
    """Named slices of a line from printed positions."""
    return {name: slice(start - 1, end) for name, (start, end) in spans.items()}


def cutter(layout: Columns, *names: str) -> Callable[[str], tuple[str, ...]]:
    """What cuts these fields out of a record, all at once."""
    return itemgetter(*(layout[name] for name in names))


FILE_HEADER = columns(account=(59, 70), account_digit=(71, 71), remittance=(143, 143), sequence=(158, 163))
FILE_TRAILER = columns(lots=(18, 23), records=(24, 29))
LOT_HEADER = columns(operation=(9, 9), service=(10, 11))
LOT_TRAILER = columns(records=(18, 23))

STATEMENT_HEADER = columns(
    bank=(1, 3), branch=(53, 57), branch_digit=(58, 58), account=(59, 70), account_digit=(71, 71),
    day=(143, 150), balance=(151, 168), side=(169, 169), position=(170, 170), currency=(171, 173),
)  # fmt: skip
STATEMENT_DETAIL = columns(
    accounting_day=(135, 142), day=(143, 150), amount=(151, 168), side=(169, 169), category=(170, 172),
    text=(177, 201), document=(202, 240),
)  # fmt: skip
STATEMENT_TRAILER = columns(
    day=(143, 150), balance=(151, 168), side=(169, 169), position=(170, 170), records=(171, 176), debits=(177, 194), credits=(195, 212),
)  # fmt: skip

SEGMENT_T = columns(
    movement=(16, 17), our_number=(38, 57), document=(59, 73), due=(74, 81), face=(82, 96),
    payer_type=(133, 133), payer=(134, 148), payer_name=(149, 188), fee=(199, 213), reasons=(214, 223),
)  # fmt: skip
SEGMENT_T_BY_BANK: Mapping[str, Columns] = {
    # Santander shifts the whole segment: read by FEBRABAN's positions, R$ 43,50 becomes R$ 435.000,10
    "033": columns(
        movement=(16, 17), our_number=(41, 53), document=(55, 69), due=(70, 77), face=(78, 92),
        payer_type=(128, 128), payer=(129, 143), payer_name=(144, 183), fee=(194, 208), reasons=(209, 218),
    ),
    # Caixa SIGCB
    "104": {**SEGMENT_T, **columns(our_number=(42, 56), document=(59, 69))},
    # Itaú
    "341": {**SEGMENT_T, **columns(our_number=(41, 48), document=(59, 68), reasons=(214, 221))},
}  # fmt: skip
SEGMENT_U = columns(
    movement=(16, 17), interest=(18, 32), discount=(33, 47), rebate=(48, 62), paid=(78, 92), net=(93, 107),
    occurrence=(138, 145), credit=(146, 153),
)  # fmt: skip
SEGMENT_Y = columns(movement=(16, 17), record=(18, 19), key_type=(81, 81), key=(82, 158), txid=(159, 193))
"""Y-03 and Y-04 as FEBRABAN's v10.7 and Santander's H7815 v8 lay the PIX of a boleto out; other Y (drawer, e-mail) carry no PIX."""
