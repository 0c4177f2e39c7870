"""Word diffs between a draft and what an agent made of it. Pure: imports no Django."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Literal

_TOKEN = re.compile(r"\w+(?:['’.\-]\w+)*|\s+|[^\w\s]", re.UNICODE)

Operation = Literal["equal", "insert", "delete"]


@dataclass(frozen=True)
class Segment:
    """A run of text that stayed, came or went."""

    op: Operation
    text: str


def tidy(text: str) -> str:
    """The text as it is compared and sent: line ends as \\n, no blank edge, no trailing spaces."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def word_diff(before: str, after: str) -> list[Segment]:
    """What changed, word by word.

    The equal and deleted segments in order spell `before`, the equal and inserted ones `after`.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    segments: list[Segment] = []
    for op, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if op == "equal":
            segments.append(Segment("equal", "".join(old[i1:i2])))
            continue
        if i2 > i1:
            segments.append(Segment("delete", "".join(old[i1:i2])))
        if j2 > j1:
            segments.append(Segment("insert", "".join(new[j1:j2])))
    return segments


def edit_distance(segments: Sequence[Segment]) -> float:
    """The share of words that came or went among the words of both texts: 0 same, 1 all new."""
    counts = {"equal": 0, "insert": 0, "delete": 0}
    for segment in segments:
        counts[segment.op] += len(re.findall(r"\w+", segment.text))
    total = 2 * counts["equal"] + counts["insert"] + counts["delete"]
    if total == 0:
        return 0.0
    return (counts["insert"] + counts["delete"]) / total


def to_json(segments: Sequence[Segment]) -> str:
    """The diff as it is stored: `[{"op", "text"}, …]`."""
    return json.dumps([asdict(segment) for segment in segments], ensure_ascii=False)


def from_json(stored: str) -> list[Segment]:
    """The diff as it was stored by `to_json`."""
    return [Segment(row["op"], row["text"]) for row in json.loads(stored)]
