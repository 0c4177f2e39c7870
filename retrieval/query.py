"""What is asked: a query from a thread, not from a line. Pure.

The whole thread says what it is about and so finds the article; the last message says what is wanted
now, and so finds the passage in it. A message that asks several things is also searched part by part,
so that each has its passage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, get_args

from retrieval.chunking import sentences
from retrieval.lexical import terms
from retrieval.own_words import bounded, own_words
from retrieval.wishes import wished

Thread = Literal["both", "whole", "last"]
THREADS: tuple[Thread, ...] = get_args(Thread)

WHOLE_CHARACTERS = 8_000  # of a thread that are searched, the newest first; about 8 windows
LAST_CHARACTERS = 4_000  # of the last message
PARTS = 4  # questions of one message that are searched apart
PART_CHARACTERS = 600
PART_TERMS = 2  # words that tell something; a question with fewer belongs to the one before it
LEAD_SENTENCES = 2  # that go with the question they lead to
SPLIT_CHARACTERS = 16_000  # of a message that are looked through for its questions

_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=[ \t]*(?:[-*+•]|\(?\d{1,3}[.)])[ \t])")
_MARKER = re.compile(r"^[ \t]*(?:[-*+•]|\(?\d{1,3}[.)])[ \t]+")
_ASKS = re.compile(
    r"^(?:and |also,? |then |but |secondly,? |finally,? )?(?:how|what|why|when|where|which|who"
    r"|can|could"
    r"|is|are|do|does|did|will|would|should|may)\b[^.!]*$|\?[\"'”’)\]]*$",
    re.IGNORECASE,
)


class Turn(Protocol):
    """A message of a thread, as other floors know it."""

    @property
    def role(self) -> str: ...  # "customer" or "agent"

    @property
    def text(self) -> str: ...


class ThreadTurn(NamedTuple):
    """A `Turn` of our own."""

    role: str
    text: str


@dataclass(frozen=True)
class Query:
    """What is asked: `text` is the whole of it, `last` the last message of a longer thread, `parts`
    the separate questions, empty where there is only one. `language` (ISO 639-1) is preferred where
    articles have several."""

    text: str
    last: str = ""
    parts: tuple[str, ...] = ()
    language: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that is searched by, each once."""
        return tuple(dict.fromkeys(text for text in (self.text, self.last, *self.parts) if text))


def plain_query(text: str, *, language: str = "") -> Query:
    """Words that somebody typed to search by, as they are."""
    return Query(bounded(text, WHOLE_CHARACTERS), language=language)


def query_of(
    subject: str, turns: Sequence[Turn], *, thread: Thread = "both", language: str = ""
) -> Query:
    """The query of a ticket: its subject and what customer and agents wrote, oldest first.

    Greetings, signatures, quoted mail and what isn't wanted are left out; of a long thread the
    newest words count.
    `thread` says what is searched by: `both`, the `whole` thread alone, or the `last` message alone.
    Raises ValueError for another word.
    """
    if thread not in THREADS:
        raise ValueError(f"thread {thread!r}: choose one of {', '.join(THREADS)}")
    alone = subject if len(turns) == 1 else ""  # later on it names the thread, not this message
    said = [wished(own_words(turn.text, subject=alone)) for turn in turns]
    last = next(
        (text for turn, text in zip(reversed(turns), reversed(said), strict=True)
         if turn.role == "customer" and text),
        said[-1] if said else "",
    )  # fmt: skip
    subject = subject.strip()
    whole = _whole(subject, said)
    now = bounded(_joined(subject, last), LAST_CHARACTERS)
    parts = questions_in(last)
    if thread == "last":
        return Query(now, parts=parts, language=language)
    narrowed = now if thread == "both" and now != whole else ""
    return Query(whole, last=narrowed, parts=parts, language=language)


def questions_in(message: str) -> tuple[str, ...]:
    """The separate questions of a message, each with the sentences that lead to it, at most `PARTS`;
    empty where it asks one thing or none."""
    found: list[str] = []
    for paragraph in _PARAGRAPH.split(bounded(message, SPLIT_CHARACTERS)):
        block = _MARKER.sub("", paragraph)
        lead: list[str] = []
        for start, end in sentences(block, 0, len(block)):
            sentence = " ".join(block[start:end].split())
            lead.append(sentence)
            if not asks(sentence):
                continue
            part = " ".join(lead[-LEAD_SENTENCES - 1 :])
            if found and len(set(terms(part))) < PART_TERMS:
                found[-1] = f"{found[-1]} {part}"
            elif len(set(terms(part))) >= PART_TERMS:
                found.append(part)
            lead = []
    if len(found) < 2:
        return ()
    return tuple(bounded(part, PART_CHARACTERS) for part in found[:PARTS])


def asks(sentence: str) -> bool:
    """Whether a sentence reads as a question, with its mark or without."""
    return bool(_ASKS.search(sentence))


def _whole(subject: str, said: Sequence[str]) -> str:
    """Subject and turns in order, filled from the newest until the bound."""
    room = WHOLE_CHARACTERS - len(subject)
    kept: list[str] = []
    for text in reversed(said):
        if room <= 1:
            break
        if text:
            kept.append(bounded(text, room - 1))
            room -= len(kept[-1]) + 1
    return _joined(subject, *reversed(kept))


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
