"""Settings: default < config/*.toml < files of RETAGUARDA_CONFIG < environment < flag; an unknown key stops the start."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from retaguarda.configuration import configuration_files
from retaguarda.errors import ConfigurationError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrowserSettings(_Section):
    """Which Chromium, and whether failed sessions keep a trace (it holds cookies: only when asked)."""

    path: str = ""
    trace: bool = False


class PortalSettings(_Section):
    """One portal: where it is and with which credential robots enter."""

    url: str
    credential: str = ""
    mailbox: str = ""
    account: str = ""
    ca_file: Path | None = None
    quiet_seconds: float | None = Field(default=None, description="overrides the manifest's quiet period")


class ClockSettings(_Section):
    """A business date other than today's makes every run a rehearsal of that day."""

    business_date: dt.date | None = None


class DeadlineSettings(_Section):
    """Deadlines of a supply month in business days of the following month (MS+N du); source and confidence with them."""

    register_day: int = 7
    validate_day: int = 8
    hour: str = "18:00"
    source: str = ""
    confidence: Literal["high", "medium", "low"] = "low"


class ReconcileSettings(_Section):
    """Tolerances of the receipts' reconciliation, in reais."""

    tolerance: str = "0.05"


class StoreSettings(_Section):
    """Where the database is; empty means a SQLite file in `home`."""

    url: str = ""


class VaultSettings(_Section):
    """Where the vault's master key comes from; see docs/runbook.md."""

    keyring: bool = False
    key_file: Path = Path("~/.config/retaguarda/vault.key")


class Settings(BaseSettings):
    """Everything that can be set, read once and frozen."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="RETAGUARDA_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        nested_model_default_partial_update=True,
    )

    home: Path = Path("output/state")
    output: Path = Path("output")
    language: Literal["pt-BR", "en"] = "pt-BR"
    company: str = ""
    store: StoreSettings = StoreSettings()
    vault: VaultSettings = VaultSettings()
    browser: BrowserSettings = BrowserSettings()
    clock: ClockSettings = ClockSettings()
    deadlines: DeadlineSettings = DeadlineSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    portals: dict[str, PortalSettings] = {}

    @property
    def store_url(self) -> str:
        return self.store.url or f"sqlite://{self.home.absolute() / 'retaguarda.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic-settings' signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = (TomlConfigSettingsSource(settings_cls, toml_file=path) for path in reversed(configuration_files()))
        return (init_settings, env_settings, *files)


def load_settings(**flags: Any) -> Settings:
    """The settings; ConfigurationError names the file or variable, the key and what is wrong."""
    try:
        for path in configuration_files():
            tomllib.loads(path.read_text(encoding="utf-8"))
        return Settings(**flags)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"configuration cannot be read: {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        sources = ", ".join(str(path) for path in configuration_files()) or "no file"
        raise ConfigurationError(
            f"setting {where}: {first['msg']}", remedy=f"correct it in one of: {sources}, or in RETAGUARDA_* variables"
        ) from error
