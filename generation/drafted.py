"""What goes into the drafting pipeline and what comes out of it. Plain values: nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from generation.confidence import ConfidenceModel
from generation.grounding import GroundedSentence
from generation.needs import needs_of
from generation.prompts import Prompt, PromptTemplate, Turn
from generation.quoting import Ranked
from generation.registry import Identity
from generation.routing import Route, Screens
from retrieval.own_words import own_words
from retrieval.scope import PUBLIC, Scope
from retrieval.search import SearchHit

HISTORY_TURNS = 3


@dataclass(frozen=True)
class Question:
    """What a reply has to answer: a thread, oldest turn first."""

    subject: str
    turns: tuple[Turn, ...]
    first_name: str = ""
    language: str = ""
    seed: int = 0
    scope: Scope = PUBLIC  # what the reply may rest on

    @property
    def last(self) -> str:
        """The customer's newest message."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "customer"), "")

    @property
    def text(self) -> str:
        """Subject and newest message, as what the reply must answer."""
        subject = self.subject.strip()
        return self.last if subject in self.last else f"{subject}\n{self.last}"

    @property
    def with_history(self) -> str:
        """The turns before it, which say what “it” is, subject and newest message: their own words."""
        earlier = [own_words(turn.text) for turn in self.turns[:-1]][-HISTORY_TURNS:]
        subject, last = self.subject.strip(), own_words(self.last)
        return "\n".join([*earlier, *([] if subject in last else [subject]), last])

    @property
    def needs(self) -> tuple[str, ...]:
        """What the newest message asks for; empty where it says too little by itself."""
        return needs_of(self.last)


@dataclass
class Candidate:
    """A text that could stand in the composer, with its evidence.

    `offsets[i]` is where passage i begins in its revision; `unmet` says how many of the customer's
    needs it is known to leave open.
    """

    kind: str
    body: str
    text: str
    offsets: list[int]
    seed: int | None = None
    mean_log_probability: float | None = None
    tokens: int | None = None
    finish: str = "stop"
    relevance: float = 0.0
    sentences: list[GroundedSentence] = field(default_factory=list)
    toxicity: dict[str, float] | None = None
    spliced: bool = False
    unmet: int = 0

    @property
    def claims(self) -> list[GroundedSentence]:
        return [sentence for sentence in self.sentences if sentence.kind == "claim"]

    @property
    def support(self) -> float:
        """The least support among its claims; 0 without a claim."""
        return min((claim.support or 0.0 for claim in self.claims), default=0.0)

    @property
    def supported(self) -> bool:
        """Every claim is supported, and there is one."""
        return bool(self.claims) and all(claim.supported for claim in self.claims)

    @property
    def flags(self) -> int:
        return sum(len(sentence.flags) for sentence in self.sentences)


@dataclass
class DraftedReply:
    """Everything that is known of one question once it has passed the pipeline."""

    question: Question
    hits: list[SearchHit] = field(default_factory=list)
    neighbours: list[SearchHit] = field(
        default_factory=list
    )  # for lists (`whole_lists`); no scores
    snapshot: int | None = None
    template: PromptTemplate | None = None
    ranked: Ranked | None = None
    prompt: Prompt | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    generator: Identity | None = None
    samples: list[Candidate] = field(default_factory=list)
    composed: Candidate | None = None
    candidates: list[Candidate] = field(default_factory=list)
    chosen: Candidate | None = None
    screens: Screens = field(default_factory=Screens)
    screens_record: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)  # a person has to look
    notes: list[tuple[str, str]] = field(default_factory=list)  # good to know
    features: dict[str, float] = field(default_factory=dict)
    confidence: float | None = None
    confidence_model: ConfidenceModel | None = None
    calibrated_here: bool = False
    language: str = ""
    category: str = ""
    route: Route = field(default_factory=lambda: Route("in_review", []))
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def reranker(self) -> str:
        """The version of the reranker that read the passages; empty where none did."""
        return next((hit.reranker for hit in self.hits if hit.reranker), "")

    @property
    def sources(self) -> list[SearchHit]:
        """What its sentences may cite: what was found, best first, and the neighbours."""
        return [*self.hits, *self.neighbours]

    @property
    def read_by_the_model(self) -> set[int]:
        """Which of the sources stand in the prompt."""
        used = set(self.prompt.used) if self.prompt else set()
        parts = self.ranked.parts if self.ranked else []
        return used | {u.passage for part in parts if part.passage in used for u in part.units}

    @property
    def completion_tokens(self) -> int | None:
        made = [*self.samples, *([self.composed] if self.composed else [])]
        counts = [candidate.tokens for candidate in made if candidate.tokens is not None]
        return sum(counts) if counts else None
