"""HashiCorp Vault as the vault: credentials in a KV version 2 engine, by the client hvac.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2. Nothing of a credential is kept on this machine; quarantined files are
still locked up with the machine's own master key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultError

from retaguarda.errors import ConfigurationError, VaultUnavailable
from retaguarda.redaction import redactor
from retaguarda.settings import VaultSettings
from retaguarda.vault.file import Vault

T = TypeVar("T")
PATIENCE = 10
"""Seconds that an answer may take."""


class HashiCorpVault(Vault):
    """The same interface over HashiCorp Vault."""

    def __init__(self, path: Path, key: bytes, settings: VaultSettings) -> None:
        super().__init__(path, key)
        if not settings.url:
            raise ConfigurationError("vault.url is not set", remedy="write the address of HashiCorp Vault")
        verify = str(settings.ca_file) if settings.ca_file else True
        token, namespace = _token(settings), settings.namespace or None
        self._client = hvac.Client(url=settings.url, token=token, namespace=namespace, verify=verify, timeout=PATIENCE)
        self._kv = self._client.secrets.kv.v2
        self._mount, self._prefix = settings.mount, settings.prefix.strip("/")

    def names(self) -> list[str]:
        return sorted(self._under(""))

    def entry(self, name: str) -> dict[str, str]:
        """The plain fields of an entry; ConfigurationError when there is none, VaultUnavailable when the vault does not answer."""
        held = self._latest(name)
        if held is None:
            raise ConfigurationError(f"the vault holds no credential {name!r}", remedy=f"retaguarda vault set {name}")
        return {str(field): str(value) for field, value in held["data"].items()}

    def put(self, name: str, fields: Mapping[str, str]) -> None:
        """A new version of an entry; earlier ones stay as the engine is set up to keep them."""
        self._asked(lambda: self._kv.create_or_update_secret(self._path_of(name), dict(fields), mount_point=self._mount))

    def take(self, name: str) -> dict[str, str] | None:
        """The fields of an entry that is used once, or None when it is gone; of two that ask at once, one gets it."""
        held = self._latest(name)
        if held is None:
            return None
        try:
            version = held["metadata"]["version"]
            self._asked(lambda: self._kv.create_or_update_secret(self._path_of(name), {}, cas=version, mount_point=self._mount))
        except InvalidRequest:
            return None  # somebody else took it in between
        self._asked(lambda: self._kv.delete_metadata_and_all_versions(self._path_of(name), mount_point=self._mount))
        for value in held["data"].values():
            redactor.add(str(value))
        return {str(field): str(value) for field, value in held["data"].items()}

    def _latest(self, name: str) -> dict[str, Any] | None:
        """The newest version of an entry, with its metadata; None when there is none."""
        try:
            read = self._kv.read_secret_version
            answer = self._asked(lambda: read(self._path_of(name), mount_point=self._mount, raise_on_deleted_version=True))
        except InvalidPath:
            return None
        held: dict[str, Any] = answer["data"]
        return held if held["data"] else None

    def _under(self, folder: str) -> Iterator[str]:
        try:
            answer = self._asked(lambda: self._kv.list_secrets(self._path_of(folder), mount_point=self._mount))
        except InvalidPath:
            return
        for key in answer["data"]["keys"]:
            if key.endswith("/"):
                yield from self._under(f"{folder}{key}")
            elif self._latest(f"{folder}{key}") is not None:
                yield f"{folder}{key}"

    def _path_of(self, name: str) -> str:
        return f"{self._prefix}/{name}".rstrip("/")

    def _asked(self, call: Callable[[], T]) -> T:
        """What the vault answers; InvalidPath and InvalidRequest are the caller's to understand."""
        try:
            return call()
        except (InvalidPath, InvalidRequest):
            raise
        except Forbidden as error:
            raise VaultUnavailable("HashiCorp Vault refuses the token", remedy="renew it; check the policy of its path") from error
        except (VaultError, requests.RequestException) as error:
            name = type(error).__name__
            raise VaultUnavailable(f"HashiCorp Vault does not answer: {name}", remedy="check vault.url; unseal it") from error


def _token(settings: VaultSettings) -> str:
    try:
        found = settings.token_file.read_text(encoding="utf-8").strip() if settings.token_file else os.environ.get("VAULT_TOKEN", "")
    except OSError as error:
        raise VaultUnavailable(f"the token file cannot be read: {error}", remedy="check vault.token_file and Vault Agent") from error
    if not found:
        raise ConfigurationError("there is no token for HashiCorp Vault", remedy="set vault.token_file or VAULT_TOKEN")
    redactor.add(found)
    return found
