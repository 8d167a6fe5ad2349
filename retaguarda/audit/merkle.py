"""The Merkle tree of RFC 6962: hashes of leaves and nodes, and the root of a growing log in logarithmic memory, proofs and their check."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import overload

HASH_BYTES = 32
HIDDEN = re.compile(rb"~([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)")
REMEMBERED = 256
"""Leaves of a part whose root is worth remembering."""
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


class Tree:
    """The tree over leaf hashes; roots of larger parts are computed once, so that many proofs cost little more than one."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, start: int = 0, stop: int | None = None) -> bytes:
        """The root over the leaves from `start` up to `stop`."""
        stop = len(self._leaves) if stop is None else stop
        if stop - start < REMEMBERED:
            return root_of(self._leaves[start:stop])
        if (start, stop) not in self._known:
            split = start + _split(stop - start)
            self._known[start, stop] = node_hash(self.root(start, split), self.root(split, stop))
        return self._known[start, stop]

    def inclusion(self, index: int) -> list[bytes]:
        """The audit path of a leaf, from its sibling upwards (RFC 6962, section 2.1.1)."""
        path, start, stop = list[bytes](), 0, len(self._leaves)
        while stop - start > 1:
            split = start + _split(stop - start)
            if index < split:
                path, stop = [self.root(split, stop), *path], split
            else:
                path, start = [self.root(start, split), *path], split
        return path

    def consistency(self, old: int) -> list[bytes]:
        """The proof that the first `old` leaves are the beginning of all (RFC 6962, section 2.1.2); none from an empty log."""
        size = len(self._leaves)
        return self._subproof(0, size, old, whole=True) if 0 < old < size else []

    def _subproof(self, start: int, stop: int, old: int, *, whole: bool) -> list[bytes]:
        if old == stop:
            return [] if whole else [self.root(start, stop)]
        split = start + _split(stop - start)
        if old <= split:
            return [*self._subproof(start, split, old, whole=whole), self.root(split, stop)]
        return [*self._subproof(split, stop, old, whole=False), self.root(start, split)]


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
