"""Settings: default < config/*.toml < files of RETAGUARDA_CONFIG < environment < flag; an unknown key stops the start."""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError, TomlConfigSettingsSource

from retaguarda.configuration import configuration_files
from retaguarda.errors import ConfigurationError

VARIABLES = {
    "RETAGUARDA_ACTOR",
    "RETAGUARDA_CACHE",
    "RETAGUARDA_CHROMIUM_SANDBOX",
    "RETAGUARDA_CONFIG",
    "RETAGUARDA_CONFIG_DIR",
    "RETAGUARDA_VAULT_KEY",
}
"""Variables that are no settings."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrowserSettings(_Section):
    """Which Chromium, and whether failed sessions keep a trace (it holds cookies: only when asked)."""

    path: str = ""
    trace: bool = False


class BoletoSettings(_Section):
    """What the bank's convênio says of the company that issues boletos, as its remessas must tell it."""

    bank: str = Field(pattern=r"^\d{3}$")
    name: str
    cnpj: str
    branch: str
    branch_digit: str = ""
    account: str
    account_digit: str = ""
    agreement: str = ""
    wallet: str = ""
    variation: str = ""
    transmission: str = ""
    first_sequence: int = Field(default=1, ge=1, description="NSA of our first remessa, after those made by hand")
    first_number: int = Field(default=1, ge=1, description="ordinal of our first nosso número, after those given by hand")
    answer_days: int = Field(default=1, ge=1, description="business days after which a title without an answer is told")


class PortalSettings(_Section):
    """One portal: where it is and with which credential robots enter."""

    url: str
    credential: str = ""
    mailbox: str = ""
    account: str = ""
    ca_file: Path | None = None
    quiet_seconds: float | None = Field(default=None, description="overrides the manifest's quiet period")
    challenge_seconds: float | None = Field(default=None, description="overrides the manifest's patience for codes")
    boletos: BoletoSettings | None = Field(default=None, description="the convênio, where boletos are issued there")


class ClockSettings(_Section):
    """A business date other than today's makes every run a rehearsal of that day."""

    business_date: dt.date | None = None


class DeadlineSettings(_Section):
    """Deadlines of a supply month in business days of the following month (MS+N du); source and confidence with them."""

    register_day: int = 7
    validate_day: int = 8
    hour: str = Field(default="18:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    source: str = ""
    confidence: Literal["high", "medium", "low"] = "low"
    calendar: str = Field(default="anbima", description="calendar that the business days are counted in")
    expected_minutes: float = Field(default=30, gt=0, description="how long a run takes, while too few have been measured")
    reserve_minutes: float = Field(default=30, ge=0, description="kept free before a deadline, besides the run and its retries")
    critical_minutes: float = Field(
        default=60, ge=0, description="open time left in which a run would still be in time: from here on critical"
    )


class ReconcileSettings(_Section):
    """Tolerances of the receipts' reconciliation, in reais."""

    tolerance: str = "0.05"


class ApprovalSettings(_Section):
    """Whose plans a second person approves, and how long questions to people stay open."""

    processes: tuple[str, ...] = Field(default=(), description="processes that act only on a plan which a second person approved")
    expires_hours: float = Field(default=72, gt=0, description="hours after which a question that nobody answered ends its run")
    code_life_seconds: float = Field(default=120, gt=0, description="seconds for which a typed code is worth trying")


class JobsSettings(_Section):
    """How workers carry queued runs out."""

    queues: tuple[str, ...] = Field(default=("default",), description="queues that a worker serves when it is not told otherwise")
    concurrency: int = Field(default=2, ge=1, description="runs that a worker carries out at a time")
    poll_seconds: float = Field(default=0.25, gt=0, description="how often a worker looks for queued runs")
    time_limit: int = Field(default=4 * 3600, gt=0, description="seconds an attempt may take, where its process states no other limit")
    kill_grace: int = Field(default=60, gt=0, description="seconds from asking a run to stop until it is killed")
    retries: int = Field(default=5, ge=0, description="how often a queued run is tried again after an application error")
    retry_first: float = Field(default=60, gt=0, description="seconds before the first retry; each later one waits twice as long")
    retry_most: float = Field(default=3600, gt=0, description="seconds that a retry waits at most")
    recycle_after: int = Field(default=200, gt=0, description="runs after which a worker's child process is replaced by a new one")


Severity = Literal["info", "warning", "critical"]


class AlertTarget(_Section):
    """Who is told; the address is a secret, so it lies in the vault: `alert/<name>`, field url."""

    severity: Severity = Field(default="warning", description="causes from this severity on are told at once")
    digest: bool = Field(default=False, description="whether the daily digest is sent there")


class AlertSettings(_Section):
    """What people are told of, whom, and how often: a cause is told once, and once more when it is over."""

    targets: dict[str, AlertTarget] = {}
    digest_at: dt.time = Field(default=dt.time(8), description="hour of the daily digest, in São Paulo")
    repeat_hours: float = Field(default=24, ge=0, description="an open cause is told again after so long; 0: never")
    settle_minutes: float = Field(default=10, ge=0, description="a cause must stay away so long before it counts as over")
    look_back_hours: float = Field(default=24, gt=0, description="failed runs and missed fires older than this are history")
    request_hours: float = Field(default=4, gt=0, description="a question to a person is overdue after so long")
    queue_minutes: float = Field(default=10, ge=0, description="a queued run waits so long before a missing worker is told")
    unsealed_minutes: float = Field(default=60, gt=0, description="audit events wait so long for the log before it is told")
    certificate_days: int = Field(default=15, ge=0, description="business days before a certificate ends from which it is told")
    disk_gb: float = Field(default=2, ge=0, description="free space under which the disk counts as nearly full")


class WatchdogSettings(_Section):
    """How long the watchdog waits before it says that something planned did not happen."""

    grace_minutes: float = Field(default=5, gt=0, description="a fire is overdue when nobody decided it for so long")
    hang_minutes: float = Field(default=3, gt=0, description="a scheduler hangs when it lives and has not moved for so long")


class BackupSettings(_Section):
    """Where backups are written, and how old the last one may be; without a folder nobody is told that there is none."""

    folder: Path | None = None
    max_age_hours: float = Field(default=26, gt=0)


class RetentionSettings(_Section):
    """Days that each class of data is kept, then `retention apply` lets it go; 0 keeps it for ever. The audit log always stays."""

    logs: int = Field(default=180, ge=0, description="run.jsonl and traces in the folders of runs")
    pictures: int = Field(default=1827, ge=0, description="pictures of what the robots saw; 1827 days are five years")
    files: int = Field(default=1827, ge=0, description="downloads, inputs and outputs of runs")
    runs: int = Field(default=1827, ge=0, description="runs, items, presses, bookings, answers, and the folder of the run")
    ledger: int = Field(default=1827, ge=0, description="planned fires that were decided")
    alerts: int = Field(default=365, ge=0, description="alerts that are over")
    engine: int = Field(default=30, ge=0, description="deliveries of the engine, workers that stopped")
    outbox: int = Field(default=90, ge=0, description="the store's copies of audit events that the log holds")


class WitnessSettings(_Section):
    """A witness of the audit log, which another administrator runs elsewhere."""

    url: str = Field(description="its address without `add-checkpoint`")
    key: str = Field(description="its public key, `name+hash+key`, got by another way than its address")


class AuditSettings(_Section):
    """How often the audit log is signed, and what outside of this machine binds it."""

    seal_seconds: float = Field(default=60, gt=0, description="seconds after which waiting events are sealed and signed at the latest")
    unanchored_minutes: float = Field(default=60, gt=0, description="minutes without an anchor after which the log counts as unprotected")
    witnesses: dict[Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,20}$")], WitnessSettings] = {}
    stamp_url: str = Field(default="", description="a time-stamping authority (RFC 3161); empty: none")
    stamp_roots: Path | None = Field(default=None, description="PEM file of the authority's root certificates")
    stamp_hours: float = Field(default=1, gt=0, description="hours between two time stamps")
    copy_folder: Path | None = Field(default=None, description="a folder that can only be added to (WORM), for copies of the log")
    mail: str = Field(default="", description="name of the alert target that gets the checkpoint: its mailbox is the auditor's")
    copy_hours: float = Field(default=24, gt=0, description="hours between two copies, and two mails")


class EvidenceSettings(_Section):
    """How much evidence a run and a day may keep before pictures of no act and no failure are left out."""

    run_mb: float = Field(default=20, ge=0, description="megabytes of a run with its steps; 0: no limit")
    day_mb: float = Field(default=2000, ge=0, description="megabytes of a day; 0: no limit")


class StoreSettings(_Section):
    """Where the database is; empty means a SQLite file in `home`."""

    url: str = Field(default="", repr=False, description="sqlite:///path/to/file or postgresql://user:password@host:5432/name")
    credential: str = Field(default="", description="entry of the vault whose password belongs to the address")


class ConsoleSettings(_Section):
    """The web console: where it listens, and how long it trusts a person."""

    host: str = Field(default="127.0.0.1", description="address it listens on; anything else needs TLS in front of it")
    port: int = Field(default=8700, ge=1, le=65535)
    public_url: str = Field(
        default="", pattern=r"^(https?://[^/\s]+)?$", description="where people reach it, e.g. https://retaguarda.example, behind a proxy"
    )
    proxies: tuple[str, ...] = Field(default=("127.0.0.1",), description="addresses or networks of the proxies whose word is believed")
    idle_minutes: float = Field(default=30, gt=0, description="a session that nobody uses ends after so long")
    session_hours: float = Field(default=12, gt=0, description="a session ends after so long, used or not")
    link_hours: float = Field(default=24, gt=0, description="how long a one-time link is good for")
    attempts: int = Field(default=5, ge=1, description="wrong passwords or codes after which a person is locked out")
    lock_minutes: float = Field(default=15, gt=0, description="how long wrong attempts count, and a person stays locked out")
    token_days: int = Field(default=90, ge=1, description="days for which a token of the API holds at most")
    upload_mb: float = Field(default=50, gt=0, description="largest file that may be given to a process")


class TicketSettings(_Section):
    """Requests from other areas: until when they are answered, and the mailbox that they arrive in."""

    answer_days: int = Field(default=1, ge=0, description="business days in which a request is answered")
    calendar: str = Field(default="anbima", description="calendar that those days are counted in")
    mailbox: str = Field(default="", description="maildir:/folder or imaps://user@host/folder; empty: none arrive by e-mail")
    senders: tuple[str, ...] = Field(default=(), description="addresses or @domains whose e-mails become requests")
    smtp: str = Field(default="", description="smtps://user@host:465 or smtp+starttls://user@host:587, where answers are sent from")
    sender: str = Field(default="", description="address that answers come from")
    credential: str = Field(default="", description="entry of the vault whose password opens mailbox and mail server")
    poll_seconds: float = Field(default=60, gt=0, description="how often the mailbox is looked at")


class OidcSettings(_Section):
    """Sign-in by the company's identity provider (OpenID Connect), beside local passwords or in their place."""

    issuer: str = Field(default="", description="address of the provider, as its discovery document names it; empty: none")
    client: str = Field(default="", description="name under which the provider knows the console")
    credential: str = Field(default="", description="entry of the vault, field client_secret; empty: a public client")
    claim: str = Field(default="groups", description="claim of the ID token or of the user's facts that roles are mapped from")
    roles: dict[str, tuple[str, ...]] = Field(default={}, description="roles by a value of the claim, e.g. back-office = operator")
    name_claim: str = Field(default="preferred_username", description="claim that names the person here when signing in first")
    scopes: str = Field(default="openid profile email", description="scopes that are asked for")
    title: str = Field(default="", description="what the button calls the provider")
    only: bool = Field(default=False, description="no local passwords: everybody comes by the provider")


class IndicatorSettings(_Section):
    """What the hours saved are counted by: an assumption, shown wherever they are."""

    minutes_by_hand: float = Field(default=5, ge=0, description="minutes that a person is assumed to take for one item")
    minutes: dict[str, float] = Field(default={}, description="the same by process, e.g. register_contracts = 8")


class LeaseSettings(_Section):
    """How runs share a credential: one session at a time, and no more wrong passwords than the portal forgives."""

    wait_seconds: float = Field(default=30, ge=0, description="how long a queued run waits for a credential that another run works with")
    rest_minutes: float = Field(default=30, ge=0, description="how long a credential rests when another try at signing in might lock it")


class VaultSettings(_Section):
    """Where credentials lie, and where the master key comes from; see docs/runbook.md."""

    kind: Literal["file", "hashicorp", "rpaframework"] = Field(default="file", description="the encrypted file, or another vault")
    url: str = Field(default="", description="address of HashiCorp Vault")
    namespace: str = Field(default="", description="its namespace, where it has any")
    mount: str = Field(default="secret", description="its KV version 2 engine")
    prefix: str = Field(default="retaguarda", description="folder of our entries in that engine")
    token_file: Path | None = Field(default=None, description="file with its token, as Vault Agent keeps it; else VAULT_TOKEN")
    ca_file: Path | None = Field(default=None, description="PEM file of the authority that signed its certificate")
    secrets_file: Path | None = Field(default=None, description="rpaframework's file of secrets, JSON or YAML, for its owner alone")

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
    jobs: JobsSettings = JobsSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    vault: VaultSettings = VaultSettings()
    leases: LeaseSettings = LeaseSettings()
    browser: BrowserSettings = BrowserSettings()
    clock: ClockSettings = ClockSettings()
    deadlines: DeadlineSettings = DeadlineSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    alerts: AlertSettings = AlertSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    backup: BackupSettings = BackupSettings()
    retention: RetentionSettings = RetentionSettings()
    console: ConsoleSettings = ConsoleSettings()
    oidc: OidcSettings = OidcSettings()
    tickets: TicketSettings = TicketSettings()
    indicators: IndicatorSettings = IndicatorSettings()
    audit: AuditSettings = AuditSettings()
    evidence: EvidenceSettings = EvidenceSettings()
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
    read = {str(path): _read(path) for path in configuration_files()}
    _require_known_variables()
    try:
        return Settings(**flags)
    except SettingsError as error:
        raise ConfigurationError(f"{error}", remedy="write lists and tables as JSON in RETAGUARDA_* variables") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = [str(part) for part in first["loc"]]
        where = _places(key, read, flags)
        raise ConfigurationError(f"setting {'.'.join(key)}: {first['msg']}", remedy=f"correct it in {where}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: no TOML, or no UTF-8
        raise ConfigurationError(f"configuration cannot be read: {path}: {error}") from error


def _places(key: list[str], read: dict[str, dict[str, Any]], flags: Mapping[str, Any]) -> str:
    """Where a key, or the table it is missing from, was written; whatever counts most comes first."""
    given = [f"the flag {key[0]}"] if key[0] in flags else []
    given += [name for name in os.environ if name.upper() == "RETAGUARDA_" + "__".join(key).upper()]
    given += [name for name, table in reversed(read.items()) if _holds(table, key)]
    given += [name for name, table in reversed(read.items()) if _holds(table, key[:-1])] if len(key) > 1 and not given else []
    return " or ".join(given) or "the configuration"


def _holds(table: Any, key: list[str]) -> bool:
    for part in key:
        if not isinstance(table, Mapping) or part not in table:
            return False
        table = table[part]
    return True


def _require_known_variables() -> None:
    """A misspelt RETAGUARDA_ variable stops the start as a misspelt key does."""
    sections = {f"RETAGUARDA_{name}".upper() for name in Settings.model_fields}
    for name in os.environ:
        section = name.upper().partition("__")[0]
        if name.upper().startswith("RETAGUARDA_") and name.upper() not in VARIABLES and section not in sections:
            raise ConfigurationError(f"unknown variable {name}", remedy="see docs/runbook.md for the ones there are; unset it")
