"""The vault as an encrypted file: credentials never lie in plain text on the disk.

Each entry is sealed with AES-256-GCM under the master key, with its name as associated data, so that entries cannot be
swapped. The master key comes from RETAGUARDA_VAULT_KEY, from systemd's credentials, from the OS keyring where asked, or
from a key file readable by its owner alone, which is created at first use.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from retaguarda.errors import ConfigurationError, VaultUnavailable
from retaguarda.locks import process_lock
from retaguarda.model.secrets import Credential, Secret, SpentCodes
from retaguarda.redaction import redactor
from retaguarda.settings import VaultSettings

KEY_BYTES = 32
NONCE_BYTES = 12
PUBLIC = frozenset({"user", "password_until"})
"""Fields that are no secrets: the last one is the day on which the portal wants another password, YYYY-MM-DD."""


class Vault:
    """Credentials by name, e.g. `ccee/robo`, each a set of named texts: user, password, totp, certificate, passphrase."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._cipher = AESGCM(key)

    def names(self) -> list[str]:
        return sorted(self._read())

    def credential(self, name: str) -> Credential:
        """The credential of that name; its secrets are known to every redacting sink from here on."""
        entry = self.entry(name)
        for field, value in entry.items():
            if field not in PUBLIC:
                redactor.add(value)
        held = {field: Secret(value) for field, value in entry.items() if field not in PUBLIC}
        return Credential(name, entry.get("user", ""), held, KeptCodes(self._path.with_suffix(".codes")))

    def entry(self, name: str) -> dict[str, str]:
        """The plain fields of an entry; ConfigurationError when there is none, VaultUnavailable when it does not open."""
        sealed = self._read().get(name)
        if sealed is None:
            raise ConfigurationError(f"the vault holds no credential {name!r}", remedy=f"retaguarda vault set {name}")
        try:
            raw = base64.b64decode(sealed, validate=True)
            plain = self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError, TypeError):
            raise VaultUnavailable(f"credential {name!r} does not open with this master key", remedy="check RETAGUARDA_VAULT_KEY") from None
        fields: dict[str, str] = json.loads(plain)
        return fields

    def put(self, name: str, fields: Mapping[str, str]) -> None:
        """Seal an entry; the file is replaced in one step and is readable by its owner alone."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, json.dumps(dict(fields)).encode(), name.encode())
        with process_lock(self._path.with_suffix(".lock"), wait=True):
            entries = self._read() | {name: base64.b64encode(sealed).decode()}
            _replace(self._path, json.dumps({"version": 1, "entries": entries}, indent=1).encode())

    def lock_up(self, name: str, data: bytes) -> bytes:
        """`data` as only this vault opens it again, under a name that belongs to it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, name.encode())

    def unlocked(self, name: str, sealed: bytes) -> bytes:
        """What was locked up under that name; VaultUnavailable when it does not open."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise VaultUnavailable(f"{name} does not open with this master key", remedy="check RETAGUARDA_VAULT_KEY") from None

    def take(self, name: str) -> dict[str, str] | None:
        """The fields of an entry that is used once, or None when it is gone; it is gone from here on."""
        with process_lock(self._path.with_suffix(".lock"), wait=True):
            if name not in self._read():
                return None
            fields = self.entry(name)
            for value in fields.values():
                redactor.add(value)
            _replace(
                self._path, json.dumps({"version": 1, "entries": {n: v for n, v in self._read().items() if n != name}}, indent=1).encode()
            )
        return fields

    def _read(self) -> dict[str, str]:
        try:
            entries: dict[str, str] = dict(json.loads(self._path.read_bytes())["entries"])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise VaultUnavailable(f"the vault file cannot be read: {error}", remedy="check its rights and the disk") from error
        except (ValueError, KeyError, TypeError) as error:
            raise VaultUnavailable(f"the vault file {self._path.name} is damaged: {error}", remedy="restore it from the backup") from error
        return entries


class KeptCodes(SpentCodes):
    """Which one-time codes were given, remembered beside the vault: two runs within 30 seconds must not give the same one."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def take(self, name: str, now: int) -> int | None:
        """As `SpentCodes.take`, for every process of this installation."""
        with process_lock(self._path.with_name(f"{self._path.name}.lock"), wait=True):
            self._last = self._read()
            step = super().take(name, now)
            _replace(self._path, json.dumps(self._last).encode())
        return step

    def _read(self) -> dict[str, int]:
        try:
            return {str(name): int(step) for name, step in json.loads(self._path.read_bytes()).items()}
        except (FileNotFoundError, ValueError, AttributeError, TypeError):
            return {}  # it holds steps of half a minute: nothing worth stopping for


def master_key(settings: VaultSettings) -> bytes:
    """The machine's master key: 32 bytes."""
    given = os.environ.get("RETAGUARDA_VAULT_KEY") or _systemd_credential() or (_keyring() if settings.keyring else "")
    try:
        key = base64.b64decode(given, validate=True) if given else _key_file(settings.key_file.expanduser())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise VaultUnavailable("the vault's master key is not 32 bytes", remedy="give 32 random bytes in base64")
    return key


def _systemd_credential() -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / "retaguarda-vault-key" if folder else None
    return path.read_text().strip() if path and path.exists() else ""


def _keyring() -> str:
    import keyring
    from keyring.errors import KeyringError

    try:
        held = keyring.get_password("retaguarda", "vault")
        if held is None:
            held = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
            keyring.set_password("retaguarda", "vault", held)
    except KeyringError as error:
        raise VaultUnavailable(f"the OS keyring does not answer: {error}", remedy="set vault.keyring = false or unlock it") from error
    return held


def _key_file(path: Path) -> bytes:
    """The key in the file, made at first use: of two processes that come first, one makes it and both read it."""
    try:
        if not path.exists():
            with process_lock(path.with_name(f".{path.name}.lock"), wait=True):
                if not path.exists():
                    _replace(path, secrets.token_bytes(KEY_BYTES))
        if path.stat().st_mode & 0o077:
            raise VaultUnavailable(f"the key file {path} is readable by others", remedy=f"chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise VaultUnavailable(
            f"the key file {path} cannot be read or made: {error}", remedy="check vault.key_file and its rights"
        ) from error


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
