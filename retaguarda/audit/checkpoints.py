"""Signed checkpoints in C2SP's published formats: `tlog-checkpoint` text inside an Ed25519 `signed-note`."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's size and root at one moment."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public key of a log: `name+hash+key` in text, as other verifiers read it."""

    name: str
    key: Ed25519PublicKey

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + raw_public(self.key)).digest()[:4]

    def text(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(ED25519 + raw_public(self.key)).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key in `text`; ValueError when it is none, or another than it says."""
        name, digest, encoded = [*text.strip().split("+", 2), "", ""][:3]
        raw = base64.b64decode(encoded, validate=True)
        if raw[:1] != ED25519:
            raise ValueError(f"{name or 'the text'} is no Ed25519 key")
        key = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]))
        if key.hash.hex() != digest:
            raise ValueError(f"the key of {name} is not the one it says")
        return key


def raw_public(key: Ed25519PublicKey) -> bytes:
    """The key's 32 bytes."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The checkpoint as a signed note."""
    verifier = VerifierKey(checkpoint.origin, key.public_key())
    signature = base64.b64encode(verifier.hash + key.sign(checkpoint.text().encode())).decode()
    return f"{checkpoint.text()}\n— {checkpoint.origin} {signature}\n"


def open_note(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a note whose signature holds; ValueError says what does not."""
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        mark, name, signature = [*line.split(" "), "", "", ""][:3]
        if (mark, name) == ("—", key.name):
            _check(key, base64.b64decode(signature, validate=True), f"{text}\n".encode())
            return _parsed(text, key.name)
    raise ValueError("no signature of the log's key")


def _parsed(text: str, expected: str) -> Checkpoint:
    origin, size, root = [*text.split("\n"), "", "", ""][:3]
    if origin != expected:
        raise ValueError(f"a checkpoint of {origin!r}")
    return Checkpoint(origin, int(size), base64.b64decode(root, validate=True))


def _check(key: VerifierKey, signature: bytes, text: bytes) -> None:
    if signature[:4] != key.hash:
        raise ValueError("signed by another key")
    try:
        key.key.verify(signature[4:], text)
    except InvalidSignature:
        raise ValueError("the signature does not hold") from None


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """The log's signing key, created at first use and readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
