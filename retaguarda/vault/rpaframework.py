"""rpaframework's vault as the vault: credentials from a file that `RPA.Robocorp.Vault.FileSecrets` reads.

Its file is plain text, so it is for whoever comes from rpaframework with such a file: it is only read, must be its owner's alone, and
whatever is set goes into the encrypted file beside it, which is asked first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from RPA.Robocorp.Vault import FileSecrets
from yaml import YAMLError

from retaguarda.errors import ConfigurationError, VaultUnavailable
from retaguarda.settings import VaultSettings
from retaguarda.vault.file import Vault


class RpaVault(Vault):
    """The same interface over rpaframework's file, and the encrypted one before it."""

    def __init__(self, path: Path, key: bytes, settings: VaultSettings) -> None:
        super().__init__(path, key)
        file = settings.secrets_file
        if file is None or not file.exists():
            raise ConfigurationError(f"rpaframework's file of secrets is not there: {file}", remedy="set vault.secrets_file")
        if file.stat().st_mode & 0o077:
            raise VaultUnavailable(f"the file of secrets {file} is readable by others", remedy=f"chmod 600 {file}")
        self._theirs = _read(file)

    def names(self) -> list[str]:
        return sorted({*super().names(), *self._theirs})

    def entry(self, name: str) -> dict[str, str]:
        """The plain fields of an entry: of the encrypted file, else of rpaframework's."""
        if name in super().names() or name not in self._theirs:
            return super().entry(name)
        return {str(field): str(value) for field, value in self._theirs[name].items()}


def _read(file: Path) -> dict[str, Any]:
    """The entries of the file; rpaframework tells of damaged JSON by an empty answer, of damaged YAML by its parser's error."""
    try:
        held: dict[str, Any] = FileSecrets(str(file)).data
    except (ValueError, YAMLError):
        held = {}
    if not held or not all(isinstance(fields, dict) for fields in held.values()):
        raise VaultUnavailable(f"the file of secrets {file.name} is damaged or empty", remedy="correct it, or set vault.kind to file")
    return held
