"""Files of other kinds beside articles, counted by their endings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

HIDDEN = "hidden"
_SHOWN = 8


def kind_of(name: str) -> str:
    """What a file that is no article is counted under: its ending, or that it is hidden."""
    path = PurePosixPath(name)
    if any(part.startswith((".", "__MACOSX")) for part in path.parts):
        return HIDDEN
    return path.suffix.lower()[:20] or "without an ending"


def sentence(ignored: Mapping[str, int], articles: int) -> str:
    """Which files were left out, most frequent first; with a warning where they are the most."""
    count = sum(ignored.values())
    if not count:
        return ""
    kinds = sorted(ignored.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{number:,} {kind}" for kind, number in kinds[:_SHOWN]]
    if len(kinds) > _SHOWN:
        named.append(f"{sum(number for _, number in kinds[_SHOWN:]):,} others")
    words = f"Files of other kinds, left out: {', '.join(named)}."
    seen = count - ignored.get(HIDDEN, 0)
    return (
        f"Most of its files are not read: look whether articles are among them. {words}"
        if (seen > articles)
        else words
    )
