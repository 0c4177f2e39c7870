"""Word diffs between a draft and what an agent made of it. Pure: imports no Django."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Literal

_TOKEN = re.compile(r"\w+(?:['’.\-]\w+)*|\s+|[^\w\s]", re.UNICODE)
_TOO_MANY = 4_000_000  # pairs of words; past it what differs is shown as one piece

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
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    segments: list[Segment] = []
    _add(segments, "equal", old[:head])
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle_old) * len(middle_new) > _TOO_MANY:
        _add(segments, "delete", middle_old)
        _add(segments, "insert", middle_new)
    else:
        # blanks match only beside words that do: alone they would match each other everywhere
        matcher = SequenceMatcher(str.isspace, middle_old, middle_new, autojunk=False)
        for op, i1, i2, j1, j2 in matcher.get_opcodes():
            if op == "equal":
                _add(segments, "equal", middle_old[i1:i2])
            else:
                _add(segments, "delete", middle_old[i1:i2])
                _add(segments, "insert", middle_new[j1:j2])
    _add(segments, "equal", old[len(old) - tail :])
    return segments


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many tokens the two begin with alike."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _add(segments: list[Segment], op: Operation, tokens: Sequence[str]) -> None:
    if not tokens:
        return
    text = "".join(tokens)
    if segments and segments[-1].op == op:
        text = segments.pop().text + text
    segments.append(Segment(op, text))


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
