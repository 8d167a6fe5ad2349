"""What is known about bank movements by their words, as data: classes and withholding tables of `config/classes.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from retaguarda.errors import ConfigurationError
from retaguarda.model.values import cents, plain

_SIDES = {"credit": (1,), "debit": (-1,), "any": (1, -1)}


@dataclass(frozen=True, slots=True)
class ClassRule:
    """One class of movements: a side, and the categories or whole words that give it away."""

    name: str
    signs: tuple[int, ...]
    categories: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    batch: bool = False

    def evidence(self, sign: int, category: str, spoken: str) -> str:
        """The category or words that put a movement into this class; "" when none does. `spoken` comes from `words`."""
        if sign not in self.signs:
            return ""
        if category in self.categories:
            return category
        return next((text.strip() for text in self.texts if text in spoken), "")


@dataclass(frozen=True, slots=True)
class Withholding:
    """Taxes a payer keeps back, each a percentage of the gross amount."""

    name: str
    rates: tuple[Decimal, ...]

    def of(self, gross: Decimal) -> Decimal:
        """What is withheld of `gross`: every tax rounded to cents by itself."""
        return sum((cents(gross * rate / 100) for rate in self.rates), Decimal("0.00"))


@dataclass(frozen=True, slots=True)
class Rules:
    """The classes in the order they are tried, and the withholding tables."""

    classes: tuple[ClassRule, ...] = ()
    withholdings: tuple[Withholding, ...] = ()
    _seen: dict[tuple[int, str, str], tuple[ClassRule, str] | None] = field(default_factory=dict, compare=False, repr=False)

    def classify(self, sign: int, category: str, text: str) -> tuple[ClassRule, str] | None:
        """The first class of a movement with what gave it away; None when no class knows it."""
        key = (sign, category, text)
        if key not in self._seen:
            self._seen[key] = self._classify(*key)
        return self._seen[key]

    def _classify(self, sign: int, category: str, text: str) -> tuple[ClassRule, str] | None:
        spoken = words(text)
        for rule in self.classes:
            if found := rule.evidence(sign, category, spoken):
                return rule, found
        return None

    def withheld(self, gross: Decimal, missing: Decimal, tolerance: Decimal = Decimal("0.03")) -> str:
        """The name of the table that explains what is missing of `gross`; "" when none does."""
        return next((table.name for table in self.withholdings if abs(table.of(gross) - missing) <= tolerance), "")


def words(text: str) -> str:
    """The words of a text between single spaces, so that `IOF` is not found in `BIOFARMA`."""
    return f" {re.sub(r'[^0-9A-Z]+', ' ', plain(text)).strip()} "


def parse_rules(data: Mapping[str, Any]) -> Rules:
    """The rules of a parsed TOML file; raises ConfigurationError for an unknown key, side or number."""
    _known(data, {"schema", "class", "withholding"}, "classes.toml")
    if data.get("schema") != 1:
        raise ConfigurationError(f"classes.toml has schema {data.get('schema')!r}; 1 is read.")
    return Rules(tuple(map(_class, data.get("class", ()))), tuple(map(_withholding, data.get("withholding", ()))))


def _class(data: Mapping[str, Any]) -> ClassRule:
    _known(data, {"name", "side", "categories", "texts", "batch"}, str(data.get("name")))
    if data.get("side") not in _SIDES or not data.get("name"):
        raise ConfigurationError(f"A class of classes.toml needs a name and a side of {', '.join(_SIDES)}: {dict(data)!r}")
    return ClassRule(
        name=data["name"],
        signs=_SIDES[data["side"]],
        categories=frozenset(data.get("categories", ())),
        texts=tuple(words(text) for text in data.get("texts", ())),
        batch=bool(data.get("batch", False)),
    )


def _withholding(data: Mapping[str, Any]) -> Withholding:
    _known(data, {"name", "rates"}, str(data.get("name")))
    try:
        return Withholding(data["name"], tuple(Decimal(rate) for rate in data["rates"]))
    except (KeyError, InvalidOperation) as error:
        raise ConfigurationError(f"A withholding of classes.toml needs a name and rates as text: {dict(data)!r}") from error


def _known(data: Mapping[str, Any], keys: set[str], where: str) -> None:
    if unknown := set(data) - keys:
        raise ConfigurationError(f"classes.toml, {where}: unknown keys {', '.join(sorted(unknown))}.")
