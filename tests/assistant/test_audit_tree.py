"""The Merkle tree: RFC 6962's known roots and proofs, and that no corrupted proof passes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest

from assistant.audit import tree

# Leaves, roots and paths of certificate-transparency's merkle tree tests.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = range(1, 20)


def leaves(size: int) -> list[bytes]:
    return [tree.leaf_hash(bytes([i])) for i in range(size)]


def reader(hashes: list[bytes]) -> tree.LeafReader:
    def read(start: int, end: int) -> Iterable[bytes]:
        return hashes[start:end]

    return read


def by_definition(hashes: list[bytes]) -> bytes:
    """The recursive definition of RFC 6962 section 2.1, written apart from the code."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    left, right = by_definition(hashes[:k]), by_definition(hashes[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def corruptions(proof: list[bytes]) -> Iterable[list[bytes]]:
    for i in range(len(proof)):
        for position in (0, 17, 31):
            bad = bytearray(proof[i])
            bad[position] ^= 1
            yield [*proof[:i], bytes(bad), *proof[i + 1 :]]
        yield proof[:i] + proof[i + 1 :]
    yield [*proof, bytes(32)]
    yield [bytes(32), *proof]


def test_the_known_roots_of_certificate_transparency():
    hashes = [tree.leaf_hash(data) for data in INPUTS]
    assert [tree.root_of_leaves(hashes[:n]).hex() for n in range(1, 9)] == ROOTS
    assert tree.EMPTY_ROOT.hex() == hashlib.sha256(b"").hexdigest()
    assert tree.root_of([]) == tree.EMPTY_ROOT


def test_a_known_inclusion_path_of_certificate_transparency():
    hashes = [tree.leaf_hash(data) for data in INPUTS]
    assert [h.hex() for h in tree.inclusion_proof(0, 8, reader(hashes))] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_the_compact_range_gives_the_root_of_the_definition():
    for size in SIZES:
        assert tree.root_of_leaves(leaves(size)) == by_definition(leaves(size))


def test_a_frontier_that_does_not_fit_its_size_is_refused():
    with pytest.raises(ValueError, match="does not fit 3 leaves"):
        tree.grow([bytes(32)], 3, bytes(32))


def test_every_leaf_proves_its_inclusion_and_no_corruption_passes():
    for size in SIZES:
        hashes = leaves(size)
        root = by_definition(hashes)
        for index in range(size):
            proof = tree.inclusion_proof(index, size, reader(hashes))
            right = {"index": index, "size": size, "leaf": hashes[index], "root": root}
            tree.verify_inclusion(**right, proof=proof)
            for bad in corruptions(proof):
                with pytest.raises(tree.ProofError):
                    tree.verify_inclusion(**right, proof=bad)
            for wrong in (
                {"leaf": tree.leaf_hash(b"another")},
                {"root": tree.leaf_hash(b"another")},
                {"index": index + size},
                {"index": -1},
                *([{"index": (index + 1) % size}] if size > 1 else []),
            ):
                with pytest.raises(tree.ProofError):
                    tree.verify_inclusion(**(right | wrong), proof=proof)


def test_every_two_sizes_prove_their_consistency_and_no_corruption_passes():
    hashes = leaves(SIZES[-1])
    for size in SIZES:
        for old in range(1, size + 1):
            proof = tree.consistency_proof(old, size, reader(hashes))
            right = {
                "old_size": old,
                "size": size,
                "old_root": by_definition(hashes[:old]),
                "root": by_definition(hashes[:size]),
            }
            tree.verify_consistency(**right, proof=proof)
            for bad in corruptions(proof):
                with pytest.raises(tree.ProofError):
                    tree.verify_consistency(**right, proof=bad)
            for wrong in ({"old_root": bytes(32)}, {"root": bytes(32)}, {"old_size": size + 1}):
                with pytest.raises(tree.ProofError):
                    tree.verify_consistency(**(right | wrong), proof=proof)


def test_proofs_of_what_is_not_in_the_tree_are_refused():
    with pytest.raises(ValueError, match="not among"):
        tree.inclusion_proof(3, 3, reader(leaves(3)))
    with pytest.raises(ValueError, match="no consistency proof"):
        tree.consistency_proof(0, 3, reader(leaves(3)))


def test_a_failed_proof_names_what_was_expected_and_what_was_found():
    hashes = leaves(2)
    root = by_definition(hashes)
    with pytest.raises(tree.ProofError) as failed:
        tree.verify_inclusion(index=0, size=2, leaf=hashes[1], proof=[hashes[1]], root=root)
    assert failed.value.expected == root.hex()
    assert failed.value.actual == tree.node_hash(hashes[1], hashes[1]).hex()
