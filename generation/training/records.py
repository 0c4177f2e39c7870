"""Training records for the generator: a thread, passages (the right one first), a reply.

A reply is an opening that restates the topic, a body whose every line stands in the first passage,
and a short closing. The body is verbatim on purpose: what the model learns is to choose where to
begin and where to end, and to copy what lies between, so that a draft's claims have their evidence.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generation.prompts import Passage, Turn, passage_text, sentences, title_line
from generation.training.articles import Section, read_articles
from generation.training.voices import action, in_a_voice, sentence_question, topic_question

HELD_OUT_SHARE = 0.05
MAX_BODY_WORDS = 90
MAX_STEP_WORDS = 150

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
    def reply(self) -> str:
        return "\n\n".join((self.opening, self.body, self.closing))

    @property
    def held_out(self) -> bool:
        return is_held_out(self.group)


def is_held_out(group: str) -> bool:
    """5% of groups, by a digest of their name: stable across runs, seeds and machines."""
    digest = hashlib.sha256(f"held-out:{group}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


class SourceError(Exception):
    """A --source is unknown, missing or empty."""

    permanent = True


# ---- what every record shares -------------------------------------------------------------------

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


def _record(
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


def _lead(lines: Sequence[str], start: int = 0, words: int = MAX_BODY_WORDS) -> str:
    """Whole sentences from ``start`` on, to the end of the line they stand in or to ``words``."""
    kept: list[str] = []
    for sentence in lines[start:]:
        if kept and sum(len(s.split()) for s in kept) + len(sentence.split()) > words:
            break
        kept.append(sentence)
    return " ".join(kept)


def _distractors(pool: Sequence[Passage], own: Sequence[Passage], rng: random.Random) -> list[Passage]:
    """At times one short wrong passage behind the right one, often from the same document.

    Seldom, because the right one is forced: a second passage costs tokens and teaches little.
    """
    if rng.random() > 0.12:
        return []
    passage = rng.choice(own if own and rng.random() < 0.6 else pool)
    return [replace(passage, text=_lead(sentences(passage.text), words=rng.choice((30, 60))))]


# ---- help articles ------------------------------------------------------------------------------


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
            record = _record(
                name=f"{group}#{'/'.join(section.headings)}:{number}",
                source="kb",
                group=group,
                synthetic=True,
                thread=[*_earlier(section, rng), Turn("customer", in_a_voice(question, rng))],
                passages=[_shortened(section, body, rng), *_distractors(pool, own, rng)],
                topic=section.topic,
                body=body,
                rng=rng,
            )
            if record:
                yield record


def _passage(section: Section) -> Passage:
    return Passage(section.title, section.text, section.headings)


def _shortened(section: Section, body: str, rng: random.Random) -> Passage:
    """The section, at times without the blocks behind the answer: chunks end anywhere."""
    blocks = list(section.blocks)
    if rng.random() < 0.5:
        last = body.split("\n")[-1]
        while len(blocks) > 1 and last not in blocks[-1].text and sum(b.words for b in blocks) > 60:
            blocks.pop()
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
    body = _lead(sentences(first.text))
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
    return _lead(lines[at:end])


# ---- real customers -----------------------------------------------------------------------------


def doc2dial_records(folder: Path, rng: random.Random, *, times: int = 4) -> Iterator[Record]:
    """Real turns on government pages; the body is the gold span, widened to whole sentences."""
    documents = {d["doc_id"]: d["text"] for d in _json_lines(folder / "docs.jsonl")}
    pieces = {name: _page_sections(name, text) for name, text in documents.items()}
    pool = [p for name, page in pieces.items() if not is_held_out(f"doc2dial:{name}") for p in page]
    for row in _json_lines(folder / "turns.jsonl"):
        page, group = documents[row["doc_id"]], f"doc2dial:{row['doc_id']}"
        gold = row["grounding"].strip()
        turns = [
            Turn("customer" if turn["role"] == "user" else "agent", turn["text"])
            for turn in row["turns"]
        ]
        if len(gold.split()) < 4 or turns[-1].role != "customer":
            continue
        for number in range(times if not is_held_out(group) else 1):
            window = _window(page, row["grounding_start"], len(gold), rng)
            if window is None:
                break
            passage = Passage(_page_title(row["doc_id"]), window[0], window[1])
            record = _record(
                name=f"doc2dial:{row['id']}:{number}",
                source="doc2dial",
                group=group,
                synthetic=False,
                thread=turns[-rng.choice((1, 3, 5)) :] if number else turns[-5:],
                passages=[passage, *_distractors(pool, pieces[row["doc_id"]], rng)],
                topic=passage.heading_path[-1] if passage.heading_path else passage.title,
                body=window[2],
                rng=rng,
            )
            if record:
                yield record


def _page_title(doc_id: str) -> str:
    return re.split(r"\s*\|\s*|#", doc_id)[0].strip()


def _page_sections(doc_id: str, text: str) -> list[Passage]:
    found = []
    for block in re.split(r"\n\s*\n", text):
        heading, _, body = block.strip().partition("\n")
        if len(body.split()) > 15:
            found.append(Passage(_page_title(doc_id), body, (heading.strip(),)))
    return found


def _window(
    page: str, start: int, length: int, rng: random.Random
) -> tuple[str, tuple[str, ...], str] | None:
    """(passage text, heading path, body) around the gold span at ``start`` in the page."""
    begin = page.rfind("\n\n", 0, start + 1)
    begin = 0 if begin < 0 else begin
    end = page.find("\n\n", start + length)
    block = page[begin : end if end >= 0 else len(page)].strip("\n")
    offset = start - page.index(block, begin)
    heading, newline, body = block.partition("\n")
    if not newline or offset < len(heading):
        return None
    offset -= len(heading) + 1
    lines = sentences(body)
    spans, at = [], 0
    for line in lines:
        at = body.index(line, at)
        spans.append((at, at + len(line)))
        at += len(line)
    gold = [i for i, (a, b) in enumerate(spans) if b > offset and a < offset + length]
    if not gold or sum(len(lines[i].split()) for i in gold) > MAX_STEP_WORDS:
        return None
    low, high = gold[0], gold[-1] + 1
    room = rng.choice((80, 120, 170)) - sum(len(s.split()) for s in lines[low:high])
    while room > 0 and (low > 0 or high < len(lines)):
        before = low > 0 and (high >= len(lines) or rng.random() < 0.6)
        low, high = (low - 1, high) if before else (low, high + 1)
        room -= len(lines[low if before else high - 1].split())
    kept = body[spans[low][0] : spans[high - 1][1]]
    answer = body[spans[gold[0]][0] : spans[gold[-1]][1]]
    return kept, (heading.strip(),), answer


def product_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """Real shoppers' questions: choose the evidence that answers among a product's other texts."""
    with (folder / "ePQA" / "dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_question: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_question[row["ASIN"], row["question"]].append(row)
    for (product, question), found in by_question.items():
        right = [r for r in found if r["label"] == "2" and _good_evidence(r["candidate"])]
        wrong = [r for r in found if r["label"] == "0" and _good_evidence(r["candidate"])]
        if not right:
            continue
        answer = _sentence_case(rng.choice(right)["candidate"])
        others = [_sentence_case(r["candidate"]) for r in rng.sample(wrong, min(len(wrong), 4))]
        lines = [line for line in others if line != answer]
        lines.insert(rng.randint(0, len(lines)), answer)
        title = found[0].get("title") or "Product"
        record = _record(
            name=f"product_qa:{product}:{found[0]['qid']}",
            source="product_qa",
            group=f"product_qa:{product}",
            synthetic=False,
            thread=[Turn("customer", question)],
            passages=[Passage(title[:80], "\n".join(lines))],
            topic=title[:80],
            body=answer,
            rng=rng,
        )
        if record:
            yield record


def _good_evidence(text: str) -> bool:
    return 5 <= len(text.split()) <= 45 and "value:" not in text and "Question:" not in text


def _sentence_case(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def travel_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """Hotels' and restaurants' FAQs: the FAQ's own question, and travellers' real turns on it."""
    knowledge = json.loads((folder / "knowledge.json").read_text(encoding="utf-8"))
    asked: list[tuple[str, str, str, str, tuple[Turn, ...]]] = []
    for domain, places in knowledge.items():
        for entity, place in places.items():
            for number, faq in place.get("faqs", {}).items():
                turn = (Turn("customer", in_a_voice(faq["question"], rng)),)
                asked.append((domain, entity, number, f"faq{number}", turn))
    logs = json.loads((folder / "val_logs.json").read_text(encoding="utf-8"))
    labels = json.loads((folder / "val_labels.json").read_text(encoding="utf-8"))
    for number, (log, label) in enumerate(zip(logs, labels, strict=True)):
        snippets = label.get("knowledge", []) if label["target"] else []
        faqs = [s for s in snippets if s["doc_type"] == "faq"]
        if len(faqs) == 1:
            turns = tuple(
                Turn("customer" if turn["speaker"] == "U" else "agent", turn["text"])
                for turn in log[-3:]
            )
            where = faqs[0]
            asked.append(
                (where["domain"], str(where["entity_id"]), str(where["doc_id"]), f"{number}", turns)
            )
    for domain, entity, faq_number, name, thread in asked:
        place = knowledge[domain][entity]
        faqs = place["faqs"]
        if thread[-1].role != "customer" or faq_number not in faqs:
            continue
        others = [faqs[n]["answer"] for n in faqs if n != faq_number]
        lines = rng.sample(others, k=min(len(others), rng.randint(1, 6)))
        lines.insert(rng.randint(0, len(lines)), faqs[faq_number]["answer"])
        record = _record(
            name=f"dstc11:{domain}:{entity}:{name}",
            source="dstc11",
            group=f"dstc11:{domain}:{entity}",
            synthetic=name.startswith("faq"),
            thread=thread,
            passages=[Passage(place["name"].title(), "\n".join(lines))],
            topic=place["name"].title(),
            body=faqs[faq_number]["answer"],
            rng=rng,
        )
        if record:
            yield record


def policy_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """A retailer's policy manual: a subflow is a section, its actions are the steps."""
    flows = json.loads((folder / "guidelines.json").read_text(encoding="utf-8"))
    for flow, content in flows.items():
        for subflow, details in content["subflows"].items():
            texts = [re.sub(r"[\[\]]", "", a["text"]).strip() for a in details["actions"]]
            texts = [t if t[-1:] in ".!?" else t.rstrip(": -") + "." for t in texts if t]
            passage = Passage("Store policy", "\n".join(texts), (flow, subflow))
            for number, text in enumerate(texts):
                question = sentence_question(text, subflow, rng)
                if not question or len(text.split()) < 6:
                    continue
                record = _record(
                    name=f"abcd:{flow}/{subflow}:{number}",
                    source="abcd",
                    group=f"abcd:{flow}/{subflow}",
                    synthetic=True,
                    thread=[Turn("customer", in_a_voice(question, rng))],
                    passages=[passage],
                    topic=subflow,
                    body=text,
                    rng=rng,
                )
                if record:
                    yield record


def _json_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


# ---- all of it ----------------------------------------------------------------------------------

_READERS: dict[str, Callable[[Path, random.Random], Iterable[Record]]] = {
    "kb": article_records,
    "doc2dial": doc2dial_records,
    "product_qa": product_records,
    "dstc11": travel_records,
    "abcd": policy_records,
}


def read_sources(
    sources: Sequence[tuple[str, Path]], *, seed: int, limits: Mapping[str, int] | None = None
) -> list[Record]:
    """Records of all ``(name, folder)`` sources in a fixed order; raises SourceError.

    ``limits`` bounds the training records of a source by name, chosen at random; held-out records
    are not limited.
    """
    records: list[Record] = []
    for name, folder in sources:
        if name not in _READERS:
            raise SourceError(f"unknown source {name!r}: use one of {', '.join(_READERS)}")
        if not folder.exists():
            raise SourceError(f"{folder} does not exist: give --source {name}=FOLDER")
        found = list(_READERS[name](folder, random.Random(f"{seed}:{name}:{folder.name}")))
        if not found:
            raise SourceError(f"no usable record in {folder}: is it a {name} folder?")
        records += found
    for name, limit in (limits or {}).items():
        places = [i for i, r in enumerate(records) if r.source == name and not r.held_out]
        surplus = max(0, len(places) - limit)
        dropped = set(random.Random(f"{seed}:{name}").sample(places, surplus))
        records = [record for i, record in enumerate(records) if i not in dropped]
    return records


# ---- variations ---------------------------------------------------------------------------------

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


def topic_of(passage: Passage) -> str:
    return title_line(passage).split(" > ")[-1]
