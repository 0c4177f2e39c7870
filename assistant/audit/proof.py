"""One event's place in the tree: the proof that a checkpoint outside the database covers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assistant.audit import checkpoint, tree
from assistant.models.audit import AuditEvent


@dataclass(frozen=True)
class Inclusion:
    """`holds` is None where no checkpoint covers the event yet; `reason` says it in words."""

    holds: bool | None
    reason: str
    size: int = 0
    root: str = ""
    at: str = ""
    hashes: tuple[str, ...] = ()


def _stored_leaves(start: int, end: int) -> Iterable[bytes]:
    hashes = (
        AuditEvent.objects.filter(index__gte=start, index__lt=end)
        .order_by("index")
        .values_list("leaf_hash", flat=True)
    )
    return (bytes.fromhex(text) for text in hashes.iterator(chunk_size=2_000))


def prove_inclusion(event: AuditEvent) -> Inclusion:
    """Prove the event's exact bytes against the newest checkpoint. Reads every leaf hash: O(n)."""
    leaf = tree.leaf_hash(event.canonical.encode(errors="surrogatepass"))
    if leaf.hex() != event.leaf_hash:
        return Inclusion(False, "The event's content does not match its leaf hash.")
    covering = checkpoint.newest()
    if covering is None or covering.size <= event.index:
        return Inclusion(None, "No checkpoint outside the database covers this event yet.")
    place = {"size": covering.size, "root": covering.root, "at": covering.at}
    try:
        hashes = tree.inclusion_proof(event.index, covering.size, _stored_leaves)
        tree.verify_inclusion(
            index=event.index,
            size=covering.size,
            leaf=leaf,
            proof=hashes,
            root=bytes.fromhex(covering.root),
        )
    except ValueError as error:  # a ProofError, or a stored hash that is none
        return Inclusion(False, f"The event is not proven: {error}.", **place)  # type: ignore[arg-type]
    return Inclusion(
        True,
        "The event is in the log that the checkpoint saw.",
        hashes=tuple(one.hex() for one in hashes),
        **place,  # type: ignore[arg-type]
    )
