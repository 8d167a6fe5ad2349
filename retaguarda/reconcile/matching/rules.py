"""The rules of the matching engine as data: `config/matching.toml`, checked, typed and hashed."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from retaguarda.errors import ConfigurationError
from retaguarda.reconcile.matching.model import LineClass

_SIDES = {"": (1, -1), "any": (1, -1), "credit": (1,), "debit": (-1,)}


@dataclass(frozen=True, slots=True)
class Windows:
    """How far apart in business days two things may be that belong together."""

    early: int
    late: int
    batch: int
    reversal: int
    repeated_payment: int
    own_transfer: int
    netting: int
    lot: int


@dataclass(frozen=True, slots=True)
class SubsetLimits:
    """The bounds of the subset search."""

    nearest: int
    widest: int
    most_items: int
    budget: int
    lotless_nearest: int


@dataclass(frozen=True, slots=True)
class InstalmentLimits:
    """The bounds of the search for several payments of one item."""

    most_parts: int
    nearest: int
    days: int


@dataclass(frozen=True, slots=True)
class Explanations:
    """Tolerances (in cents), rates (parts per ten thousand), values and posting accounts of differences."""

    rounding: int
    fine: int
    monthly: int
    interest_tolerance: int
    interest_longest: int
    discounts: tuple[int, ...]
    discount_tolerance: int
    discount_step: int
    discount_learn_after: int
    discount_greatest: int
    fees: frozenset[int]
    fees_learn_after: int
    fees_most: int
    withholdings: tuple[tuple[str, tuple[int, ...]], ...]
    withholding_tolerance: int
    accounts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """Lines known by words at their start or inside; `line_class` ends them, `role` hands them to a pass."""

    name: str
    signs: tuple[int, ...]
    starts: tuple[str, ...]
    holds: tuple[str, ...]
    line_class: LineClass | None
    role: str


@dataclass(frozen=True, slots=True)
class Words:
    """What statements say around a name."""

    channel: tuple[str, ...]
    reference: tuple[str, ...]
    reference_last: tuple[str, ...]
    small: frozenset[str]
    abbreviations: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """All rules of one version."""

    version: int
    digest: str
    passes: tuple[str, ...]
    auto_confidence: float
    auto_limit: int | None
    never_proposed: tuple[str, ...]
    """Grades, or what they begin with, that are given back instead of proposed."""
    calendar: str
    settling: tuple[str, ...]
    lot_word: str
    roles: Mapping[str, tuple[str, ...]]
    """The doc_types of the items that lines of a role settle, whoever is named."""
    windows: Windows
    subset: SubsetLimits
    instalments: InstalmentLimits
    explain: Explanations
    words: Words
    kinds: tuple[Kind, ...]
    confidence: Mapping[str, float]

    @property
    def special(self) -> frozenset[str]:
        """The doc_types that only lines of a role settle."""
        return frozenset(kind for kinds in self.roles.values() for kind in kinds)


def read_matching_rules(path: Path) -> MatchingRules:
    """The rules of a file; raises ConfigurationError when it is missing or something in it is not understood."""
    try:
        data = path.read_bytes()
        return parse_matching_rules(tomllib.loads(data.decode("utf-8")), hashlib.sha256(data).hexdigest())
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file.", remedy="Name the rules with --rules.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}", remedy="Correct the file; it is TOML in UTF-8.") from error


def parse_matching_rules(data: Mapping[str, Any], digest: str = "") -> MatchingRules:
    """The rules of parsed TOML; raises ConfigurationError naming the table and the key that is wrong."""
    top = _Reader(data, "matching.toml")
    if top.number("schema") != 1:
        raise ConfigurationError(f"matching.toml has schema {data.get('schema')!r}; 1 is read.")
    auto = top.table("auto")
    limit = auto.text("limit")
    proposals, calendar = top.table("proposals", {}), top.table("calendar")  # the rules of runs before version 5 have no proposals
    returns, roles = top.table("returns"), top.table("roles")
    rules = MatchingRules(
        version=top.number("version"),
        digest=digest,
        passes=tuple(top.texts("passes")),
        auto_confidence=auto.share("confidence"),
        auto_limit=_cents(limit) if limit else None,
        never_proposed=tuple(proposals.texts("never", ())),
        calendar=calendar.text("name"),
        settling=tuple(returns.texts("settle")),
        lot_word=returns.text("lot_word"),
        roles={name: tuple(roles.texts(name)) for name in roles.data},
        windows=Windows(**top.table("windows").numbers(Windows)),
        subset=SubsetLimits(**top.table("subset").numbers(SubsetLimits)),
        instalments=InstalmentLimits(**top.table("instalments").numbers(InstalmentLimits)),
        explain=_explanations(top.table("explain")),
        words=_words(top.table("words")),
        kinds=tuple(_kind(kind) for kind in top.tables("kind")),
        confidence={key: top.table("confidence").share(key) for key in top.table("confidence").data},
    )
    for table in (auto, proposals, calendar, returns, top):
        table.done()
    return rules


def _explanations(explain: _Reader) -> Explanations:
    rounding, interest, discount = explain.table("rounding"), explain.table("interest"), explain.table("discount")
    fee, withholding = explain.table("bank_fee"), explain.table("withholding")
    tables = withholding.table("tables")
    names = ("rounding", "interest", "discount", "bank_fee", "withholding", "retorno", "divergent")
    accounts = {name: explain.table(name).text("account") for name in names}
    accounts["interest_paid"] = interest.text("account_paid")
    found = Explanations(
        rounding=rounding.number("cents"),
        fine=interest.rate("fine"),
        monthly=interest.rate("monthly"),
        interest_tolerance=interest.number("tolerance"),
        interest_longest=interest.number("longest"),
        discounts=tuple(discount.rates("percents")),
        discount_tolerance=discount.number("tolerance"),
        discount_step=discount.rate("step"),
        discount_learn_after=discount.number("learn_after"),
        discount_greatest=discount.rate("greatest"),
        fees=frozenset(fee.wholes("cents")),
        fees_learn_after=fee.number("learn_after"),
        fees_most=fee.number("most"),
        withholdings=tuple((name, tuple(tables.rates(name))) for name in tables.data),
        withholding_tolerance=withholding.number("tolerance"),
        accounts=accounts,
    )
    for one in (rounding, interest, discount, fee, withholding, explain.table("retorno"), explain.table("divergent"), explain):
        one.done()
    return found


def _words(words: _Reader) -> Words:
    short = words.table("abbreviations")
    found = Words(
        channel=tuple(words.texts("channel")),
        reference=tuple(words.texts("reference")),
        reference_last=tuple(words.texts("reference_last")),
        small=frozenset(words.texts("small")),
        abbreviations={name: tuple(short.texts(name)) for name in short.data},
    )
    words.done()
    return found


def _kind(kind: _Reader) -> Kind:
    side, line_class = kind.text("side", ""), kind.text("class", "")
    if side not in _SIDES:
        raise ConfigurationError(f"{kind.where}: side {side!r} is none of credit, debit, any.")
    if line_class not in {"", "noise", "balance", "transfer"}:
        raise ConfigurationError(f"{kind.where}: class {line_class!r} is none of noise, balance, transfer.")
    found = Kind(
        name=kind.text("name"),
        signs=_SIDES[side],
        starts=tuple(kind.texts("starts", ())),
        holds=tuple(kind.texts("holds", ())),
        line_class=LineClass(line_class) if line_class else None,
        role=kind.text("role", ""),
    )
    kind.done()
    return found


_TOML_TYPES: dict[type, str] = {dict: "table", list: "array", str: "string", int: "integer", float: "float"}


class _Reader:
    """A TOML table that knows where it stands, gives typed values and refuses what nobody asked for."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self.data, self.where, self._asked = data, where, set[str]()
        self._tables: dict[str, _Reader] = {}

    def _get(self, key: str, kind: type | tuple[type, ...], default: object = None) -> Any:
        self._asked.add(key)
        value = self.data.get(key, default)
        if value is None:
            raise ConfigurationError(f"{self.where}: `{key}` is missing.", remedy="Take it from the rules that come with this version.")
        if not isinstance(value, kind) or isinstance(value, bool):
            wanted = _TOML_TYPES[kind[0] if isinstance(kind, tuple) else kind]
            raise ConfigurationError(f"{self.where}: `{key}` must be of the TOML type {wanted}: {value!r}.", remedy="Correct the rules.")
        return value

    def table(self, key: str, default: dict[str, Any] | None = None) -> _Reader:
        if key not in self._tables:
            self._tables[key] = _Reader(self._get(key, dict, default), f"{self.where}, [{key}]")
        return self._tables[key]

    def tables(self, key: str) -> list[_Reader]:
        return [_Reader(table, f"{self.where}, [[{key}]] {table.get('name', '')}") for table in self._get(key, list, [])]

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._get(key, str, default))

    def number(self, key: str) -> int:
        return int(self._get(key, int))

    def share(self, key: str) -> float:
        value = float(self._get(key, (float, int)))
        if not 0 <= value <= 1:
            raise ConfigurationError(f"{self.where}: `{key}` is {value}, which is no share between 0 and 1.")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> list[str]:
        values = self._get(key, (list, tuple), default)
        if not all(isinstance(value, str) for value in values):
            raise ConfigurationError(f"{self.where}: `{key}` holds something that is no text: {values!r}.")
        return list(values)

    def wholes(self, key: str) -> list[int]:
        values = self._get(key, list)
        if not all(isinstance(value, int) for value in values):
            raise ConfigurationError(f"{self.where}: `{key}` holds something that is no whole number: {values!r}.")
        return list(values)

    def rate(self, key: str) -> int:
        return _ten_thousandths(self.text(key), f"{self.where}: `{key}`")

    def rates(self, key: str) -> list[int]:
        return [_ten_thousandths(value, f"{self.where}: `{key}`") for value in self.texts(key)]

    def numbers(self, shape: type[Windows | SubsetLimits | InstalmentLimits]) -> dict[str, int]:
        found = {one.name: self.number(one.name) for one in fields(shape)}
        self.done()
        return found

    def done(self) -> None:
        if unknown := set(self.data) - self._asked:
            raise ConfigurationError(f"{self.where}: unknown keys {', '.join(sorted(unknown))}.", remedy="Remove or correct them.")


def _ten_thousandths(text: str, where: str) -> int:
    try:
        return int(Decimal(text) * 100)
    except InvalidOperation:
        raise ConfigurationError(f"{where} is no percentage with a decimal point: {text!r}.") from None


def _cents(text: str) -> int:
    try:
        return int(Decimal(text) * 100)
    except InvalidOperation:
        raise ConfigurationError(f"matching.toml, [auto]: `limit` is no amount: {text!r}.") from None
