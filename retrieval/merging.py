"""Three-way merge of texts, line by line: what two people made of one text, put together. Pure.

As in Khanna, Kunal and Pierce, "A Formal Investigation of Diff3" (2007), but changes of neighbouring
lines don't overlap: an article's line is a paragraph or a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import chain, groupby

_TOO_MANY = 1_000_000  # pairs of equal lines; past it what differs counts as one change

Lines = tuple[str, ...]


class By(StrEnum):
    """Who changed a place."""

    NOBODY = "nobody"
    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"  # in the same way
    OVERLAP = "overlap"  # each in another way


@dataclass(frozen=True)
class Place:
    """A run of lines in the three texts. `base` of all places in order is the text that both began
    from, and so with the others."""

    by: By
    base: Lines
    mine: Lines
    theirs: Lines


@dataclass(frozen=True)
class _Hunk:
    """The lines from `start` to before `end` were replaced."""

    start: int
    end: int
    lines: Lines


def merge(base: str, mine: str, theirs: str) -> list[Place]:
    """What each of the two made of `base`, place by place."""
    old = tuple(base.split("\n"))
    hunks = _hunks(old, tuple(mine.split("\n"))), _hunks(old, tuple(theirs.split("\n")))
    places: list[Place] = []
    at = 0
    for start, end, (my, their) in _clusters(*hunks):
        if start > at:
            places.append(Place(By.NOBODY, old[at:start], old[at:start], old[at:start]))
        sides = _applied(old, start, end, my), _applied(old, start, end, their)
        places.append(Place(_by(my, their, *sides), old[start:end], *sides))
        at = end
    if at < len(old):
        places.append(Place(By.NOBODY, old[at:], old[at:], old[at:]))
    return [_one(list(run)) for _, run in groupby(places, lambda place: place.by)]


def _one(run: list[Place]) -> Place:
    """Neighbouring places of one kind as one."""
    lines = (tuple(chain.from_iterable(side)) for side in zip(*map(_sides, run), strict=True))
    return Place(run[0].by, *lines)


def _sides(place: Place) -> tuple[Lines, Lines, Lines]:
    return place.base, place.mine, place.theirs


def together(places: Sequence[Place], choose: Callable[[Place], Lines]) -> str:
    """The merged text; `choose` says what stands where the two overlap."""
    lines: list[str] = []
    for place in places:
        if place.by is By.OVERLAP:
            lines += choose(place)
        else:
            lines += place.theirs if place.by is By.THEIRS else place.mine
    return "\n".join(lines)


def taken_back(before: str, published: str, after: str) -> list[Place]:
    """What `published` had changed of `before`, and stands in `after` as it was `before`: in each place
    `theirs` is what was published, `mine` what comes back."""
    # the published text as the one that both began from: undoing and writing on agree in such places
    return [
        one
        for one in merge(published, after, before)
        if one.by is By.BOTH and any(line.strip() for line in (*one.base, *one.mine))
    ]


def _hunks(old: Lines, new: Lines) -> list[_Hunk]:
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    if not a and not b:
        return []
    counts = Counter(b)
    if sum(counts[line] for line in a) > _TOO_MANY:
        return [_Hunk(head, head + len(a), b)]
    # blank lines match only beside others: alone they would match each other everywhere
    matcher = SequenceMatcher(lambda line: not line.strip(), a, b, autojunk=False)
    return [
        hunk
        for op, i1, i2, j1, j2 in matcher.get_opcodes()
        if op != "equal"
        for hunk in _by_line(_Hunk(head + i1, head + i2, b[j1:j2]))
    ]


def _by_line(hunk: _Hunk) -> Iterator[_Hunk]:
    """As many lines for as many are rewritten one by one."""
    if len(hunk.lines) == hunk.end - hunk.start:
        for at, line in enumerate(hunk.lines, start=hunk.start):
            yield _Hunk(at, at + 1, (line,))
    else:
        yield hunk


def _common(one: Lines, other: Lines) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _clusters(
    mine: list[_Hunk], theirs: list[_Hunk]
) -> Iterator[tuple[int, int, tuple[list[_Hunk], list[_Hunk]]]]:
    """Hunks that touch the same lines, together: where they begin and end, mine, theirs."""
    found = [(one, 0) for one in mine] + [(one, 1) for one in theirs]
    found.sort(key=lambda pair: (pair[0].start, pair[0].end, pair[1]))
    cluster: list[tuple[_Hunk, int]] = []
    for hunk, side in found:
        if cluster and not any(
            side != other_side and _overlap(other, hunk) for other, other_side in cluster
        ):
            yield _cluster(cluster)
            cluster = []
        cluster.append((hunk, side))
    if cluster:
        yield _cluster(cluster)


def _cluster(
    found: list[tuple[_Hunk, int]],
) -> tuple[int, int, tuple[list[_Hunk], list[_Hunk]]]:
    sides = [one for one, side in found if side == 0], [one for one, side in found if side == 1]
    return min(one.start for one, _ in found), max(one.end for one, _ in found), sides


def _overlap(one: _Hunk, other: _Hunk) -> bool:
    if one.start < other.end and other.start < one.end:
        return True
    if one.start == other.start and one.end == other.end:
        return True  # both insert here
    inserted, other = (one, other) if one.start == one.end else (other, one)
    if inserted.start != inserted.end or not other.start <= inserted.start <= other.end:
        return False
    # a line comes beside lines that were rewritten one by one: which comes first is clear
    return len(other.lines) != other.end - other.start


def _applied(old: Lines, start: int, end: int, hunks: list[_Hunk]) -> Lines:
    """One side's lines of this stretch."""
    lines: list[str] = []
    at = start
    for one in hunks:
        lines += [*old[at : one.start], *one.lines]
        at = one.end
    return (*lines, *old[at:end])


def _by(my: list[_Hunk], their: list[_Hunk], mine: Lines, theirs: Lines) -> By:
    if not their:
        return By.MINE
    if not my:
        return By.THEIRS
    return By.BOTH if mine == theirs else By.OVERLAP
