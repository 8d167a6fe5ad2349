"""C2SP's published formats: `tlog-checkpoint` text inside an Ed25519 `signed-note`, `tlog-cosignature` of witnesses, `tlog-proof`."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from retaguarda.audit.files import create_durably

ED25519 = b"\x01"
COSIGNATURE = b"\x04"
"""Kinds of keys: of a log, and of a witness, who says when it saw a checkpoint."""


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
    """The public key of a log or a witness: `name+hash+key` in text, as other verifiers read it."""

    name: str
    key: Ed25519PublicKey
    kind: bytes = ED25519

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self.kind + raw_public(self.key)).digest()[:4]

    def text(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(self.kind + raw_public(self.key)).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key in `text`; ValueError when it is none, or another than it says."""
        name, digest, encoded = [*text.strip().split("+", 2), "", ""][:3]
        raw = decoded(encoded)
        if raw[:1] not in {ED25519, COSIGNATURE}:
            raise ValueError(f"{name or 'the text'} is no Ed25519 key")
        key = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]), raw[:1])
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


def cosign(note: str, name: str, key: Ed25519PrivateKey, seconds: int) -> str:
    """The signature line of a witness that saw a checkpoint at a POSIX time (`cosignature/v1`)."""
    witness = VerifierKey(name, key.public_key(), COSIGNATURE)
    stamp = seconds.to_bytes(8, "big")
    signature = stamp + key.sign(_cosigned(_body(note), seconds))
    return f"— {name} {base64.b64encode(witness.hash + signature).decode()}\n"


def open_note(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a note whose signature holds; ValueError says what does not."""
    body = _body(note)
    for name, signature in _signatures(note):
        if name == key.name:
            blob = decoded(signature)
            if blob[:4] == key.hash or key.kind == ED25519:
                _check(key, blob, body.encode())
                return parsed(body, key.name)
    raise ValueError("no signature of the log's key")


def witnessed_at(note: str, key: VerifierKey) -> int | None:
    """When a witness saw the note's checkpoint, as POSIX time; None when it did not sign, ValueError when its signature does not hold."""
    for name, signature in _signatures(note):
        blob = decoded(signature)
        if (name, blob[:4]) == (key.name, key.hash):
            seconds = int.from_bytes(blob[4:12], "big")
            _check(key, blob[:4] + blob[12:], _cosigned(_body(note), seconds))
            return seconds
    return None


def parsed(body: str, expected: str = "") -> Checkpoint:
    """The checkpoint that a note's text states; ValueError when it states none, or one of another log."""
    origin, size, root = [*body.split("\n"), "", "", ""][:3]
    if expected and origin != expected:
        raise ValueError(f"a checkpoint of {origin!r}")
    checkpoint = Checkpoint(origin, int(size), decoded(root))
    if not origin or len(checkpoint.root) != 32 or str(checkpoint.size) != size or checkpoint.size < 0:
        raise ValueError("the text is no checkpoint")
    return checkpoint


def decoded(text: str) -> bytes:
    """Base64 in the one spelling it has: bits that say nothing must be zero, so that no byte of a note can be changed unseen."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("base64 in a spelling that is not its own")
    return raw


def proof_text(index: int, path: list[bytes], note: str) -> str:
    """A `tlog-proof`: everything that is needed to verify one event offline."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *(base64.b64encode(node).decode() for node in path)]
    return "\n".join([*lines, "", note])


def _body(note: str) -> str:
    return note.partition("\n\n")[0] + "\n"


def _signatures(note: str) -> list[tuple[str, str]]:
    """Name and signature of each line behind the text; ValueError when there is anything else, in whichever line."""
    lines = note.partition("\n\n")[2].split("\n")
    if lines.pop():
        raise ValueError("the note is torn")
    parts = [line.split(" ") for line in lines]
    if any(len(part) != 3 or part[0] != "—" or not all(part) for part in parts):
        raise ValueError("what stands behind the text is no signature")
    return [(name, signature) for _, name, signature in parts]


def _cosigned(body: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{body}".encode()


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
        create_durably(path, Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
