"""The Merkle tree of RFC 6962: hashes of leaves and nodes, and the root of a growing log in logarithmic memory, proofs and their check."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import overload

HASH_BYTES = 32
HIDDEN = re.compile(rb"~([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)")
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf's bytes (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def hidden_leaf(line: bytes) -> bytes | None:
    """The leaf hash that an erased line keeps in its place, `~` and base64; None when the line is not such a one."""
    found = HIDDEN.fullmatch(line)
    return base64.b64decode(found[1]) if found else None


def hiding(line: bytes) -> bytes:
    """What stands in the place of an erased line: the tree keeps its root."""
    return b"~" + base64.b64encode(leaf_hash(line))


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of the tree: enough to append a leaf and to tell the root."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._edge: list[tuple[int, bytes]] = []  # (number of leaves below, hash), largest first
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Add a leaf's bytes."""
        self.append_hash(leaf_hash(leaf))

    def append_hash(self, digest: bytes) -> None:
        """Add a leaf by its hash."""
        count = 1
        while self._edge and self._edge[-1][0] == count:
            digest = node_hash(self._edge.pop()[1], digest)
            count *= 2
        self._edge.append((count, digest))
        self.size += 1

    def root(self) -> bytes:
        if not self._edge:
            return EMPTY_ROOT
        digest = self._edge[-1][1]
        for _, left in reversed(self._edge[:-1]):
            digest = node_hash(left, digest)
        return digest


Leaves = Sequence[bytes]


class LeafHashes(Sequence[bytes]):
    """Leaf hashes as they lie one after another in a file's bytes."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)

    def __len__(self) -> int:
        return len(self._data) // HASH_BYTES

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> LeafHashes: ...
    def __getitem__(self, index: int | slice) -> bytes | LeafHashes:
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return LeafHashes(self._data[start * HASH_BYTES : stop * HASH_BYTES])
        if not 0 <= index < len(self):
            raise IndexError(index)
        return bytes(self._data[index * HASH_BYTES : (index + 1) * HASH_BYTES])


def root_of(leaves: Leaves) -> bytes:
    """The root over leaf hashes."""
    tree = Frontier()
    for leaf in leaves:
        tree.append_hash(leaf)
    return tree.root()


def inclusion(leaves: Leaves, index: int) -> list[bytes]:
    """The audit path of a leaf in the tree over `leaves`, from its sibling upwards (RFC 6962, section 2.1.1)."""
    if len(leaves) <= 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion(leaves[:split], index), root_of(leaves[split:])]
    return [*inclusion(leaves[split:], index - split), root_of(leaves[:split])]


def consistency(leaves: Leaves, old: int) -> list[bytes]:
    """The proof that the first `old` leaves are the beginning of all `leaves` (RFC 6962, section 2.1.2); none from an empty log."""
    return _subproof(leaves, old, whole=True) if 0 < old < len(leaves) else []


def _subproof(leaves: Leaves, old: int, *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = _split(len(leaves))
    if old <= split:
        return [*_subproof(leaves[:split], old, whole=whole), root_of(leaves[split:])]
    return [*_subproof(leaves[split:], old - split, whole=False), root_of(leaves[:split])]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def includes(leaf: bytes, index: int, size: int, proof: Leaves, root: bytes) -> bool:
    """Whether an audit path proves a leaf hash at its place (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, digest = index, size - 1, leaf
    for node in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            digest = node_hash(node, digest)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            digest = node_hash(digest, node)
        place, last = place >> 1, last >> 1
    return last == 0 and digest == root


def extends(old: int, old_root: bytes, size: int, root: bytes, proof: Leaves) -> bool:
    """Whether a consistency proof shows that a log only grew from `old` to `size` (RFC 9162, section 2.1.4.2)."""
    if old in (0, size):
        return not proof and 0 <= old <= size and (old == 0 or old_root == root)
    if not 0 < old < size or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    place, last = old - 1, size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            first, second = node_hash(node, first), node_hash(node, second)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, node)
        place, last = place >> 1, last >> 1
    return last == 0 and (first, second) == (old_root, root)
