"""A candidate's sentences and the passages they rest on, as the draft's page shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assistant.models import User
from generation.models import Draft, DraftCandidate, DraftSentence, DraftSource
from retrieval import reading
from retrieval.public_links import address_of
from review.flags import sentence_flag
from review.models import SentenceJudgement
from review.texts import open_text

AROUND = 160  # characters of the passage shown on each side of a cited span


@dataclass
class SentenceView:
    """A sentence, whether it is supported, and by which source."""

    pk: int
    text: str
    start: int
    end: int
    kind: str
    support: float | None
    supported: bool
    rank: int | None
    flags: list[str]
    flagged: list[dict[str, Any]]
    judged: bool | None = None

    @property
    def status(self) -> str:
        """courtesy, supported or missing: the mark that it carries."""
        if self.kind == DraftSentence.Kind.COURTESY:
            return "courtesy"
        supported = self.supported if self.judged is None else self.judged
        return "supported" if supported else "missing"


@dataclass
class Span:
    """A part of a passage on which sentences rest."""

    start: int
    end: int
    sentences: list[int] = field(default_factory=list)


@dataclass
class Piece:
    """Words of an excerpt; with `sentences` they are cited, without they stand around."""

    text: str
    sentences: list[int] = field(default_factory=list)


@dataclass
class Excerpt:
    """Cited spans that stand near each other, with what stands between and around them."""

    pieces: list[Piece]

    @property
    def sentences(self) -> list[int]:
        return [pk for piece in self.pieces for pk in piece.sentences]


@dataclass
class SourceView:
    """A retrieved passage: its article, and the spans that sentences rest on."""

    rank: int
    title: str
    headings: str
    category: str
    revision: int
    number: int
    changed: bool
    start: int
    end: int
    text: str
    spans: list[Span]
    excerpts: list[Excerpt]
    sentences: list[int]
    neighbour: bool
    url: str

    @property
    def cited(self) -> bool:
        return bool(self.spans)


@dataclass
class CandidateView:
    """A candidate with everything beside it."""

    candidate: DraftCandidate
    text: str
    problem: str
    sentences: list[SentenceView]
    sources: list[SourceView]

    @property
    def missing(self) -> int:
        return sum(1 for s in self.sentences if s.status == "missing")

    @property
    def flagged(self) -> list[str]:
        return sorted({flag for s in self.sentences for flag in s.flags})

    @property
    def cited(self) -> list[SourceView]:
        return [source for source in self.sources if source.cited]

    @property
    def unused(self) -> list[SourceView]:
        return [source for source in self.sources if not source.cited]


def sources_of(draft: Draft) -> list[DraftSource]:
    """The draft's passages by rank, with their articles; one query."""
    return list(
        draft.sources.select_related("chunk__revision__document__collection").order_by("rank")
    )


def view_of(
    candidate: DraftCandidate, sources: list[DraftSource], user: User | None = None
) -> CandidateView:
    """The candidate as the page shows it, with this user's own judgements."""
    opened = open_text(candidate.text)
    rows = list(candidate.sentences.select_related("source"))
    judged = dict(
        SentenceJudgement.objects.filter(sentence__candidate=candidate, user=user).values_list(
            "sentence_id", "supported"
        )
    )
    sentences = [sentence_view(row, opened.text, judged.get(row.pk)) for row in rows]
    return CandidateView(
        candidate=candidate,
        text=opened.text,
        problem=opened.problem,
        sentences=sentences,
        sources=[_source(source, rows) for source in sources],
    )


def sentence_view(row: DraftSentence, text: str, judged: bool | None) -> SentenceView:
    return SentenceView(
        pk=row.pk,
        text=text[row.start : row.end].strip(),
        start=row.start,
        end=row.end,
        kind=row.kind,
        support=row.support,
        supported=row.supported,
        rank=row.source.rank if row.source else None,
        flags=sorted({sentence_flag(flag["code"]) for flag in row.flags}),
        flagged=[
            {"what": sentence_flag(flag["code"]), "text": text[flag["start"] : flag["end"]]}
            for flag in row.flags
        ],
        judged=judged,
    )


def _source(source: DraftSource, rows: list[DraftSentence]) -> SourceView:
    chunk = source.chunk
    spans: dict[tuple[int, int], Span] = {}
    resting = []
    for row in rows:
        if row.source_id != source.pk or row.source_start is None or row.source_end is None:
            continue
        if not row.supported:
            continue
        resting.append(row.pk)
        key = (row.source_start, row.source_end)
        if key not in spans:
            spans[key] = Span(*key)
        spans[key].sentences.append(row.pk)
    document = chunk.revision.document
    in_order = sorted(spans.values(), key=lambda span: (span.start, span.end))
    return SourceView(
        rank=source.rank,
        title=chunk.revision.title,
        headings=" › ".join(h for h in chunk.heading_path if h != chunk.revision.title),
        category=document.category,
        revision=chunk.revision_id,
        number=chunk.revision.number,
        changed=document.current_id != chunk.revision_id,
        start=source.span[0],
        end=source.span[1],
        text=reading.plain(source.in_context),
        spans=in_order,
        excerpts=_excerpts(source.text, source.span[0], in_order),
        sentences=resting,
        neighbour=source.neighbour,
        url=address_of(document),
    )


def _excerpts(text: str, offset: int, spans: list[Span]) -> list[Excerpt]:
    """The spans (in order) as they stand in the passage, near ones together in one excerpt."""
    excerpts: list[Excerpt] = []
    end = 0  # of what was shown so far
    for span in spans:
        first = min(max(span.start - offset, end), len(text))
        last = min(max(span.end - offset, first), len(text))
        between = text[end:first]
        if not excerpts:
            excerpts.append(Excerpt([Piece(_left(between))]))
        elif len(between) <= AROUND:
            excerpts[-1].pieces.append(Piece(between))
        else:
            excerpts[-1].pieces.append(Piece(_right(between)))
            excerpts.append(Excerpt([Piece(_left(between))]))
        excerpts[-1].pieces.append(Piece(text[first:last], span.sentences))
        end = last
    if excerpts:
        excerpts[-1].pieces.append(Piece(_right(text[end:])))
    for excerpt in excerpts:
        for piece in excerpt.pieces:
            piece.text = reading.plain(piece.text)
        excerpt.pieces = [piece for piece in excerpt.pieces if piece.text or piece.sentences]
    return excerpts


def _left(text: str) -> str:
    text = text.rsplit("\n\n", 1)[-1]
    return text if len(text) <= AROUND else "…" + text[-AROUND:].split(" ", 1)[-1]


def _right(text: str) -> str:
    text = text.split("\n\n", 1)[0]
    return text if len(text) <= AROUND else text[:AROUND].rsplit(" ", 1)[0] + "…"
