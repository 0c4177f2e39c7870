"""All sources by name: what `--source NAME=FOLDER` can name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from generation.training.article_records import article_records
from generation.training.customer_records import (
    doc2dial_records,
    policy_records,
    product_records,
    travel_records,
)
from generation.training.records import Record


class SourceError(ValueError):
    """A --source is unknown, missing or empty."""

    permanent = True


_READERS: dict[str, Callable[[Path, random.Random], Iterable[Record]]] = {
    "kb": article_records,
    "doc2dial": doc2dial_records,
    "product_qa": product_records,
    "dstc11": travel_records,
    "abcd": policy_records,
}


def read_sources(
    sources: Sequence[tuple[str, Path]], *, seed: int, limits: Mapping[str, int] | None = None
) -> list[Record]:
    """Records of all ``(name, folder)`` sources in a fixed order; raises SourceError.

    ``limits`` bounds the training records of a source by name, chosen at random; held-out records
    are not limited.
    """
    records: list[Record] = []
    for name, folder in sources:
        if name not in _READERS:
            raise SourceError(f"unknown source {name!r}: use one of {', '.join(_READERS)}")
        if not folder.exists():
            raise SourceError(f"{folder} does not exist: give --source {name}=FOLDER")
        found = list(_READERS[name](folder, random.Random(f"{seed}:{name}:{folder.name}")))
        if not found:
            raise SourceError(f"no usable record in {folder}: is it a {name} folder?")
        records += found
    for name, limit in (limits or {}).items():
        places = [i for i, r in enumerate(records) if r.source == name and not r.held_out]
        surplus = max(0, len(places) - limit)
        dropped = set(random.Random(f"{seed}:{name}").sample(places, surplus))
        records = [record for i, record in enumerate(records) if i not in dropped]
    return records
