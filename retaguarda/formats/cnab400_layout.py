"""CNAB 400 layouts as data: TOML files with positions as the banks' manuals print them, 1-based and inclusive.

Those of layouts/cnab400 come with the program; a folder of one's own adds banks or replaces them. What a layout may say, and what
it means, stands in layouts/cnab400/febraban.toml, on which every other one builds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from retaguarda.errors import ConfigurationError

WIDTH = 400
COMMON = "000"
"""Code under which the layout stands that reads banks without one of their own."""
SETTLING = frozenset({"06", "17"})
"""Movements of FEBRABAN's table C044 by which money came in."""

_SHIPPED = Path(str(files("retaguarda.formats"))) / "layouts" / "cnab400"
_PARTS = ("header", "detail", "trailer")


def _columns(span: object) -> slice:
    match span:
        case [int(first), int(last)] if 1 <= first <= last <= WIDTH:
            return slice(first - 1, last)
    raise ValueError(f"give the first and the last column, from 1 to {WIDTH}")


Columns = Annotated[slice, PlainValidator(_columns)]
NOWHERE = slice(0, 0)
"""The columns of what a bank does not tell."""
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{2}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Header(_Table):
    """Columns of the file's header."""

    account: Columns = NOWHERE
    account_digit: Columns = NOWHERE
    sequence: Columns = NOWHERE


class Detail(_Table):
    """Columns of a title's record."""

    account: Columns = NOWHERE
    account_digit: Columns = NOWHERE
    our_number: Columns
    occurrence: Columns
    occurrence_day: Columns
    document: Columns
    due: Columns
    face: Columns
    fee: Columns
    rebate: Columns
    discount: Columns
    value: Columns
    interest: Columns
    other_charges: Columns
    credit_day: Columns
    net: Columns = NOWHERE
    net_side: Columns = NOWHERE
    payer: Columns = NOWHERE
    payer_name: Columns = NOWHERE


class Count(_Table):
    """How many records of some occurrences the trailer states."""

    at: Columns
    occurrences: frozenset[Code]
    perhaps: frozenset[Code] = frozenset()


class Trailer(_Table):
    """Columns of the file's trailer: how many titles it tells of, their face values added up, how many of some occurrences."""

    details: Columns = NOWHERE
    face: Columns = NOWHERE
    counts: tuple[Count, ...] = ()


class Occurrence(_Table):
    """What a bank's own code means; `code` is its movement in FEBRABAN's table C044."""

    text: str
    code: Code | None = None


class Layout(_Table):
    """How one bank writes its retorno de cobrança."""

    bank: str = Field(pattern=r"^[0-9]{3}$")
    name: str
    source: str
    details: str = Field(pattern=r"^[1-8]$")
    read_over: str = Field(pattern=r"^[1-8]*$")
    value_is: Literal["paid", "credited", "principal"]
    debit: str = ""
    header: Header
    detail: Detail
    trailer: Trailer = Trailer()
    occurrences: dict[Code, Occurrence]

    def movement(self, own: str) -> str:
        """A bank's occurrence in table C044, or as it is; ValueError when nobody knows it and it would read as a payment."""
        known = self.occurrences.get(own)
        code = known.code if known else None
        if code is None and own in SETTLING:
            raise ValueError(f"occurrence {own} has no movement in the layout of bank {self.bank}")
        return code or own


def layouts(folder: Path | None = None) -> Mapping[str, Layout]:
    """The layouts by bank, those of the folder over those of the program; ConfigurationError names file, field and remedy."""
    own = sorted(folder.glob("*.toml")) if folder else []
    return {**_shipped(), **_by_bank(own)}


@cache
def _shipped() -> Mapping[str, Layout]:
    return _by_bank(sorted(_SHIPPED.glob("*.toml")))


def _by_bank(paths: list[Path]) -> Mapping[str, Layout]:
    read = [_layout(path) for path in paths]
    return {layout.bank: layout for layout in read}


def _layout(path: Path) -> Layout:
    try:
        return Layout.model_validate(_over(_toml(_SHIPPED / "febraban.toml"), _toml(path)))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path.name}: {key}: {first['msg']}", remedy=f"correct it in {path}") from error


def _over(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """What a layout says over what they have in common: columns one by one, everything else as a whole."""
    parts = {part: {**common.get(part, {}), **own[part]} for part in _PARTS if isinstance(own.get(part), dict)}
    named = {key: own.get(key) for key in ("bank", "name", "source")}
    return {**common, **own, **named, **parts}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: no TOML, or no UTF-8
        raise ConfigurationError(f"configuration cannot be read: {path}: {error}", remedy=f"correct it in {path}") from error
