"""The tree is RFC 6962's, and its checkpoints are C2SP's: held against a naive tree and an independent verifier."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, load_or_create_key, open_note, sign
from retaguarda.audit.merkle import EMPTY_ROOT, Frontier, LeafHashes, Tree, extends, includes, leaf_hash, root_of

LEAVES = st.lists(st.binary(max_size=40), max_size=70)


def naive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


@given(LEAVES)
def test_the_root_is_the_rfcs_at_every_size(leaves: list[bytes]) -> None:
    tree = Frontier()
    assert tree.root() == naive([]) == EMPTY_ROOT
    for size, leaf in enumerate(leaves, 1):
        tree.append(leaf)
        assert (tree.size, tree.root()) == (size, naive(leaves[:size]))
    by_hash = Frontier()
    for leaf in leaves:
        by_hash.append_hash(leaf_hash(leaf))
    assert Frontier(leaves).root() == tree.root() == by_hash.root()


def test_the_known_roots_of_certificate_transparency() -> None:
    """The reference vectors of the public logs."""
    leaves = [
        bytes.fromhex(h) for h in ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    ]
    assert Frontier(leaves[:1]).root().hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert Frontier(leaves[:2]).root().hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert Frontier(leaves).root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def independently_verified(note: str, vkey: str) -> tuple[str, int, bytes]:
    """C2SP signed-note and tlog-checkpoint in a few lines that share nothing with the product."""
    name, key_hash, key = vkey.split("+", 2)
    raw = base64.b64decode(key)
    assert hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_hash
    text, signatures = note.rsplit("\n\n", 1)
    dash, signer, blob = signatures.rstrip("\n").split(" ")
    assert (dash, signer, base64.b64decode(blob)[:4].hex()) == ("\u2014", name, key_hash)
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(base64.b64decode(blob)[4:], (text + "\n").encode())
    origin, size, root = text.split("\n")
    return origin, int(size), base64.b64decode(root)


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


CHECKPOINT = Checkpoint("retaguarda/audit", 7, b"\x11" * 32)


def test_an_independent_verifier_opens_our_notes(key: Ed25519PrivateKey) -> None:
    vkey = VerifierKey("retaguarda/audit", key.public_key())
    note = sign(CHECKPOINT, key)
    assert independently_verified(note, vkey.text()) == ("retaguarda/audit", 7, b"\x11" * 32)
    assert open_note(note, vkey) == CHECKPOINT
    assert VerifierKey.parse(vkey.text() + "\n").text() == vkey.text()
    with pytest.raises(InvalidSignature):
        independently_verified(note.replace("\n7\n", "\n8\n"), vkey.text())


def test_a_note_is_opened_only_when_it_is_whole_and_ours(key: Ed25519PrivateKey) -> None:
    note, vkey = sign(CHECKPOINT, key), VerifierKey("retaguarda/audit", key.public_key())
    other = Ed25519PrivateKey.generate()
    for wrong in (
        note.replace("\n7\n", "\n8\n"),
        note.replace(
            "EREREREREREREREREREREREREREREREREREREREREREREREREREREQ"[:8], "AREREREREREREREREREREREREREREREREREREREREREREREREREQ"[:8]
        ),
        note.replace("—", "-"),
        sign(CHECKPOINT, other),
        sign(Checkpoint("somebody/else", 7, b"\x11" * 32), key),
        note.partition("\n\n")[0],
        "",
        "\f",
        note[:-30],
    ):
        with pytest.raises(ValueError, match=r".+"):
            open_note(wrong, vkey)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_any_flipped_bit_of_a_note_closes_it(place: int, bit: int) -> None:
    """Except the two bits of base64 that say nothing: they change how the signature is spelt, not what is signed."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    whole = sign(CHECKPOINT, key)
    note = bytearray(whole.encode())
    note[place % (len(note) - 1)] ^= 1 << bit
    flipped = note.decode("utf-8", errors="replace")
    try:
        opened = open_note(flipped, VerifierKey("retaguarda/audit", key.public_key()))
    except ValueError:
        return
    assert (opened, flipped.partition("\n\n")[0]) == (CHECKPOINT, whole.partition("\n\n")[0])


def test_a_key_text_that_is_not_what_it_says_is_refused(key: Ed25519PrivateKey) -> None:
    text = VerifierKey("retaguarda/audit", key.public_key()).text()
    for wrong in ("", "a+b", text.replace("retaguarda", "outra"), text[:-9] + "AAAAAAAA=", text.replace("+", "+00", 1)):
        with pytest.raises(ValueError, match=r".+"):
            VerifierKey.parse(wrong)


def test_the_signing_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    made = load_or_create_key(path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert load_or_create_key(path).private_bytes_raw() == made.private_bytes_raw()


@settings(deadline=None)  # other work may hold the machine up
@given(st.integers(min_value=1, max_value=700), st.data())
def test_proofs_are_accepted_whole_and_refused_in_parts(size: int, data: st.DataObject) -> None:
    leaves = LeafHashes(b"".join(leaf_hash(str(number).encode()) for number in range(size)))
    tree, root = Tree(leaves), root_of(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    path, proof = tree.inclusion(index), tree.consistency(old)
    assert tree.root() == root
    assert includes(leaves[index], index, size, path, root)
    assert extends(old, root_of(leaves[:old]), size, root, proof)
    for spoilt in range(len(path)):
        assert not includes(leaves[index], index, size, [*path[:spoilt], bytes(32), *path[spoilt + 1 :]], root)
    for spoilt in range(len(proof)):
        assert not extends(old, root_of(leaves[:old]), size, root, [*proof[:spoilt], bytes(32), *proof[spoilt + 1 :]])
    assert not includes(leaves[index], size, size, path, root)
    assert not extends(size + 1, root, size, root, proof)
    assert not extends(old, bytes(32), size, root, proof) or old == 0
    with pytest.raises(IndexError):
        leaves[size]
