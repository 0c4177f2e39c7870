"""What a search hands on: passages as they are quoted, near-duplicates folded, neighbours joined."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

ALIKE = 0.9  # share of three-word runs that two passages have in common to count as one
JOINED_CHARACTERS = 2_400  # the longest passage that neighbours are joined to

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_NEGATIONS = frozenset(
    "no not never none without cannot nor neither kein keine nicht nie ohne".split()
)


@dataclass(frozen=True)
class Twin:
    """Where a passage stands a second time, nearly word for word."""

    chunk_id: int
    document_id: int
    revision_id: int
    source: str
    title: str
    start: int
    end: int


@dataclass(frozen=True)
class SearchHit:
    """A passage that was found. `text == revision.text[start:end]`, with blanks for what no reader sees;
    `context` is the Markdown that it is cut from (see `Chunk`).

    `score` orders the hits within one search (reciprocal ranks when fused); `dense_score` is the
    cosine to the query and `lexical_score` its BM25: both are there in every mode. `rerank_score`
    is the probability that it answers, from the reranker of the version `reranker`; None and ""
    where none read it. Of a section, `answer_score` is the probability that it answers, by all that is
    known of it, and `part_scores` are the same for each part of a query that asks several things.
    `also` names the places of near-duplicates that were folded into it. `url` is
    the article's public address (`retrieval.public_links`), or "".
    """

    chunk_id: int
    document_id: int
    revision_id: int
    source: str
    title: str
    category: str
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    score: float
    dense_score: float
    lexical_score: float
    rerank_score: float | None = None
    reranker: str = ""
    context: str = ""
    answer_score: float | None = None
    part_scores: tuple[float, ...] = ()
    also: tuple[Twin, ...] = ()
    url: str = ""

    @property
    def full_title(self) -> str:
        """The article's title and the headings that the passage stands under."""
        return ": ".join([self.title, *self.heading_path])

    @property
    def in_context(self) -> str:
        """The text with the header, fence or addresses that it is cut from."""
        return f"{self.context}\n{self.text}" if self.context else self.text


def folded(hits: Sequence[SearchHit]) -> list[tuple[int, SearchHit]]:
    """The hits without those that nearly repeat a better one, each with its place; the better one
    names them in `also`.

    Passages that differ in a number, a name or a negation say different things and both stay.
    """
    kept: list[tuple[int, SearchHit]] = []
    prints: list[_Print] = []
    for place, hit in enumerate(hits):
        one = _Print.of(hit.text)
        twin = next((at for at, other in enumerate(prints) if one.repeats(other)), None)
        if twin is None:
            kept.append((place, hit))
            prints.append(one)
        else:
            at, first = kept[twin]
            kept[twin] = (at, replace(first, also=(*first.also, _twin(hit))))
    return kept


def joined(
    kept: Sequence[tuple[int, SearchHit]], texts: Mapping[int, str]
) -> list[tuple[int, SearchHit]]:
    """The hits with neighbouring passages of one section made one, at the better one's place and with
    its scores, ids and `also`. `texts` are the revisions' by id, hidden parts blanked; the joined text is
    `texts[revision][start:end]`, at most `JOINED_CHARACTERS`."""
    found: list[tuple[int, SearchHit]] = []
    for place, hit in kept:
        for at, (other_place, other) in enumerate(found):
            start, end = min(hit.start, other.start), max(hit.end, other.end)
            text = texts.get(hit.revision_id, "")
            if (
                (hit.revision_id, hit.heading_path) == (other.revision_id, other.heading_path)
                and end - start <= JOINED_CHARACTERS
                and not text[min(hit.end, other.end) : max(hit.start, other.start)].strip()
            ):
                first = min(hit, other, key=lambda one: one.start)
                whole = replace(
                    other, text=text[start:end], start=start, end=end, context=first.context
                )
                found[at] = (other_place, whole)
                break
        else:
            found.append((place, hit))
    return found


@dataclass(frozen=True)
class _Print:
    """What two texts are compared by: runs of three words, and the words that may not differ."""

    runs: frozenset[tuple[str, ...]]
    telling: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Print:
        words = _WORD.findall(text)
        low = [word.casefold() for word in words]
        runs = frozenset(tuple(low[at : at + 3]) for at in range(max(len(low) - 2, 1)))
        telling = sorted(
            word
            for word, plain in zip(words, low, strict=True)
            if word != plain or plain in _NEGATIONS or any(c.isdigit() for c in word)
        )
        return cls(runs, tuple(telling))

    def repeats(self, other: _Print) -> bool:
        if self.telling != other.telling:
            return False
        both = len(self.runs & other.runs)
        return both >= ALIKE * len(self.runs | other.runs)


def _twin(hit: SearchHit) -> Twin:
    return Twin(
        hit.chunk_id,
        hit.document_id,
        hit.revision_id,
        hit.source,
        hit.title,
        hit.start,
        hit.end,
    )
