"""Time stamps of an authority (RFC 3161): a third party swears when a checkpoint was there."""

from __future__ import annotations

import datetime as dt
import hashlib
import urllib.request
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response

from retaguarda.errors import ConfigurationError, NetworkDown

PATIENCE = 20
LONGEST_ANSWER = 256 * 1024


def stamped(url: str, roots: Path | None, data: bytes) -> bytes:
    """The authority's response over `data`, verified against its roots; NetworkDown when it gives none that holds."""
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"the address of the time-stamping authority is none: {url}", remedy="write https://…")
    query = TimestampRequestBuilder().data(data).build()
    request = urllib.request.Request(url, data=query.as_bytes(), headers={"Content-Type": "application/timestamp-query"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  # its scheme was looked at
            response: bytes = answer.read(LONGEST_ANSWER)
        stamp_time(response, data, roots, nonce=query.nonce)
    except OSError as error:
        raise NetworkDown(f"the time-stamping authority does not answer: {error}", remedy="the log goes on meanwhile") from error
    except ValueError as error:
        raise NetworkDown(
            f"the time stamp does not hold: {error}", remedy="compare audit.stamp_roots with the authority's certificates"
        ) from error
    return response


def stamp_time(response: bytes, data: bytes, roots: Path | None, *, nonce: int | None = None) -> dt.datetime:
    """When the authority says that `data` was there; ValueError when its signature or the digest does not hold.

    Without roots only the digest is compared: then the stamp is worth something once somebody verifies it with them.
    """
    decoded = decode_timestamp_response(response)
    if roots is None:
        if decoded.tst_info.message_imprint.message not in {hashlib.sha256(data).digest(), hashlib.sha512(data).digest()}:
            raise ValueError("it is the stamp of something else")
        return decoded.tst_info.gen_time
    builder = VerifierBuilder()
    for root in load_pem_x509_certificates(roots.read_bytes()):
        builder = builder.add_root_certificate(root)
    if nonce is not None:
        builder = builder.nonce(nonce)
    try:
        builder.build().verify_message(decoded, data)
    except VerificationError as error:
        raise ValueError(str(error)) from error
    return decoded.tst_info.gen_time
