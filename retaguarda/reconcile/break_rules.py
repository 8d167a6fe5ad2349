"""What is done about a break, as data: `config/breaks.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retaguarda.configuration import configuration_folder
from retaguarda.errors import ConfigurationError
from retaguarda.model.reconciliation import ContractOutcome

FILE = "breaks.toml"
KINDS = (
    "unmatched-credit",
    "unmatched-debit",
    "proposal",
    "duplicate-payment",
    "amount-differs",
    "overdue",
    "statement-missing",
    "return-missing",
    "overtaken",
    "taken-back",
    "difference-to-post",
    *(f"contract-{outcome}" for outcome in ContractOutcome if outcome.is_break),
)
"""Every kind of break that a reconciliation can tell."""


class BreakRule(BaseModel):
    """Who looks at a kind of break, within how many business days, and what is done next."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    title: str
    owner: str
    days: int = Field(ge=0, le=250)
    next: str
    process: str = ""
    params: Mapping[str, str] = Field(default_factory=dict)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: int = Field(alias="schema", ge=1, le=1)
    version: int = Field(ge=1)
    break_: tuple[BreakRule, ...] = Field(alias="break")


def read_break_rules(path: Path | None = None) -> Mapping[str, BreakRule]:
    """The rules by kind, of `config/breaks.toml` when no file is named.

    ConfigurationError when the file cannot be read, or a kind is unknown, missing or there twice.
    """
    path = path or configuration_folder() / FILE
    try:
        stated = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    kinds = [rule.kind for rule in stated.break_]
    if sorted(kinds) != sorted(KINDS):
        wrong = sorted(set(kinds) ^ set(KINDS)) or sorted({kind for kind in kinds if kinds.count(kind) > 1})
        raise ConfigurationError(f"{path}: {', '.join(wrong)}: every kind stands there once", remedy=f"known are: {', '.join(KINDS)}")
    return {rule.kind: rule for rule in stated.break_}
