"""A credential's client certificate: as the browser takes it, and how long it is good."""

from __future__ import annotations

import base64
import datetime as dt
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509 import Certificate

from retaguarda.errors import ConfigurationError
from retaguarda.model.secrets import Credential

if TYPE_CHECKING:
    from playwright._impl._api_structures import ClientCertificate

FIELD = "certificate"


def expires_at(credential: Credential) -> dt.datetime | None:
    """When the credential's certificate ends, aware; None when it has none. ConfigurationError when it does not open."""
    return _opened(credential)[1].not_valid_after_utc if FIELD in credential.secrets else None


def client_certificate(credential: Credential, origin: str) -> ClientCertificate:
    """The credential's PKCS#12 as PEM bytes for Playwright: old RC2 exports open too, and no key touches the disk."""
    key, certificate, chain = _opened(credential)
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise ConfigurationError(
            f"certificate of {credential.name} expired on {certificate.not_valid_after_utc:%Y-%m-%d}", remedy="renew it in the vault"
        )
    pem = b"".join(c.public_bytes(Encoding.PEM) for c in (certificate, *chain))
    return {"origin": origin, "cert": pem, "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())}


def _opened(credential: Credential) -> tuple[PrivateKeyTypes, Certificate, list[Certificate]]:
    given, passphrase = credential.secret(FIELD).reveal(), credential.secret("passphrase").reveal()
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(base64.b64decode(given), passphrase.encode())
    except ValueError as error:
        raise ConfigurationError(
            f"certificate of {credential.name} does not open: {error}", remedy="check the passphrase in the vault"
        ) from error
    if key is None or certificate is None:
        raise ConfigurationError(f"certificate of {credential.name} holds no key")
    return key, certificate, chain
