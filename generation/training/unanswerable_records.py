"""Records whose passages don't answer: the reply says so, and a person takes over.

Real ones come from shoppers' questions without a fitting text and from travellers' requests that a
place's FAQs don't cover; synthetic ones are answerable records whose right passage was taken away.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from generation.prompts import Passage, Turn, sentences
from generation.training.customer_records import _good_evidence, _sentence_case
from generation.training.records import LICENSES, Record

# The same words for all, so that a decoder can recognise them.
UNANSWERED = "Thanks for your question. I'm afraid that our articles don't answer it."
UNANSWERED_CLOSING = "A colleague will look into it and get back to you."
_MAY_ANSWER = 0.5  # share of an answer's words in a passage from which it may answer as well
_COVERED = 0.34  # share of a question's words in a FAQ from which the FAQ may cover it


def unanswerable(record: Record, passages: Sequence[Passage], provenance: str) -> Record:
    """The record's question with passages that don't answer it."""
    return replace(
        record,
        id=f"{record.id}:unanswerable",
        synthetic=True,
        passages=tuple(passages),
        opening=UNANSWERED,
        body="",
        closing=UNANSWERED_CLOSING,
        provenance=provenance,
    )


def may_answer(passage: Passage, record: Record) -> bool:
    """Whether a passage says what the record's body says, or most of it."""
    first = " ".join(sentences(record.body)[0].split())
    if first in " ".join(passage.text.split()):
        return True
    return share_of(record.body, passage.text) >= _MAY_ANSWER


def share_of(words_of: str, text: str) -> float:
    """The share of the first text's content words that stand in the second."""
    asked = _content(words_of)
    return len(asked & _content(text)) / len(asked) if asked else 1.0


_STOP = frozenset(
    "the and for you your are can how what does with this that have from not but was will our any "
    "there they them their is it to of in on a an or be as at if do i my me we us so please need "
    "would like want could should also more than then when where which who why has had been its "
    "all use using".split()
)


def _content(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W_]{2,}", text.lower()) if word not in _STOP}


def product_unanswerable(folder: Path, rng: random.Random) -> Iterator[Record]:
    """Shoppers' questions for which annotators found no fitting text among the product's texts."""
    with (folder / "ePQA" / "dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_question: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_question[row["ASIN"], row["question"]].append(row)
    for (product, question), found in by_question.items():
        wrong = [r for r in found if _good_evidence(r["candidate"])]
        if any(r["label"] != "0" for r in found) or not wrong:
            continue
        lines = [_sentence_case(r["candidate"]) for r in rng.sample(wrong, min(len(wrong), 5))]
        yield _real(
            f"product_qa:{product}:{found[0]['qid']}:unanswerable",
            f"product_qa:{product}",
            [Turn("customer", question)],
            Passage((found[0].get("title") or "Product")[:80], "\n".join(lines)),
        )


_FAREWELL = re.compile(r"\b(?:that(?:'s| is| will be) (?:all|it)|all i need|thanks?|bye)\b", re.I)


def travel_unanswerable(folder: Path, rng: random.Random) -> Iterator[Record]:
    """Travellers' turns that need no FAQ (bookings, mostly), with the FAQs of the place they name."""
    knowledge = json.loads((folder / "knowledge.json").read_text(encoding="utf-8"))
    places = [
        (place["name"].lower(), domain, entity, place)
        for domain, entities in knowledge.items()
        for entity, place in entities.items()
        if place.get("faqs")
    ]
    logs = json.loads((folder / "val_logs.json").read_text(encoding="utf-8"))
    labels = json.loads((folder / "val_labels.json").read_text(encoding="utf-8"))
    for number, (log, label) in enumerate(zip(logs, labels, strict=True)):
        request = log[-1]["text"]
        if label["target"] or log[-1]["speaker"] != "U" or len(request.split()) < 5:
            continue
        if "?" not in request and _FAREWELL.search(request):
            continue
        said = " ".join(turn["text"] for turn in log[-3:]).lower()
        named = next((p for p in places if p[0] in said), None)
        if named is None:
            continue
        _, domain, entity, place = named
        faqs = list(place["faqs"].values())
        asked = request.lower().replace(named[0], "")
        if any(share_of(asked, f"{f['question']} {f['answer']}") >= _COVERED for f in faqs):
            continue
        answers = [f["answer"] for f in rng.sample(faqs, k=min(len(faqs), rng.randint(2, 6)))]
        yield _real(
            f"dstc11:{domain}:{entity}:{number}:unanswerable",
            f"dstc11:{domain}:{entity}",
            [
                Turn("customer" if turn["speaker"] == "U" else "agent", turn["text"])
                for turn in log[-3:]
            ],
            Passage(place["name"].title(), "\n".join(answers)),
        )


def _real(name: str, group: str, thread: Sequence[Turn], passage: Passage) -> Record:
    source = group.partition(":")[0]
    return Record(
        id=name,
        group=group,
        source=source,
        license=LICENSES[source],
        synthetic=False,
        thread=tuple(thread),
        passages=(passage,),
        opening=UNANSWERED,
        body="",
        closing=UNANSWERED_CLOSING,
        provenance="a real question that the set's annotators found no text for",
    )


READERS: dict[str, Callable[[Path, random.Random], Iterator[Record]]] = {
    "product_qa": product_unanswerable,
    "dstc11": travel_unanswerable,
}
