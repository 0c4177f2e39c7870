"""Training records for the generator: a thread, passages (the right one first), a reply.

A reply is an opening that restates the topic, a body whose every line stands in the first passage,
and a short closing. The body is verbatim on purpose: what the model learns is to choose where to
begin and where to end, and to copy what lies between, so that a draft's claims have their evidence.
Where the passage doesn't answer, the reply says so and has no body.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from generation.phrases import CLOSINGS, UNANSWERED, UNANSWERED_CLOSING, openings
from generation.prompts import Passage, Turn, passage_text, sentences

HELD_OUT_SHARE = 0.05
MAX_BODY_WORDS = 90
MAX_STEP_WORDS = 150
UNANSWERED_SHARE = 0.1

LICENSES = {
    "kb": "CC BY 4.0",
    "doc2dial": "CC BY 3.0",
    "product_qa": "CDLA-Sharing 1.0",
    "dstc11": "CDLA-Sharing 1.0",
    "abcd": "MIT",
}


@dataclass(frozen=True)
class Record:
    """One example. ``group`` (a document, product or dialogue) decides the split as a whole."""

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

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(part for part in (self.opening, self.body, self.closing) if part)

    @property
    def reply(self) -> str:
        return "\n\n".join(self.paragraphs)

    @property
    def held_out(self) -> bool:
        return is_held_out(self.group)


def is_held_out(group: str) -> bool:
    """5% of groups, by a digest of their name: stable across runs, seeds and machines."""
    digest = hashlib.sha256(f"held-out:{group}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


def opening_for(topic: str, body: str) -> str:
    """A courtesy that restates the topic in the passage's own words, so that it claims nothing."""
    steps = bool(re.search(r"^1\. ", body, re.M))
    return openings(topic)[0 if steps else -1]


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
        closing=rng.choices(CLOSINGS, (4, 1, 1))[0],
    )


def unanswered(record: Record, passage: Passage) -> Record:
    """The record's thread over a passage that doesn't answer it: the reply says so, without a body.

    ``record`` keeps its group, so that the split stays by document; ``passage`` must be of the same
    split.
    """
    return replace(
        record,
        id=f"{record.id}:unanswered",
        synthetic=True,
        passages=(replace(passage, text=passage_text(passage.text)),),
        opening=UNANSWERED,
        body="",
        closing=UNANSWERED_CLOSING,
    )


def with_unanswered(
    records: Sequence[Record], rng: random.Random, *, share: float = UNANSWERED_SHARE
) -> list[Record]:
    """The records, and for a ``share`` of them one more over a passage that lacks their answer.

    The wrong passage is of the same source and split, half the time of the same document.
    """
    pools: dict[tuple[str, bool], list[Record]] = defaultdict(list)
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        pools[record.source, record.held_out].append(record)
        groups[record.group].append(record)
    found = list(records)
    for record in records:
        if rng.random() >= share:
            continue
        near = groups[record.group] if rng.random() < 0.5 else []
        wrong = rng.choice(near or pools[record.source, record.held_out]).passages[0]
        if not any(line in wrong.text for line in record.body.split("\n")):
            found.append(unanswered(record, wrong))
    return found


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
