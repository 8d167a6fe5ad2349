"""Asks a witness for its signature under a checkpoint (C2SP `tlog-witness`, `add-checkpoint`)."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from http import HTTPStatus

from retaguarda.audit.checkpoints import VerifierKey, witnessed_at
from retaguarda.audit.files import NOTE_END
from retaguarda.audit.merkle import LeafHashes, Tree
from retaguarda.errors import ConfigurationError, NetworkDown, StoreUnavailable
from retaguarda.settings import WitnessSettings

PATIENCE = 10
"""Seconds that a witness may take."""
LONGEST_ANSWER = 64 * 1024


def witnessed(witness: WitnessSettings, note: str, before: int, leaves: LeafHashes) -> bytes:
    """The note with the witness's signature, as the file of witnessed notes keeps it.

    Raises NetworkDown when it does not answer, and StoreUnavailable when it refuses: then this log is not the one it saw before.
    """
    try:
        key = VerifierKey.parse(witness.key)
    except ValueError as error:
        raise ConfigurationError(f"the key of the witness at {witness.url} is none: {error}", remedy="copy its witness.vkey") from error
    status, answer = _asked(witness.url, note, before, leaves)
    if status == HTTPStatus.CONFLICT and answer.strip().isdecimal() and int(answer) != before:
        if int(answer) > len(leaves):
            raise _changed(witness, f"it saw {int(answer)} events, the log holds {len(leaves)}")
        status, answer = _asked(witness.url, note, int(answer), leaves)
    if status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
        raise _changed(witness, answer.strip())
    if status != HTTPStatus.OK:
        raise NetworkDown(f"the witness at {witness.url} refused: {status} {answer.strip()[:200]}", remedy="is the log's key known to it?")
    own = next((line for line in answer.splitlines(keepends=True) if line.startswith(f"— {key.name} ")), "")
    body = note.partition("\n\n")[0]
    try:
        if witnessed_at(f"{body}\n\n{own}", key) is None:
            raise ValueError("no signature of its key")
    except ValueError as error:
        raise NetworkDown(
            f"the witness at {witness.url} did not sign with its key: {error}", remedy="compare the key in the settings"
        ) from error
    return f"{note}{own}{NOTE_END}".encode()


def _changed(witness: WitnessSettings, why: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the witness at {witness.url} refuses the log: {why}",
        remedy="the log is not the one it saw before: see docs/audit.md, and retaguarda audit verify",
    )


def _asked(url: str, note: str, old: int, leaves: LeafHashes) -> tuple[int, str]:
    proof = "".join(base64.b64encode(node).decode() + "\n" for node in Tree(leaves).consistency(old))
    body = f"old {old}\n{proof}\n{note}".encode()
    address = f"{url.rstrip('/')}/add-checkpoint"
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(f"the address of a witness is none: {url}", remedy="write https://…")
    request = urllib.request.Request(address, data=body, method="POST")  # noqa: S310  # its scheme was looked at
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            return response.status, response.read(LONGEST_ANSWER).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(LONGEST_ANSWER).decode("utf-8", "replace")
    except OSError as error:
        raise NetworkDown(f"the witness at {url} does not answer: {error}", remedy="start it; the log goes on meanwhile") from error
