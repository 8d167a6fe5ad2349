"""rpaframework's vault interface over our vault: `RPA_SECRET_MANAGER=retaguarda.vault_adapter.VaultSecrets`.

Robots written with `RPA.Robocorp.Vault` read the same encrypted entries; rpaframework's own file manager keeps plain text.
"""

from __future__ import annotations

from typing import Any

from RPA.Robocorp.Vault import BaseSecretManager
from RPA.Robocorp.Vault import Secret as RpaSecret

from retaguarda.redaction import redactor
from retaguarda.settings import load_settings
from retaguarda.vault import PUBLIC, open_vault


class VaultSecrets(BaseSecretManager):  # type: ignore[misc]  # rpaframework is untyped
    """Reads and writes entries of the vault of this installation."""

    def __init__(self, *_: Any, **__: Any) -> None:
        settings = load_settings()
        self._vault = open_vault(settings.home / "vault.json", settings.vault)

    def get_secret(self, secret_name: str) -> RpaSecret:
        """The entry as rpaframework's Secret; its values are redacted from then on."""
        fields = self._vault.entry(secret_name)
        for name, value in fields.items():
            if name not in PUBLIC:
                redactor.add(value)
        return RpaSecret(secret_name, "", fields)

    def set_secret(self, secret: RpaSecret) -> None:
        self._vault.put(secret.name, dict(secret))
