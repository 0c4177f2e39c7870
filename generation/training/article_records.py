"""Records from help articles, with synthetic questions about sections and single sentences."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from generation.prompts import Passage, Turn, sentences
from generation.training.articles import Section, read_articles
from generation.training.records import (
    MAX_BODY_WORDS,
    MAX_STEP_WORDS,
    Record,
    distractors,
    is_held_out,
    lead,
    make_record,
)
from generation.training.voices import action, in_a_voice, sentence_question, topic_question


def article_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """Two or three records a section: about the whole of it, and about single sentences in it."""
    sections = list(read_articles(folder))
    by_document: dict[str, list[Section]] = defaultdict(list)
    for section in sections:
        by_document[section.document].append(section)
    pool = [_passage(s) for s in sections if not is_held_out(f"kb:{s.document}")]
    for section in sections:
        group = f"kb:{section.document}"
        own = [_passage(s) for s in by_document[section.document] if s is not section]
        asked = _about_section(section, rng)
        asked += _about_sentences(section, rng)
        for number, (question, body) in enumerate(asked):
            record = make_record(
                name=f"{group}#{'/'.join(section.headings)}:{number}",
                source="kb",
                group=group,
                synthetic=True,
                thread=[*_earlier(section, rng), Turn("customer", in_a_voice(question, rng))],
                passages=[_shortened(section, body, rng), *distractors(pool, own, rng)],
                topic=section.topic,
                body=body,
                rng=rng,
            )
            if record:
                yield record


def _passage(section: Section) -> Passage:
    return Passage(section.title, section.text, section.headings)


def _shortened(section: Section, body: str, rng: random.Random) -> Passage:
    """The section, mostly without blocks far from the answer: chunks begin and end anywhere."""
    blocks = list(section.blocks)
    room = rng.choice((40, 60, 80, 110, 1000))
    first, last = body.split("\n")[0], body.split("\n")[-1]
    while len(blocks) > 1 and sum(b.words for b in blocks) > room:
        if last not in blocks[-1].text:
            blocks.pop()
        elif first not in blocks[0].text:
            blocks.pop(0)
        else:
            break
    text = "\n".join(block.text for block in blocks)
    return Passage(section.title, text, section.headings)


def _earlier(section: Section, rng: random.Random) -> list[Turn]:
    if rng.random() > 0.08:
        return []
    question = in_a_voice(topic_question(section.title, section.title, rng), rng)
    answer = rng.choice(("Sure, what would you like to know?", "Could you tell us a bit more?"))
    return [Turn("customer", question), Turn("agent", answer)]


def _about_section(section: Section, rng: random.Random) -> list[tuple[str, str]]:
    question = topic_question(section.topic, section.title, rng)
    blocks = section.blocks
    steps = next((i for i, b in enumerate(blocks) if b.kind == "steps"), None)
    if steps is not None and blocks[steps].words <= MAX_STEP_WORDS and action(section.topic):
        lines = [blocks[steps].text]
        before = blocks[steps - 1] if steps else None
        if before and before.kind == "paragraph" and before.text.endswith(":"):
            lines.insert(0, sentences(before.text)[-1])
        return [(question, "\n".join(lines))]
    first = blocks[0]
    if first.kind != "paragraph":
        return [(question, first.text)] if first.words <= MAX_BODY_WORDS else []
    body = lead(sentences(first.text))
    follows = blocks[1] if len(blocks) > 1 else None
    if first.text.endswith(":") and body.endswith(":"):
        if not follows or follows.kind == "paragraph" or follows.words > MAX_BODY_WORDS:
            return []
        body = f"{body}\n{follows.text}"
    return [(question, body)]


def _about_sentences(section: Section, rng: random.Random) -> list[tuple[str, str]]:
    asked = []
    places = [
        (block, at)
        for block in section.blocks
        if block.kind == "paragraph"
        for at in range(len(sentences(block.text)))
    ]
    for block, at in rng.sample(places, k=min(len(places), 2)):
        lines = sentences(block.text)
        if lines[at].endswith(":") or len(lines[at].split()) < 6:
            continue
        question = sentence_question(lines[at], section.topic, rng)
        if question:
            body = _with_what_belongs(lines, at)
            if not body.endswith(":"):
                asked.append((question, body))
    return asked


_CONNECTIVE = re.compile(
    r"^(?:this|these|those|they|it|then|however|also|otherwise|in this case|in that case|for example|"
    r"if not|but|so|therefore|instead|after that|when you do)\b",
    re.I,
)


def _with_what_belongs(lines: Sequence[str], at: int) -> str:
    """The sentence, and those after it that lean on it ("This ...", "Otherwise ...")."""
    end = at + 1
    while end < len(lines) and end - at < 4 and _CONNECTIVE.match(lines[end]):
        end += 1
    return lead(lines[at:end])
