"""The vault: where credentials lie. One interface, `Vault`; by default an encrypted file, else HashiCorp Vault or rpaframework's file."""

from __future__ import annotations

from pathlib import Path

from retaguarda.settings import VaultSettings
from retaguarda.vault.file import PUBLIC, KeptCodes, Vault, master_key

__all__ = ["PUBLIC", "KeptCodes", "Vault", "open_vault"]


def open_vault(path: Path, settings: VaultSettings) -> Vault:
    """The vault that the settings name; `path` is the encrypted file, which the others keep beside them for what is the suite's own."""
    if settings.kind == "hashicorp":
        from retaguarda.vault.hashicorp import HashiCorpVault

        return HashiCorpVault(path, master_key(settings), settings)
    if settings.kind == "rpaframework":
        from retaguarda.vault.rpaframework import RpaVault

        return RpaVault(path, master_key(settings), settings)
    return Vault(path, master_key(settings))
