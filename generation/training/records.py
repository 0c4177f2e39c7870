"""Training records for the generator: a thread, passages (the right one first), a reply.

A reply is an opening that restates the topic, a body whose every line stands in the first passage,
and a short closing. The body is verbatim on purpose: what the model learns is to choose where to
begin and where to end, and to copy what lies between, so that a draft's claims have their evidence.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from generation.prompts import Passage, Turn, passage_text, sentences
from generation.training.voices import action

HELD_OUT_SHARE = 0.05
VALIDATION_SHARE = 0.05
MAX_BODY_WORDS = 90
MAX_STEP_WORDS = 150

LICENSES = {
    "kb": "CC BY 4.0",
    "doc2dial": "CC BY 3.0",
    "product_qa": "CDLA-Sharing 1.0",
    "dstc11": "CDLA-Sharing 1.0",
    "abcd": "MIT",
    "decisions": "the installation's own",
}


@dataclass(frozen=True)
class Record:
    """One example. ``group`` (a document, product or dialogue) decides the split as a whole.

    Where no passage answers, the reply says so and has no body. ``provenance`` tells where a record
    comes from that is not a set's own.
    """

    id: str
    group: str
    source: str
    license: str
    synthetic: bool
    thread: tuple[Turn, ...]
    passages: tuple[Passage, ...]
    opening: str
    body: str
    closing: str
    provenance: str = ""

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(part for part in (self.opening, self.body, self.closing) if part)

    @property
    def reply(self) -> str:
        return "\n\n".join(self.paragraphs)

    @property
    def answerable(self) -> bool:
        return bool(self.body)

    @property
    def held_out(self) -> bool:
        return is_held_out(self.group)


def place_of(group: str, purpose: str = "held-out") -> float:
    """A group's place in [0, 1), by a digest of its name: stable across runs, seeds, machines."""
    digest = hashlib.sha256(f"{purpose}:{group}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def is_held_out(group: str) -> bool:
    """5% of groups, which no training sees: the test split."""
    return place_of(group) < HELD_OUT_SHARE


def split_of(group: str) -> str:
    """`test` (the held-out 5%), `validation` (the next 5%) or `train`."""
    place = place_of(group)
    if place < HELD_OUT_SHARE:
        return "test"
    return "validation" if place < HELD_OUT_SHARE + VALIDATION_SHARE else "train"


_CLOSINGS = (
    "I hope this helps. Just reply here if anything is still unclear.",
    "If anything is still unclear, just reply to this message.",
    "Please let us know if you need anything else.",
)


def opening_for(topic: str, body: str) -> str:
    """A courtesy that restates the topic in the passage's own words, so that it claims nothing."""
    topic = topic.rstrip(" .:")
    doing = action(topic)
    if doing and re.search(r"^1\. ", body, re.M):
        return f"Thanks for your question. Here is how to {doing}:"
    if doing:
        return f"Thanks for your question about how to {doing}."
    end = "" if topic.endswith(("?", "!")) else "."
    return f"Thanks for your question. Here is what we have on this topic: {topic}{end}"


def make_record(
    *,
    name: str,
    source: str,
    group: str,
    synthetic: bool,
    thread: Sequence[Turn],
    passages: Sequence[Passage],
    topic: str,
    body: str,
    rng: random.Random,
) -> Record | None:
    """A record, or None where the body does not stand in the first passage line by line."""
    passages = tuple(replace(p, text=passage_text(p.text)) for p in passages)
    body = passage_text(body)
    first = " ".join(passages[0].text.split())
    if not body or any(" ".join(line.split()) not in first for line in body.split("\n")):
        return None
    return Record(
        id=name,
        group=group,
        source=source,
        license=LICENSES[source],
        synthetic=synthetic,
        thread=tuple(thread),
        passages=passages,
        opening=opening_for(topic, body),
        body=body,
        closing=rng.choices(_CLOSINGS, (4, 1, 1))[0],
    )


def lead(lines: Sequence[str], start: int = 0, words: int = MAX_BODY_WORDS) -> str:
    """Whole sentences from ``start`` on, to the end of the line they stand in or to ``words``."""
    kept: list[str] = []
    for sentence in lines[start:]:
        if kept and sum(len(s.split()) for s in kept) + len(sentence.split()) > words:
            break
        kept.append(sentence)
    return " ".join(kept)


def distractors(
    pool: Sequence[Passage], own: Sequence[Passage], rng: random.Random
) -> list[Passage]:
    """At times one short wrong passage behind the right one, often from the same document.

    Seldom, because the right one is forced: a second passage costs tokens and teaches little.
    """
    if rng.random() > 0.12:
        return []
    passage = rng.choice(own if own and rng.random() < 0.6 else pool)
    return [replace(passage, text=lead(sentences(passage.text), words=rng.choice((30, 60))))]


_BRANDS = re.compile(
    r"\b(?:Microsoft Dynamics 365|Dynamics 365|Business Central|Microsoft 365|SharePoint Server|"
    r"SharePoint|OneDrive|Microsoft|Internet Information Services|IIS|Windows Server|Windows|Azure|"
    r"PowerShell|Teams|Social Security|Veterans Affairs|VA|SSA|Medicare|Excel|Outlook|Copilot)\b"
)
_NUMBER = re.compile(r"(?<![\d.,])\d{2,}(?![\d.,]*\d)")
_SYLLABLES = "ka lo mi ter ven do ra shi bel nor fa quin ta zu lex pro vi mar en tol gra so".split()


def vary(record: Record, rng: random.Random) -> Record:
    """The same record with other product names and other numbers, everywhere alike.

    What is copied then can't be recited from memory: the name or number stands only in the passage.
    """
    names: dict[str, str] = {}
    rename, renumber = rng.random() < 0.5, rng.random() < 0.4

    def new_name(match: re.Match[str]) -> str:
        if match[0] not in names:
            word = "".join(rng.choices(_SYLLABLES, k=rng.choice((2, 3)))).capitalize()
            names[match[0]] = word + rng.choice(("", "", " Desk", " Hub", " One", " Care"))
        return names[match[0]]

    def new_number(match: re.Match[str]) -> str:
        if match[0] not in names:
            digits = (rng.choice("0123456789") for _ in match[0][1:])
            names[match[0]] = rng.choice("123456789") + "".join(digits)
        return names[match[0]]

    def swap(text: str) -> str:
        text = _BRANDS.sub(new_name, text) if rename else text
        return _NUMBER.sub(new_number, text) if renumber else text

    if not (rename or renumber):
        return record
    return replace(
        record,
        thread=tuple(replace(t, text=swap(t.text)) for t in record.thread),
        passages=tuple(
            Passage(swap(p.title), swap(p.text), tuple(swap(h) for h in p.heading_path))
            for p in record.passages
        ),
        opening=swap(record.opening),
        body=swap(record.body),
    )
