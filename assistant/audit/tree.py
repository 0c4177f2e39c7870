"""The Merkle tree of the audit log: hashes, compact range and proofs. Pure functions.

RFC 6962 section 2.1 (the tree, inclusion and consistency proofs); the proofs are verified by the
algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2. Indexes are 0-based, hashes are 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()

# Reads the leaf hashes [start, end) of the log, in order.
LeafReader = Callable[[int, int], Iterable[bytes]]


class ProofError(ValueError):
    """A proof that does not hold: `expected` and `actual` are hex hashes where there are two."""

    def __init__(self, reason: str, *, expected: str = "", actual: str = "") -> None:
        super().__init__(reason + (f": expected {expected}, got {actual}" if expected else ""))
        self.reason = reason
        self.expected = expected
        self.actual = actual


def leaf_hash(data: bytes) -> bytes:
    """sha256(0x00 ‖ data): what stands in the tree for one event."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """sha256(0x01 ‖ left ‖ right): the prefix keeps a node from ever passing as a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(frontier: Sequence[bytes], size: int, leaf: bytes) -> list[bytes]:
    """The compact range of size + 1 leaves: the roots of its full subtrees, largest first.

    `frontier` is the compact range of `size` leaves, one hash for each bit set in `size`;
    ValueError where it is not. O(log n).
    """
    if len(frontier) != size.bit_count():
        raise ValueError(f"a frontier of {len(frontier)} hashes does not fit {size} leaves")
    grown = [*frontier, leaf]
    while size & 1:  # two subtrees of the same height make one
        right, left = grown.pop(), grown.pop()
        grown.append(node_hash(left, right))
        size >>= 1
    return grown


def root_of(frontier: Sequence[bytes]) -> bytes:
    """The tree's root, from its compact range."""
    if not frontier:
        return EMPTY_ROOT
    root = frontier[-1]
    for subtree in reversed(frontier[:-1]):
        root = node_hash(subtree, root)
    return root


def root_of_leaves(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes, streamed."""
    frontier: list[bytes] = []
    for size, leaf in enumerate(leaves):
        frontier = grow(frontier, size, leaf)
    return root_of(frontier)


def _split(size: int) -> int:
    """The largest power of two below `size` (size ≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, read: LeafReader) -> list[bytes]:
    """The audit path of leaf `index` in the tree of the first `size` leaves, nearest sibling first.

    RFC 6962 section 2.1.1. ValueError when the leaf is not in that tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"event {index} is not among the first {size}")
    siblings: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return [root_of_leaves(read(*span)) for span in reversed(siblings)]


def consistency_proof(old_size: int, size: int, read: LeafReader) -> list[bytes]:
    """The proof that the tree of `size` leaves extends the one of `old_size`, RFC 6962 2.1.2."""
    if not 0 < old_size <= size:
        raise ValueError(f"no consistency proof from {old_size} to {size} leaves")
    proof: list[bytes] = []

    def walk(start: int, end: int, old_end: int, whole: bool) -> None:
        if old_end == end:
            if not whole:
                proof.append(root_of_leaves(read(start, end)))
            return
        middle = start + _split(end - start)
        if old_end <= middle:
            walk(start, middle, old_end, whole)
            proof.append(root_of_leaves(read(middle, end)))
        else:
            walk(middle, end, old_end, False)
            proof.append(root_of_leaves(read(start, middle)))

    walk(0, size, old_size, True)
    return proof


def _must_equal(what: str, expected: bytes, actual: bytes) -> None:
    if expected != actual:
        raise ProofError(what, expected=expected.hex(), actual=actual.hex())


def verify_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise ProofError unless the proof shows `leaf` at `index` under `root`, RFC 9162 2.1.3.2."""
    if not 0 <= index < size:
        raise ProofError(f"event {index} is not among the first {size}")
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof has too many hashes")
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            current = node_hash(current, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the inclusion proof has too few hashes")
    _must_equal("the inclusion proof does not lead to the root", root, current)


def verify_consistency(
    *, old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the new tree extends the old one, RFC 9162 2.1.4.2."""
    if not 0 < old_size <= size:
        raise ProofError(f"no consistency proof from {old_size} to {size} leaves")
    if old_size == size:
        if proof:
            raise ProofError("the consistency proof has too many hashes")
        _must_equal("two roots of one size differ", old_root, root)
        return
    path = list(proof)
    if old_size.bit_count() == 1:  # the old tree is itself a subtree of the new one
        path.insert(0, old_root)
    if not path:
        raise ProofError("the consistency proof has too few hashes")
    position, last = old_size - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_current = current = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof has too many hashes")
        if position & 1 or position == last:
            old_current = node_hash(sibling, old_current)
            current = node_hash(sibling, current)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            current = node_hash(current, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the consistency proof has too few hashes")
    _must_equal("the consistency proof does not lead to the old root", old_root, old_current)
    _must_equal("the consistency proof does not lead to the new root", root, current)
